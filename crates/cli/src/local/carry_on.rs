//! The loop of one run: drive it, wait, drive it again, until it has ended or is left.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use anyhow::Context;
use jiff::Timestamp;
use kube::ResourceExt;
use serde_json::{Map, Value};
use sluice_api::{PipelineRun, PipelineRunStatus, Program, RunIdentity, variables::RunVariables};
use sluice_engine::{Event, Failure, RunPhase, RunState, record};
use sluice_steps::drive::{self, Memory, Next};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::{Instant, sleep},
};

use super::{
    approval::{Approval, Entry, waits_for_nothing_else, wanted_elsewhere},
    ask::{Done, Matter, Person},
    change::Change,
    family::Touched,
    kept::{KeptRun, NotKept, now},
    repositories::Repositories,
    signals::{End, Signals},
    world::LocalWorld,
};
use crate::output::{Output, complain};

/// How often a wait looks up: whether a repository moved, whether the clock was changed, and to show the time that passes.
pub(super) const TICK: Duration = Duration::from_millis(500);

/// How long what is under way may take to end once the run is aborted; then it is left as it is.
const GRACE: Duration = Duration::from_secs(5);

/// How often it is tried to write a state before the run is left.
const WRITES: u32 = 10;

/// The exit code of a run that is left because it waits for an approval and there is nobody to ask.
pub(crate) const NOBODY_TO_ASK: u8 = 4;

/// A run that is carried on, and what goes with it.
pub(crate) struct Session {
    pub(crate) kept: KeptRun,
    pub(crate) program: Program,
    pub(crate) params: Map<String, Value>,
    pub(crate) world: LocalWorld,
    pub(crate) output: Arc<Output>,
    pub(crate) person: Person,
    /// How many approvals the pipeline wants of its stages, by their names.
    pub(crate) wanted: Vec<(String, i32)>,
    /// Who aborts it when a signal asks for the end.
    pub(crate) user: String,
}

/// How it came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The run has ended.
    Finished(RunPhase),
    /// It is left unfinished, with this exit code.
    Left(u8),
}

/// What a wait ended with.
enum Woken {
    /// It is time to go on.
    GoOn,
    /// The run is to be left.
    Leave(u8),
}

/// Carries a run on until it has ended or is left, and with it those that its steps start.
pub(crate) async fn carry_on(session: Session, signals: &mut Signals) -> anyhow::Result<Ended> {
    let family = session.world.family().clone();
    family.head(&session.kept);
    let ended = carry_on_one(session, signals).await;
    match ended {
        Ok(Ended::Finished(_)) => {
            for name in family.rest().await {
                complain(&format!("run {name:?} is left unfinished; `sluice resume` carries it on"));
            }
        }
        Ok(Ended::Left(_)) | Err(_) => family.leave(),
    }
    ended
}

/// Carries this run on until it has ended or is left.
pub(super) async fn carry_on_one(session: Session, signals: &mut Signals) -> anyhow::Result<Ended> {
    let touched = session.world.family().listen();
    let repositories = Repositories::under(session.world.local_hosts().into_iter().map(|(_, path)| path).collect());
    let mut walk = Walk { session, touched, repositories, memory: Memory::default(), was_asked_to_end: false };
    let ended = walk.until_the_end(signals).await;
    walk.session.output.end();
    ended
}

struct Walk {
    session: Session,
    /// What happens to the other runs of this process.
    touched: broadcast::Receiver<Touched>,
    repositories: Repositories,
    memory: Memory,
    /// Whether a signal has asked for the end already.
    was_asked_to_end: bool,
}

impl Walk {
    async fn until_the_end(&mut self, signals: &mut Signals) -> anyhow::Result<Ended> {
        let mut failures = 0;
        loop {
            let next = match self.drive(signals).await {
                Ok(next) => next,
                Err(Stopped::Left(code)) => return Ok(Ended::Left(code)),
                Err(Stopped::GaveUp | Stopped::NotKept(NotKept::Conflict)) => continue,
                Err(Stopped::NotKept(NotKept::Directory(error))) => {
                    failures += 1;
                    if failures == WRITES {
                        let name = self.session.kept.get().name_any();
                        return Err(error).context(format!("run {name:?} is left as it is; mend this, then resume it"));
                    }
                    self.session.output.note(&format!("tried again soon: {}", super::describe(&error)));
                    sleep(Duration::from_secs(1)).await;
                    continue;
                }
            };
            failures = 0;
            match next {
                Next::Finished => {
                    let status = self.session.kept.get().status.unwrap_or_default();
                    return Ok(Ended::Finished(status.state.phase));
                }
                Next::Wait(until) => {
                    if let Woken::Leave(code) = self.wait(until, signals).await {
                        return Ok(Ended::Left(code));
                    }
                }
            }
        }
    }

