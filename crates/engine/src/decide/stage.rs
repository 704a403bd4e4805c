//! One stage, or one item of it: its steps, and what follows their end.

use jiff::Timestamp;

use super::{Scene, earlier, lanes::Lanes, step::Turn};
use crate::{
    Action, End, Event, Failure, Next, Question, Stage, StagePhase, StageState, StepAt, StepPhase, StepState, clock,
};

impl Scene<'_> {
    /// Starts a stage that has not started.
    pub(super) fn start_stage(&self, index: usize, entry: &StageState, plan: &Stage) -> Action {
        // An item's condition, and its place, were its stage's.
        let is_item = entry.item.is_some();
        match &plan.when {
            _ if self.state.is_paused() => Action::Wait { until: None },
            when if plan.is_bound && !is_item => self.ask_or_wait(Action::Bind { stage: index, when: when.clone() }),
            Some(condition) if !is_item => {
                Action::Evaluate { question: Question::StageWhen(index), condition: condition.clone() }
            }
            _ => Action::Record(Event::StageStarted(index)),
        }
    }

    /// Has it judged whether a stage whose attempt failed is tried again. Its hooks come after that.
    pub(super) fn judge_stages(&self) -> Option<Action> {
        let undecided = |stage: &&StageState| stage.next == Some(Next::Undecided);
        let stage = self.state.stages.iter().position(|stage| undecided(&stage))?;
        let entry = &self.state.stages[stage];
        let failed = entry.steps.iter().filter(|step| step.phase.is_failed());
        let mut failures: Vec<_> = failed.map(|step| failure_of(entry, Some(step))).collect();
        if failures.is_empty() {
            // A loop's last iteration fails without a step.
            failures.push(failure_of(entry, None));
        }
        Some(Action::JudgeStage { stage, failures })
    }

    /// The next actions of a stage that is under way, once no hook is due.
    pub(super) fn run_stage(&self, index: usize, stage: &StageState, plan: &Stage, lanes: &mut Lanes) {
        if stage.next.is_some() {
            return self.prepare_next(index, stage, lanes);
        }
        let steps = next_steps(stage, plan);
        let is_open = stage.resume_at.is_some() || matches!(steps, Steps::Open(_));
        if is_open && self.times_out(stage, plan) {
            return lanes.add(Action::Record(Event::StageTimedOut(index)));
        }
        if let Some(resume_at) = stage.resume_at {
            return lanes.add(if self.state.is_paused() {
                Action::Wait { until: None }
            } else if self.now < resume_at {
                Action::Wait { until: earlier(Some(resume_at), deadline(stage, plan)) }
            } else {
                Action::Record(Event::StageResumed(index))
            });
        }
        if let (Some(for_each), None) = (&plan.for_each, &stage.item) {
            let list = Action::List { stage: index, items: for_each.items.clone() };
            return lanes.add(match plan.is_bound {
                _ if self.state.is_paused() => Action::Wait { until: None },
                true => self.ask_or_wait(list),
                false => list,
            });
        }
        match steps {
            Steps::Open(_) if self.state.is_paused() => {
                self.go_on_with_steps(index, stage, plan, lanes);
                lanes.add(Action::Wait { until: None });
            }
            Steps::Open(steps) => {
                for number in steps {
                    self.run_step_of_stage(index, stage, plan, number, lanes);
                    if lanes.has_move() {
                        return;
                    }
                }
            }
            Steps::Failed(step) => {
                let why = (step.reason.clone().unwrap_or_default(), describe_failure(step));
                lanes.add(end(index, StagePhase::Failed, Some(why)));
            }
            Steps::Succeeded => lanes.add(match &plan.until {
                Some(until) => {
                    Action::Evaluate { question: Question::StageUntil(index), condition: until.condition.clone() }
                }
                None => end(index, StagePhase::Succeeded, None),
            }),
        }
    }

    /// The next actions of the steps that are under way. No step starts, and the stage does not end.
    pub(super) fn go_on_with_steps(&self, index: usize, stage: &StageState, plan: &Stage, lanes: &mut Lanes) {
        let running = stage.steps.iter().enumerate().filter(|(_, step)| step.phase == StepPhase::Running);
        for (number, _) in running {
            self.run_step_of_stage(index, stage, plan, number, lanes);
        }
    }

    fn run_step_of_stage(&self, index: usize, stage: &StageState, plan: &Stage, number: usize, lanes: &mut Lanes) {
        let (Some(step), Some(planned)) = (stage.steps.get(number), plan.steps.get(number)) else { return };
        // A stage that is late waits for the last look at what is under way, and starts nothing.
        if self.is_late(stage, plan) && step.phase != StepPhase::Running {
            return;
        }
        let at = StepAt::Stage { stage: index, step: number };
        let path = [stage.name.as_str(), stage.item.as_deref().unwrap_or_default(), &step.name];
        let turn = Turn { at, state: step, plan: planned, path: &path, stage_deadline: deadline(stage, plan) };
        lanes.add(self.run_step(&turn));
    }

    /// Before the next attempt the effects of the last one are taken back; one that cannot be rules the attempt out.
    fn prepare_next(&self, index: usize, stage: &StageState, lanes: &mut Lanes) {
        let mut undo = Lanes::default();
        self.take_back(stage.steps.iter().enumerate(), |step| StepAt::Stage { stage: index, step }, &mut undo);
        let is_left = stage.next == Some(Next::Retry) && stage.steps.iter().any(StepState::has_failed_undo);
        lanes.add(match undo.is_empty() {
            false => undo.action(),
            true if is_left => Action::Record(Event::StageGivenUp(index)),
            true if self.state.is_paused() => Action::Wait { until: None },
            true => Action::Record(Event::StageBegunAgain(index)),
        });
    }

    fn is_late(&self, stage: &StageState, plan: &Stage) -> bool {
        deadline(stage, plan).is_some_and(|deadline| self.now >= deadline)
    }

    /// Whether the stage is late, and everything under way in it has been looked at once more since.
    fn times_out(&self, stage: &StageState, plan: &Stage) -> bool {
        deadline(stage, plan)
            .filter(|deadline| self.now >= *deadline)
            .is_some_and(|deadline| stage.steps.iter().all(|step| self.was_seen_since(step, deadline)))
    }
}

