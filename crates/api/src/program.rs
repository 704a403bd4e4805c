//! A pipeline made ready to run: the engine's plan, and beside it what each step is configured to do.

use jiff::SignedDuration;
use serde_json::{Map, Value};
use sluice_engine as engine;
use sluice_engine::{Condition, Guard, LockPlan, Nature, Plan, RunState, StepAt, Subject};

use crate::{
    Concurrency, Duration, ForEach, Hook, LockPolicy, PipelineSpec, Retry, Step, StepConfig, Unlock, Until,
    seen::{Reader, Sight},
    sight::Order,
};

/// How often a failure that may pass by itself is tried again unless the step says.
const DEFAULT_RETRIES: i32 = 5;

/// How long a step of a hook may take unless it says.
const HOOK_STEP_TIMEOUT: Duration = Duration::from_mins(10);

/// A pipeline made ready to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// What decisions need.
    pub plan: Plan,
    /// The group of the run's lock, its `${{ }}` not rendered yet; the pipeline's name unless set.
    pub group: Option<String>,
    /// The outputs of the run, their `${{ }}` not rendered yet.
    pub outputs: Map<String, Value>,
    pub(crate) stages: Vec<ProgramStage>,
    pub(crate) order: Order,
    hooks: Vec<(String, Vec<ProgramStep>)>,
}

/// One stage of a program.
#[derive(Clone, Debug, PartialEq)]
pub struct ProgramStage {
    /// Its name.
    pub name: String,
    /// Under which name expressions read the item of `forEach`.
    pub item_name: Option<String>,
    /// The name of the Environment that it is bound to, its `${{ }}` not rendered yet.
    pub environment: Option<String>,
    /// Whether people need a right to this very stage.
    pub is_restricted: bool,
    /// Which failures of the stage are tried again; all of them unless set.
    pub retry_when: Option<String>,
    steps: Vec<ProgramStep>,
}

