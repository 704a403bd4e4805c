//! The loop that carries a run on: ask the engine, do what it says, record what came of it.
//!
//! # Guarantees
//! - A step that acts is performed only under a claim that this process persisted itself, and once under each; one that
//!   asks to act again does so only while nobody else changed the run since it was read.
//! - The outcome of one step and the claim of the next travel in the same write: N steps that read or act cost N + 1.
//! - What came of a step is kept in [`Memory`] until it is persisted: a refused write repeats no effect.
//! - A caller may drop the future at any time: the claim of an act that was under way is given up, never acted on again.
//! - Steps that are independent of each other are performed at the same time, and each outcome is persisted when it comes.
//!
//! It returns when the run waits or has ended; no wait holds a worker.

mod flight;
mod journal;
mod memory;
mod outside;
mod prepared;
mod questions;
#[cfg(test)]
mod tests;
mod told;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sluice_api::{Program, RunIdentity, step::Claim, variables::RunVariables};
use sluice_engine::{
    Abort, Action, Event, Failure, Mode, Observed, Outcome, RunAction, RunState, StepAt, StepPhase, Task, decide,
    record,
};

pub use memory::Memory;
pub use told::APPROVAL_NEEDED;

use self::{
    flight::{Flight, Landed, Landing},
    prepared::Prepared,
    told::Before,
};
use crate::{Report, StepContext, World, perform};

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
    /// Why it has to be aborted, where nobody asked for that.
    pub abort: Option<Abort>,
    /// Everything that people asked of it.
    pub asked: &'a [RunAction],
    /// Whether the API server checks that those who ask may ask.
    pub is_enforced: bool,
    /// Why its pipeline is suspended, while it is.
    pub suspended: Option<String>,
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

/// Moves in one call. A loop over steps that touch nothing outside may have more: it goes on in the next call, so that the
/// worker is shared.
const MAX_MOVES: usize = 20_000;

/// After this long a call lets what is under way end and returns, so that the run is read anew, as people may have asked
/// something of it meanwhile, and other runs get the worker. A call with one thing under way at a time, in which no stage
/// begins again, comes to a wait by itself.
const ONE_CALL: Duration = Duration::from_secs(2);

/// Carries a run on until it waits or has ended.
pub async fn drive<S: Store>(
    run: &Run<'_>,
    state: RunState,
    memory: &mut Memory,
    store: &mut S,
) -> Result<Next, S::Error> {
    let mut drive = Drive {
        run,
        state,
        memory,
        flight: Flight::default(),
        unsure: BTreeSet::new(),
        untold: Vec::new(),
        dirty: false,
        is_current: false,
        began: Instant::now(),
        may_last: false,
    };
    drive.recall();
    let result = drive.carry_on(store).await;
    // What was sent is not taken back by an error: its outcome is kept for the next call.
    drive.settle().await;
    result
}

struct Drive<'a, 'r> {
    run: &'a Run<'r>,
    state: RunState,
    memory: &'a mut Memory,
    /// What is being performed.
    flight: Flight<'a>,
    /// The keys that were claimed since the last write, before which nothing is performed.
    unsure: BTreeSet<String>,
    /// What people are told with the next write.
    untold: Vec<Report>,
    /// Whether something other than progress changed since the last write.
    dirty: bool,
    /// Whether it was seen just now that nobody else changed the run.
    is_current: bool,
    began: Instant,
    /// Whether this call may last: several things were under way at once, or a stage has items or began again.
    may_last: bool,
}

/// Also when the call is cut short: by an error, by a caller that waits no longer, or by a panic. Claims that were not
/// persisted, and those that are acted on right now, give no right to act in another call.
impl Drop for Drive<'_, '_> {
    fn drop(&mut self) {
        self.unsure.iter().for_each(|key| self.memory.unclaim(key));
        self.flight.acts().for_each(|key| self.memory.unclaim(key));
    }
}

impl Drive<'_, '_> {
    async fn carry_on<S: Store>(&mut self, store: &mut S) -> Result<Next, S::Error> {
        for _ in 0..MAX_MOVES {
            let now = (self.run.clock)();
            match self.decide(now) {
                Action::Record(event) => self.note(event, now),
                Action::Evaluate { question, condition } => self.evaluate(question, &condition.0, now),
                Action::Judge { at, failure } => self.fail(at, failure, now),
                Action::JudgeStage { stage, failures } => self.judge_stage(stage, &failures, now),
                Action::Lock => self.lock(now, store).await?,
                Action::Bind { stage, when } => self.bind(stage, when.as_ref(), now).await,
                Action::List { stage, items } => self.list(stage, &items, now).await,
                Action::ComputeOutputs => self.compute_outputs(now),
                Action::Compute(at) => self.compute(at, now),
                Action::Claim { .. } if self.is_to_rest() => {
                    if let Some(next) = self.rest(store).await? {
                        return Ok(next);
                    }
                }
                Action::Claim { at, key } => self.claim(at, &key, now),
                Action::Perform(_) if self.has_taken_long() => {
                    if let Some(next) = self.rest(store).await? {
                        return Ok(next);
                    }
                }
                Action::Perform(tasks) => self.perform(tasks, store).await?,
                Action::Wait { until } => {
                    let until = self.persist_what_is_due(until, now, store).await?;
                    if self.flight.is_empty() {
                        return Ok(Next::Wait(until));
                    }
                    self.take_outcomes(until).await;
                }
                Action::Finished => {
                    self.persist_if(self.dirty, store).await?;
                    return Ok(Next::Finished);
                }
            }
        }
        while !self.flight.is_empty() {
            self.take_outcomes(None).await;
        }
        self.persist_if(self.dirty, store).await?;
        Ok(Next::Wait(Some((self.run.clock)())))
    }