    /// Drives the run once. A signal that comes meanwhile aborts it; what is under way then has a while to end. In a run that
    /// is ending already it aborts nothing, and cuts nothing short.
    async fn drive(&mut self, signals: &mut Signals) -> Result<Next, Stopped> {
        let Self { session, memory, was_asked_to_end, .. } = self;
        let session: &Session = session;
        let Session { kept, program, params, world, output, .. } = session;
        let run = kept.get();
        // A run's file has all of it: it was written by `start`.
        let identity = RunIdentity::of(&run).unwrap_or_default();
        let sources = run.status.as_ref().map(|status| status.sources.as_slice()).unwrap_or_default();
        let variables = RunVariables::new(&identity, params.clone(), sources);
        let driven = drive::Run {
            identity: &identity,
            program,
            variables: &variables,
            world,
            abort: run.abort(),
            asked: &run.spec.actions,
            // Whoever may write the file may do all of it.
            is_enforced: true,
            suspended: None,
            clock: &now,
            stopping: &AtomicBool::new(false),
        };
        let state = state_of(&run, program, &identity, &variables);
        let tell = |before: &PipelineRunStatus, after: &PipelineRunStatus| {
            output.changed(before, after);
            world.family().tell(Touched::Moved(identity.name.clone()));
        };
        let mut store = kept.store(&tell);
        let mut driving = Box::pin(drive::drive(&driven, state, memory, &mut store));
        let mut cut_at = None;
        loop {
            tokio::select! {
                biased;
                next = &mut driving => return next.map_err(Stopped::NotKept),
                signal = signals.next() => match signal {
                    Some(end) => {
                        let aborts = asked_to_end(session, was_asked_to_end, end)?;
                        cut_at = aborts.then(|| Instant::now() + GRACE);
                    }
                    None => output.refresh(),
                },
                () = sleep(TICK) => output.refresh(),
            }
            if cut_at.is_some_and(|cut_at| Instant::now() >= cut_at) {
                return Err(Stopped::GaveUp);
            }
        }
    }

    /// Waits until that time, or until something happens that the run may be waiting for.
    async fn wait(&mut self, until: Option<Timestamp>, signals: &mut Signals) -> Woken {
        loop {
            // Looked at first: what comes to wait in between is told the next time round, and not left in silence.
            let is_in_vain = self.waits_in_vain();
            let matters = self.matters();
            let Session { person, output, .. } = &mut self.session;
            match person.consider(matters, output).await {
                Done::Changed => return self.wake(),
                Done::Asked(entries) => {
                    if self.ask(entries) {
                        return self.wake();
                    }
                }
                Done::Nothing | Done::Leave => {}
            }
            if is_in_vain {
                return Woken::Leave(NOBODY_TO_ASK);
            }
            let Session { person, output, .. } = &mut self.session;
            let pause = until
                .map_or(TICK, |until| Duration::try_from(until.duration_since(now())).unwrap_or_default().min(TICK));
            if pause.is_zero() {
                return Woken::GoOn;
            }
            tokio::select! {
                biased;
                signal = signals.next() => match signal {
                    Some(end) => match asked_to_end(&self.session, &mut self.was_asked_to_end, end) {
                        Ok(_) => return Woken::GoOn,
                        Err(_) => return Woken::Leave(end.exit_code()),
                    },
                    None => output.refresh(),
                },
                touched = self.touched.recv() => {
                    let run = self.session.kept.get();
                    let state = run.status.clone().unwrap_or_default().state;
                    match touched {
                        Ok(touched) if touched.concerns(&run.name_any(), &state) => return self.wake(),
                        Err(RecvError::Lagged(_)) => return self.wake(),
                        // The sender lives as long as the run's world.
                        Ok(_) | Err(RecvError::Closed) => {}
                    }
                }
                answer = person.answer() => match person.obey(answer.as_deref(), output).await {
                    Done::Changed => return self.wake(),
                    Done::Asked(entries) => {
                        if self.ask(entries) {
                            return self.wake();
                        }
                    }
                    Done::Leave => return Woken::Leave(End::Interrupt.exit_code()),
                    Done::Nothing => {}
                },
                () = sleep(pause) => {
                    output.refresh();
                    if self.repositories.have_moved() {
                        return self.wake();
                    }
                }
            }
        }
    }

