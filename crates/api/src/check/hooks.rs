//! Hooks: whom they follow, and what their steps see.

use std::sync::Arc;

use sluice_engine::HookEvent;
use sluice_expr::Type;

use super::{Check, Mistake, outline::Outline, view::View};
use crate::{Code, Hook, Step, StepConfig, sight::Moment, variables};

impl Check<'_> {
    pub(super) fn hook(&mut self, hook: &Hook, path: &str) {
        let subject = hook.r#for.clone().unwrap_or_default();
        if let Some(name) = &subject.stage
            && !self.outline.stages.iter().any(|stage| stage.name == *name)
        {
            let known = self.outline.stages.iter().map(|stage| stage.name.as_str());
            self.unknown("stage", name, known, format!("{path}.for.stage"));
        }
        if let Some(name) = &subject.step
            && self.outline.place(name).is_none()
        {
            self.unknown("step", name, self.outline.step_names(), format!("{path}.for.step"));
        }
        let is_start = |event: &HookEvent| *event == HookEvent::Started;
        let (starts, ends) = (hook.events.iter().any(is_start), !hook.events.iter().all(is_start));
        let mut found = if ends { self.hook_steps(hook, moment(self.outline, hook, false), path) } else { Vec::new() };
        if starts {
            let early = self.hook_steps(hook, moment(self.outline, hook, true), path);
            let is_known = |mistake: &Mistake| {
                found.iter().any(|known| known.path == mistake.path && known.place == mistake.place)
            };
            let new: Vec<_> = early.into_iter().filter(|mistake| !is_known(mistake)).collect();
            found.extend(new.into_iter().map(|mistake| if ends { only_at_the_start(mistake) } else { mistake }));
        }
        self.mistakes.append(&mut found);
    }

    /// The mistakes in the steps of a hook when it runs at this moment.
    fn hook_steps(&self, hook: &Hook, moment: Moment, path: &str) -> Vec<Mistake> {
        let mut check = Check { outline: self.outline, mistakes: Vec::new() };
        let mut types = self.outline.step_types(moment);
        let configs: Vec<Result<StepConfig, String>> = hook.steps.iter().map(Step::config).collect();
        let mut before: Vec<(String, Option<StepConfig>)> = Vec::new();
        for ((index, step), config) in hook.steps.iter().enumerate().zip(&configs) {
            let view = View::with_steps(self.outline, moment, Arc::clone(&types), &before).with_failure();
            check.step(step, config, &view, &format!("{path}.steps[{index}]"));
            drop(view);
            let outputs = config.as_ref().map_or(Type::Any, StepConfig::outputs);
            Arc::make_mut(&mut types).insert(step.name.clone(), variables::of_step(outputs));
            before.push((step.name.clone(), config.clone().ok()));
        }
        check.mistakes
    }

    /// Reports a stage or step that does not exist.
    pub(super) fn unknown<'n>(&mut self, what: &str, name: &str, known: impl Iterator<Item = &'n str>, path: String) {
        const FEW: usize = 12;
        let known: Vec<&str> = known.collect();
        let help = match sluice_expr::closest(name, known.iter().copied()) {
            Some(meant) => Some(format!("did you mean {meant:?}?")),
            None if known.len() <= FEW => Some(format!("the pipeline has: {}", known.join(", "))),
            None => None,
        };
        self.mistake(Code::UnknownReference, path, format!("there is no {what} {name:?}"), help);
    }
}

/// A mistake of a hook that runs at the start of its subject, and at its end, where it is none.
fn only_at_the_start(mistake: Mistake) -> Mistake {
    let message = format!("at the event Started: {}", mistake.message);
    Mistake { message, help: Some("make a hook of its own for Started, which does not read it".to_owned()), ..mistake }
}

/// The moment of the start or the end of the hook's subject. Where that does not exist, which is a mistake already,
/// everything is seen.
fn moment(outline: &Outline<'_>, hook: &Hook, is_start: bool) -> Moment {
    let subject = hook.r#for.clone().unwrap_or_default();
    let of_stage = subject.stage.and_then(|name| {
        let stage = outline.stages.iter().position(|stage| stage.name == name)?;
        Some(if is_start { Moment::StageStarts(stage) } else { Moment::StageEnds(stage) })
    });
    let of_step = || {
        let (stage, step) = outline.place(&subject.step?)?;
        Some(if is_start { Moment::StepRuns { stage, step } } else { Moment::StepEnds { stage, step } })
    };
    let of_run = || match hook.r#for {
        None if is_start => Moment::RunStarts,
        _ => Moment::RunEnds,
    };
    of_stage.or_else(of_step).unwrap_or_else(of_run)
}
