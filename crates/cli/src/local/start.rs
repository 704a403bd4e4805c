//! How a run begins: its pipeline pinned, its state kept, before anything else happens. And how it is taken up again.

use std::{collections::BTreeMap, fs, os::unix::fs::MetadataExt, sync::Arc};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::ResourceExt;
use sluice_api::{
    LocalReference, PinnedSource, PipelineRun, PipelineRunSpec, PipelineRunStatus, PipelineSpec, Program, Revision,
    RunAction, Unresolved, resolve_params,
};
use sluice_engine::RunState;
use uuid::Uuid;

use super::{
    Error, Remembered, StateDirectory,
    approval::by_one_person,
    ask::Person,
    carry_on::Session,
    choose::Chosen,
    family::Family,
    kept::{KeptRun, asked, now},
    lock::RunLock,
    objects::Objects,
    sources::Look,
    world::LocalWorld,
};
use crate::output::{Format, Output};

/// A run that this process may carry on.
pub(crate) struct Held {
    pub(crate) directory: StateDirectory,
    pub(crate) run: PipelineRun,
    pub(crate) spec: PipelineSpec,
    pub(crate) lock: RunLock,
}

impl Held {
    /// Appends what the person here asks of the run, before it is carried on, and keeps it: the entry's position.
    pub(crate) fn ask(&mut self, action: RunAction) -> Result<usize, Error> {
        let position = self.run.spec.actions.len();
        self.run = asked(&self.run, action);
        self.directory.keep(&self.run)?;
        Ok(position)
    }
}

/// Why nothing of this pipeline starts, while it is suspended.
pub(super) fn suspension(name: &str, spec: &PipelineSpec) -> Option<String> {
    let suspend = spec.suspend.as_ref()?;
    let why = suspend.reason.as_ref().filter(|reason| !reason.is_empty());
    let why = why.map(|reason| format!(": {reason}")).unwrap_or_default();
    Some(format!("pipeline {name:?} is suspended{why}; to run it, take spec.suspend away"))
}

/// A run that cannot be begun, or taken up again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error(transparent)]
    Directory(#[from] Error),
    #[error("{}", .0.message)]
    Source(Unresolved),
    #[error("there is a run {name:?} already, started a moment ago: choose another name with --name")]
    Taken { name: String },
    #[error(
        "the version of the pipeline that run {run:?} keeps to is gone ({}/revisions/{revision}.json): put it back; the run \
         has acted already, so it cannot go on with another one",
        directory.path().display()
    )]
    RevisionMissing { run: String, revision: String, directory: StateDirectory },
    #[error("run {run:?} has not begun and its pipeline {pipeline:?} is not among the manifests: name them with -f")]
    PipelineMissing { run: String, pipeline: String },
    #[error("run {run:?}: its pipeline cannot run: {source}")]
    Program { run: String, source: sluice_api::ProgramError },
    #[error("run {run:?}: wrong parameters: {problems}")]
    Parameters { run: String, problems: String },
    #[error(transparent)]
    Client(anyhow::Error),
}

impl Refused {
    /// Whether another process has a run of this name.
    pub(crate) fn is_taken(&self) -> bool {
        matches!(self, Self::Taken { .. } | Self::Directory(Error::Locked { .. }))
    }
}

/// Begins a run: once this returns it can be resumed, whatever happens.
pub(crate) fn begin(
    directory: StateDirectory,
    chosen: Chosen,
    objects: &Objects,
    user: &str,
    remembered: &Remembered,
) -> Result<Held, Refused> {
    let Chosen { name, namespace, pipeline, params, from, .. } = chosen;
    let look = Look { directory: &directory, namespace: &namespace, objects, remembered };
    let sources = look.resolve(&pipeline.spec.sources, &from)?.map_err(Refused::Source)?;
    directory.make()?;
    let lock = directory.lock(&name)?;
    if directory.run(&name)?.is_some() {
        return Err(Refused::Taken { name });
    }
    let revision = Revision::new(&pipeline.name_any(), pipeline.spec);
    let pinned = directory.keep_revision(&revision, &namespace)?;
    let spec = PipelineRunSpec {
        pipeline_ref: LocalReference { name: revision.pipeline.clone() },
        params,
        from,
        requested_by: Some(user.to_owned()),
        trigger: None,
        actions: Vec::new(),
    };
    let mut run = begun(name, namespace, spec, pinned, sources);
    remembered.note(&mut run);
    directory.keep(&run)?;
    Ok(Held { directory, run, spec: revision.spec, lock })
}

/// Begins the run that a step starts: as [`begin`] does, with everything else as the step wants it.
pub(super) fn begin_child(
    directory: StateDirectory,
    namespace: &str,
    wanted: &PipelineRun,
    spec: PipelineSpec,
    (objects, remembered): (&Objects, &Remembered),
) -> Result<Held, Refused> {
    let name = wanted.name_any();
    let look = Look { directory: &directory, namespace, objects, remembered };
    let sources = look.resolve(&spec.sources, &wanted.spec.from)?.map_err(Refused::Source)?;
    directory.make()?;
    let lock = directory.lock(&name)?;
    if directory.run(&name)?.is_some() {
        return Err(Refused::Taken { name });
    }
    let revision = Revision::new(&wanted.spec.pipeline_ref.name, spec);
    let pinned = directory.keep_revision(&revision, namespace)?;
    let labels = wanted.metadata.labels.clone();
    let mut run = begun(name, namespace.to_owned(), wanted.spec.clone(), pinned, sources);
    run.metadata.labels = labels;
    remembered.note(&mut run);
    directory.keep(&run)?;
    Ok(Held { directory, run, spec: revision.spec, lock })
}

