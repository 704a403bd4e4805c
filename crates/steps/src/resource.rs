//! Not written yet.

use async_trait::async_trait;
use sluice_api::step::Resource;

use crate::Perform;

#[async_trait]
impl Perform for Resource {
    const EXAMPLE: &'static str = "";
}
