//! Merges exactly the recorded head, or has the host do it.

use std::time::Duration;

use sluice_api::step::{MergeMethod, MergePolicy};
use sluice_engine::{Failure, Outcome};
use sluice_scm::{Error, Merge, Mergeable, PullRequest, Scheduled};

use super::{Schedule, Wait};
use crate::git_host::failure_of;

/// Hosts work out for a second or two after a pull request was opened whether it merges, and show a merge a moment
/// late: so long they are asked within one call, which saves the pause until the next look.
const MOMENT: Duration = Duration::from_millis(300);
const MOMENTS: u32 = 10;

impl Wait<'_> {
    /// Merges now where nothing is missing; otherwise says what is, for the next looks.
    pub(super) async fn merge_or_schedule(&self) -> Result<Outcome, Failure> {
        let pull = match self.settled().await? {
            Ok(pull) => pull,
            Err(ended) => return Ok(ended),
        };
        if self.config.merge == MergePolicy::Now {
            return self.merge(&pull).await;
        }
        match self.host.schedule_merge(&self.repo, self.number, &self.exactly()).await {
            Ok(Scheduled::Merged(merged)) => Ok(self.merged(&merged)),
            Ok(Scheduled::Waiting) => {
                let missing = self.missing(&pull).await.unwrap_or_default();
                Ok(self.waits(&pull, &Schedule { scheduled: true, missing, ready_since: None }))
            }
            Ok(Scheduled::NotOffered) => match self.missing(&pull).await? {
                missing if missing.is_empty() => self.merge(&pull).await,
                missing => Ok(self.lacks(&pull, missing)),
            },
            Err(error) => self.not_merged(&pull, error).await,
        }
    }

    /// The open pull request once the host knows whether it merges, or after a while.
    async fn settled(&self) -> Result<Result<PullRequest, Outcome>, Failure> {
        let mut open = self.open_as_recorded().await?;
        for _ in 0..MOMENTS {
            match &open {
                Ok(pull) if pull.mergeable == Mergeable::Unknown && !pull.draft => {}
                _ => break,
            }
            tokio::time::sleep(MOMENT).await;
            open = self.open_as_recorded().await?;
        }
        Ok(open)
    }

    async fn merge(&self, pull: &PullRequest) -> Result<Outcome, Failure> {
        match self.host.merge(&self.repo, self.number, &self.exactly()).await {
            Ok(merged) => Ok(self.merged(&merged)),
            Err(error) => self.not_merged(pull, error).await,
        }
    }

    fn exactly(&self) -> Merge {
        let method = self.config.method.map(|method| match method {
            MergeMethod::Merge => sluice_scm::MergeMethod::Merge,
            MergeMethod::Squash => sluice_scm::MergeMethod::Squash,
            MergeMethod::Rebase => sluice_scm::MergeMethod::Rebase,
        });
        Merge { head: self.head.clone(), method }
    }

    /// What the pull request lacks; empty when it can be merged.
    async fn missing(&self, pull: &PullRequest) -> Result<String, Failure> {
        let readiness = self.host.readiness(&self.repo, pull).await.map_err(|error| failure_of(&error))?;
        Ok(readiness.explain())
    }

    fn lacks(&self, pull: &PullRequest, missing: String) -> Outcome {
        self.waits(pull, &Schedule { missing, ..Schedule::default() })
    }

    /// What an unconfirmed merge comes to: it may lack something, be overtaken, or have happened all the same.
    async fn not_merged(&self, pull: &PullRequest, error: Error) -> Result<Outcome, Failure> {
        let looks = match &error {
            Error::NotMergeable { .. } | Error::BranchMoved { .. } => 1,
            error if !error.end_is_known() => MOMENTS,
            _ => 0,
        };
        for look in 0..looks {
            if look > 0 {
                tokio::time::sleep(MOMENT).await;
            }
            if let Err(ended) = self.open_as_recorded().await? {
                return Ok(ended);
            }
        }
        let Error::NotMergeable { why, .. } = error else { return Err(failure_of(&error)) };
        let missing = self.missing(pull).await.unwrap_or_default();
        Ok(self.lacks(pull, if missing.is_empty() { why } else { missing }))
    }
}
