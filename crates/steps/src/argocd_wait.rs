//! Not written yet.

use async_trait::async_trait;
use sluice_api::step::ArgocdWait;

use crate::Perform;

#[async_trait]
impl Perform for ArgocdWait {
    const EXAMPLE: &'static str = "";
}
