//! The runs that steps of a run start here: other files of the same directory, carried on by the same process.
//!
//! Each is carried on as the first one is, beside it; the process ends when all of them have. Whoever waits for one is woken by
//! what it writes, and one that is to be aborted by that.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use kube::ResourceExt;
use sluice_api::{PipelineRun, PipelineSpec, RunAction, Unresolved, names};
use sluice_engine::{Failure, RunState, StepPhase, WaitKind};
use tokio::{sync::broadcast, task::JoinSet, time::sleep};

use super::{
    Error, Objects, Remembered, Signals, StateDirectory,
    approval::waits_for_nothing_else,
    carry_on::{Ended, TICK, carry_on_one},
    describe,
    kept::KeptRun,
    start,
};
use crate::output::{Output, complain};

/// How many changes a run may be behind before it just looks.
const BEHIND: usize = 256;

/// What happened to a run of the family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Touched {
    /// Its state is another one.
    Moved(String),
    /// Something was asked of it.
    Asked(String),
}

impl Touched {
    /// Whether the run of this name and state has to do with it.
    pub(super) fn concerns(&self, name: &str, state: &RunState) -> bool {
        match self {
            Self::Asked(other) => other == name,
            Self::Moved(other) => {
                let waits = state.steps().filter(|step| step.phase == StepPhase::Running);
                waits.filter_map(|step| step.waiting_on.as_ref()).any(|on| {
                    on.kind == WaitKind::PipelineRun && on.key.rsplit_once('/').is_some_and(|(_, key)| key == other)
                })
            }
        }
    }
}

/// The runs of this process that began with one of them.
pub(crate) struct Family {
    pub(super) directory: StateDirectory,
    pub(super) objects: Objects,
    pub(super) remembered: Remembered,
    pub(super) user: String,
    pub(super) output: Arc<Output>,
    /// The name of the run that all others began with.
    head: OnceLock<String>,
    members: Mutex<BTreeMap<String, KeptRun>>,
    tasks: Mutex<JoinSet<Option<String>>>,
    touched: broadcast::Sender<Touched>,
}

impl Family {
    pub(super) fn new(
        directory: StateDirectory,
        objects: Objects,
        remembered: Remembered,
        user: String,
        output: Arc<Output>,
    ) -> Arc<Self> {
        let (members, tasks) = (Mutex::default(), Mutex::default());
        Arc::new(Self {
            directory,
            objects,
            remembered,
            user,
            output,
            head: OnceLock::new(),
            members,
            tasks,
            touched: broadcast::Sender::new(BEHIND),
        })
    }

    /// What happens to its runs from now on.
    pub(super) fn listen(&self) -> broadcast::Receiver<Touched> {
        self.touched.subscribe()
    }

    /// Tells it. Nobody may be there to hear it.
    pub(super) fn tell(&self, touched: Touched) {
        let _ = self.touched.send(touched);
    }

    /// The run of this name as it is now. One that was left unfinished, and that no other process has, is taken up again.
    pub(super) fn run(self: &Arc<Self>, name: &str) -> Result<Option<PipelineRun>, Failure> {
        if let Some(kept) = self.members().get(name) {
            return Ok(Some(kept.get()));
        }
        let Some(run) = self.directory.run(name).map_err(|error| unkept(&error))? else { return Ok(None) };
        let is_finished = run.status.as_ref().is_some_and(|status| status.state.is_finished());
        if !is_finished {
            match start::take_up(self.directory.clone(), name, &self.objects) {
                Ok(held) => self.begin(held),
                Err(refused) if refused.is_taken() => {}
                Err(refused) => return Err(Failure::definite("RunNotResumed", describe(&refused))),
            }
        }
        Ok(Some(run))
    }

    /// What the pipeline of this name is among the manifests.
    pub(super) fn pipeline(&self, namespace: &str, name: &str) -> Option<PipelineSpec> {
        let mut pipelines = self.objects.pipelines.iter();
        let is_it = |pipeline: &&sluice_api::Pipeline| {
            pipeline.metadata.name.as_deref() == Some(name) && self.objects.namespace_of(*pipeline) == namespace
        };
        pipelines.find(is_it).map(|pipeline| pipeline.spec.clone())
    }

    /// Begins a run; false when there is one of its name.
    pub(super) fn create(self: &Arc<Self>, namespace: &str, run: &PipelineRun) -> Result<bool, Failure> {
        let name = &run.spec.pipeline_ref.name;
        let Some(spec) = self.pipeline(namespace, name) else {
            let message = format!("there is no Pipeline {name:?} among the manifests: add it");
            return Err(Failure::definite("PipelineNotFound", message));
        };
        if let Some(why) = start::suspension(name, &spec) {
            return Err(Failure::definite("PipelineSuspended", why));
        }
        match start::begin_child(self.directory.clone(), namespace, run, spec, (&self.objects, &self.remembered)) {
            Ok(held) => {
                self.begin(held);
                Ok(true)
            }
            Err(refused) if refused.is_taken() => Ok(false),
            Err(start::Refused::Source(Unresolved { reason, message })) => Err(Failure::definite(reason, message)),
            Err(refused) => Err(Failure::transient("RunNotKept", describe(&refused))),
        }
    }

