//! Not written yet.

use async_trait::async_trait;
use sluice_api::step::PullRequestWait;

use crate::Perform;

#[async_trait]
impl Perform for PullRequestWait {
    const EXAMPLE: &'static str = "";
}
