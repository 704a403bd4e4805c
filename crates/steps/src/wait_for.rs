//! Not written yet.

use async_trait::async_trait;
use sluice_api::step::WaitFor;

use crate::Perform;

#[async_trait]
impl Perform for WaitFor {
    const EXAMPLE: &'static str = "";
}
