//! The loop that carries a run on: ask the engine, do what it says, record what came of it.
//!
//! # Guarantees
//! - A step that acts is performed only under a claim that this process persisted itself, and once under each; one that
//!   asks to act again does so only while nobody else changed the run since it was read.
//! - The outcome of one step and the claim of the next travel in the same write: N steps that read or act cost N + 1.
//! - What came of a step is kept in [`Memory`] until it is persisted: a refused write repeats no effect.
//! - A caller may drop the future at any time: the claim of an act that was under way is given up, never acted on again.
//!
//! It returns when the run waits or has ended; no wait holds a worker.

mod journal;
mod memory;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use sluice_api::{
    Program, Retries,
    step::Claim,
    variables::{self, RunIdentity, RunVariables},
};
use sluice_engine::{
    Abort, Action, Event, Failure, Mode, Observed, Outcome, Outputs, Question, RunState, StagePhase, StepAt, StepPhase,
    Task, decide, record,
};

pub use memory::Memory;

use crate::{Report, StepContext, World, perform, render};

/// A run to carry on.
pub struct Run<'a> {
    /// Who it is.
    pub identity: &'a RunIdentity,
    /// What it does.
    pub program: &'a Program,
    /// What its expressions see.
    pub variables: &'a RunVariables,
    /// Everything outside.
    pub world: &'a dyn World,
    /// Why it has to be aborted.
    pub abort: Option<Abort>,
    /// The clock.
    pub clock: &'a (dyn Fn() -> Timestamp + Sync),
    /// Whether the process is to end: then nothing new is claimed.
    pub stopping: &'a AtomicBool,
}

/// Where the state of a run is kept.
#[async_trait]
pub trait Store: Send {
    /// What can go wrong with it.
    type Error: Send;

    /// Keeps the state, if nobody else changed it since it was read.
    async fn persist(&mut self, state: &RunState) -> Result<(), Self::Error>;

    /// Fails if somebody else changed it since it was read.
    async fn confirm(&mut self) -> Result<(), Self::Error>;
}

/// What to do with the run after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Carry it on at that time at the latest, or when something it waits for changes.
    Wait(Option<Timestamp>),
    /// It has ended.
    Finished,
}

/// Moves in one call: far more than any plan has, so that a fault here never spins for ever.
const MAX_MOVES: usize = 100_000;

/// No step is performed longer without an outcome: its own requests have shorter limits, so this is for what has none.
const PERFORM_LIMIT: Duration = Duration::from_secs(180);

/// Carries a run on until it waits or has ended.
pub async fn drive<S: Store>(
    run: &Run<'_>,
    state: RunState,
    memory: &mut Memory,
    store: &mut S,
) -> Result<Next, S::Error> {
    let mut drive = Drive { run, state, memory, unsure: BTreeSet::new(), dirty: false, is_current: false };
    drive.recall();
    for _ in 0..MAX_MOVES {
        let now = (run.clock)();
        match drive.decide(now) {
            Action::Record(event) => {
                drive.report(&event).await;
                drive.note(event, now);
            }
            Action::Evaluate { question, condition } => drive.evaluate(question, &condition.0, now),
            Action::Judge { at, failure } => drive.fail(at, failure, now),
            Action::Compute(at) => drive.compute(at, now),
            Action::Claim { .. } if run.stopping.load(Ordering::Relaxed) => {
                drive.persist_if(drive.dirty, store).await?;
                return Ok(Next::Wait(None));
            }
            Action::Claim { at, key } => drive.claim(at, &key, now),
            Action::Perform(tasks) => {
                drive.persist_if(drive.dirty, store).await?;
                if !drive.is_current && tasks.iter().any(|task| task.mode == Mode::Act) {
                    // A step that acts again, without a write before it: what it was read from may have changed since.
                    store.confirm().await?;
                    drive.is_current = true;
                }
                drive.perform(&tasks).await;
            }
            Action::Wait { until } => {
                let until = drive.persist_what_is_due(until, now, store).await?;
                return Ok(Next::Wait(until));
            }
            Action::Finished => {
                drive.persist_if(drive.dirty, store).await?;
                return Ok(Next::Finished);
            }
        }
    }
    tracing::error!(run = %run.identity.name, "the run does not come to rest; it is left alone for a while");
    Ok(Next::Wait(Some((run.clock)())))
}

