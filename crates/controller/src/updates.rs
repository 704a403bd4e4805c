//! ComponentUpdates: recording them in the status of their Environment, and the runs that deploy them.
//!
//! ```text
//! an update, its run, the Environment or the pipeline changed -> the Environment's reconcile -> Inbox
//! ```
//!
//! The Environment's reconcile does all of it, since it is the one writer of that status. An update whose Environment is not there has
//! a reconcile of its own, which only says so and follows a run that is under way.

mod deploy;
mod desk;
mod inbox;
mod index;
mod keep;
#[cfg(test)]
mod model;
mod record;
mod seen;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use futures::channel::mpsc;
use kube::{Api, ResourceExt};
use kube_runtime::{
    controller::Action,
    reflector::{ObjectRef, Store},
    watcher::Event,
};
use sluice_api::{
    ComponentUpdate, Environment, EnvironmentSpec, EnvironmentStatus, Pipeline, PipelineRun, PipelineSpec,
    check::{in_vain, unfit_for_updates},
};

pub(crate) use self::{deploy::REPORT_AGAIN, inbox::Inbox, seen::is_open};
use self::{
    deploy::Target,
    desk::Cluster,
    index::{Index, OfComponent, OfEnvironment},
};
use crate::{
    context::{Context, is_listed},
    controllers::Panicked,
    environments::{EnvironmentRef, reference},
    guarded::Guarded,
    quarantine,
    written::Written,
};

/// Names a ComponentUpdate.
pub(crate) type UpdateRef = ObjectRef<Guarded<ComponentUpdate>>;

/// After something failed.
const AGAIN: Duration = Duration::from_secs(5);

/// An update that could not be looked after.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("failed to read Environment {name:?}")]
    Read { name: String, source: kube::Error },
    #[error(transparent)]
    Panicked(#[from] Panicked),
}

/// What the watches show that has to do with updates.
pub(crate) struct Updates {
    pub(crate) updates: Store<Guarded<ComponentUpdate>>,
    pub(crate) environments: Store<Guarded<Environment>>,
    pub(crate) pipelines: Store<Guarded<Pipeline>>,
    pub(crate) runs: Store<Guarded<PipelineRun>>,
    pub(crate) wake_environment: mpsc::UnboundedSender<EnvironmentRef>,
    pub(crate) wake_update: mpsc::UnboundedSender<UpdateRef>,
    pub(crate) written: Written,
    /// The updates of each Environment.
    pub(crate) by_environment: Index<OfEnvironment>,
    /// The runs of each component that had not ended when the watch showed them last.
    pub(crate) under_way: Index<OfComponent>,
}

/// The names of runs of updates that have not ended; `None` while it is not known.
type UnderWay = Option<Vec<String>>;

impl Updates {
    /// Keeps up with the watch of updates, which has taken the change in.
    pub(crate) fn keep(&self, change: &Event<Guarded<ComponentUpdate>>) {
        match change {
            Event::Init => {}
            Event::Apply(update) | Event::InitApply(update) => {
                if let Ok(update) = &update.0 {
                    self.by_environment.add(index::environment_of(update), update.name_any());
                }
            }
            Event::Delete(update) => {
                if let Ok(it) = &update.0 {
                    let of = index::environment_of(it);
                    self.by_environment.remove(&of, &it.name_any());
                    self.is_to_look(&of);
                }
            }
            Event::InitDone => {
                let all = self.updates.state();
                let readable = all.iter().filter_map(|update| update.0.as_ref().ok());
                self.by_environment.replace(readable.map(|it| (index::environment_of(it), it.name_any())));
            }
        }
    }

    /// Keeps up with the watch of runs, which has taken the change in.
    pub(crate) fn keep_runs(&self, change: &Event<Guarded<PipelineRun>>) {
        match change {
            Event::Init => {}
            Event::Apply(run) | Event::InitApply(run) => self.run_changed(run, false),
            Event::Delete(run) => self.run_changed(run, true),
            Event::InitDone => {
                let all = self.runs.state();
                let open = all.iter().filter_map(|run| run.0.as_ref().ok()).filter(|run| !index::has_ended(run));
                let of = open.filter_map(|run| Some((index::component_of(run)?, run.name_any())));
                self.under_way.replace(of);
                self.all_are_to_look();
            }
        }
    }

