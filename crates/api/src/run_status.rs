//! What a run's state becomes in its status: one condition, a summary for people, and answers to what people asked.
//!
//! Pure: the controller and the local mode write the same status of the same state.

mod summary;

use jiff::Timestamp;
use sluice_engine::{Abort, AbortReason, RunPhase, RunState};

pub use summary::Summary;

use crate::{ActionOutcome, ActionResult, ActionType, PipelineRun, PipelineRunStatus, RunAction, Truth, Verdict};

impl PipelineRun {
    /// Why the run has to be aborted: a person asked for it, or it is being deleted.
    pub fn abort(&self) -> Option<Abort> {
        let asked = self.spec.actions.iter().find(|action| action.r#type == ActionType::Abort).map(|action| {
            let reason = action.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
            Abort { reason: AbortReason::Aborted, message: format!("aborted by {}{reason}", action.by) }
        });
        let deleted = || Abort { reason: AbortReason::Deleted, message: "the run is being deleted".to_owned() };
        asked.or_else(|| self.metadata.deletion_timestamp.as_ref().map(|_| deleted()))
    }
}

impl PipelineRunStatus {
    /// The status that follows this one when the run is in `state`: `actions` are the spec's, of which `generation` was seen.
    /// What this status holds of an older state is passed over.
    #[must_use]
    pub fn of_state(&self, state: &RunState, actions: &[RunAction], generation: Option<i64>, now: Timestamp) -> Self {
        let Summary { step, message, waiting_on, only_waits } = Summary::of(state);
        let (truth, reason) = match (state.phase, &state.ending) {
            (RunPhase::Succeeded, _) => (Truth::True, "Succeeded".to_owned()),
            (RunPhase::Failed | RunPhase::Aborted, Some(ending)) => (Truth::False, ending.reason.clone()),
            (RunPhase::Failed | RunPhase::Aborted, None) => (Truth::False, format!("{:?}", state.phase)),
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
            actions: answers(actions, state, &self.actions),
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
        Some(Self { observed_generation: generation, conditions, message, state: state.clone(), ..self.clone() })
    }
}

/// What became of the actions, once the run's result is decided; those `known` are answered already.
fn answers(actions: &[RunAction], state: &RunState, known: &[ActionResult]) -> Vec<ActionResult> {
    let mut results = known.to_vec();
    let Some(ending) = &state.ending else { return results };
    let is_aborted = ending.phase == RunPhase::Aborted && ending.reason == AbortReason::Aborted.as_str();
    for (index, action) in actions.iter().enumerate().skip(known.len()) {
        let ActionType::Abort = action.r#type;
        let is_answered = results.iter().any(|result| result.result == ActionOutcome::Applied);
        let (result, message) = match is_aborted && !is_answered {
            true => (ActionOutcome::Applied, None),
            false => (ActionOutcome::Ignored, Some("the run's result was decided before".to_owned())),
        };
        results.push(ActionResult { index: i32::try_from(index).unwrap_or(i32::MAX), result, message });
    }
    results
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    fn state(yaml: &str) -> RunState {
        serde_saphyr::from_str(yaml).unwrap()
    }

    fn abort() -> RunAction {
        RunAction { r#type: ActionType::Abort, by: "alice".to_owned(), reason: None }
    }

    #[test]
    fn a_run_that_waits_says_for_what() {
        let state = state(
            "phase: Running\nstages: [{name: a, phase: Running, steps: [{name: merge, phase: Running, message: not merged,
             waitingOn: {kind: PullRequest, key: url, since: 2026-01-01T00:00:00Z}}]}]",
        );
        let status = PipelineRunStatus::default().of_state(&state, &[abort()], Some(2), START);
        let condition = &status.conditions[0];
        assert_eq!((condition.status.as_str(), condition.reason.as_str()), ("Unknown", "Waiting"));
        assert_eq!((status.step.as_deref(), status.message.as_deref()), (Some("merge"), Some("not merged")));
        assert_eq!(status.waiting_on.map(|on| on.key), Some("url".to_owned()));
        assert_eq!((status.actions, status.observed_generation), (vec![], Some(2)));
    }

    #[test]
    fn of_several_requests_to_abort_the_first_is_applied() {
        let state = state(
            "phase: Aborted\nfinishedAt: 2026-01-01T00:00:00Z
ending: {phase: Aborted, reason: Aborted, message: aborted by alice, at: 2026-01-01T00:00:00Z}",
        );
        let first = PipelineRunStatus::default().of_state(&state, &[abort()], None, START);
        let status = first.of_state(&state, &[abort(), abort()], None, START);
        let results: Vec<_> = status.actions.iter().map(|action| (action.index, action.result)).collect();
        assert_eq!(results, [(0, ActionOutcome::Applied), (1, ActionOutcome::Ignored)]);
        assert_eq!((status.conditions[0].status.as_str(), status.conditions[0].reason.as_str()), ("False", "Aborted"));
    }

    #[test]
    fn what_is_missing_is_said_once() {
        let missing = || ("PipelineNotFound", "there is no Pipeline".to_owned());
        let said = PipelineRunStatus::default().of_missing(&RunState::default(), missing(), Some(1), START).unwrap();
        assert_eq!(said.of_missing(&RunState::default(), missing(), Some(1), START), None);
    }
}
