//! What a pipeline consists of, put together once for all checks.

use std::{collections::BTreeMap, sync::Arc};

use sluice_expr::{Names, Type};

use crate::{
    PipelineSpec, Stage, StepConfig,
    sight::{Moment, Order},
    variables,
};

/// The types of steps by name, as expressions read them under `steps`.
pub(super) type StepTypes = Arc<BTreeMap<String, Type>>;

/// A place of a step: its stage, and which of its steps.
pub(super) type At = (usize, usize);

/// The stages of a pipeline with their order, and its steps with their types.
pub(super) struct Outline<'a> {
    pub(super) stages: &'a [Stage],
    pub(super) order: Order,
    /// What every expression sees.
    pub(super) names: Names,
    places: BTreeMap<&'a str, At>,
    steps: Vec<Vec<OutlinedStep>>,
    /// The hooks of steps, by the steps' names.
    hooks: BTreeMap<&'a str, &'a str>,
    /// What the item of each stage with a `forEach` is.
    items: Vec<Type>,
}

struct OutlinedStep {
    /// What it is configured to do, or why that is not known.
    config: Result<StepConfig, String>,
    /// What is read where there is one of it.
    one: Type,
    /// What is read where there is one for each item.
    each: Type,
}

impl<'a> Outline<'a> {
    pub(super) fn of(spec: &'a PipelineSpec) -> Self {
        let mut places = BTreeMap::new();
        for (s, stage) in spec.stages.iter().enumerate() {
            for (t, step) in stage.steps.iter().enumerate() {
                places.entry(step.name.as_str()).or_insert((s, t));
            }
        }
        let hooks = spec.hooks.iter().flat_map(|hook| hook.steps.iter().map(move |step| (&*step.name, &*hook.name)));
        let outlined = spec.stages.iter().map(|stage| stage.steps.iter().map(OutlinedStep::of).collect());
        let mut outline = Self {
            stages: &spec.stages,
            order: Order::of(&spec.stages),
            names: variables::names(spec),
            places,
            steps: outlined.collect(),
            hooks: hooks.collect(),
            items: Vec::new(),
        };
        outline.items = (0..spec.stages.len()).map(|stage| outline.type_of_items(stage)).collect();
        outline
    }

    fn type_of_items(&self, stage: usize) -> Type {
        let Some(for_each) = self.stages.get(stage).and_then(|stage| stage.for_each.as_ref()) else { return Type::Any };
        let Ok(list) = sluice_expr::Expression::compile(&for_each.r#in) else { return Type::Any };
        let moment = Moment::BeforeStage(stage);
        let mut names = self.names.clone().with("steps", Type::Object(self.step_types(moment)));
        if self.is_bound(moment) {
            names.insert("environment", variables::environment(true));
        }
        match list.result_type(&names) {
            Type::List(item) => *item,
            _ => Type::Any,
        }
    }

    /// The type of the stage's item.
    pub(super) fn item(&self, stage: usize) -> Type {
        self.items.get(stage).cloned().unwrap_or_default()
    }

    /// Whether the moment belongs to a stage that is bound to an Environment.
    pub(super) fn is_bound(&self, moment: Moment) -> bool {
        moment.stage().and_then(|stage| self.stages.get(stage)).is_some_and(|stage| stage.environment.is_some())
    }

    /// The stage's `as` name.
    pub(super) fn item_name(&self, stage: usize) -> Option<&'a str> {
        Some(self.stages.get(stage)?.for_each.as_ref()?.r#as.as_str())
    }

    /// The step of that name of a stage.
    pub(super) fn place(&self, step: &str) -> Option<At> {
        self.places.get(step).copied()
    }

    /// The names of all steps of stages.
    pub(super) fn step_names(&self) -> impl Iterator<Item = &'a str> {
        self.places.keys().copied()
    }

    /// The hook with a step of that name.
    pub(super) fn hook_of(&self, step: &str) -> Option<&'a str> {
        self.hooks.get(step).copied()
    }

    /// What the step is configured to do, or why that is not known.
    pub(super) fn config(&self, (stage, step): At) -> Option<&Result<StepConfig, String>> {
        Some(&self.steps.get(stage)?.get(step)?.config)
    }

    /// What expressions in its own stage read of a step.
    pub(super) fn one(&self, (stage, step): At) -> Type {
        self.steps.get(stage).and_then(|steps| steps.get(step)).map(|step| step.one.clone()).unwrap_or_default()
    }

    /// The types of the steps that are seen at a moment.
    pub(super) fn step_types(&self, moment: Moment) -> StepTypes {
        let seen = self.order.seen(moment);
        let mut types = BTreeMap::new();
        let mut insert = |stage: usize, steps: std::ops::Range<usize>, is_each: bool| {
            let named = self.stages[stage].steps.iter().zip(&self.steps[stage]);
            for (step, outlined) in named.take(steps.end).skip(steps.start) {
                let r#type = if is_each { &outlined.each } else { &outlined.one };
                types.insert(step.name.clone(), r#type.clone());
            }
        };
        for stage in seen.stages {
            insert(stage, 0..self.steps[stage].len(), self.stages[stage].for_each.is_some());
        }
        if let Some((stage, steps)) = seen.own {
            insert(stage, steps, false);
        }
        Arc::new(types)
    }
}

impl OutlinedStep {
    fn of(step: &crate::Step) -> Self {
        let config = step.config();
        let outputs = config.as_ref().map_or(Type::Any, StepConfig::outputs);
        let one = variables::of_step(outputs.clone());
        Self { config, one, each: variables::of_step(Type::list(outputs)) }
    }
}