struct Drive<'a, 'r> {
    run: &'a Run<'r>,
    state: RunState,
    memory: &'a mut Memory,
    /// The keys whose claims give no right to act in another call: those claimed since the last write, before which nothing
    /// is performed, and those that are acted on right now.
    unsure: BTreeSet<String>,
    /// Whether something other than progress changed since the last write.
    dirty: bool,
    /// Whether this call has seen that nobody else changed the run.
    is_current: bool,
}

/// Also when the call is cut short: by an error, by a caller that waits no longer, or by a panic.
impl Drop for Drive<'_, '_> {
    fn drop(&mut self) {
        self.unsure.iter().for_each(|key| self.memory.unclaim(key));
    }
}

impl Drive<'_, '_> {
    fn decide(&self, now: Timestamp) -> Action {
        let seen = Observed {
            run_uid: self.run.identity.uid.clone(),
            abort: self.run.abort.clone(),
            held: self.memory.held.clone(),
        };
        decide(&self.run.program.plan, &self.state, &seen, now)
    }

    /// Records an event.
    fn note(&mut self, event: Event, now: Timestamp) {
        self.dirty |= !matches!(event, Event::Progressed { .. });
        journal::log(self.run.identity, &self.state, &event);
        self.state = record(&self.run.program.plan, std::mem::take(&mut self.state), event, now);
    }

    /// Brings back what this process knows and the status does not: what came of steps whose outcome could not be written,
    /// before anything else is decided, and what was seen of waiting ones.
    fn recall(&mut self) {
        self.memory.forget_all_but(&self.state);
        let now = (self.run.clock)();
        for at in places(&self.state) {
            let Some(step) = at.of(&self.state).filter(|step| step.phase == StepPhase::Running) else { continue };
            let key = step.key.clone().unwrap_or_default();
            if let Some(outcome) = self.memory.outcome(&key, step.claims).cloned() {
                self.record_outcome(at, outcome, now);
                continue;
            }
            let (message, progress) = self.memory.recall(&key, step, now);
            self.note(Event::Progressed { at, message, progress }, now);
        }
    }

    fn evaluate(&mut self, question: Question, condition: &str, now: Timestamp) {
        let at = match question {
            Question::StageWhen(_) => None,
            Question::StepWhen(at) => Some(at),
        };
        let answer = render::condition(condition, "when", &self.run.variables.scope(&self.state, at));
        self.note(Event::Answered(question, answer), now);
    }

    fn fail(&mut self, at: StepAt, failure: Failure, now: Timestamp) {
        let retry = self.may_be_retried(at, &failure);
        self.note(Event::Failed { at, failure, retry }, now);
    }

    fn may_be_retried(&self, at: StepAt, failure: &Failure) -> bool {
        let Some(step) = self.run.program.step(&self.state, at) else { return false };
        let when = match &step.retries {
            Retries::Default => return failure.transient && failure.reason != sluice_engine::TIMEOUT,
            Retries::Transient => return failure.transient,
            Retries::When(when) => when,
        };
        let stage = stage_of(&self.state, at);
        let scope = self.run.variables.scope(&self.state, Some(at));
        let scope = scope.with_owned("failure", variables::failure(failure, stage, &step.name));
        render::condition(when, "retry.when", &scope).unwrap_or_else(|error| {
            tracing::warn!(run = %self.run.identity.name, step = %step.name, error = %error.message, "cannot judge a retry");
            false
        })
    }

    fn compute(&mut self, at: StepAt, now: Timestamp) {
        let outcome = self.with_context(at, now, perform::compute);
        self.record_outcome(at, outcome.unwrap_or_else(Outcome::Failed), now);
    }

