//! The updates of one Environment, and all that is done about them in one reconcile of it.
//!
//! ```text
//! open (which ones are to be recorded) -> one write of the Environment's status -> follow: what became of each, runs, deletions
//! ```
//!
//! # Guarantees
//! - An update says `Recorded` only after the write of the Environment's status that recorded it, and its run is started only after that.
//! - Whatever is lost on the way is found again: each of the two reads what the writes before it left.
//! - What goes wrong with one update stops no other component.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use kube::ResourceExt;
use sluice_api::{
    ComponentUpdate, ComponentUpdateStatus, EnvironmentSpec, EnvironmentStatus, PipelineRun, Truth, UpdateName, Verdict,
};

use super::{
    deploy::{self, Next, Target},
    desk::Desk,
    keep, record,
    seen::{self, Deployment},
};
use crate::{causes::in_one_line, context::now, guarded::Guarded, refusals::why_final, starts::Made};

/// How many updates are written or started at a time.
const AT_A_TIME: usize = 16;

/// The updates of one Environment.
pub(crate) struct Inbox<'a> {
    desk: Box<dyn Desk + 'a>,
    updates: Vec<Arc<Guarded<ComponentUpdate>>>,
    /// By name, the pipelines that components name.
    targets: HashMap<String, Target>,
    /// The UIDs of those that are recorded and were deleted.
    gone: HashSet<String>,
}

