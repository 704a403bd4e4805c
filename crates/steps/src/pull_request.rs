//! Not written yet.

use async_trait::async_trait;
use sluice_api::step::PullRequest;

use crate::Perform;

#[async_trait]
impl Perform for PullRequest {
    const EXAMPLE: &'static str = "";
}
