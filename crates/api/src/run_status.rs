//! What a run's state becomes in its status: one condition, a summary for people, and answers to what people asked.
//!
//! Pure: the controller and the local mode write the same status of the same state.

use jiff::Timestamp;
use sluice_engine::{Abort, AbortReason, RunPhase, RunState, StepState, WaitKind, WaitingOn};

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
        let Summary { step, message, waiting_on } = Summary::of(state);
        let (truth, reason) = match (state.phase, &state.ending) {
            (RunPhase::Succeeded, _) => (Truth::True, "Succeeded".to_owned()),
            (RunPhase::Failed | RunPhase::Aborted, Some(ending)) => (Truth::False, ending.reason.clone()),
            (RunPhase::Failed | RunPhase::Aborted, None) => (Truth::False, format!("{:?}", state.phase)),
            (RunPhase::Pending | RunPhase::Running, _) if waiting_on.is_some() => {
                (Truth::Unknown, "Waiting".to_owned())
            }
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

/// The summary for people of where a run stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// The step that the run is at.
    pub step: Option<String>,
    /// What it does or waits for, or why it ended.
    pub message: Option<String>,
    /// What it waits for.
    pub waiting_on: Option<WaitingOn>,
}

impl Summary {
    /// Sums up a state.
    pub fn of(state: &RunState) -> Self {
        let under_way = || state.steps().filter(|step| step.phase.is_under_way() && !state.is_finished());
        // Of several, the one that a person may have to do something about.
        match under_way().min_by_key(|step| !waits_for_people(step)) {
            Some(step) => {
                let said = step.message.clone().unwrap_or_else(|| format!("{} is under way", step.name));
                let more = match under_way().count() {
                    0 | 1 => String::new(),
                    2 => " (and 1 more step is under way)".to_owned(),
                    count => format!(" (and {} more steps are under way)", count - 1),
                };
                Self { step: Some(step.name.clone()), message: Some(said + &more), waiting_on: step.waiting_on.clone() }
            }
            None if state.ending.is_none() && state.stages.iter().any(|stage| stage.resume_at.is_some()) => {
                Self::of_pause(state)
            }
            None => {
                Self { message: state.ending.as_ref().and_then(|ending| ending.message.clone()), ..Self::default() }
            }
        }
    }

    /// Nothing is under way before the next attempt or iteration of some stage.
    fn of_pause(state: &RunState) -> Self {
        let pauses = state.stages.iter().filter_map(|stage| Some((stage, stage.resume_at?)));
        let Some((stage, at)) = pauses.min_by_key(|(_, at)| *at) else { return Self::default() };
        let what = match stage.iteration {
            1 => format!("attempt {}", stage.attempt),
            iteration => format!("iteration {iteration}"),
        };
        let since = stage.finished_at.or(stage.started_at).unwrap_or(at);
        Self {
            step: None,
            message: Some(format!("{what} of stage {} starts at {at}", stage.title())),
            waiting_on: Some(WaitingOn { kind: WaitKind::Time, key: at.to_string(), since }),
        }
    }
}

/// Whether it goes on only when a person does something.
fn waits_for_people(step: &StepState) -> bool {
    let kind = step.waiting_on.as_ref().map(|on| on.kind);
    matches!(kind, Some(WaitKind::PullRequest | WaitKind::Approval))
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
    fn of_several_steps_under_way_the_one_that_waits_for_people_is_told() {
        let state = state(
            "phase: Running
stages:
- {name: a, phase: Running, steps: [{name: load, phase: Running, message: 'loads'}, {name: next}]}
- name: b
  phase: Running
  steps: [{name: merged, phase: Running, message: 'waits for a merge', waitingOn: {kind: PullRequest, key: u/1, since: 2026-05-04T12:00:00Z}}]
- {name: c, phase: Running, steps: [{name: again, phase: Starting}]}
",
        );
        let Summary { step, message, waiting_on } = Summary::of(&state);
        assert_eq!(step.as_deref(), Some("merged"));
        assert_eq!(message.as_deref(), Some("waits for a merge (and 2 more steps are under way)"));
        assert_eq!(waiting_on.unwrap().key, "u/1");
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
