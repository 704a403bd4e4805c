//! One stage, and the control flow around its steps.

use std::sync::Arc;

use sluice_engine::MAX_ITEMS;
use sluice_expr::{Expression, Scope, Type};

use super::{Check, view::View};
use crate::{Code, ForEach, Stage, Until, sight::Moment, variables};

impl Check<'_> {
    pub(super) fn stage(&mut self, index: usize) {
        let outline = self.outline;
        let stage = &outline.stages[index];
        let path = format!("spec.stages[{index}]");
        self.needs(index);
        self.timeout(stage.timeout, format!("{path}.timeout"));
        let before = View::at(outline, Moment::BeforeStage(index));
        if let Some(when) = &stage.when {
            self.expression(when, &before, &Type::Bool, &format!("{path}.when"));
        }
        if let Some(for_each) = &stage.for_each {
            let view = match outline.is_bound(before.moment) {
                true => before.clone().with("environment", variables::environment(true)),
                false => before.clone(),
            };
            self.for_each(for_each, &view, &format!("{path}.forEach"));
        }
        drop(before);
        if let Some(environment) = &stage.environment {
            self.bound_to(environment, format!("{path}.environment"));
        }
        let retry_when = stage.retry.as_ref().and_then(|retry| retry.when.as_ref());
        if stage.until.is_some() || retry_when.is_some() {
            let after = View::at(outline, Moment::StageEnds(index));
            if let Some(when) = retry_when {
                let view = after.clone().with_failure();
                self.expression(when, &view, &Type::Bool, &format!("{path}.retry.when"));
            }
            if let Some(until) = &stage.until {
                self.until(stage, until, &after, &format!("{path}.until.condition"));
            }
        }
        self.steps_of_stage(index, stage, &path);
    }

    fn steps_of_stage(&mut self, index: usize, stage: &Stage, path: &str) {
        let outline = self.outline;
        let mut types = outline.step_types(Moment::StageStarts(index));
        for (number, step) in stage.steps.iter().enumerate() {
            let at = (index, number);
            let moment = Moment::StepRuns { stage: index, step: number };
            let view = View::with_steps(outline, moment, Arc::clone(&types), &[]);
            if let Some(config) = outline.config(at) {
                self.step(step, config, &view, &format!("{path}.steps[{number}]"));
            }
            drop(view);
            if !stage.parallel {
                // Nobody else holds them any more: this copies nothing.
                Arc::make_mut(&mut types).insert(step.name.clone(), outline.one(at));
            }
        }
    }

    fn for_each(&mut self, for_each: &ForEach, view: &View<'_>, path: &str) {
        let list = self.expression(&for_each.r#in, view, &Type::list(Type::Any), &format!("{path}.in"));
        match list.as_ref().and_then(items) {
            Some(0) => {
                let help = "name an item; where there may be nothing to do, say so with the stage's `when`".to_owned();
                self.mistake(Code::WrongLength, format!("{path}.in"), "the list is always empty", help);
            }
            Some(items) if items > MAX_ITEMS => {
                let message = format!("the list has {items} items, more than {MAX_ITEMS}");
                let help = "for more items, start a run for each".to_owned();
                self.mistake(Code::WrongLength, format!("{path}.in"), message, help);
            }
            _ => {}
        }
        // Also the name of a stage, step or parameter: those are read as members of `steps` and `params`.
        self.name(&for_each.r#as, format!("{path}.as"), |_| true);
    }

    fn until(&mut self, stage: &Stage, until: &Until, view: &View<'_>, path: &str) {
        let Some(condition) = self.expression(&until.condition, view, &Type::Bool, path) else { return };
        let may_change = condition.names().iter().any(|reference| match reference.path.as_slice() {
            [root, step, ..] if root == "steps" => stage.steps.iter().any(|own| own.name == *step),
            // Which step it is, is computed.
            [root] => root == "steps",
            _ => false,
        });
        if !may_change {
            let example = stage.steps.first().map_or("NAME", |step| &*step.name);
            let message = "the condition never changes: it reads no output of the stage's own steps";
            let help = format!(
                "read what a step of the stage finds out, such as `steps.{example}.outputs`; for what is known before, use `when`"
            );
            self.mistake(Code::ConstantCondition, path.to_owned(), message, help);
        }
    }
}

/// How many items the list has, where that is known.
fn items(list: &Expression) -> Option<usize> {
    if list.names().is_empty()
        && let Ok(serde_json::Value::Array(items)) = list.evaluate(&Scope::new())
    {
        return Some(items.len());
    }
    list.written_items()
}
