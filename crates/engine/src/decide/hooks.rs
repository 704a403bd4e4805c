//! Hooks: which one is due, and the next action of the one that runs.
//!
//! *Started* hooks run from the outside in (pipeline, stage, step) and end before their subject's first
//! action. The others run when their own subject ends, nearest first, before anything else starts. Each
//! runs once per subject, item, iteration and stage attempt, those of the run once per round, and one at a time. What is kept when
//! a person has its stage done again has had its hooks.

use super::{Scene, ended, step::Turn};
use crate::{Action, Event, Hook, HookEvent, HookState, Occasion, StagePhase, StageState, StepAt, StepPhase, Subject};

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
                let HookState { hook, event, subject, item, iteration, attempt, round, .. } = hook;
                let (event, iteration, attempt) = (format!("{event:?}"), iteration.to_string(), attempt.to_string());
                let item = item.as_deref().unwrap_or_default();
                let mut path = vec!["hook", hook, &event, subject, item, &iteration, &attempt, &step.name];
                let round = round.to_string();
                // The keys of the first round are those of the time when there was no other.
                path.extend((round != "1").then_some(round.as_str()));
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
        if self.state.ending.is_some() || self.state.is_paused() {
            return None;
        }
        let of_run = |hook: &Hook| hook.subject == Subject::Pipeline;
        self.due(of_run, HookEvent::Started, &Occasion::of_run(self.state.round))
            .or_else(|| self.state.stages.iter().find_map(|stage| self.due_for_start_of(stage)))
    }

    fn due_for_start_of(&self, stage: &StageState) -> Option<Action> {
        let is_to_be_listed = || {
            let plan = self.plan.stage(&stage.name);
            stage.item.is_none() && plan.is_some_and(|plan| plan.for_each.is_some())
        };
        if stage.phase != StagePhase::Running || stage.resume_at.is_some() || is_to_be_listed() {
            return None;
        }
        let occasion = Occasion::of_stage(stage);
        self.due(|hook| is_of_stage(hook, stage), HookEvent::Started, &occasion).or_else(|| {
            let mut starting = stage.steps.iter().filter(|step| step.phase == StepPhase::Starting);
            starting.find_map(|step| self.due(|hook| is_of_step(hook, &step.name), HookEvent::Started, &occasion))
        })
    }

    pub(super) fn due_for_ends(&self) -> Option<Action> {
        self.state.stages.iter().find_map(|stage| self.due_for_end_of(stage)).or_else(|| {
            // One that has not started for want of its lock has nothing to clean up, and must not touch what the run that holds
            // the lock is at.
            let event =
                ended::of_run(self.state.ending.as_ref()?.phase).filter(|_| !self.state.lacks_lock(self.plan))?;
            self.due(|hook| hook.subject == Subject::Pipeline, event, &Occasion::of_run(self.state.round))
        })
    }

    fn due_for_end_of(&self, stage: &StageState) -> Option<Action> {
        let occasion = Occasion::of_stage(stage);
        let of_steps = stage.steps.iter().filter(|step| !step.kept).find_map(|step| {
            let event = ended::of_step(step.phase)?;
            self.due(|hook| is_of_step(hook, &step.name), event, &occasion)
        });
        // An attempt that was rejected, or whose condition failed, has not begun: there is nothing of it to follow.
        let has_begun = stage.started_at.is_some() || stage.phase != StagePhase::Failed;
        let event = ended::of_stage(stage.phase).filter(|_| has_begun);
        of_steps.or_else(|| self.due(|hook| is_of_stage(hook, stage), event?, &occasion))
    }

    /// Starts the first hook of this subject for this event that has not started yet.
    fn due(&self, is_of_subject: impl Fn(&Hook) -> bool, event: HookEvent, occasion: &Occasion) -> Option<Action> {
        let of_event = |hook: &&Hook| hook.events.contains(&event) && is_of_subject(hook);
        let mut hooks = self.plan.hooks.iter().filter(of_event);
        let hook = hooks.find(|hook| !self.has_started(hook, event, occasion))?;
        let (hook, subject, occasion) = (hook.name.clone(), hook.subject.to_string(), occasion.clone());
        Some(Action::Record(Event::HookStarted { hook, event, subject, occasion }))
    }

    fn has_started(&self, hook: &Hook, event: HookEvent, occasion: &Occasion) -> bool {
        let is_it = |state: &HookState| {
            state.hook == hook.name
                && state.event == event
                && state.is_on(occasion)
                && state.subject == hook.subject.to_string()
        };
        self.state.hooks.iter().any(is_it)
    }
}

fn is_of_stage(hook: &Hook, stage: &StageState) -> bool {
    matches!(&hook.subject, Subject::Stage(name) if *name == stage.name)
}

fn is_of_step(hook: &Hook, step: &str) -> bool {
    matches!(&hook.subject, Subject::Step(name) if name == step)
}