    /// Asks for the end of a run.
    pub(super) fn abort(&self, name: &str, reason: &str) -> Result<(), Failure> {
        let Some(kept) = self.members().get(name).cloned() else {
            return Err(Failure::transient("RunElsewhere", format!("run {name:?} is carried on by another process")));
        };
        kept.abort(&names::own_user(), reason).map_err(|error| unkept(&error))?;
        self.tell(Touched::Asked(name.to_owned()));
        Ok(())
    }

    /// The run that all others began with.
    pub(super) fn head(&self, kept: &KeptRun) {
        let name = kept.get().name_any();
        self.members().insert(name.clone(), kept.clone());
        self.head.get_or_init(|| name);
    }

    /// Whether all others began with this run.
    pub(super) fn is_head(&self, run: &PipelineRun) -> bool {
        self.head.get() == run.metadata.name.as_ref()
    }

    /// The run of this name, if it is carried on here.
    pub(super) fn member(&self, name: &str) -> Option<PipelineRun> {
        self.members().get(name).map(KeptRun::get)
    }

    /// All runs but this one.
    pub(super) fn others(&self, run: &PipelineRun) -> Vec<PipelineRun> {
        let name = run.name_any();
        self.members().iter().filter(|(other, _)| **other != name).map(|(_, kept)| kept.get()).collect()
    }

    /// Appends what somebody asks of a run.
    pub(super) fn ask(&self, name: &str, action: RunAction) -> Result<(), Error> {
        let Some(kept) = self.members().get(name).cloned() else { return Ok(()) };
        kept.ask(action)?;
        self.tell(Touched::Asked(name.to_owned()));
        Ok(())
    }

    /// Asks for the end of the runs above this one, the outermost first. A signal reaches all of them, but this one may be the
    /// quickest, and a run whose child has ended must know that it is aborted itself.
    pub(super) fn abort_above(&self, run: &PipelineRun, by: &str, reason: &str) -> Result<(), Error> {
        let parent = run.spec.trigger.as_ref().and_then(|trigger| trigger.parent.as_ref());
        let kept = parent.and_then(|parent| self.members().get(&parent.name).cloned());
        let Some(kept) = kept.filter(|kept| kept.get().status.is_none_or(|status| status.state.ending.is_none()))
        else {
            return Ok(());
        };
        self.abort_above(&kept.get(), by, reason)?;
        kept.abort(by, reason)?;
        self.tell(Touched::Asked(kept.get().name_any()));
        Ok(())
    }

    /// Carries a run on, beside the others.
    fn begin(self: &Arc<Self>, held: start::Held) {
        let name = held.run.name_any();
        let session = match start::member(held, self) {
            Ok(session) => session,
            Err(refused) => return self.output.note(&describe(&refused)),
        };
        self.members().insert(name.clone(), session.kept.clone());
        self.tasks().spawn(async move {
            let ended = match Signals::take() {
                Ok(mut signals) => carry_on_one(session, &mut signals).await,
                Err(error) => Err(error.into()),
            };
            match ended {
                Ok(Ended::Finished(_)) => None,
                Ok(Ended::Left(_)) => Some(name),
                Err(error) => {
                    complain(&format!("error: {error:#}"));
                    Some(name)
                }
            }
        });
    }

    /// Waits until every run that was started has ended or is left, and returns the names of those that are left.
    pub(super) async fn rest(&self) -> Vec<String> {
        let mut left = Vec::new();
        loop {
            // One that is started meanwhile is among the next.
            let mut tasks = std::mem::take(&mut *self.tasks());
            if tasks.is_empty() {
                return left;
            }
            loop {
                tokio::select! {
                    task = tasks.join_next() => match task {
                        Some(task) => left.extend(task.ok().flatten()),
                        None => break,
                    },
                    // Nobody is asked any more.
                    () = sleep(TICK), if !self.remembered.yes => left.extend(self.leave_what_waits_in_vain(&mut tasks)),
                }
            }
        }
    }

    /// Leaves the runs as they are once all of them wait for approvals; their names.
    fn leave_what_waits_in_vain(&self, tasks: &mut JoinSet<Option<String>>) -> Vec<String> {
        let runs: Vec<PipelineRun> = self.members().values().map(KeptRun::get).collect();
        let is_open = |run: &&PipelineRun| run.status.as_ref().is_none_or(|status| !status.state.is_finished());
        let open: Vec<&PipelineRun> = runs.iter().filter(is_open).collect();
        if open.is_empty() || !open.iter().all(|run| waits_for_nothing_else(run, self)) {
            return Vec::new();
        }
        tasks.abort_all();
        open.into_iter().map(ResourceExt::name_any).collect()
    }

    /// Leaves them as they are.
    pub(super) fn leave(&self) {
        self.tasks().abort_all();
    }

    fn members(&self) -> MutexGuard<'_, BTreeMap<String, KeptRun>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<Option<String>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unkept(error: &Error) -> Failure {
    Failure::transient("RunNotKept", describe(error))
}
