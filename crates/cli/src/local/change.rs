//! A change of a local repository that a run waits for: merge it, see it, close it.
//!
//! What is done is done as a person does it, in that person's name: the run only sees that it happened.

use std::path::PathBuf;

use sluice_engine::{RunState, StepPhase, WaitKind, WaitingOn};
use sluice_scm::{GitHost, Local, Merge, PullRequestNumber, PullRequestState, RepoName};

use super::world::LocalWorld;
use crate::shell;

/// A change that a run waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    host: PathBuf,
    repository: String,
    pub(super) number: u64,
    branch: String,
    base: String,
}

impl Change {
    /// The changes of local repositories that the run waits for.
    pub(crate) fn all(state: &RunState, world: &LocalWorld) -> Vec<Self> {
        let waits = state.steps().filter(|step| step.phase == StepPhase::Running);
        let on = waits.filter_map(|step| step.waiting_on.as_ref());
        let on = on.filter(|on| on.kind == WaitKind::PullRequest);
        on.filter_map(|on| Self::of(on, state, world)).collect()
    }

    fn of(on: &WaitingOn, state: &RunState, world: &LocalWorld) -> Option<Self> {
        let opened = state.steps().find(|step| {
            step.phase == StepPhase::Succeeded && step.outputs.get("url").is_some_and(|url| *url == on.key)
        })?;
        let text = |name: &str| opened.outputs.get(name)?.as_str().map(str::to_owned);
        let provider = opened.outputs.get("providerRef")?.get("name")?.as_str()?;
        let (_, host) = world.local_hosts().into_iter().find(|(name, _)| name == provider)?;
        let number = opened.outputs.get("number")?.as_u64()?;
        Some(Self { host, repository: text("repository")?, number, branch: text("branch")?, base: text("base")? })
    }

    pub(super) fn question(&self) -> String {
        let Self { number, base, .. } = self;
        format!("merge change {number} into {base}? [y]es [d]iff [c]lose [q]uit-and-leave ")
    }

    /// How people merge it who are not asked.
    pub(super) fn remedy(&self) -> String {
        let Self { host, repository, number, branch, base } = self;
        let directory = shell::quoted(&host.join(format!("{repository}.git")).display().to_string());
        let (branch, base) = (shell::quoted(branch), shell::quoted(base));
        format!(
            "change {number} of {repository} waits for a person: merge it with `git -C {directory} push . {branch}:{base}`"
        )
    }

    fn opened(&self, person: &str) -> Result<(Local, RepoName, PullRequestNumber), sluice_scm::Error> {
        let local = Local::open(&self.host)?.signed_by(person);
        let repo = RepoName::parse(&self.repository).map_err(|error| sluice_scm::Error::Unsupported {
            host: local.describe().to_owned(),
            what: format!("open the repository {:?}", self.repository),
            remedy: error.to_string(),
        })?;
        Ok((local, repo, PullRequestNumber(self.number)))
    }

    /// Merges it as it is now; whether that changed anything. One that has ended already is left alone.
    pub(super) async fn merge(&self, person: &str) -> Result<bool, sluice_scm::Error> {
        let (local, repo, number) = self.opened(person)?;
        let pull = local.pull_request(&repo, number).await?;
        if pull.state != PullRequestState::Open {
            return Ok(false);
        }
        local.merge(&repo, number, &Merge { head: pull.head_sha, method: None }).await?;
        Ok(true)
    }

    pub(super) async fn close(&self, person: &str) -> Result<(), sluice_scm::Error> {
        let (local, repo, number) = self.opened(person)?;
        local.close_pull_request(&repo, number).await?;
        Ok(())
    }

    pub(super) async fn diff(&self, person: &str) -> Result<String, sluice_scm::Error> {
        let (local, repo, number) = self.opened(person)?;
        local.diff(&repo, number).await
    }
}
