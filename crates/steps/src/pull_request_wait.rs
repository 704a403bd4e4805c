//! `pullRequestWait`: waits until a pull request is merged.
//!
//! What counts is the pull request itself: once it is merged, by whomever, its own merge commit is the result, whatever
//! was merged on top later. Only what merges by itself is strict about the head: `WhenReady` and `Now` merge the commit
//! that the earlier step recorded or nothing (`HeadChanged`); a person may merge what they like.
//!
//! A wait tolerates a host that is away: it says so and asks again. `act` merges, or has the host do it; `look` never
//! does, but says when it is time to act.
//!
//! # Idempotency
//! Merging is bound to the recorded head, and merged already is a success: it may be asked for as often as wanted.

mod merge;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sluice_api::step::{CommitOutput, MergePolicy, PullRequestWait as Config};
use sluice_engine::{Failure, Outcome};
use sluice_scm::{
    BranchName, CommitSha, GitHost, Mergeable, Merged, PullRequest, PullRequestNumber, PullRequestState, RepoName,
};

use crate::{
    Perform, StepContext,
    git_host::{branch_not_found, failure_of, host_of, outputs, read_outputs, repo_named, repository_failure},
    pull_request::Opened,
};

/// What a scheduled merge lacks is asked for with every this many looks only: the host does not need us for it.
const EXPLAINED_LOOKS: i64 = 4;

#[async_trait]
impl Perform for Config {
    const EXAMPLE: &'static str = r#"
timeout: 72h
pullRequestWait: {from: openPr, merge: WhenReady, method: Squash}
"#;

    async fn act(&self, context: &StepContext<'_>) -> Outcome {
        perform(self, context, true).await
    }

    async fn look(&self, context: &StepContext<'_>) -> Outcome {
        perform(self, context, false).await
    }
}

async fn perform(config: &Config, context: &StepContext<'_>, may_merge: bool) -> Outcome {
    let performed = async {
        let opened: Opened = read_outputs(context.from.unwrap_or(&Default::default()), "from")?;
        let host = host_of(context, &opened.provider_ref.name).await?;
        wait(host.as_ref(), config, &opened, context, may_merge).await
    };
    tolerate(config, context, performed.await)
}

/// Turns what may pass by itself into more waiting.
fn tolerate(config: &Config, context: &StepContext<'_>, performed: Result<Outcome, Failure>) -> Outcome {
    match performed {
        Ok(outcome) => outcome,
        Err(failure) if failure.transient => {
            let (interval, left_alone) = (config.interval().get(), failure.retry_after.unwrap_or_default());
            let message = format!("asks again soon: {}", failure.message);
            let mut outcome = waiting(context, interval.max(left_alone), message, context.progress.cloned());
            if let Outcome::Waiting { not_before, .. } = &mut outcome {
                *not_before = failure.retry_after.and_then(|pause| context.now.checked_add(pause).ok());
            }
            outcome
        }
        Err(failure) => Outcome::Failed(failure),
    }
}

/// Looks at the pull request, or at the base branch where there is none.
async fn wait(
    host: &dyn GitHost,
    config: &Config,
    opened: &Opened,
    context: &StepContext<'_>,
    may_merge: bool,
) -> Result<Outcome, Failure> {
    let repo = repo_named(&opened.repository)?;
    let base = BranchName::parse(&opened.base).map_err(|error| unreadable(&error))?;
    let (Some(number), Some(head)) = (opened.number, &opened.head_commit) else {
        return unchanged(host, &repo, &base, opened).await;
    };
    let head = CommitSha::parse(head).map_err(|error| unreadable(&error))?;
    let wait = Wait { host, config, opened, context, repo, base, number: PullRequestNumber(number), head };
    match (config.merge, may_merge) {
        (MergePolicy::Manual, _) => wait.watch_a_person().await,
        (_, false) => wait.watch_for_readiness().await,
        (_, true) => wait.merge_or_schedule().await,
    }
}

fn unreadable(error: &sluice_scm::NameError) -> Failure {
    Failure::definite("InvalidOutputs", format!("the outputs of the step in `from` cannot be read: {error}"))
}

/// The earlier step changed nothing: what is wanted is on the base branch already.
async fn unchanged(
    host: &dyn GitHost,
    repo: &RepoName,
    base: &BranchName,
    opened: &Opened,
) -> Result<Outcome, Failure> {
    let found = host.branch(repo, base).await.map_err(|error| repository_failure(&error))?;
    let branch = found.ok_or_else(|| branch_not_found(host, repo, base, "base"))?;
    Ok(succeeded(opened, &branch.head.sha, None))
}

/// The outputs of the step.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outputs {
    merged_by: Option<String>,
    commit: CommitOutput,
}

fn succeeded(opened: &Opened, commit: &CommitSha, merged_by: Option<String>) -> Outcome {
    let (repository, provider_ref) = (opened.repository.clone(), opened.provider_ref.clone());
    let commit = CommitOutput { sha: commit.to_string(), repository, provider_ref };
    Outcome::Succeeded(outputs(&Outputs { merged_by, commit }))
}

fn waiting(
    context: &StepContext<'_>,
    pause: SignedDuration,
    message: String,
    progress: Option<serde_json::Value>,
) -> Outcome {
    let look_at = context.now.checked_add(pause).unwrap_or(Timestamp::MAX);
    Outcome::Waiting { look_at, not_before: None, message: Some(message), progress, act_again: false }
}

