//! What a run's state becomes in its status: one condition, a summary for people, and answers to what people asked.
//!
//! Pure: the controller and the local mode write the same status of the same state.

mod summary;

use jiff::Timestamp;
use sluice_engine::{Abort, AbortReason, RunPhase, RunState, WaitKind};

pub use summary::{Summary, approvers, holds, missing_approval, queue};

use crate::{ActionType, PipelineRun, PipelineRunStatus, RunAction, Truth, Verdict};

impl PipelineRun {
    /// Why the run has to be aborted where no entry of `spec.actions` asks for it: it is being deleted.
    pub fn abort(&self) -> Option<Abort> {
        let deleted = || Abort { reason: AbortReason::Deleted, message: "the run is being deleted".to_owned() };
        self.metadata.deletion_timestamp.as_ref().map(|_| deleted())
    }

    /// Whether the run's end is decided, or somebody has asked for it.
    pub fn is_about_to_end(&self) -> bool {
        let is_abort = |action: &RunAction| action.r#type == ActionType::Abort;
        let is_decided = self.status.as_ref().is_some_and(|status| status.state.ending.is_some());
        is_decided || self.metadata.deletion_timestamp.is_some() || self.unanswered().iter().any(is_abort)
    }

    /// The entries of `spec.actions` that are not answered yet.
    pub fn unanswered(&self) -> &[RunAction] {
        let answered = self.status.as_ref().map_or(0, |status| status.state.actions.len());
        self.spec.actions.get(answered..).unwrap_or_default()
    }
}

impl PipelineRunStatus {
    /// The status that follows this one when the run is in `state`; `generation` of the spec was seen. What this status holds
    /// of an older state is passed over.
    #[must_use]
    pub fn of_state(&self, state: &RunState, generation: Option<i64>, now: Timestamp) -> Self {
        let Summary { step, message, waiting_on, only_waits } = Summary::of(state);
        let (truth, reason) = match (state.phase, &state.ending) {
            (RunPhase::Succeeded, _) => (Truth::True, "Succeeded".to_owned()),
            (RunPhase::Failed | RunPhase::Aborted | RunPhase::Cancelled, Some(ending)) => {
                (Truth::False, ending.reason.clone())
            }
            (RunPhase::Failed | RunPhase::Aborted | RunPhase::Cancelled, None) => {
                (Truth::False, format!("{:?}", state.phase))
            }
            (RunPhase::Pending | RunPhase::Running, _) if state.is_paused() => (Truth::Unknown, "Paused".to_owned()),
            (RunPhase::Pending | RunPhase::Running, _) if only_waits => (Truth::Unknown, "Waiting".to_owned()),
            (RunPhase::Pending | RunPhase::Running, _) => (Truth::Unknown, "Running".to_owned()),
        };
        let verdict = Verdict::succeeded(truth, reason, message.clone().unwrap_or_default());
        Self {
            observed_generation: generation,
            conditions: vec![verdict.at(now, generation, &self.conditions)],
            message,
            step,
            waiting_on,
            pipeline_revision: self.pipeline_revision.clone(),
            sources: self.sources.clone(),
            state: state.clone(),
        }
    }

    /// The status that follows this one while the run cannot start, or go on, for want of something: a reason word and a
    /// message. `None` when this one says so already.
    #[must_use]
    pub fn of_missing(
        &self,
        state: &RunState,
        (reason, message): (&str, String),
        generation: Option<i64>,
        now: Timestamp,
    ) -> Option<Self> {
        let verdict = Verdict::succeeded(Truth::Unknown, reason, message.as_str());
        let conditions = vec![verdict.at(now, generation, &self.conditions)];
        if self.message.as_ref() == Some(&message) && self.conditions == conditions {
            return None;
        }
        let message = Some(message);
        // It has left the queue: see the state.
        let waiting_on = self.waiting_on.clone().filter(|on| on.kind != WaitKind::Lock);
        let state = state.clone();
        Some(Self { observed_generation: generation, conditions, message, waiting_on, state, ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    fn state(yaml: &str) -> RunState {
        serde_saphyr::from_str(yaml).unwrap()
    }

    #[test]
    fn a_run_that_waits_says_for_what() {
        let state = state(
            "phase: Running\nstages: [{name: a, phase: Running, steps: [{name: merge, phase: Running, message: not merged,
             waitingOn: {kind: PullRequest, key: url, since: 2026-01-01T00:00:00Z}}]}]",
        );
        let status = PipelineRunStatus::default().of_state(&state, Some(2), START);
        let condition = &status.conditions[0];
        assert_eq!((condition.status.as_str(), condition.reason.as_str()), ("Unknown", "Waiting"));
        assert_eq!((status.step.as_deref(), status.message.as_deref()), (Some("merge"), Some("not merged")));
        assert_eq!(status.waiting_on.map(|on| on.key), Some("url".to_owned()));
        assert_eq!(status.observed_generation, Some(2));
    }

    #[test]
    fn what_is_missing_is_said_once() {
        let missing = || ("PipelineNotFound", "there is no Pipeline".to_owned());
        let said = PipelineRunStatus::default().of_missing(&RunState::default(), missing(), Some(1), START).unwrap();
        assert_eq!(said.of_missing(&RunState::default(), missing(), Some(1), START), None);
    }
}
