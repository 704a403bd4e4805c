//! Hooks: which one is due, and the next action of the one that runs.
//!
//! *Started* hooks run from the outside in (pipeline, stage, step) and end before their subject's first
//! action. The others run when their own subject ends, nearest first, before anything else starts. Each
//! runs once per subject and stage attempt.

use super::{Scene, ended, flow::Turn};
use crate::{Action, Event, HookEvent, HookState, StagePhase, StageState, StepAt, StepPhase, Subject};

impl Scene<'_> {
    /// The next action of a hook that has started and not ended.
    pub(super) fn running_hook(&self) -> Option<Action> {
        let (index, hook) = self.state.hooks.iter().enumerate().find(|(_, hook)| !hook.phase.is_ended())?;
        let end = |phase| Some(Action::Record(Event::HookEnded { hook: index, phase }));
        let Some(plan) = hook.plan(self.plan) else { return end(StagePhase::Failed) };
        for (number, (step, plan)) in hook.steps.iter().zip(&plan.steps).enumerate() {
            if step.phase.is_failed() {
                return end(StagePhase::Failed);
            }
            if !step.phase.is_ended() {
                let at = StepAt::Hook { hook: index, step: number };
                let event = format!("{:?}", hook.event);
                let attempt = hook.attempt.to_string();
                let path = ["hook", &hook.hook, &event, &hook.subject, &attempt, &step.name];
                return Some(self.run_step(&Turn { at, state: step, plan, path: &path, stage_deadline: None }));
            }
        }
        end(StagePhase::Succeeded)
    }

    /// Starts the next hook whose subject has started or ended.
    pub(super) fn due_hook(&self) -> Option<Action> {
        if self.plan.hooks.is_empty() {
            return None;
        }
        self.due_for_starts().or_else(|| self.due_for_ends())
    }

    fn due_for_starts(&self) -> Option<Action> {
        if self.state.ending.is_some() {
            return None;
        }
        let running = self.state.stages.iter().filter(|stage| stage.phase == StagePhase::Running);
        self.due(&Subject::Pipeline, HookEvent::Started, 1).or_else(|| {
            running.into_iter().find_map(|stage| {
                let subject = Subject::Stage(stage.name.clone());
                self.due(&subject, HookEvent::Started, stage.attempt).or_else(|| {
                    let mut starting = stage.steps.iter().filter(|step| step.phase == StepPhase::Starting);
                    starting
                        .find_map(|step| self.due(&Subject::Step(step.name.clone()), HookEvent::Started, stage.attempt))
                })
            })
        })
    }

    fn due_for_ends(&self) -> Option<Action> {
        let stages = self.state.stages.iter();
        stages.into_iter().find_map(|stage| self.due_for_end_of(stage)).or_else(|| {
            let event = ended::of_run(self.state.ending.as_ref()?.phase)?;
            self.due(&Subject::Pipeline, event, 1)
        })
    }

    fn due_for_end_of(&self, stage: &StageState) -> Option<Action> {
        let of_steps = stage
            .steps
            .iter()
            .find_map(|step| self.due(&Subject::Step(step.name.clone()), ended::of_step(step.phase)?, stage.attempt));
        of_steps.or_else(|| self.due(&Subject::Stage(stage.name.clone()), ended::of_stage(stage.phase)?, stage.attempt))
    }

    /// Starts the first hook for this subject and event that has not started yet.
    fn due(&self, subject: &Subject, event: HookEvent, attempt: i32) -> Option<Action> {
        let mut hooks = self.plan.hooks.iter();
        let hook = hooks.find(|hook| {
            hook.subject == *subject
                && hook.events.contains(&event)
                && !self.has_started(&hook.name, event, subject, attempt)
        })?;
        let (hook, subject) = (hook.name.clone(), subject.to_string());
        Some(Action::Record(Event::HookStarted { hook, event, subject, attempt }))
    }

    fn has_started(&self, hook: &str, event: HookEvent, subject: &Subject, attempt: i32) -> bool {
        let subject = subject.to_string();
        let is_it = |state: &HookState| {
            state.hook == hook && state.event == event && state.subject == subject && state.attempt == attempt
        };
        self.state.hooks.iter().any(is_it)
    }
}