/// What a look at a scheduled merge leaves to the next one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Schedule {
    /// Whether the host was asked to merge by itself.
    scheduled: bool,
    /// What it lacked when that was asked last.
    missing: String,
    /// Since when nothing is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ready_since: Option<Timestamp>,
}

struct Wait<'a> {
    host: &'a dyn GitHost,
    config: &'a Config,
    opened: &'a Opened,
    context: &'a StepContext<'a>,
    repo: RepoName,
    base: BranchName,
    number: PullRequestNumber,
    head: CommitSha,
}

impl Wait<'_> {
    /// The pull request while it is open, or how the wait ended.
    async fn open(&self) -> Result<Result<PullRequest, Outcome>, Failure> {
        let pull = self.host.pull_request(&self.repo, self.number).await.map_err(|error| failure_of(&error))?;
        if pull.base != self.base {
            return Err(self.base_changed(&pull));
        }
        match &pull.state {
            PullRequestState::Merged(merged) => Ok(Err(self.merged(merged))),
            PullRequestState::Closed => Err(self.closed(&pull)),
            PullRequestState::Open => Ok(Ok(pull)),
        }
    }

    fn merged(&self, merged: &Merged) -> Outcome {
        succeeded(self.opened, &merged.commit, merged.by.clone())
    }

    fn closed(&self, pull: &PullRequest) -> Failure {
        let message =
            format!("{} was closed without a merge; retry the run to open another one, or leave it at that", pull.url);
        Failure::definite("PullRequestClosed", message)
    }

    fn base_changed(&self, pull: &PullRequest) -> Failure {
        let (url, now, was) = (&pull.url, &pull.base, &self.base);
        let message = format!("{url} goes to branch {now} now, and was opened for {was}: set its base back and retry");
        Failure::definite("BaseChanged", message)
    }

    fn head_changed(&self, pull: &PullRequest) -> Failure {
        let PullRequest { url, head, head_sha, .. } = pull;
        let message = format!(
            "the head of {url} is {head_sha} and no longer {}: somebody pushed to branch {head}, and only the recorded \
             head is merged; merge it by hand, or close it and retry the run",
            self.head
        );
        Failure::definite("HeadChanged", message)
    }

    /// The pull request while it is open with the recorded head, or how the wait ended.
    async fn open_as_recorded(&self) -> Result<Result<PullRequest, Outcome>, Failure> {
        match self.open().await? {
            Ok(pull) if pull.head_sha != self.head => Err(self.head_changed(&pull)),
            open => Ok(open),
        }
    }

    async fn watch_a_person(&self) -> Result<Outcome, Failure> {
        let pull = match self.open().await? {
            Ok(pull) => pull,
            Err(ended) => return Ok(ended),
        };
        let note = match pull.mergeable {
            _ if pull.draft => ", which is a draft",
            Mergeable::No => ", which conflicts with its base branch",
            Mergeable::Yes | Mergeable::Unknown => "",
        };
        let message = format!("waits for a person to merge {}{note}", pull.url);
        Ok(waiting(self.context, self.config.interval().get(), message, None))
    }

    /// Says when it is time to act: when nothing is missing any more, and the host does not merge by itself.
    async fn watch_for_readiness(&self) -> Result<Outcome, Failure> {
        let pull = match self.open_as_recorded().await? {
            Ok(pull) => pull,
            Err(ended) => return Ok(ended),
        };
        let mut schedule = self.schedule();
        if schedule.scheduled && schedule.ready_since.is_none() && !self.is_explained_look() {
            return Ok(self.waits(&pull, &schedule));
        }
        let readiness = self.host.readiness(&self.repo, &pull).await.map_err(|error| failure_of(&error))?;
        schedule.missing = readiness.explain();
        let ready_since = readiness.is_ready().then(|| schedule.ready_since.unwrap_or(self.context.now));
        schedule.ready_since = ready_since.filter(|_| schedule.scheduled);
        let lost = |since: Timestamp| self.context.now.duration_since(since) >= self.config.interval().get();
        match ready_since {
            Some(since) if !schedule.scheduled || lost(since) => Ok(self.acts_again(&pull)),
            _ => Ok(self.waits(&pull, &schedule)),
        }
    }

    fn schedule(&self) -> Schedule {
        let noted = self.context.progress.and_then(|progress| serde_json::from_value(progress.clone()).ok());
        noted.unwrap_or_default()
    }

    fn is_explained_look(&self) -> bool {
        let waited = self.context.now.duration_since(self.context.started_at).as_millis();
        (waited / self.config.interval().get().as_millis().max(1)) % i128::from(EXPLAINED_LOOKS) == 0
    }

    fn waits(&self, pull: &PullRequest, schedule: &Schedule) -> Outcome {
        let Schedule { scheduled, missing, .. } = schedule;
        let missing = if missing.is_empty() { "nothing that is known" } else { missing };
        let url = &pull.url;
        let message = match scheduled {
            true => format!("the host merges {url} once everything is there; missing: {missing}"),
            false => format!("waits until {url} can be merged; missing: {missing}"),
        };
        let progress = if *scheduled { serde_json::to_value(schedule).ok() } else { None };
        waiting(self.context, self.config.interval().get(), message, progress)
    }

    fn acts_again(&self, pull: &PullRequest) -> Outcome {
        Outcome::Waiting {
            look_at: self.context.now,
            not_before: None,
            message: Some(format!("{} can be merged", pull.url)),
            progress: None,
            act_again: true,
        }
    }
}