    fn claim(&mut self, at: StepAt, key: &sluice_engine::Key, now: Timestamp) {
        let waiting_on = self.with_context(at, now, |config, context| {
            let StepContext { run, step, from, .. } = *context;
            config.waiting_on(&Claim { run, step, key: key.as_str(), from })
        });
        match waiting_on {
            Ok(waiting_on) => {
                let is_again = at.of(&self.state).is_some_and(|step| step.phase == StepPhase::Running);
                self.note(Event::Claimed { at, key: key.clone(), waiting_on }, now);
                let claims = at.of(&self.state).map_or(0, |step| step.claims);
                self.memory.claim(key.as_str(), claims, is_again, now);
                self.unsure.insert(key.as_str().to_owned());
            }
            Err(failure) => self.fail(at, failure, now),
        }
    }

    /// Calls `act` with the step's rendered configuration and its context.
    fn with_context<T>(
        &self,
        at: StepAt,
        now: Timestamp,
        act: impl FnOnce(&sluice_api::StepConfig, &StepContext<'_>) -> T,
    ) -> Result<T, Failure> {
        let prepared = Prepared::of(self.run, &self.state, at)?;
        let context = prepared.context(self.run, &self.state, now);
        Ok(act(&prepared.config, &context))
    }

    async fn perform(&mut self, tasks: &[Task]) {
        let acts = tasks.iter().filter(|task| task.mode == Mode::Act);
        self.unsure.extend(acts.map(|task| task.key.clone()));
        let (run, state) = (self.run, &self.state);
        let mut performed: FuturesUnordered<_> =
            tasks.iter().map(async |task| (task, perform_one(run, state, task).await)).collect();
        let mut outcomes = Vec::new();
        // One by one: what came of one is known even if another never ends.
        while let Some((task, outcome)) = performed.next().await {
            let claims = task.at.of(state).map_or(0, |step| step.claims);
            self.memory.performed(task, claims, &outcome, (run.clock)());
            self.unsure.remove(&task.key);
            outcomes.push((task.at, outcome));
        }
        drop(performed);
        let now = (run.clock)();
        outcomes.into_iter().for_each(|(at, outcome)| self.record_outcome(at, outcome, now));
    }

    /// Tells people what changes no result and would pass unseen.
    async fn report(&self, event: &Event) {
        let Event::HookEnded { hook, phase: StagePhase::Failed } = event else { return };
        let Some(hook) = self.state.hooks.get(*hook) else { return };
        let failed = hook.steps.iter().find(|step| step.phase.is_failed());
        let why = failed.and_then(|step| step.message.as_deref()).unwrap_or("a step failed");
        let message = format!("hook {} ({:?} of {}) failed: {why}", hook.hook, hook.event, hook.subject);
        self.run.world.report(Report { reason: "HookFailed".to_owned(), message, warning: true }).await;
    }

    fn record_outcome(&mut self, at: StepAt, outcome: Outcome, now: Timestamp) {
        match outcome {
            Outcome::Succeeded(outputs) => self.note(Event::Succeeded { at, outputs }, now),
            Outcome::Failed(failure) => self.fail(at, failure, now),
            Outcome::Waiting { message, progress, .. } => self.note(Event::Progressed { at, message, progress }, now),
        }
    }

    async fn persist_if<S: Store>(&mut self, needed: bool, store: &mut S) -> Result<(), S::Error> {
        if !needed {
            return Ok(());
        }
        store.persist(&self.state).await?;
        self.dirty = false;
        self.is_current = true;
        self.unsure.clear();
        self.memory.persisted((self.run.clock)());
        Ok(())
    }

    /// Persists what has to be kept before a wait, and returns when to come back.
    async fn persist_what_is_due<S: Store>(
        &mut self,
        until: Option<Timestamp>,
        now: Timestamp,
        store: &mut S,
    ) -> Result<Option<Timestamp>, S::Error> {
        let progress_due = self.memory.progress_due();
        let is_due = progress_due.is_some_and(|due| now >= due);
        self.persist_if(self.dirty || is_due, store).await?;
        let later = self.memory.progress_due();
        Ok(until.into_iter().chain(later).min())
    }
}

async fn perform_one(run: &Run<'_>, state: &RunState, task: &Task) -> Outcome {
    let prepared = match Prepared::of(run, state, task.at) {
        Ok(prepared) => prepared,
        Err(failure) => return Outcome::Failed(failure),
    };
    let context = prepared.context(run, state, (run.clock)());
    let performed = async {
        match task.mode {
            Mode::Act => perform::act(&prepared.config, &context).await,
            Mode::Look => perform::look(&prepared.config, &context).await,
        }
    };
    let ended = tokio::time::timeout(PERFORM_LIMIT, performed).await;
    ended.unwrap_or_else(|_| stalled(task.mode, (run.clock)()))
}

/// Something outside neither answered nor failed.
fn stalled(mode: Mode, now: Timestamp) -> Outcome {
    let message = format!("nothing answered for {} s", PERFORM_LIMIT.as_secs());
    match mode {
        Mode::Act => Outcome::Failed(Failure::transient("Stalled", message)),
        // A wait goes on.
        Mode::Look => Outcome::Waiting { look_at: now, message: Some(message), progress: None, act_again: false },
    }
}

/// A step's rendered configuration and what goes with it.
struct Prepared<'a> {
    at: StepAt,
    name: &'a str,
    config: sluice_api::StepConfig,
    from: Option<&'a Outputs>,
    scope: sluice_expr::Scope<'a>,
}