    /// The watch shows a change of a run, or that it is gone. What a run that has not ended does meanwhile concerns nobody.
    fn run_changed(&self, run: &Guarded<PipelineRun>, is_gone: bool) {
        let Ok(run) = &run.0 else { return };
        let Some(of) = run.spec.trigger.as_ref().and_then(|trigger| trigger.component_update.as_ref()) else { return };
        let (namespace, is_over) = (run.namespace().unwrap_or_default(), is_gone || index::has_ended(run));
        let component = index::component_of(run);
        if let Some(component) = &component {
            match is_over {
                true => self.under_way.remove(component, &run.name_any()),
                false => self.under_way.add(component.clone(), run.name_any()),
            }
        }
        let update = UpdateRef::new(&of.name).within(&namespace);
        match self.updates.get(&update) {
            Some(known) => {
                let is_known = known.0.as_ref().is_ok_and(|known| seen::says(known, &deploy::verdict(run)));
                if is_over || !is_known {
                    self.wake_update(update);
                }
            }
            // The update was deleted: the next one of its component waited for this run.
            None if is_over => {
                let environment = component.map(|(namespace, environment, _)| reference(&namespace, &environment));
                environment.into_iter().for_each(|it| self.wake(it));
            }
            None => {}
        }
    }

    /// The watch shows a change of a pipeline, or its end. Whatever happens in the status of one that was judged concerns nobody.
    pub(crate) fn pipeline_changed(&self, change: &Event<Guarded<Pipeline>>) {
        let pipeline = match change {
            Event::Apply(pipeline) if is_judged(pipeline) => return,
            Event::Apply(pipeline) | Event::Delete(pipeline) => pipeline,
            Event::InitDone => return self.all_are_to_look(),
            Event::Init | Event::InitApply(_) => return,
        };
        let (namespace, name) = (pipeline.namespace(), pipeline.name_any());
        for environment in self.environments.state() {
            let Ok(it) = &environment.0 else { continue };
            if it.namespace() == namespace && targets(&it.spec).any(|target| target == name) {
                self.wake(EnvironmentRef::from_obj(environment.as_ref()));
            }
        }
    }

    /// The watch shows a change of an Environment, or its end: pipelines with a stage in it may begin by hand now, or no longer, which
    /// concerns the Environments that have them deploy components.
    pub(crate) fn environment_changed(&self, change: &Event<Guarded<Environment>>) {
        let environment = match change {
            Event::Apply(environment) if is_environment_judged(environment) => return,
            Event::Apply(environment) | Event::Delete(environment) => environment,
            Event::InitDone => return self.all_are_to_look(),
            Event::Init | Event::InitApply(_) => return,
        };
        let (namespace, name) = (environment.namespace().unwrap_or_default(), environment.name_any());
        let is_in_it = |pipeline: &str| {
            let pipeline = self.pipelines.get(&ObjectRef::new(pipeline).within(&namespace));
            pipeline.is_some_and(|it| it.0.as_ref().is_ok_and(|it| is_bound_to(&it.spec, &name)))
        };
        for other in self.environments.state() {
            let Ok(it) = &other.0 else { continue };
            if it.namespace().as_ref() == Some(&namespace) && it.name_any() != name && targets(&it.spec).any(is_in_it) {
                self.wake(EnvironmentRef::from_obj(other.as_ref()));
            }
        }
    }

    /// A watch began anew, and what it shows was another thing while its list was on the way: every Environment looks at its updates, and
    /// where there is none, somebody else does.
    fn all_are_to_look(&self) {
        let environments = self.environments.state().into_iter();
        let environments = environments.map(|it| (it.namespace().unwrap_or_default(), it.name_any()));
        let all: BTreeSet<OfEnvironment> = environments.chain(self.by_environment.keys()).collect();
        all.iter().for_each(|of| self.is_to_look(of));
    }

    /// An Environment looks at its updates, or where there is none, the first of these does.
    fn is_to_look(&self, of: &OfEnvironment) {
        let (namespace, name) = of;
        let environment = reference(namespace, name);
        if self.environments.get(&environment).is_some() {
            self.wake(environment);
        } else if let Some(first) = self.first_of(namespace, name) {
            self.wake_update(first);
        }
    }

    fn wake(&self, environment: EnvironmentRef) {
        // Fails only when the controller ends.
        let _ = self.wake_environment.unbounded_send(environment);
    }

