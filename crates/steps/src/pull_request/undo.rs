//! What an abort does: the pull request of the key is closed and its branch deleted.
//!
//! # Idempotency
//! Everything is looked for anew, so a further call goes on where the last one ended. What is merged, gone or was never
//! made needs nothing. What others did is left alone and reported: a pull request that somebody else opened from the
//! branch, or commits that they pushed onto it, keep the branch.

#[cfg(test)]
mod tests;

use sluice_api::step::PullRequest as Config;
use sluice_engine::Failure;
use sluice_scm::{BranchName, EffectKey, GitHost, PullRequest, PullRequestState, RepoName};

use super::branch_of;
use crate::{
    Report, StepContext,
    git_host::{failure_of, key_of, not_older_than, repo_named},
};

/// Takes back what [`super::open`] made under this key.
pub(super) async fn take_back(host: &dyn GitHost, config: &Config, context: &StepContext<'_>) -> Result<(), Failure> {
    let repo = repo_named(&config.repository)?;
    let undoing = Undoing { host, context, repo, branch: branch_of(context)?, key: key_of(context)? };
    match undoing.close().await? {
        Closed::All => undoing.delete_branch().await,
        Closed::Merged => Ok(()),
        Closed::AllBut(other) => {
            undoing.report_kept(&format!("{other} was opened from it by somebody else")).await;
            Ok(())
        }
    }
}

struct Undoing<'a> {
    host: &'a dyn GitHost,
    context: &'a StepContext<'a>,
    repo: RepoName,
    branch: BranchName,
    key: EffectKey,
}

/// What is left of the pull requests from the branch.
enum Closed {
    /// No open one.
    All,
    /// Ours was merged: there is nothing to take back any more.
    Merged,
    /// Only one that is not ours: its URL.
    AllBut(String),
}

impl Undoing<'_> {
    async fn close(&self) -> Result<Closed, Failure> {
        let since = not_older_than(self.context);
        let found = self.host.find_pull_requests(&self.repo, &self.branch, since).await;
        let (ours, others): (Vec<_>, Vec<_>) =
            found.map_err(|error| failure_of(&error))?.into_iter().partition(|pull| pull.carries(&self.key));
        let mut merged = ours.iter().any(is_merged);
        for open in ours.iter().filter(is_open) {
            let closed = self.host.close_pull_request(&self.repo, open.number).await;
            // Somebody may have merged it in between.
            merged |= is_merged(&closed.map_err(|error| failure_of(&error))?);
        }
        Ok(match others.into_iter().find(|pull| is_open(&pull)) {
            _ if merged => Closed::Merged,
            Some(other) => Closed::AllBut(other.url),
            None => Closed::All,
        })
    }

    async fn delete_branch(&self) -> Result<(), Failure> {
        let found = self.host.branch(&self.repo, &self.branch).await;
        let Some(found) = found.map_err(|error| failure_of(&error))? else { return Ok(()) };
        if !found.head.carries(&self.key) {
            self.report_kept("its newest commit is somebody else's").await;
            return Ok(());
        }
        let deleted = self.host.delete_branch(&self.repo, &self.branch, &found.head.sha).await;
        deleted.map_err(|error| failure_of(&error))
    }

    async fn report_kept(&self, why: &str) {
        let message = format!("kept branch {} of {}: {why}", self.branch, self.repo);
        self.context.world.report(Report { reason: "BranchKept".to_owned(), message, warning: true }).await;
    }
}

fn is_open(pull: &&PullRequest) -> bool {
    pull.state == PullRequestState::Open
}

fn is_merged(pull: &PullRequest) -> bool {
    matches!(pull.state, PullRequestState::Merged(_))
}
