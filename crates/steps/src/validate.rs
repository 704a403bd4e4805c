//! Not written yet.

use async_trait::async_trait;
use sluice_api::step::Validate;

use crate::Perform;

#[async_trait]
impl Perform for Validate {
    const EXAMPLE: &'static str = "";
}