    fn wake_update(&self, update: UpdateRef) {
        // As above.
        let _ = self.wake_update.unbounded_send(update);
    }

    /// The watch shows that an Environment is gone.
    pub(crate) fn environment_gone(&self, environment: &Guarded<Environment>) {
        self.is_to_look(&(environment.namespace().unwrap_or_default(), environment.name_any()));
    }

    /// The one of an Environment's updates whose reconcile looks after all of them where there is no Environment.
    fn first_of(&self, namespace: &str, environment: &str) -> Option<UpdateRef> {
        let of = (namespace.to_owned(), environment.to_owned());
        let first = self.by_environment.first(&of, |name| self.one_of(namespace, environment, name).is_some())?;
        Some(UpdateRef::new(&first).within(namespace))
    }

    /// Whether something may still follow from a run's update, as far as the watch shows.
    pub(crate) fn is_open(&self, namespace: &str, name: &str) -> bool {
        let update = self.updates.get(&UpdateRef::new(name).within(namespace));
        update.is_some_and(|update| update.0.as_ref().is_ok_and(is_open))
    }

    /// The updates of an Environment.
    fn of(&self, namespace: &str, environment: &str) -> Vec<Arc<Guarded<ComponentUpdate>>> {
        let names = self.by_environment.of(&(namespace.to_owned(), environment.to_owned()));
        names.iter().filter_map(|name| self.one_of(namespace, environment, name)).collect()
    }

    /// The update of this name, if the watch shows it as one of the Environment.
    fn one_of(&self, namespace: &str, environment: &str, name: &str) -> Option<Arc<Guarded<ComponentUpdate>>> {
        let update = self.updates.get(&UpdateRef::new(name).within(namespace))?;
        update.0.as_ref().is_ok_and(|update| update.spec.environment == environment).then_some(update)
    }

    /// The runs of a component's updates that have not ended, of whatever became of the updates.
    fn under_way(&self, namespace: &str, environment: &str, component: &str) -> UnderWay {
        is_listed(&self.runs).then_some(())?;
        let of = (namespace.to_owned(), environment.to_owned(), component.to_owned());
        let is_open = |name: &String| {
            let run = self.run(namespace, name);
            run.is_some_and(|run| {
                run.0.as_ref().is_ok_and(|run| !index::has_ended(run) && index::component_of(run).as_ref() == Some(&of))
            })
        };
        Some(self.under_way.of(&of).into_iter().filter(is_open).collect())
    }

    fn run(&self, namespace: &str, name: &str) -> Option<Arc<Guarded<PipelineRun>>> {
        self.runs.get(&ObjectRef::new(name).within(namespace))
    }
}

/// The updates of an Environment, and the pipelines that its components name.
///
/// # Errors
/// When a pipeline that the watch does not show cannot be read.
pub(crate) async fn inbox<'a>(
    context: &'a Context,
    namespace: &'a str,
    name: &str,
    spec: Option<&EnvironmentSpec>,
) -> Result<Inbox<'a>, kube::Error> {
    let mut known = HashMap::new();
    let of = Place { namespace, name, spec };
    for target in spec.into_iter().flat_map(targets) {
        if !known.contains_key(target) {
            known.insert(target.to_owned(), pipeline(context, of, target).await?);
        }
    }
    let desk = Cluster { client: &context.client, updates: &context.updates, namespace };
    Ok(Inbox::new(Box::new(desk), context.updates.of(namespace, name), known))
}

/// Whether the status of a pipeline is that of its spec. The change of the spec itself came before.
fn is_judged(pipeline: &Guarded<Pipeline>) -> bool {
    pipeline.0.as_ref().is_ok_and(|pipeline| {
        let judged = pipeline.status.as_ref().and_then(|status| status.observed_generation);
        judged.is_some() && judged == pipeline.metadata.generation
    })
}

/// Whether the status of an Environment is that of its spec. The change of the spec itself came before.
fn is_environment_judged(environment: &Guarded<Environment>) -> bool {
    environment.0.as_ref().is_ok_and(|environment| {
        let judged = environment.status.as_ref().and_then(|status| status.observed_generation);
        judged.is_some() && judged == environment.metadata.generation
    })
}

/// Whether a stage is bound to the Environment by its name.
fn is_bound_to(pipeline: &PipelineSpec, environment: &str) -> bool {
    pipeline.stages.iter().any(|stage| stage.environment.as_deref() == Some(environment))
}

