//! Not written yet.

use async_trait::async_trait;
use sluice_api::step::Set;

use crate::Perform;

#[async_trait]
impl Perform for Set {
    const EXAMPLE: &'static str = "";
}
