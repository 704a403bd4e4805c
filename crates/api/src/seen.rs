//! What an expression sees of a run's steps, by the rule of [`crate::sight`]: which steps those are in a state.

use serde_json::{Map, Value};
use sluice_engine::{
    HookEvent, HookState, Outputs, RunState, StagePhase, StageState, StepAt, StepPhase, StepState, Subject,
};

use crate::{Program, sight::Moment};

/// Whose expression it is. Stages are meant by their index into the state's stages, where each item has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// That of a step, of a stage or of a hook.
    Step(StepAt),
    /// That of a stage before it starts: its `when`, its `forEach.in`.
    BeforeStage(usize),
    /// That of a stage, or an item of it, whose steps have ended: its `until`, its `retry.when`.
    AfterSteps(usize),
    /// That of the pipeline's `outputs`.
    Run,
}

/// A step that is seen.
pub(crate) enum SeenStep<'a> {
    /// There is one of it.
    One(&'a StepState),
    /// There is one for each item of its stage.
    Each(&'a str, Vec<&'a Outputs>),
}

/// Where in a run an expression is evaluated.
pub(crate) struct Sight<'a> {
    program: &'a Program,
    state: &'a RunState,
    moment: Moment,
    /// The stage, or the item of it, that it belongs to.
    own: Option<&'a StageState>,
    /// The hook that it belongs to.
    pub(crate) hook: Option<&'a HookState>,
    /// The steps of that hook that have ended.
    hook_steps: &'a [StepState],
}

impl<'a> Sight<'a> {
    pub(crate) fn of(program: &'a Program, state: &'a RunState, reader: Reader) -> Self {
        let seen = |moment, own, hook| Self { program, state, moment, own, hook, hook_steps: &[] };
        let entry = |index: usize| {
            let entry = state.stages.get(index)?;
            Some((program.place_of_stage(&entry.name)?, entry))
        };
        // A state that does not fit its program shows nothing.
        let nothing = || seen(Moment::RunStarts, None, None);
        match reader {
            Reader::Run => seen(Moment::RunEnds, None, None),
            Reader::BeforeStage(index) => {
                entry(index).map_or_else(nothing, |(stage, own)| seen(Moment::BeforeStage(stage), Some(own), None))
            }
            Reader::AfterSteps(index) => {
                entry(index).map_or_else(nothing, |(stage, own)| seen(Moment::StageEnds(stage), Some(own), None))
            }
            Reader::Step(StepAt::Stage { stage, step }) => entry(stage)
                .map_or_else(nothing, |(stage, own)| seen(Moment::StepRuns { stage, step }, Some(own), None)),
            Reader::Step(StepAt::Hook { hook, step }) => match state.hooks.get(hook) {
                Some(hook) => {
                    let (moment, own) = moment_of(program, state, hook).unwrap_or((Moment::RunStarts, None));
                    let hook_steps = hook.steps.get(..step).unwrap_or_default();
                    Self { hook_steps, ..seen(moment, own, Some(hook)) }
                }
                None => nothing(),
            },
        }
    }

    /// The name of the item that is seen, and the item; null while the stage has none yet.
    pub(crate) fn item(&self) -> Option<(&'a str, &'a Value)> {
        const NONE: &Value = &Value::Null;
        let stage = self.moment.stage().filter(|_| self.moment.has_item())?;
        let name = self.program.stages.get(stage)?.item_name.as_deref()?;
        Some((name, self.own.and_then(|own| own.value.as_ref()).unwrap_or(NONE)))
    }

    /// The Environment that is seen.
    pub(crate) fn environment(&self) -> Option<&'a str> {
        self.own?.environment.as_deref()
    }

    /// Every step that is seen and has outputs.
    pub(crate) fn steps(&self) -> Vec<SeenStep<'a>> {
        let seen = self.program.order.seen(self.moment);
        let mut steps = Vec::new();
        for (stage, group) in self.state.groups(&self.program.plan).into_iter().enumerate() {
            if !seen.stages.contains(&stage) {
                continue;
            }
            match (&group.plan.for_each, self.state.stages.get(group.entries).unwrap_or_default()) {
                (None, [entry]) => steps.extend(with_outputs(&entry.steps)),
                (Some(_), entries) => steps.extend(each(entries)),
                (None, _) => {}
            }
        }
        if let Some((own, (_, range))) = self.own.zip(seen.own) {
            steps.extend(with_outputs(own.steps.get(range).unwrap_or_default()));
        }
        steps.extend(with_outputs(self.hook_steps));
        steps
    }
}

/// When the hook runs, and the stage, or the item of it, that it belongs to.
fn moment_of<'a>(program: &Program, state: &'a RunState, hook: &HookState) -> Option<(Moment, Option<&'a StageState>)> {
    let is_start = hook.event == HookEvent::Started;
    let own = |stage: usize| {
        let name = &program.stages.get(stage)?.name;
        state.stages.iter().find(|entry| entry.name == *name && entry.item == hook.item)
    };
    Some(match &program.plan.hook(&hook.hook)?.subject {
        Subject::Pipeline if is_start => (Moment::RunStarts, None),
        Subject::Pipeline => (Moment::RunEnds, None),
        Subject::Stage(name) => {
            let stage = program.place_of_stage(name)?;
            (if is_start { Moment::StageStarts(stage) } else { Moment::StageEnds(stage) }, own(stage))
        }
        Subject::Step(name) => {
            let (stage, step) = program.place_of_step(name)?;
            (if is_start { Moment::StepRuns { stage, step } } else { Moment::StepEnds { stage, step } }, own(stage))
        }
    })
}

fn with_outputs(steps: &[StepState]) -> impl Iterator<Item = SeenStep<'_>> {
    let has_outputs = |step: &&StepState| step.phase == StepPhase::Succeeded || !step.outputs.is_empty();
    steps.iter().filter(has_outputs).map(SeenStep::One)
}

/// The steps of a stage that runs for each item, with what they are for each: nothing where a step was skipped. There
/// are none before the items are known; a stage that was skipped had no items.
fn each(entries: &[StageState]) -> Vec<SeenStep<'_>> {
    let Some(first) = entries.first() else { return Vec::new() };
    let items = match (&first.item, first.phase) {
        (Some(_), _) => entries,
        (None, StagePhase::Skipped) => &[],
        (None, _) => return Vec::new(),
    };
    let outputs = |number: usize| items.iter().filter_map(|item| Some(&item.steps.get(number)?.outputs)).collect();
    let steps = first.steps.iter().enumerate();
    steps.map(|(number, step)| SeenStep::Each(&step.name, outputs(number))).collect()
}

impl Program {
    /// The outputs of the step that this one takes from: of its own stage, item or hook, or of a stage before. `None` when it
    /// has none.
    pub fn outputs_of<'s>(&'s self, state: &'s RunState, at: StepAt, step: &str) -> Option<&'s Map<String, Value>> {
        let seen = Sight::of(self, state, Reader::Step(at)).steps();
        seen.into_iter().find_map(|seen| match seen {
            SeenStep::One(seen) if seen.name == step && seen.phase == StepPhase::Succeeded => Some(&seen.outputs),
            _ => None,
        })
    }
}
