//! A run that this process carries on: its object in memory, and the file behind it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::{Timestamp, TimestampRound, Unit};
use kube::ResourceExt;
use sluice_api::{ActionType, PipelineRun, PipelineRunStatus, RunAction};
use sluice_engine::RunState;
use sluice_steps::drive::Store;

use super::{Error, StateDirectory, lock::RunLock};

/// The time, to the millisecond: what is remembered equals what is read back.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    now.round(TimestampRound::new().smallest(Unit::Millisecond)).unwrap_or(now)
}

/// A run that this process carries on, shared between the loop and whoever aborts it.
#[derive(Clone)]
pub(crate) struct KeptRun {
    directory: StateDirectory,
    run: Arc<Mutex<PipelineRun>>,
    _lock: Arc<RunLock>,
}

/// A state that was not kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotKept {
    /// Somebody asked for something since the state was read.
    #[error("the run changed since it was read")]
    Conflict,
    #[error(transparent)]
    Directory(#[from] Error),
}

/// Told of each status that is kept: the one before it, and it.
pub(crate) type Tell<'a> = &'a (dyn Fn(&PipelineRunStatus, &PipelineRunStatus) + Send + Sync);

impl KeptRun {
    /// The run, as it is in its file.
    pub(crate) fn new(directory: StateDirectory, run: PipelineRun, lock: RunLock) -> Self {
        Self { directory, run: Arc::new(Mutex::new(run)), _lock: Arc::new(lock) }
    }

    /// The run as it is now.
    pub(crate) fn get(&self) -> PipelineRun {
        self.locked().clone()
    }

    /// Where states that follow from the run as it is now are kept.
    pub(crate) fn store<'a>(&self, tell: Tell<'a>) -> KeptStore<'a> {
        KeptStore { actions: self.locked().spec.actions.len(), kept: self.clone(), tell }
    }

    /// Appends a request to end the run, and keeps it. A further one changes nothing.
    pub(crate) fn abort(&self, by: &str, reason: &str) -> Result<(), Error> {
        let mut run = self.locked();
        if run.is_about_to_end() {
            return Ok(());
        }
        let asked = asked(&run, RunAction::new(ActionType::Abort, by, Some(reason.to_owned())));
        self.keep(&mut run, asked)
    }

    /// Appends what somebody asks of the run, and keeps it.
    pub(crate) fn ask(&self, action: RunAction) -> Result<(), Error> {
        let mut run = self.locked();
        let asked = asked(&run, action);
        self.keep(&mut run, asked)
    }

    fn keep(&self, run: &mut PipelineRun, mut new: PipelineRun) -> Result<(), Error> {
        new.metadata.resource_version = Some(next_version(run));
        self.directory.keep(&new)?;
        *run = new;
        Ok(())
    }

    fn locked(&self) -> MutexGuard<'_, PipelineRun> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The run with one entry more.
pub(super) fn asked(run: &PipelineRun, action: RunAction) -> PipelineRun {
    let mut asked = run.clone();
    asked.spec.actions.push(action);
    asked.metadata.generation = asked.metadata.generation.map(|generation| generation + 1);
    asked.metadata.resource_version = Some(next_version(run));
    asked
}

fn next_version(run: &PipelineRun) -> String {
    let version = run.resource_version().and_then(|version| version.parse::<u64>().ok()).unwrap_or_default();
    (version + 1).to_string()
}

/// Where the engine's states of a run go. A request that somebody appended makes it refuse, as an API server would: then the
/// run is read again, and nothing new is claimed in between.
pub(crate) struct KeptStore<'a> {
    kept: KeptRun,
    /// How many requests there were when the run was read.
    actions: usize,
    tell: Tell<'a>,
}

#[async_trait]
impl Store for KeptStore<'_> {
    type Error = NotKept;

    async fn persist(&mut self, state: &RunState) -> Result<(), NotKept> {
        let (before, after) = {
            let mut run = self.kept.locked();
            if run.spec.actions.len() != self.actions {
                return Err(NotKept::Conflict);
            }
            let before = run.status.clone().unwrap_or_default();
            let after = before.of_state(state, run.metadata.generation, now());
            let new = PipelineRun { status: Some(after.clone()), ..run.clone() };
            self.kept.keep(&mut run, new)?;
            (before, after)
        };
        (self.tell)(&before, &after);
        Ok(())
    }

    async fn confirm(&mut self) -> Result<(), NotKept> {
        if self.kept.locked().spec.actions.len() == self.actions { Ok(()) } else { Err(NotKept::Conflict) }
    }
}