    fn decide(&self, now: Timestamp) -> Action {
        let seen = Observed {
            run_uid: self.run.identity.uid.clone(),
            abort: self.run.abort.clone(),
            asked: self.run.asked.to_vec(),
            is_enforced: self.run.is_enforced,
            suspended: self.run.suspended.clone(),
            ask_at: self.memory.ask_at,
            held: self.memory.held.clone(),
            under_way: self.flight.keys().cloned().collect(),
        };
        decide(&self.run.program.plan, &self.state, &seen, now)
    }

    /// Records an event.
    fn note(&mut self, event: Event, now: Timestamp) {
        self.dirty |= !matches!(event, Event::Progressed { .. });
        self.may_last |= matches!(event, Event::StageBegunAgain(_) | Event::Listed { .. });
        journal::log(self.run.identity, &self.state, &event);
        let before = Before::of(&self.state, &event);
        self.state = record(&self.run.program.plan, std::mem::take(&mut self.state), event, now);
        self.tell_of(&before);
    }

    /// Brings back what this process knows and the status does not: what came of steps whose outcome could not be written,
    /// before anything else is decided, and what was seen of waiting ones.
    fn recall(&mut self) {
        self.memory.forget_all_but(&self.state);
        let now = (self.run.clock)();
        self.memory.recall_place(&mut self.state, now);
        for at in self.state.places().collect::<Vec<_>>() {
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

    fn fail(&mut self, at: StepAt, failure: Failure, now: Timestamp) {
        let retry = self.may_be_retried(at, &failure);
        self.note(Event::Failed { at, failure, retry }, now);
    }

    fn compute(&mut self, at: StepAt, now: Timestamp) {
        let outcome = self.with_context(at, now, perform::compute);
        self.record_outcome(at, outcome.unwrap_or_else(Outcome::Failed), now);
    }

    fn claim(&mut self, at: StepAt, key: &sluice_engine::Key, now: Timestamp) {
        let waiting_on = self.with_context(at, now, |config, context| {
            config.waiting_on(&Claim { key: key.as_str(), ..context.claim() })
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

    /// Begins as many of the tasks as may be under way; the others are named again by the next decision.
    async fn perform<S: Store>(&mut self, mut tasks: Vec<Task>, store: &mut S) -> Result<(), S::Error> {
        tasks.truncate(self.flight.free());
        if tasks.is_empty() {
            self.take_outcomes(None).await;
            return Ok(());
        }
        self.persist_if(self.dirty, store).await?;
        if !self.is_current && tasks.iter().any(|task| task.mode == Mode::Act) {
            // A step that acts without a write before it: what it was read from may have changed since.
            store.confirm().await?;
            self.is_current = true;
        }
        let state = Arc::new(self.state.clone());
        tasks.into_iter().for_each(|task| self.flight.start(self.run, state.clone(), task));
        self.may_last |= self.flight.is_crowded();
        Ok(())
    }

    /// Waits until something under way has ended, or that time has come, and records all that has ended by then.
    async fn take_outcomes(&mut self, until: Option<Timestamp>) {
        self.is_current = false;
        let now = (self.run.clock)();
        let pause = until.map(|until| until.duration_since(now).max(SignedDuration::ZERO).unsigned_abs());
        let first = match pause {
            Some(pause) => tokio::time::timeout(pause, self.flight.next()).await.ok().flatten(),
            None => self.flight.next().await,
        };
        let Some(first) = first else { return };
        self.land(first);
        while let Some(landed) = self.flight.next_if_ended() {
            self.land(landed);
        }
    }

    /// Records what came of a task. Its place may have changed meanwhile; its key has not.
    fn land(&mut self, landed: Landed) {
        let now = (self.run.clock)();
        self.remember(&landed, now);
        let Some(at) = self.state.place_of(&landed.task.key) else { return };
        match landed.result {
            Landing::Outcome(outcome) => self.record_outcome(at, outcome, now),
            Landing::Undone(result) => self.note(Event::Undone(at, result), now),
        }
    }

    fn remember(&mut self, landed: &Landed, now: Timestamp) {
        if let Landing::Outcome(outcome) = &landed.result {
            self.memory.performed(&landed.task, landed.claims, outcome, now);
        }
    }

    /// Waits for everything under way, and keeps what came of it for the next call.
    async fn settle(&mut self) {
        while let Some(landed) = self.flight.next().await {
            self.remember(&landed, (self.run.clock)());
        }
    }

    /// Whether nothing new is to be begun in this call.
    fn is_to_rest(&self) -> bool {
        self.run.stopping.load(Ordering::Relaxed) || self.has_taken_long()
    }

    fn has_taken_long(&self) -> bool {
        self.may_last && self.began.elapsed() > ONE_CALL
    }

    /// Lets what is under way end, and then returns from the call with everything persisted.
    async fn rest<S: Store>(&mut self, store: &mut S) -> Result<Option<Next>, S::Error> {
        if !self.flight.is_empty() {
            self.take_outcomes(None).await;
            return Ok(None);
        }
        self.persist_if(self.dirty, store).await?;
        let is_stopping = self.run.stopping.load(Ordering::Relaxed);
        Ok(Some(Next::Wait((!is_stopping).then(|| (self.run.clock)()))))
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
        self.tell().await;
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

fn stage_of(state: &RunState, at: StepAt) -> &str {
    match at {
        StepAt::Stage { stage, .. } => state.stages.get(stage).map_or("", |stage| stage.name.as_str()),
        StepAt::Hook { .. } => "",
    }
}
