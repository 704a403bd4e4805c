//! Where a process stands: small, readable, and all there is to save.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a process stands in its flow.
///
/// Plain data that only [`Flow::start`](super::Flow::start) and [`Flow::apply`](super::Flow::apply) make. Every member is
/// always written, so a JSON merge patch saves it as well as a replacement does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// The flow that this is a state of, with its version, such as `deploy/v1`.
    pub(super) flow: String,
    /// Whether the flow goes on, waits, or is finished.
    pub(super) phase: Phase,
    /// What is next: its name behind those of the groups around it, as in `deploy/createRequest`. A retry has the number of
    /// its attempt in brackets, a loop that of its iteration, as in `rollout[2]/observe`. Empty when finished.
    pub(super) at: String,
    /// Not before this time the flow goes on, as RFC 3339 in UTC: the pause of a retry.
    pub(super) resume_at: Option<Timestamp>,
    /// The last failure that a retry has taken up, and where, for people. Gone when the retry's steps are through.
    pub(super) failure: Option<String>,
}

/// Whether a flow goes on, waits, or is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// What is next can be done at once.
    Running,
    /// What is waited for was not there, or a step is tried again.
    Waiting,
    /// The end was reached.
    Finished,
}

/// What a caller does next with a [`State`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Apply again at once.
    Apply,
    /// Apply again when something may have changed: at an event, or after a while of the caller's choice.
    Wait,
    /// Apply again at this time; what is applied earlier stays as it is.
    WaitUntil(Timestamp),
    /// Nothing: the process is finished.
    Nothing,
}

impl State {
    /// The name of the flow that this is a state of.
    pub fn flow(&self) -> &str {
        &self.flow
    }

    /// Whether the flow goes on, waits, or is finished.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// What is next, as in `deploy/createRequest` or `rollout[2]/observe`; nothing when finished.
    ///
    /// When the next apply performs a step, this is that step: together with the name of the process it is a key by which the
    /// outside world can tell a repetition.
    pub fn position(&self) -> Option<&str> {
        (self.phase != Phase::Finished).then_some(&self.at)
    }

    /// The last failure that a retry has taken up, and where.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Whether the end was reached.
    pub fn is_finished(&self) -> bool {
        self.phase == Phase::Finished
    }

    /// What the caller does next.
    pub fn next(&self) -> Next {
        match (self.phase, self.resume_at) {
            (Phase::Finished, _) => Next::Nothing,
            (_, Some(time)) => Next::WaitUntil(time),
            (Phase::Waiting, None) => Next::Wait,
            (Phase::Running, None) => Next::Apply,
        }
    }
}
