//! A pipeline made ready to run: the engine's plan, and beside it what each step is configured to do.

use sluice_engine as engine;
use sluice_engine::{Condition, Nature, Plan, RunState, StepAt, Subject};

use crate::{Duration, Hook, PipelineSpec, Retry, Step, StepConfig};

/// How often a failure that may pass by itself is tried again unless the step says.
const DEFAULT_RETRIES: i32 = 5;

/// How long a step of a hook may take unless it says.
const HOOK_STEP_TIMEOUT: Duration = Duration::from_mins(10);

/// A pipeline made ready to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// What decisions need.
    pub plan: Plan,
    stages: Vec<(String, Vec<ProgramStep>)>,
    hooks: Vec<(String, Vec<ProgramStep>)>,
}

/// One step of a program.
#[derive(Clone, Debug, PartialEq)]
pub struct ProgramStep {
    /// Its name.
    pub name: String,
    /// What it does.
    pub config: StepConfig,
    /// Which failures are tried again.
    pub retries: Retries,
}

/// Which failures of a step are tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retries {
    /// The pipeline does not say: those that may pass by themselves, but no timeout, which would only be multiplied.
    Default,
    /// It says how often: those that may pass by themselves.
    Transient,
    /// It says when: those for which this expression is true.
    When(String),
}

/// A pipeline that cannot run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct ProgramError {
    /// The step.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
}

impl Program {
    /// Makes a pipeline ready to run.
    pub fn of(spec: &PipelineSpec) -> Result<Self, ProgramError> {
        let mut program = Self { plan: Plan::default(), stages: Vec::new(), hooks: Vec::new() };
        program.plan.timeout = spec.timeout.map(Duration::get);
        for (index, stage) in spec.stages.iter().enumerate() {
            let (planned, steps) = steps(&stage.steps, &format!("spec.stages[{index}]"), None)?;
            program.plan.stages.push(engine::Stage {
                name: stage.name.clone(),
                when: stage.when.clone().map(Condition),
                timeout: stage.timeout.map(Duration::get),
                steps: planned,
            });
            program.stages.push((stage.name.clone(), steps));
        }
        for (index, hook) in spec.hooks.iter().enumerate() {
            let default = Some(HOOK_STEP_TIMEOUT);
            let (planned, steps) = steps(&hook.steps, &format!("spec.hooks[{index}]"), default)?;
            let (name, events, subject) = (hook.name.clone(), hook.events.clone(), subject(hook));
            program.plan.hooks.push(engine::Hook { name, events, subject, steps: planned });
            program.hooks.push((hook.name.clone(), steps));
        }
        Ok(program)
    }

    /// The step at this place of a run's state.
    pub fn step(&self, state: &RunState, at: StepAt) -> Option<&ProgramStep> {
        let (groups, name, step) = match at {
            StepAt::Stage { stage, step } => (&self.stages, &state.stages.get(stage)?.name, step),
            StepAt::Hook { hook, step } => (&self.hooks, &state.hooks.get(hook)?.hook, step),
        };
        groups.iter().find(|(group, _)| group == name)?.1.get(step)
    }
}

fn steps(
    steps: &[Step],
    path: &str,
    default_timeout: Option<Duration>,
) -> Result<(Vec<engine::Step>, Vec<ProgramStep>), ProgramError> {
    let mut planned = Vec::new();
    let mut programmed = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let config =
            step.config().map_err(|message| ProgramError { path: format!("{path}.steps[{index}]"), message })?;
        planned.push(engine::Step {
            name: step.name.clone(),
            when: step.when.clone().map(Condition),
            retry: retry(step.retry.as_ref()),
            timeout: timeout(step, &config, default_timeout).map(Duration::get),
            nature: config.nature(),
        });
        let retries = match &step.retry {
            None => Retries::Default,
            Some(retry) => retry.when.clone().map_or(Retries::Transient, Retries::When),
        };
        programmed.push(ProgramStep { name: step.name.clone(), config, retries });
    }
    Ok((planned, programmed))
}

fn timeout(step: &Step, config: &StepConfig, default: Option<Duration>) -> Option<Duration> {
    match config.nature() {
        Nature::Pure => None,
        Nature::Reads | Nature::Acts => step.timeout.or(default).or_else(|| config.default_timeout()),
    }
}

fn retry(retry: Option<&Retry>) -> engine::Retry {
    let default = engine::Backoff::default();
    let backoff = retry.and_then(|retry| retry.backoff.as_ref());
    let get = |duration: Option<Duration>, default| duration.map_or(default, Duration::get);
    engine::Retry {
        limit: retry.map_or(DEFAULT_RETRIES, |retry| retry.limit),
        backoff: engine::Backoff {
            initial: get(backoff.and_then(|backoff| backoff.initial), default.initial),
            factor: backoff.and_then(|backoff| backoff.factor).unwrap_or(default.factor),
            max: get(backoff.and_then(|backoff| backoff.max), default.max),
        },
    }
}

fn subject(hook: &Hook) -> Subject {
    let subject = hook.r#for.as_ref();
    let stage = subject.and_then(|subject| subject.stage.clone()).map(Subject::Stage);
    let step = subject.and_then(|subject| subject.step.clone()).map(Subject::Step);
    stage.or(step).unwrap_or(Subject::Pipeline)
}
