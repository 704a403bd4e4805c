//! One step.

use sluice_expr::Type;

use super::{
    Check,
    unseen::Unseen,
    view::{SeenStep, View},
};
use crate::{
    Code, Step, StepConfig,
    step::{ConfigMistake, STEP_TYPES, TakesFrom},
};

impl Check<'_> {
    /// Checks one step, which is configured like that.
    pub(super) fn step(&mut self, step: &Step, config: &Result<StepConfig, String>, view: &View<'_>, path: &str) {
        self.timeout(step.timeout, format!("{path}.timeout"));
        if let Some(when) = &step.when {
            self.expression(when, view, &Type::Bool, &format!("{path}.when"));
        }
        if let Some(when) = step.retry.as_ref().and_then(|retry| retry.when.as_ref()) {
            self.expression(when, &view.clone().with_failure(), &Type::Bool, &format!("{path}.retry.when"));
        }
        match config {
            Ok(config) => self.config(config, view, &format!("{path}.{}", config.type_name())),
            Err(message) => {
                let help = format!("set exactly one of {}", STEP_TYPES.join(", "));
                self.mistake(Code::StepType, path.to_owned(), message, help);
            }
        }
    }

    fn config(&mut self, config: &StepConfig, view: &View<'_>, path: &str) {
        match config.to_value() {
            Ok(value) => self.value(&value, view, path),
            Err(error) => self.mistake(Code::InvalidValue, path.to_owned(), error.to_string(), None),
        }
        let expressions = config.expressions();
        if let Some(item) = view.item_name(self.outline)
            && expressions.iter().any(|bare| bare.extra.iter().any(|(name, _)| name == item))
        {
            let message = format!("{item:?} is the name of the stage's item, and of a variable of this step");
            self.mistake(Code::DuplicateName, path.to_owned(), message, "rename one of them".to_owned());
        }
        for bare in expressions {
            let view = bare.extra.into_iter().fold(view.clone(), |view, (name, r#type)| view.with(name, r#type));
            self.expression(bare.source, &view, &bare.expected, &format!("{path}.{}", bare.path));
        }
        if let Some(from) = config.takes_from() {
            self.takes_from(from, view, path);
        }
        for ConfigMistake { field, message, help } in config.mistakes() {
            self.mistake(Code::InvalidValue, format!("{path}.{field}"), message, help);
        }
    }

    fn takes_from(&mut self, from: TakesFrom<'_>, view: &View<'_>, path: &str) {
        let TakesFrom { field, step, types } = from;
        let path = format!("{path}.{field}");
        let types_text = types.join(" or ");
        let config = match view.step(self.outline, step) {
            Some(SeenStep::OfHook(config)) => config,
            Some(SeenStep::OfStage((stage, _))) if view.is_each(self.outline, stage) => {
                let stage = &self.outline.stages[stage].name;
                let message =
                    format!("step {step:?} runs for each item of stage {stage:?}, and which one is meant is not said");
                let help = format!("put this step into stage {stage:?}, where it takes from its own item");
                return self.mistake(Code::UnknownReference, path, message, help);
            }
            Some(SeenStep::OfStage(at)) => self.outline.config(at).and_then(|config| config.as_ref().ok()),
            None => {
                let Some(at) = self.outline.place(step) else {
                    let help = format!("name an earlier step of type {types_text}");
                    return self.mistake(Code::UnknownReference, path, format!("there is no step {step:?}"), help);
                };
                let Unseen { message, help, .. } = Unseen::step(self.outline, view.moment, at);
                return self.mistake(Code::TooEarly, path, message, help);
            }
        };
        // A step without a type is a mistake already.
        let Some(config) = config else { return };
        if !types.contains(&config.type_name().as_str()) {
            let message = format!("step {step:?} is of type {}", config.type_name());
            let help = format!("it has to be one of type {types_text}");
            self.mistake(Code::UnknownReference, path, message, help);
        }
    }
}
