//! How a write to a git host is made once: how often it is tried, when its key is looked for first, and what counts as
//! found.

use std::time::Duration;

use jiff::Timestamp;
use sluice_engine::{End, Failure, Outcome, Outputs};
use sluice_scm::{BranchName, Commit, EffectKey, Error, GitHost, RepoName};

use crate::{
    StepContext,
    git_host::{NOT_OURS, failure_of},
};

/// How often an effect is redone in one call, when others keep moving the branch under it.
const TRIES: u32 = 8;

/// The pause before the first redo; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(25);

/// Why one try ended without a result.
#[derive(Debug)]
pub(crate) enum Stop {
    /// For good: nothing was written by this try, or what was written does not matter.
    Failed(Failure),
    /// Something has to be looked at again.
    Redo(Error),
}

impl Stop {
    /// What an error of a write means: whether it is there already, was overtaken, or may have happened all the same, is
    /// found out by looking again.
    pub(crate) fn of_write(error: Error) -> Self {
        match error {
            Error::AlreadyExists { .. } | Error::BranchMoved { .. } => Self::Redo(error),
            error if !error.end_is_known() => Self::Redo(error),
            error => Self::Failed(failure_of(&error)),
        }
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// The commit of this key on its branch, `None` when there is no such branch. A branch of that name without our commit
/// since `since` is [`Error::NotOurs`].
///
/// Somebody may have pushed onto it since: the answer is our commit, not the branch's head.
pub(crate) async fn find_branch(
    host: &dyn GitHost,
    repo: &RepoName,
    branch: &BranchName,
    key: &EffectKey,
    since: Timestamp,
) -> Result<Option<Commit>, Error> {
    let Some(found) = host.branch(repo, branch).await? else { return Ok(None) };
    if found.head.carries(key) {
        return Ok(Some(found.head));
    }
    match host.find_commit(repo, branch, key, since).await? {
        Some(commit) => Ok(Some(commit)),
        None => Err(Error::NotOurs {
            host: host.describe().to_owned(),
            what: format!("branch {branch} of {repo}"),
            message: format!("it has no commit of the key {key}; rename or delete the branch"),
        }),
    }
}

/// What came of an effect that was looked for or made. An earlier claim of the key may have been acted on, whatever went
/// wrong in this call.
pub(crate) fn outcome_of(context: &StepContext<'_>, result: Result<Outputs, Failure>) -> Outcome {
    match result {
        Ok(outputs) => Outcome::Succeeded(outputs),
        Err(failure) if context.claims > 1 => Outcome::Failed(maybe_there(failure)),
        Err(failure) => Outcome::Failed(failure),
    }
}

/// The failure of an effect that may have happened: a further attempt keeps the key and looks for it first. Where
/// something of somebody else stands in its place, only a new key helps.
fn maybe_there(failure: Failure) -> Failure {
    if failure.reason == NOT_OURS { failure } else { failure.with_end(End::Unknown) }
}

/// The tries of one call.
pub(crate) struct Tries {
    left: u32,
    /// Staggers callers that are in each other's way.
    stagger: u32,
    /// Whether an answer was lost in this call: once is looked into at once, twice is for the engine to pause.
    answer_lost: bool,
    /// Whether something may carry the key already. A key that was claimed once was never acted on before this call:
    /// there is nothing to look for.
    pub(crate) look_first: bool,
}

impl Tries {
    /// The tries of this call.
    pub(crate) fn new(context: &StepContext<'_>) -> Self {
        let stagger = context.key.bytes().fold(0, |sum, byte| (sum * 31 + u32::from(byte)) % 100);
        Self { left: TRIES, stagger, answer_lost: false, look_first: context.claims > 1 }
    }

    /// Prepares the next try, or ends with the failure: its end is known only when nothing can carry the key.
    pub(crate) async fn again(&mut self, stop: Stop) -> Result<(), Failure> {
        let error = match stop {
            Stop::Failed(failure) => return Err(self.settle(failure)),
            Stop::Redo(error) => error,
        };
        let lost = !error.end_is_known();
        self.left -= 1;
        if self.left == 0 || (lost && self.answer_lost) {
            self.look_first |= !matches!(error, Error::BranchMoved { .. });
            return Err(self.settle(failure_of(&error)));
        }
        self.answer_lost |= lost;
        match error {
            Error::BranchMoved { .. } => self.pause().await,
            _ => self.look_first = true,
        }
        Ok(())
    }

    fn settle(&self, failure: Failure) -> Failure {
        if self.look_first { maybe_there(failure) } else { failure }
    }

    async fn pause(&self) {
        let pause = PAUSE * (1 << (TRIES - self.left - 1));
        tokio::time::sleep(pause + pause * self.stagger / 100).await;
    }
}