/// The pipelines that components name.
fn targets(spec: &EnvironmentSpec) -> impl Iterator<Item = &str> {
    spec.components.iter().filter_map(|it| Some(&*it.on_update.as_ref()?.deploy.pipeline_ref.name))
}

/// Whose components a pipeline deploys.
#[derive(Clone, Copy)]
struct Place<'a> {
    namespace: &'a str,
    name: &'a str,
    spec: Option<&'a EnvironmentSpec>,
}

/// What there is of a pipeline: what the watch shows, or else a live read, since a watch that lags shows none.
async fn pipeline(context: &Context, of: Place<'_>, name: &str) -> Result<Target, kube::Error> {
    let namespace = of.namespace;
    let wants_approval = |environment: &str| context.records.wants_approval(namespace, environment);
    let judge = |pipeline: &Guarded<Pipeline>| match &pipeline.0 {
        Err(invalid) => Target::Unfit(format!("it cannot be read: {}", invalid.error)),
        Ok(pipeline) => match unfit_for_updates(&pipeline.spec) {
            why if !why.is_empty() => Target::Unfit(why.join("; ")),
            _ => {
                let in_vain = of.spec.and_then(|spec| in_vain((of.name, spec), (name, &pipeline.spec), wants_approval));
                in_vain.map_or(Target::Fit, Target::InVain)
            }
        },
    };
    if let Some(pipeline) = context.updates.pipelines.get(&ObjectRef::new(name).within(namespace)) {
        return Ok(judge(&pipeline));
    }
    let pipelines: Api<Guarded<Pipeline>> = Api::namespaced(context.client.clone(), namespace);
    Ok(pipelines.get_opt(name).await?.map_or(Target::Missing, |pipeline| judge(&pipeline)))
}

/// Has the Environment of an update look at it, or says that there is none.
pub(crate) async fn reconcile(guarded: Arc<Guarded<ComponentUpdate>>, context: Arc<Context>) -> Result<Action, Error> {
    let update = match &guarded.0 {
        Ok(update) => update,
        Err(invalid) => {
            quarantine::update(&context.client, &invalid.metadata, &invalid.error).await;
            return Ok(Action::await_change());
        }
    };
    if !is_open(update) {
        // Its run may go now.
        context.history.look();
    }
    let this = UpdateRef::from_obj(guarded.as_ref());
    let (namespace, name) = (update.namespace().unwrap_or_default(), update.spec.environment.clone());
    let environment = environment_of(update);
    if context.updates.environments.get(&environment).is_some() {
        context.updates.wake(environment);
        return Ok(Action::await_change());
    }
    if let Some(first) = context.updates.first_of(&namespace, &name).filter(|first| *first != this) {
        // One looks after all of them, where there is something to do.
        let desk = Cluster { client: &context.client, updates: &context.updates, namespace: &namespace };
        if !Inbox::new(Box::new(desk), vec![guarded.clone()], HashMap::new()).says_all() {
            context.updates.wake_update(first);
        }
        return Ok(Action::await_change());
    }
    // The watch may not show one yet that is there: then it is going to.
    let environments: Api<Guarded<Environment>> = Api::namespaced(context.client.clone(), &namespace);
    let read = |source| Error::Read { name: name.clone(), source };
    if environments.get_opt(&name).await.map_err(read)?.is_some() {
        return Ok(Action::requeue(AGAIN));
    }
    let inbox = inbox(&context, &namespace, &name, None).await.map_err(read)?;
    let was_said = inbox.says_all();
    match inbox.follow(None, &EnvironmentStatus::default()).await {
        true if was_said => Ok(Action::await_change()),
        // What was said of one may make it another one's turn, and one that says all there is to say wakes nobody.
        _ => Ok(Action::requeue(AGAIN)),
    }
}

/// Tries again later.
pub(crate) fn error_policy(_: Arc<Guarded<ComponentUpdate>>, error: &Error, _: Arc<Context>) -> Action {
    tracing::warn!(error = %crate::causes::in_one_line(error), "a ComponentUpdate was not looked after; it is tried again");
    Action::requeue(AGAIN)
}

fn environment_of(update: &ComponentUpdate) -> EnvironmentRef {
    reference(&update.namespace().unwrap_or_default(), &update.spec.environment)
}