impl<'a> Prepared<'a> {
    fn of(run: &Run<'a>, state: &'a RunState, at: StepAt) -> Result<Self, Failure> {
        let missing = || Failure::definite("PlanMismatch", "the run's state has a step that its pipeline has not");
        let step = run.program.step(state, at).ok_or_else(missing)?;
        let scope = run.variables.scope(state, Some(at));
        let config = render::config(&step.config, &scope)?;
        let from = match config.takes_from() {
            Some(from) => Some(outputs_of(state, at, from.step)?),
            None => None,
        };
        Ok(Self { at, name: &step.name, config, from, scope })
    }

    fn context(&self, run: &Run<'a>, state: &'a RunState, now: Timestamp) -> StepContext<'a> {
        let step = self.at.of(state);
        StepContext {
            step: self.name,
            run: run.identity,
            key: step.and_then(|step| step.key.as_deref()).unwrap_or_default(),
            claims: step.map_or(0, |step| step.claims),
            started_at: step.and_then(|step| step.started_at).unwrap_or(now),
            now,
            progress: step.and_then(|step| step.progress.as_ref()),
            from: self.from,
            scope: self.scope.clone(),
            world: run.world,
        }
    }
}

/// The outputs of an earlier step, of a stage or of the step's own hook; an error when it did not run.
fn outputs_of<'a>(state: &'a RunState, at: StepAt, name: &str) -> Result<&'a Outputs, Failure> {
    let own_hook = match at {
        StepAt::Hook { hook, .. } => state.hooks.get(hook),
        StepAt::Stage { .. } => None,
    };
    let of_stages = state.stages.iter().flat_map(|stage| &stage.steps);
    let mut steps = of_stages.chain(own_hook.into_iter().flat_map(|hook| &hook.steps));
    let step = steps.find(|step| step.name == name && step.phase == StepPhase::Succeeded);
    step.map(|step| &step.outputs).ok_or_else(|| {
        Failure::definite("StepDidNotRun", format!("step {name:?}, from which this one takes its input, was skipped"))
    })
}

fn places(state: &RunState) -> Vec<StepAt> {
    let stages = state.stages.iter().enumerate();
    let in_stages =
        stages.flat_map(|(stage, group)| (0..group.steps.len()).map(move |step| StepAt::Stage { stage, step }));
    let hooks = state.hooks.iter().enumerate();
    let in_hooks = hooks.flat_map(|(hook, group)| (0..group.steps.len()).map(move |step| StepAt::Hook { hook, step }));
    in_stages.chain(in_hooks).collect()
}

fn stage_of(state: &RunState, at: StepAt) -> &str {
    match at {
        StepAt::Stage { stage, .. } => state.stages.get(stage).map_or("", |stage| stage.name.as_str()),
        StepAt::Hook { .. } => "",
    }
}
