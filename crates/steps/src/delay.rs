//! Not written yet.

use async_trait::async_trait;
use sluice_api::step::Delay;

use crate::Perform;

#[async_trait]
impl Perform for Delay {
    const EXAMPLE: &'static str = "";
}
