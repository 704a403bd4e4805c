//! Not written yet.

use async_trait::async_trait;
use sluice_api::step::Commit;

use crate::Perform;

#[async_trait]
impl Perform for Commit {
    const EXAMPLE: &'static str = "";
}
