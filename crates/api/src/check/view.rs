//! What an expression sees at its place.

use std::sync::Arc;

use sluice_expr::{Names, Type};

use super::outline::{At, Outline, StepTypes};
use crate::{StepConfig, sight::Moment, variables};

/// What an expression sees, and when it is evaluated.
#[derive(Clone)]
pub(super) struct View<'v> {
    pub(super) moment: Moment,
    pub(super) names: Names,
    steps: StepTypes,
    /// The steps of the own hook that have run before.
    hook_steps: &'v [(String, Option<StepConfig>)],
}

/// A step that an expression sees.
pub(super) enum SeenStep<'s> {
    /// Of a stage.
    OfStage(At),
    /// Of the own hook. What it does is not known where it has no step type.
    OfHook(Option<&'s StepConfig>),
}

impl<'v> View<'v> {
    /// What is seen at a moment.
    pub(super) fn at(outline: &Outline<'_>, moment: Moment) -> Self {
        Self::with_steps(outline, moment, outline.step_types(moment), &[])
    }

    /// What is seen at a moment when these are the steps that are seen.
    pub(super) fn with_steps(
        outline: &Outline<'_>,
        moment: Moment,
        steps: StepTypes,
        hook_steps: &'v [(String, Option<StepConfig>)],
    ) -> Self {
        let mut names = outline.names.clone().with("steps", Type::Object(Arc::clone(&steps)));
        if let (Some(stage), Some(name)) = (moment.stage(), item_name(outline, moment)) {
            names.insert(name, outline.item(stage));
        }
        if outline.is_bound(moment) {
            names.insert("environment", variables::environment(false));
        }
        if moment == Moment::RunBegins {
            names = variables::before_the_start(names);
        }
        Self { moment, names, steps, hook_steps }
    }

    /// The name of the item that is seen.
    pub(super) fn item_name<'o>(&self, outline: &Outline<'o>) -> Option<&'o str> {
        item_name(outline, self.moment)
    }

    /// The same, and a variable more.
    pub(super) fn with(mut self, name: impl Into<String>, r#type: Type) -> Self {
        self.names.insert(name, r#type);
        self
    }

    /// The same, and `failure`.
    pub(super) fn with_failure(mut self) -> Self {
        self.names = variables::with_failure(self.names);
        self
    }

    /// The step of that name, if it is seen.
    pub(super) fn step(&self, outline: &Outline<'_>, name: &str) -> Option<SeenStep<'v>> {
        if let Some((_, config)) = self.hook_steps.iter().find(|(step, _)| step == name) {
            return Some(SeenStep::OfHook(config.as_ref()));
        }
        outline.place(name).filter(|_| self.steps.contains_key(name)).map(SeenStep::OfStage)
    }

    /// Whether what is read of the stage's steps is one for each item.
    pub(super) fn is_each(&self, outline: &Outline<'_>, stage: usize) -> bool {
        let is_own = self.moment.has_item() && self.moment.stage() == Some(stage);
        !is_own && outline.item_name(stage).is_some()
    }
}

fn item_name<'o>(outline: &Outline<'o>, moment: Moment) -> Option<&'o str> {
    moment.stage().filter(|_| moment.has_item()).and_then(|stage| outline.item_name(stage))
}
