//! The flow: stages in order, and in each its steps in order.

use jiff::Timestamp;

use super::{Scene, earlier};
use crate::{
    Action, Event, Failure, Held, Key, Mode, Nature, Question, RunPhase, Stage, StagePhase, Step, StepAt, StepPhase,
    StepState, Task, event::later, state::StageState,
};

/// The step whose turn it is.
pub(super) struct Turn<'a> {
    pub(super) at: StepAt,
    pub(super) state: &'a StepState,
    pub(super) plan: &'a Step,
    /// Its place in the key.
    pub(super) path: &'a [&'a str],
    /// When the stage that it is in times out.
    pub(super) stage_deadline: Option<Timestamp>,
}

impl Scene<'_> {
    /// The next action of the stages, once no hook is due.
    pub(super) fn flow(&self) -> Action {
        for (index, stage) in self.state.stages.iter().enumerate() {
            let Some(plan) = self.plan.stage(&stage.name) else { continue };
            match stage.phase {
                StagePhase::Succeeded | StagePhase::Skipped | StagePhase::Omitted => {}
                StagePhase::Pending => return start_stage(index, plan),
                StagePhase::Running => return self.run_stage(index, stage, plan),
                StagePhase::Failed | StagePhase::Aborted => return fail_run(stage),
            }
        }
        Action::Record(Event::Ended { phase: RunPhase::Succeeded, reason: "Succeeded".to_owned(), message: None })
    }

    fn run_stage(&self, index: usize, stage: &StageState, plan: &Stage) -> Action {
        let deadline = stage.started_at.zip(plan.timeout).map(|(start, timeout)| later(start, timeout));
        for (number, (step, plan)) in stage.steps.iter().zip(&plan.steps).enumerate() {
            if step.phase.is_failed() {
                let why = (step.reason.clone().unwrap_or_default(), describe_failure(step));
                return end_stage(index, StagePhase::Failed, Some(why));
            }
            if !step.phase.is_ended() {
                if self.times_out(step, deadline) {
                    return Action::Record(Event::StageTimedOut(index));
                }
                let at = StepAt::Stage { stage: index, step: number };
                let path = [stage.name.as_str(), "", &step.name];
                return self.run_step(&Turn { at, state: step, plan, path: &path, stage_deadline: deadline });
            }
        }
        end_stage(index, StagePhase::Succeeded, None)
    }

    /// Whether this deadline, of the step or of its stage, ends the step. One that is under way is looked at once more
    /// first: what was awaited may have happened since, and nothing times out unseen.
    fn times_out(&self, step: &StepState, deadline: Option<Timestamp>) -> bool {
        let Some(deadline) = deadline.filter(|deadline| self.now >= *deadline) else { return false };
        let held = self.seen.held.get(step.key.as_deref().unwrap_or_default());
        step.phase != StepPhase::Running || held.and_then(|held| held.looked_at) >= Some(deadline)
    }

    /// The next action of a step that has not ended.
    pub(super) fn run_step(&self, turn: &Turn<'_>) -> Action {
        let at = turn.at;
        match turn.state.phase {
            StepPhase::Pending => match &turn.plan.when {
                Some(condition) => Action::Evaluate { question: Question::StepWhen(at), condition: condition.clone() },
                None => Action::Record(Event::StepStarted(at)),
            },
            StepPhase::Starting => self.start_step(turn),
            _ => self.continue_step(turn),
        }
    }

    fn start_step(&self, turn: &Turn<'_>) -> Action {
        if let Some(retry_at) = turn.state.retry_at
            && self.now < retry_at
        {
            return Action::Wait { until: earlier(Some(retry_at), turn.stage_deadline) };
        }
        match turn.plan.nature {
            Nature::Pure => Action::Compute(turn.at),
            Nature::Reads | Nature::Acts => self.claim(turn),
        }
    }

    fn claim(&self, turn: &Turn<'_>) -> Action {
        Action::Claim { at: turn.at, key: Key::of(&self.seen.run_uid, turn.path, turn.state.epoch) }
    }

    fn continue_step(&self, turn: &Turn<'_>) -> Action {
        let &Turn { at, state, plan, stage_deadline, .. } = turn;
        let key = state.key.clone().unwrap_or_default();
        let held = self.seen.held.get(&key);
        let task = |mode| Action::Perform(vec![Task { at, key: key.clone(), mode }]);
        let deadline = state.started_at.zip(plan.timeout).map(|(start, timeout)| later(start, timeout));
        if self.times_out(state, deadline) {
            return Action::Judge { at, failure: timed_out(state, plan) };
        }
        let is_late = [deadline, stage_deadline].iter().flatten().any(|deadline| self.now >= *deadline);
        let may_rest = |held: &Held| self.now < held.look_at && !is_late;
        let look_at = match (plan.nature, held) {
            // Somebody else claimed it after this process did: it is theirs for a while.
            (Nature::Acts, Some(held)) if held.claims == 0 && may_rest(held) => held.look_at,
            // Only a claim that this process persisted itself gives the right to act.
            (Nature::Acts, held) if held.is_none_or(|held| held.claims != state.claims) => {
                return self.claim(turn);
            }
            (Nature::Acts, Some(held)) if held.must_act() && held.looked_at.is_none() => return task(Mode::Act),
            // Told to act again, under the claim that it holds, when its pause is over; never past its deadline.
            (Nature::Acts, Some(held)) if held.must_act() && !is_late && !may_rest(held) => return task(Mode::Act),
            (_, Some(held)) if may_rest(held) => held.look_at,
            _ => return task(Mode::Look),
        };
        Action::Wait { until: earlier(earlier(Some(look_at), deadline), stage_deadline) }
    }
}

/// The reason of a step that took too long.
pub const TIMEOUT: &str = "Timeout";

fn start_stage(index: usize, plan: &Stage) -> Action {
    match &plan.when {
        Some(condition) => Action::Evaluate { question: Question::StageWhen(index), condition: condition.clone() },
        None => Action::Record(Event::StageStarted(index)),
    }
}

fn end_stage(stage: usize, phase: StagePhase, why: Option<(String, String)>) -> Action {
    Action::Record(Event::StageEnded { stage, phase, why })
}

fn fail_run(stage: &StageState) -> Action {
    Action::Record(Event::Ended {
        phase: RunPhase::Failed,
        reason: stage.reason.clone().unwrap_or_default(),
        message: Some(format!("stage {}: {}", stage.name, stage.message.as_deref().unwrap_or_default())),
    })
}

fn describe_failure(step: &StepState) -> String {
    format!("step {}: {}", step.name, step.message.as_deref().unwrap_or_default())
}

fn timed_out(state: &StepState, plan: &Step) -> Failure {
    let timeout = plan.timeout.unwrap_or_default();
    let message = match (state.reason.as_deref(), state.message.as_deref()) {
        // Nothing was seen since the attempt before timed out, and its words still hold.
        (Some(TIMEOUT), Some(before)) => before.to_owned(),
        (_, Some(last)) => format!("timed out after {timeout:#}; last seen: {last}"),
        (_, None) => format!("timed out after {timeout:#}"),
    };
    Failure::transient(TIMEOUT, message)
}