/// What there is to do in a stage.
enum Steps<'a> {
    /// These steps go on.
    Open(Vec<usize>),
    /// This one has failed, and no other is under way.
    Failed(&'a StepState),
    /// All of them are done.
    Succeeded,
}

fn next_steps<'a>(stage: &'a StageState, plan: &Stage) -> Steps<'a> {
    let failed = stage.first_failed();
    let open = stage.steps.iter().enumerate().filter(|(_, step)| !step.phase.is_ended()).map(|(number, _)| number);
    let open: Vec<usize> = match (plan.parallel, failed) {
        (true, _) => open.collect(),
        (false, Some(_)) => Vec::new(),
        (false, None) => open.take(1).collect(),
    };
    match failed {
        _ if !open.is_empty() => Steps::Open(open),
        Some(step) => Steps::Failed(step),
        None => Steps::Succeeded,
    }
}

/// When the stage's attempt times out.
fn deadline(stage: &StageState, plan: &Stage) -> Option<Timestamp> {
    clock::deadline(stage.started_at, plan.timeout, (stage.held_seconds, stage.held_since))
}

fn end(stage: usize, phase: StagePhase, why: Option<(String, String)>) -> Action {
    Action::Record(Event::StageEnded { stage, phase, why })
}

/// Why the step failed, or the stage without one, with the step's name.
fn failure_of(stage: &StageState, step: Option<&StepState>) -> (String, Failure) {
    let text = |own: Option<&String>, other: &Option<String>| own.or(other.as_ref()).cloned().unwrap_or_default();
    let failure = Failure {
        reason: text(step.and_then(|step| step.reason.as_ref()), &stage.reason),
        message: text(step.and_then(|step| step.message.as_ref()), &stage.message),
        transient: step.is_some_and(|step| step.transient),
        end: End::Known,
        retry_after: None,
    };
    (step.map_or(String::new(), |step| step.name.clone()), failure)
}

fn describe_failure(step: &StepState) -> String {
    format!("step {}: {}", step.name, step.message.as_deref().unwrap_or_default())
}