/// What is to be done about an update.
enum Act<'a> {
    Write(&'a ComponentUpdate, ComponentUpdateStatus),
    Start(&'a ComponentUpdate, Box<PipelineRun>),
    Look(&'a ComponentUpdate, &'a str),
    Delete(&'a ComponentUpdate),
}

impl Act<'_> {
    fn update(&self) -> &ComponentUpdate {
        match self {
            Self::Write(update, _) | Self::Start(update, _) | Self::Look(update, _) | Self::Delete(update) => update,
        }
    }
}

impl<'a> Inbox<'a> {
    pub(super) fn new(
        desk: Box<dyn Desk + 'a>,
        updates: Vec<Arc<Guarded<ComponentUpdate>>>,
        targets: HashMap<String, Target>,
    ) -> Self {
        Self { desk, updates, targets, gone: HashSet::new() }
    }

    /// Records what is to be recorded next of each component, and returns those updates. Only `after` changes.
    pub(crate) async fn record(
        &mut self,
        spec: &EnvironmentSpec,
        after: &mut EnvironmentStatus,
    ) -> Vec<Arc<Guarded<ComponentUpdate>>> {
        loop {
            let unseen = record::open(spec, after, &self.readable(), &self.gone).unseen;
            if unseen.is_empty() || !self.look_for(unseen).await {
                break;
            }
        }
        let updates = self.readable();
        let next = record::open(spec, after, &updates, &self.gone).next;
        next.iter().for_each(|update| record::put(&mut after.components, update));
        let uids: HashSet<&str> = next.iter().map(|update| seen::uid(update)).collect();
        let is_next = |update: &&Arc<Guarded<ComponentUpdate>>| {
            update.0.as_ref().is_ok_and(|update| uids.contains(seen::uid(update)))
        };
        self.updates.iter().filter(is_next).cloned().collect()
    }

    /// Looks for updates that the watch does not show, and returns whether it is known of all of them whether they are there.
    async fn look_for(&mut self, unseen: Vec<UpdateName>) -> bool {
        for wanted in unseen {
            match self.desk.update(&wanted.name).await {
                Ok(Some(update)) if seen::uid(&update) == wanted.uid => {
                    self.updates.push(Arc::new(Guarded(Ok(update))))
                }
                Ok(_) => {
                    self.gone.insert(wanted.uid);
                }
                Err(error) => {
                    tracing::warn!(update = wanted.name, error = %in_one_line(&error), "a ComponentUpdate could not be read; what follows it waits");
                    return false;
                }
            }
        }
        true
    }

    /// Says of these that the Environment's status would not take them.
    pub(crate) async fn refused(&self, updates: &[Arc<Guarded<ComponentUpdate>>], why: &str) {
        for update in updates.iter().filter_map(|update| update.0.as_ref().ok()) {
            if let Some(status) = seen::with(update, vec![record::refused(update, why)], None, now()) {
                self.perform(Act::Write(update, status)).await;
            }
        }
    }

    /// Says of each update what became of it, starts the runs whose turn it is, follows them, and deletes what is too old. Returns
    /// whether nothing went wrong. `status` is what is written; without a `spec` there is no Environment.
    pub(crate) async fn follow(&self, spec: Option<&EnvironmentSpec>, status: &EnvironmentStatus) -> bool {
        let updates = self.readable();
        let mut performed: Vec<BoxFuture<'_, bool>> = Vec::new();
        let mut is_all_known = true;
        for act in self.acts(&updates, spec, status) {
            if self.desk.is_stale(act.update()) {
                continue;
            }
            if let Act::Start(update, _) = &act {
                match self.is_free_for(update) {
                    Some(true) => {}
                    Some(false) => continue,
                    None => {
                        is_all_known = false;
                        continue;
                    }
                }
            }
            performed.push(self.perform(act).boxed());
        }
        let outcomes: Vec<bool> = stream::iter(performed).buffer_unordered(AT_A_TIME).collect().await;
        is_all_known && outcomes.into_iter().all(|done| done)
    }

    /// Whether the updates say all that there is to say of them while there is no Environment.
    pub(crate) fn says_all(&self) -> bool {
        self.acts(&self.readable(), None, &EnvironmentStatus::default()).is_empty()
    }

    /// Whether no other run of the update's component is under way, also none of an update that was deleted; `None` while that is
    /// not known. The end of such a run brings the Environment back.
    fn is_free_for(&self, update: &ComponentUpdate) -> Option<bool> {
        let own = update.name_any();
        Some(self.desk.under_way(update)?.iter().all(|run| *run == own))
    }

    fn acts<'u>(
        &self,
        updates: &[&'u ComponentUpdate],
        spec: Option<&EnvironmentSpec>,
        status: &EnvironmentStatus,
    ) -> Vec<Act<'u>> {
        let mut acts = Vec::new();
        let mut components: BTreeMap<&str, Vec<&ComponentUpdate>> = BTreeMap::new();
        for &update in updates {
            components.entry(&update.spec.component).or_default().push(update);
            if seen::is_recorded(update) {
                continue;
            }
            let verdicts = record::outcome(update, spec, status);
            let status = verdicts.and_then(|verdicts| seen::with(update, verdicts, None, now()));
            acts.extend(status.map(|status| Act::Write(update, status)));
        }
        let known = |update: &ComponentUpdate| self.desk.known(update);
        for updates in components.values() {
            for next in deploy::next(updates, spec, &self.targets, &known) {
                acts.extend(match next {
                    Next::Say(update, verdict) => {
                        seen::with(update, vec![verdict], None, now()).map(|status| Act::Write(update, status))
                    }
                    Next::Start(update, run) => Some(Act::Start(update, run)),
                    Next::Look(update, run) => Some(Act::Look(update, run)),
                });
            }
            let Some(spec) = spec else { continue };
            let is_busy = |update: &ComponentUpdate| known(update).is_some_and(|it| it.truth == Truth::Unknown);
            acts.extend(keep::too_old(keep::limit(spec), updates, is_busy).into_iter().map(Act::Delete));
        }
        acts
    }

    /// Returns whether nothing went wrong.
    async fn perform(&self, act: Act<'_>) -> bool {
        let outcome = match &act {
            Act::Write(update, status) => self.desk.write(update, status).await,
            Act::Start(update, run) => self.start(update, run).await,
            Act::Look(update, run) => self.look(update, run).await,
            Act::Delete(update) => self.desk.delete(update).await,
        };
        if let Err(error) = &outcome {
            let update = act.update();
            tracing::warn!(update = %update.name_any(), namespace = ?update.namespace(), error = %in_one_line(error), "a ComponentUpdate was not taken further; it is tried again");
        }
        outcome.is_ok()
    }

    /// Starts the run of an update.
    async fn start(&self, update: &ComponentUpdate, run: &PipelineRun) -> Result<(), kube::Error> {
        // Its run may have been started, ended and deleted since the watch showed it.
        let now_is = self.desk.update(&update.name_any()).await?;
        let same = now_is.filter(|now_is| seen::uid(now_is) == seen::uid(update));
        let Some(update) = same.filter(|update| seen::deployment(update) == Deployment::Queued) else { return Ok(()) };
        let name = run.name_any();
        let made = match self.desk.start(run).await {
            Ok(Made::NameTaken(message)) => self.own(&update, &name, message).await?,
            Ok(made) => made,
            Err(error) => {
                if let Some(why) = why_final(&error) {
                    let message = format!("its run was refused: {why}");
                    self.say(&update, Verdict::deployed(Truth::Unknown, "RunRefused", message), None).await?;
                }
                return Err(error);
            }
        };
        match made {
            Made::New(run) | Made::Already(run) => self.say(&update, deploy::verdict(&run), Some(&name)).await,
            Made::NameTaken(message) => {
                self.say(&update, Verdict::deployed(Truth::False, "NameTaken", message), None).await
            }
        }
    }

    /// The run of this name is the update's also if `onUpdate` named another pipeline when it was made.
    async fn own(&self, update: &ComponentUpdate, name: &str, message: String) -> Result<Made, kube::Error> {
        Ok(match self.desk.run(name).await? {
            Some(Ok(run)) if deploy::is_of(&run, update) => Made::Already(run),
            _ => Made::NameTaken(message),
        })
    }

    /// Reads the run of an update, and says what became of it.
    async fn look(&self, update: &ComponentUpdate, name: &str) -> Result<(), kube::Error> {
        let verdict = match self.desk.run(name).await? {
            Some(Ok(run)) if deploy::is_of(&run, update) => deploy::verdict(&run),
            // It says so itself.
            Some(Err(_)) => return Ok(()),
            _ if seen::is_open(update) => deploy::deleted(name),
            _ => return Ok(()),
        };
        self.say(update, verdict, Some(name)).await
    }

    async fn say(&self, update: &ComponentUpdate, verdict: Verdict, run: Option<&str>) -> Result<(), kube::Error> {
        match seen::with(update, vec![verdict], run, now()) {
            Some(status) => self.desk.write(update, &status).await,
            None => Ok(()),
        }
    }

    /// Why stages may bind to the Environment, and its updates start nothing; `None` if they can.
    pub(crate) fn unfit(&self, spec: &EnvironmentSpec) -> Option<Verdict> {
        let mut reason = None;
        let mut all = Vec::new();
        for (index, component) in spec.components.iter().enumerate() {
            let Some(pipeline) = deploy::target(spec, &component.name) else { continue };
            let (word, why) = match self.targets.get(pipeline) {
                Some(Target::Missing) => {
                    let remedy = "create it, or name one that is there";
                    ("PipelineNotFound", format!("there is no Pipeline {pipeline:?} in this namespace; {remedy}"))
                }
                Some(Target::Unfit(why)) => {
                    ("PipelineUnfit", format!("updates cannot start runs of Pipeline {pipeline:?}: {why}"))
                }
                Some(Target::InVain(why)) => {
                    (why.reason(), format!("updates deploy nothing by Pipeline {pipeline:?}: {why}"))
                }
                Some(Target::Fit) | None => continue,
            };
            reason.get_or_insert(word);
            all.push(format!("spec.components[{index}].onUpdate.deploy.pipelineRef.name: {why}"));
        }
        reason.map(|reason| Verdict::ready(Truth::False, reason, all.join("\n")))
    }

    fn readable(&self) -> Vec<&ComponentUpdate> {
        self.updates.iter().filter_map(|update| update.0.as_ref().ok()).collect()
    }
}
