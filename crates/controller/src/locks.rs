//! The locks of groups of runs.

use async_trait::async_trait;
use jiff::Timestamp;
use sluice_api::RunIdentity;
use sluice_engine::Failure;
use sluice_steps::{Locks, Turn};

use crate::world::RunWorld;

#[async_trait]
impl Locks for RunWorld {
    async fn take(&self, group: &str, _run: &RunIdentity, _since: Option<Timestamp>) -> Result<Turn, Failure> {
        Err(Failure::definite("NoLocks", format!("this version cannot hold the lock {group:?}")))
    }
}