/// One step of a program.
#[derive(Clone, Debug, PartialEq)]
pub struct ProgramStep {
    /// Its name.
    pub name: String,
    /// What it does.
    pub config: StepConfig,
    /// How long an attempt may take, if that is limited.
    pub timeout: Option<Duration>,
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
        let mut program = Self {
            plan: Plan {
                timeout: spec.timeout.map(Duration::get),
                lock: spec.concurrency.as_ref().and_then(lock),
                has_outputs: !spec.outputs.is_empty(),
                ..Plan::default()
            },
            group: spec.concurrency.as_ref().and_then(|concurrency| concurrency.group.clone()),
            outputs: spec.outputs.clone(),
            stages: Vec::new(),
            order: Order::of(&spec.stages),
            hooks: Vec::new(),
        };
        for (index, stage) in spec.stages.iter().enumerate() {
            let path = format!("spec.stages[{index}]");
            let (planned, steps) = steps(&stage.steps, &path, None)?;
            program.plan.stages.push(engine::Stage {
                name: stage.name.clone(),
                needs: needs(spec, &program.order, index, &path)?,
                when: stage.when.clone().map(Condition),
                is_bound: stage.environment.is_some(),
                approval: stage.approval.as_ref().map(|approval| approval.required),
                for_each: stage.for_each.as_ref().map(for_each),
                retry: stage.retry.as_ref().map(|given| retry(Some(given))),
                until: stage.until.as_ref().map(until),
                parallel: stage.parallel,
                timeout: stage.timeout.map(Duration::get),
                steps: planned,
            });
            program.stages.push(ProgramStage {
                name: stage.name.clone(),
                item_name: stage.for_each.as_ref().map(|for_each| for_each.r#as.clone()),
                environment: stage.environment.clone(),
                is_restricted: stage.approval.as_ref().is_some_and(|approval| approval.restricted),
                retry_when: stage.retry.as_ref().and_then(|retry| retry.when.clone()),
                steps,
            });
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

    /// What people need a right to before they decide about the stage of that name; `None` is the pipeline.
    pub fn guard(&self, pipeline: &str, stage: &str, environment: Option<&str>) -> Option<Guard> {
        let guard = |resource: &str, name: String| Some(Guard { resource: resource.to_owned(), name });
        match (self.stage(stage).is_some_and(|stage| stage.is_restricted), environment) {
            (true, _) => guard("stages", format!("{pipeline}.{stage}")),
            (false, Some(environment)) => guard("environments", environment.to_owned()),
            (false, None) => None,
        }
    }

    /// The Environment in which this step acts: that of its stage, or of the stage that its hook is for.
    pub fn environment_of(&self, state: &RunState, at: StepAt) -> Option<String> {
        Sight::of(self, state, Reader::Step(at)).environment().map(str::to_owned)
    }

    /// The stage of that name.
    pub fn stage(&self, name: &str) -> Option<&ProgramStage> {
        self.stages.iter().find(|stage| stage.name == name)
    }

    /// Which of the stages has that name.
    pub(crate) fn place_of_stage(&self, name: &str) -> Option<usize> {
        self.stages.iter().position(|stage| stage.name == name)
    }

    /// Which step of which stage has that name.
    pub(crate) fn place_of_step(&self, name: &str) -> Option<(usize, usize)> {
        let mut stages = self.stages.iter().enumerate();
        stages.find_map(|(number, stage)| Some((number, stage.steps.iter().position(|step| step.name == name)?)))
    }

    /// The step at this place of a run's state.
    pub fn step(&self, state: &RunState, at: StepAt) -> Option<&ProgramStep> {
        match at {
            StepAt::Stage { stage, step } => self.stage(&state.stages.get(stage)?.name)?.steps.get(step),
            StepAt::Hook { hook, step } => {
                let name = &state.hooks.get(hook)?.hook;
                self.hooks.iter().find(|(hook, _)| hook == name)?.1.get(step)
            }
        }
    }
}

/// The stages that the one of this index needs.
fn needs(spec: &PipelineSpec, order: &Order, index: usize, path: &str) -> Result<Vec<usize>, ProgramError> {
    let mut named = spec.stages[index].needs.iter().flatten();
    match named.find(|name| spec.stages.iter().all(|stage| stage.name != **name)) {
        Some(unknown) => {
            Err(ProgramError { path: format!("{path}.needs"), message: format!("there is no stage {unknown:?}") })
        }
        None => Ok(order.needs(index).to_vec()),
    }
}

fn lock(concurrency: &Concurrency) -> Option<LockPlan> {
    let ends_when_taken = match concurrency.policy {
        LockPolicy::Queue => false,
        LockPolicy::Forbid => true,
        LockPolicy::Parallel => return None,
    };
    Some(LockPlan { ends_when_taken, kept_unless_succeeded: concurrency.unlock == Unlock::OnSuccess })
}

fn for_each(ForEach { r#in, r#as: _, max_parallel }: &ForEach) -> engine::ForEach {
    let max_parallel = max_parallel.and_then(|most| usize::try_from(most).ok());
    engine::ForEach { items: Condition(r#in.clone()), max_parallel }
}

fn until(Until { condition, interval, limit }: &Until) -> engine::Until {
    let interval = interval.map_or(SignedDuration::ZERO, Duration::get);
    engine::Until { condition: Condition(condition.clone()), interval, limit: *limit }
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
        let timeout = timeout(step, &config, default_timeout);
        planned.push(engine::Step {
            name: step.name.clone(),
            when: step.when.clone().map(Condition),
            retry: retry(step.retry.as_ref()),
            timeout: timeout.map(Duration::get),
            nature: config.nature(),
            undo: config.undoes(),
        });
        let retries = match &step.retry {
            None => Retries::Default,
            Some(retry) => retry.when.clone().map_or(Retries::Transient, Retries::When),
        };
        programmed.push(ProgramStep { name: step.name.clone(), config, timeout, retries });
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
