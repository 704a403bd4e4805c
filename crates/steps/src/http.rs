//! Not written yet.

use async_trait::async_trait;
use sluice_api::step::Http;

use crate::Perform;

#[async_trait]
impl Perform for Http {
    const EXAMPLE: &'static str = "";
}
