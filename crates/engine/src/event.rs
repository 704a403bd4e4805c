//! What happened to a run: the only way a state changes.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    Abort, Failure, HookEvent, Key, Occasion, Outputs, Question, RunAction, RunPhase, StagePhase, StepAt, Undone,
    WaitTarget,
};

/// What happened to a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A person asked for this; it is the next entry that is not answered yet.
    Asked {
        /// What is asked for.
        action: RunAction,
        /// Whether somebody trusted has checked that this person may ask for it.
        is_enforced: bool,
        /// The keys of the claims of which this process does not know whether they were acted on.
        unsettled: BTreeSet<String>,
    },
    /// The run's pipeline was suspended for this reason, or is suspended no longer.
    Suspended(Option<String>),
    /// What came of asking for the lock.
    Lock(LockAnswer),
    /// The run starts.
    RunStarted,
    /// A condition was evaluated; `Err` says why it could not be.
    Answered(Question, Result<bool, Failure>),
    /// The stage of this index starts, or waits for approvals.
    StageStarted(usize),
    /// The same of a stage that is bound to a place: how many people have to approve it there, unless the stage says itself;
    /// `Err` says why it may not run there.
    Bound {
        /// Its index.
        stage: usize,
        /// What the place says.
        approval: Result<Option<i32>, Failure>,
    },
    /// The stage of this index ended like this.
    StageEnded {
        /// Its index.
        stage: usize,
        /// Succeeded or Failed.
        phase: StagePhase,
        /// Why, when it failed: a reason word and a message.
        why: Option<(String, String)>,
    },
    /// The stage took longer than it may.
    StageTimedOut(usize),
    /// The list of the stage of this index was evaluated; `Err` says why it could not be.
    Listed {
        /// Its index.
        stage: usize,
        /// The items.
        items: Result<Vec<Value>, Failure>,
    },
    /// It is decided whether the stage, whose attempt failed, is tried again.
    StageJudged {
        /// Its index.
        stage: usize,
        /// Whether it is.
        retry: bool,
    },
    /// The stage of this index is not tried again: what its failed attempt left could not be taken back.
    StageGivenUp(usize),
    /// The next attempt or iteration of the stage of this index begins, with a pause if there is to be one.
    StageBegunAgain(usize),
    /// The pause of the stage of this index is over.
    StageResumed(usize),
    /// The step starts; its hooks run first.
    StepStarted(StepAt),
    /// The step was claimed under this key.
    Claimed {
        /// The step.
        at: StepAt,
        /// The idempotency key.
        key: Key,
        /// What it will wait for.
        waiting_on: Option<WaitTarget>,
    },
    /// The step is not done yet, and this is what was seen.
    Progressed {
        /// The step.
        at: StepAt,
        /// For people.
        message: Option<String>,
        /// For machines.
        progress: Option<Value>,
    },
    /// The step is done.
    Succeeded {
        /// The step.
        at: StepAt,
        /// Its results.
        outputs: Outputs,
    },
    /// An attempt of the step ended without success.
    Failed {
        /// The step.
        at: StepAt,
        /// Why.
        failure: Failure,
        /// Whether the step's retry policy wants another attempt after such a failure, if one is left.
        retry: bool,
    },
    /// A hook starts.
    HookStarted {
        /// Its name.
        hook: String,
        /// What started it.
        event: HookEvent,
        /// Whose event it was.
        subject: String,
        /// Which of its starts or ends.
        occasion: Occasion,
    },
    /// The hook of this index into the state's hooks ended.
    HookEnded {
        /// Its index.
        hook: usize,
        /// Succeeded or Failed.
        phase: StagePhase,
    },
    /// The run has to be aborted.
    Aborted {
        /// Why.
        why: Abort,
        /// The keys of the claims of which this process does not know whether they were acted on.
        unsettled: BTreeSet<String>,
    },
    /// What came of taking the step's effect back; `Err` says why it could not be.
    Undone(StepAt, Result<Undone, Failure>),
    /// The outputs of the run were computed; `Err` says why they could not be. This decides its result.
    OutputsComputed(Result<Outputs, Failure>),
    /// The result is decided; hooks may still run.
    Ended {
        /// Succeeded or Failed.
        phase: RunPhase,
        /// In one CamelCase word.
        reason: String,
        /// For people.
        message: Option<String>,
    },
    /// Every hook has ended, and with it the run.
    RunFinished,
}

/// What came of asking for a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockAnswer {
    /// The run has it.
    Held {
        /// The lock's group.
        group: String,
    },
    /// Another run has it.
    Taken {
        /// The lock's group.
        group: String,
        /// How many are before this run, with the one that has it.
        position: i32,
        /// The name of the run that has it.
        holder: String,
    },
    /// There can be no lock.
    Failed(Failure),
}

impl Event {
    /// An abort when nothing is under way.
    pub fn aborted(why: Abort) -> Self {
        Self::Aborted { why, unsettled: BTreeSet::new() }
    }

    /// What it says for people.
    pub(crate) fn message_mut(&mut self) -> Option<&mut String> {
        let failure = match self {
            Self::Progressed { message, .. } | Self::Ended { message, .. } => return message.as_mut(),
            Self::StageEnded { why, .. } => return why.as_mut().map(|(_, message)| message),
            Self::Aborted { why, .. } => return Some(&mut why.message),
            Self::Undone(_, Ok(Undone::NotYet { message })) => return Some(message),
            Self::Failed { failure, .. } => failure,
            Self::Answered(_, Err(failure)) | Self::Listed { items: Err(failure), .. } => failure,
            Self::Bound { approval: Err(failure), .. } | Self::Lock(LockAnswer::Failed(failure)) => failure,
            Self::Undone(_, Err(failure)) | Self::OutputsComputed(Err(failure)) => failure,
            _ => return None,
        };
        Some(&mut failure.message)
    }
}

/// Adds a pause to a time without ever overflowing.
pub(crate) fn later(time: Timestamp, pause: jiff::SignedDuration) -> Timestamp {
    time.checked_add(pause).unwrap_or(Timestamp::MAX)
}