    /// What waits for a person. About approvals the first run of a process asks for all of its runs.
    fn matters(&mut self) -> Vec<Matter> {
        let Session { kept, world, person, wanted, output, .. } = &mut self.session;
        let run = kept.get();
        let state = run.status.as_ref().map(|status| status.state.clone()).unwrap_or_default();
        wanted_elsewhere(&state, wanted, world).into_iter().for_each(|text| person.tell_once(text, output));
        let changes = Change::all(&state, world).into_iter().map(Matter::Change);
        let approvals = match (world.family().is_head(&run), person.says_yes()) {
            (_, true) => Approval::all(&run, false),
            (false, false) => Vec::new(),
            (true, false) => {
                let others = world.family().others(&run);
                let others = others.iter().flat_map(|other| Approval::all(other, true));
                Approval::all(&run, false).into_iter().chain(others).collect()
            }
        };
        changes.chain(approvals.into_iter().map(Matter::Approval)).collect()
    }

    /// Whether nobody will ever answer what the run waits for. The first run of a process decides that for all.
    fn waits_in_vain(&self) -> bool {
        let Session { kept, world, person, .. } = &self.session;
        let run = kept.get();
        !person.can_answer() && world.family().is_head(&run) && waits_for_nothing_else(&run, world.family())
    }

    /// Asks this of runs, and whether that was kept for all of them.
    fn ask(&mut self, entries: Vec<Entry>) -> bool {
        let Session { world, output, person, .. } = &mut self.session;
        let kept = entries.into_iter().map(|Entry { run, action }| world.family().ask(&run, action));
        let failed: Vec<_> = kept.filter_map(Result::err).collect();
        for error in &failed {
            person.tell_once(format!("the answer is not kept: {}", super::describe(error)), output);
            person.forget();
        }
        failed.is_empty()
    }

    fn wake(&mut self) -> Woken {
        self.memory.wake(now());
        Woken::GoOn
    }
}

/// Why the run was not driven to a rest.
enum Stopped {
    /// A state could not be kept.
    NotKept(NotKept),
    /// What was under way when the run was aborted did not end in time.
    GaveUp,
    /// It is left, with this exit code.
    Left(u8),
}

/// The first signal aborts the run, a further one leaves it. Whether it is aborted by this one.
fn asked_to_end(session: &Session, was_asked: &mut bool, end: End) -> Result<bool, Stopped> {
    let Session { kept, output, user, .. } = session;
    if std::mem::replace(was_asked, true) {
        return Err(Stopped::Left(end.exit_code()));
    }
    let again = "once more leaves the run as it is";
    if kept.get().is_about_to_end() {
        output.note(&format!("{}: the run is ending already; {again}", end.name()));
        return Ok(false);
    }
    let above = session.world.family().abort_above(&kept.get(), user, end.name());
    if let Err(error) = above.and_then(|()| kept.abort(user, end.name())) {
        complain(&format!("failed to abort the run: {}", super::describe(&error)));
        return Err(Stopped::Left(end.exit_code()));
    }
    output.note(&format!(
        "{}: the run is aborted: what it can take back is taken back, and its hooks run; {again}",
        end.name()
    ));
    Ok(true)
}

/// Where the run stands. One whose stages cannot even be named ends with that.
fn state_of(run: &PipelineRun, program: &Program, identity: &RunIdentity, variables: &RunVariables) -> RunState {
    let state = run.status.as_ref().map(|status| status.state.clone()).unwrap_or_default();
    if !state.stages.is_empty() {
        return state;
    }
    match sluice_steps::begin(program, identity, variables) {
        Ok(begun) => RunState { stages: begun.stages, ..state },
        Err(Failure { reason, message, .. }) => {
            let plan = &program.plan;
            let ended = Event::Ended { phase: RunPhase::Failed, reason, message: Some(message) };
            record(plan, RunState::of(plan), ended, now())
        }
    }
}
