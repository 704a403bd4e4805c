//! Not written yet.

use async_trait::async_trait;
use sluice_api::step::Fail;

use crate::Perform;

#[async_trait]
impl Perform for Fail {
    const EXAMPLE: &'static str = "";
}