/// A run before its first move.
fn begun(
    name: String,
    namespace: String,
    spec: PipelineRunSpec,
    pinned: String,
    sources: Vec<PinnedSource>,
) -> PipelineRun {
    PipelineRun {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: Some(namespace),
            uid: Some(Uuid::new_v4().to_string()),
            creation_timestamp: Some(Time(now())),
            generation: Some(1),
            resource_version: Some("1".to_owned()),
            annotations: Some(BTreeMap::new()),
            ..ObjectMeta::default()
        },
        spec,
        status: Some(PipelineRunStatus { pipeline_revision: Some(pinned), sources, ..PipelineRunStatus::default() }),
    }
}

/// Takes up a run again that was begun before.
pub(crate) fn take_up(directory: StateDirectory, name: &str, objects: &Objects) -> Result<Held, Refused> {
    let lock = directory.lock(name)?;
    // Read under the lock: another process may have carried it on meanwhile.
    let mut run = directory.existing(name)?;
    let status = run.status.clone().unwrap_or_default();
    let pinned = status.pipeline_revision.clone();
    let known = pinned.as_deref().map_or(Ok(None), |name| directory.revision(name))?;
    let spec = match (known, pinned) {
        (Some(revision), _) => revision.spec,
        (None, Some(revision)) if status.state.has_claims() => {
            return Err(Refused::RevisionMissing { run: name.to_owned(), revision, directory });
        }
        (None, _) => pin_anew(&directory, &mut run, objects)?,
    };
    Ok(Held { directory, run, spec, lock })
}

/// Nothing has happened yet: the run may as well begin with what the pipeline is now.
fn pin_anew(directory: &StateDirectory, run: &mut PipelineRun, objects: &Objects) -> Result<PipelineSpec, Refused> {
    let name = &run.spec.pipeline_ref.name;
    let pipeline = objects.pipelines.iter().find(|pipeline| pipeline.metadata.name.as_ref() == Some(name));
    let Some(pipeline) = pipeline else {
        return Err(Refused::PipelineMissing { run: run.name_any(), pipeline: name.clone() });
    };
    let revision = Revision::new(name, pipeline.spec.clone());
    let pinned = directory.keep_revision(&revision, &run.namespace().unwrap_or_default())?;
    let status = run.status.get_or_insert_default();
    status.pipeline_revision = Some(pinned);
    status.state = RunState::default();
    Ok(revision.spec)
}

/// Everything that is needed to carry the run on.
pub(crate) fn session(
    held: Held,
    objects: Objects,
    remembered: &Remembered,
    user: &str,
    format: Format,
) -> Result<Session, Refused> {
    let Held { directory, run, .. } = &held;
    let output = Arc::new(Output::new(format, &run.name_any(), run.status.as_ref()));
    let family = Family::new(directory.clone(), objects, remembered.clone(), user.to_owned(), output.clone());
    session_of(held, &family, output)
}

/// The same for a run that a step of another one has started: it is shown beside that one.
pub(super) fn member(held: Held, family: &Arc<Family>) -> Result<Session, Refused> {
    let output = Arc::new(Output::beside(&family.output, &held.run.name_any(), held.run.status.as_ref()));
    session_of(held, family, output)
}

fn session_of(held: Held, family: &Arc<Family>, output: Arc<Output>) -> Result<Session, Refused> {
    let Held { directory, mut run, spec, lock } = held;
    let Family { objects, remembered, user, .. } = &**family;
    remembered.note(&mut run);
    let name = run.name_any();
    let mut program = Program::of(&spec).map_err(|source| Refused::Program { run: name.clone(), source })?;
    let approvals = program.plan.stages.iter().filter_map(|stage| Some((stage.name.clone(), stage.approval?)));
    let wanted = approvals.collect();
    by_one_person(&mut program);
    let params = resolve_params(&spec.params, &run.spec.params).map_err(|problems| {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Refused::Parameters { run: name.clone(), problems: problems.join("; ") }
    })?;
    let namespace = run.namespace().unwrap_or_default();
    let root = remembered.directory();
    let allow_http_to = remembered.allow_http_to.clone();
    let place = (namespace, run.spec.pipeline_ref.name.clone());
    let world = LocalWorld::new(root, place, objects.clone(), allow_http_to, output.clone(), family.clone());
    let world = world.map_err(Refused::Client)?;
    let person = Person::new(user.clone(), remembered.yes, &output);
    let kept = KeptRun::new(directory, run, lock);
    Ok(Session { kept, program, params, world, output, person, wanted, user: user.clone() })
}

/// Who sits here, by the name that the system knows.
pub(crate) fn user() -> String {
    let name = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok().filter(|name| !name.is_empty()));
    name.or_else(own_account).unwrap_or_else(|| "somebody".to_owned())
}

/// The name of this process's account, where the environment does not say it, as in a container.
fn own_account() -> Option<String> {
    let uid = fs::metadata("/proc/self").ok()?.uid().to_string();
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = accounts.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.get(2) == Some(&uid.as_str())).then(|| fields[0].to_owned())
    });
    Some(name.unwrap_or_else(|| format!("uid {uid}")))
}
