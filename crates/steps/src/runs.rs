//! [`Runs`]: the runs beside the one that is carried on.

use async_trait::async_trait;
use sluice_api::{PipelineRun, PipelineSpec};
use sluice_engine::Failure;

/// The runs and pipelines of a run's namespace. They are Sluice's own kinds: what is done here is done as Sluice itself, not as
/// the run's account.
#[async_trait]
pub trait Runs: Send + Sync {
    /// The run of this name as it is now; `None` when there is none.
    async fn run(&self, name: &str) -> Result<Option<PipelineRun>, Failure>;

    /// What the pipeline of this name is now; `None` when there is none.
    async fn pipeline(&self, name: &str) -> Result<Option<PipelineSpec>, Failure>;

    /// Creates a run, its namespace and its UID aside; false when there is one of that name.
    async fn create(&self, run: &PipelineRun) -> Result<bool, Failure>;

    /// Asks for the end of exactly the run that was read: refused, transiently, when it changed since.
    async fn abort(&self, run: &PipelineRun, reason: &str) -> Result<(), Failure>;
}
