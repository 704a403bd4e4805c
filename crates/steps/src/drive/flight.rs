//! What is being performed: several steps at the same time, each with its own end.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::{
    FutureExt,
    future::BoxFuture,
    stream::{FuturesUnordered, StreamExt},
};
use jiff::Timestamp;
use sluice_engine::{Failure, MAX_AT_ONCE, Mode, Outcome, RunState, Task, Undone};

use super::{Run, prepared::Prepared};
use crate::{StepContext, perform};

/// No step is performed longer without an outcome: its own requests have shorter limits, so this is for what has none.
const PERFORM_LIMIT: Duration = Duration::from_secs(180);

/// The steps that are being performed.
#[derive(Default)]
pub(super) struct Flight<'a> {
    tasks: FuturesUnordered<BoxFuture<'a, Landed>>,
    under_way: BTreeMap<String, Mode>,
}

/// What came of a task.
pub(super) struct Landed {
    pub(super) task: Task,
    /// The claim that it was performed under.
    pub(super) claims: i32,
    pub(super) result: Landing,
}

/// What a task comes to.
pub(super) enum Landing {
    /// What came of performing or looking at the step.
    Outcome(Outcome),
    /// Whether the step's effect was taken back.
    Undone(Result<Undone, Failure>),
}

impl<'a> Flight<'a> {
    /// Begins to perform a task of the run in this state.
    pub(super) fn start(&mut self, run: &'a Run<'a>, state: Arc<RunState>, task: Task) {
        self.under_way.insert(task.key.clone(), task.mode);
        let performed = async move {
            let claims = task.at.of(&state).map_or(0, |step| step.claims);
            let result = perform_one(run, &state, &task).await;
            Landed { task, claims, result }
        };
        self.tasks.push(performed.boxed());
    }

    /// What has ended first; `None` when nothing is under way.
    pub(super) async fn next(&mut self) -> Option<Landed> {
        let landed = self.tasks.next().await?;
        self.under_way.remove(&landed.task.key);
        Some(landed)
    }

    /// What has ended by now.
    pub(super) fn next_if_ended(&mut self) -> Option<Landed> {
        self.next().now_or_never().flatten()
    }

    /// How many more may begin.
    pub(super) fn free(&self) -> usize {
        MAX_AT_ONCE.saturating_sub(self.tasks.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Whether several things are under way.
    pub(super) fn is_crowded(&self) -> bool {
        self.tasks.len() > 1
    }

    /// The keys of what is under way.
    pub(super) fn keys(&self) -> impl Iterator<Item = &String> {
        self.under_way.keys()
    }

    /// The keys of the effects that may be made right now.
    pub(super) fn acts(&self) -> impl Iterator<Item = &String> {
        self.under_way.iter().filter(|(_, mode)| **mode == Mode::Act).map(|(key, _)| key)
    }
}

async fn perform_one(run: &Run<'_>, state: &RunState, task: &Task) -> Landing {
    let limited = tokio::time::timeout(PERFORM_LIMIT, perform_unlimited(run, state, task));
    limited.await.unwrap_or_else(|_| stalled(task.mode, (run.clock)()))
}

async fn perform_unlimited(run: &Run<'_>, state: &RunState, task: &Task) -> Landing {
    let prepared = match Prepared::of(run, state, task.at) {
        Ok(prepared) => prepared,
        Err(failure) if task.mode == Mode::Undo => return Landing::Undone(Err(failure)),
        Err(failure) => return Landing::Outcome(Outcome::Failed(failure)),
    };
    let bound = run.program.environment_of(state, task.at).and_then(|environment| run.world.within(&environment));
    let context = prepared.context(run, state, (run.clock)());
    let context = match &bound {
        Some(world) => StepContext { world: &**world, ..context },
        None => context,
    };
    match task.mode {
        Mode::Act => Landing::Outcome(perform::act(&prepared.config, &context).await),
        Mode::Look => Landing::Outcome(perform::look(&prepared.config, &context).await),
        Mode::Undo => Landing::Undone(perform::undo(&prepared.config, &context).await),
    }
}

/// Something outside neither answered nor failed.
fn stalled(mode: Mode, now: Timestamp) -> Landing {
    let message = format!("nothing answered for {} s", PERFORM_LIMIT.as_secs());
    match mode {
        Mode::Act => Landing::Outcome(Outcome::Failed(Failure::transient("Stalled", message))),
        // A wait goes on.
        Mode::Look => Landing::Outcome(Outcome::Waiting {
            look_at: now,
            not_before: None,
            message: Some(message),
            progress: None,
            act_again: false,
        }),
        Mode::Undo => Landing::Undone(Err(Failure::transient("Stalled", message))),
    }
}
