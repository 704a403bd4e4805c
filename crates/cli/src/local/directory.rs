//! Where runs are kept: `.sluice/runs/NAME.json` and `.sluice/revisions/NAME.json`, as the objects that a cluster would hold.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::ResourceExt;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sluice_api::{PipelineRun, Revision};

use super::{
    Remembered, files,
    lock::{self, RunLock, Unlocked},
};

/// The name of the state directory beside the manifests.
const NAME: &str = ".sluice";

/// A directory with runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StateDirectory(PathBuf);

/// What can be wrong with it. Nothing that could not be read is ever overwritten.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("failed to {action} {}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("{} cannot be read as the state of a run: {why}; put it right, or move it away to begin anew", path.display())]
    Foreign { path: PathBuf, why: String },
    #[error(
        "run {name:?} is being carried on by {holder}: wait for it, or end it (SIGTERM aborts the run, SIGKILL leaves it \
         to be resumed)"
    )]
    Locked { name: String, holder: String },
    #[error("there is no run {name:?} in {}: {known}", path.display())]
    NotFound { name: String, path: PathBuf, known: String },
}

impl StateDirectory {
    /// The directory at this path, which need not exist yet.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// The one that belongs to manifests in `directory`.
    pub(crate) fn beside(directory: &Path) -> Self {
        // As people write it.
        let directory = if directory == Path::new(".") { Path::new("") } else { directory };
        Self(directory.join(NAME))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Where the run of this name is kept.
    pub(crate) fn run_path(&self, name: &str) -> PathBuf {
        self.0.join("runs").join(format!("{name}.json"))
    }

    fn revision_path(&self, name: &str) -> PathBuf {
        self.0.join("revisions").join(format!("{name}.json"))
    }

    /// Makes the directory. What is in it is for no repository: outputs of steps, and paths of this machine.
    pub(crate) fn make(&self) -> Result<(), Error> {
        for directory in ["runs", "revisions"] {
            let path = self.0.join(directory);
            files::make_directory(&path).map_err(|source| Error::Io { action: "make", path, source })?;
        }
        let path = self.0.join(".gitignore");
        if !path.exists() {
            fs::write(&path, "*\n").map_err(|source| Error::Io { action: "write", path, source })?;
        }
        Ok(())
    }

    /// The right to carry this run on.
    pub(crate) fn lock(&self, name: &str) -> Result<RunLock, Error> {
        let path = self.0.join("runs").join(format!("{name}.lock"));
        lock::take(&path).map_err(|unlocked| match unlocked {
            Unlocked::Io(source) => Error::Io { action: "lock", path, source },
            Unlocked::Held(process) => {
                let holder = match process.is_empty() {
                    true => "another process".to_owned(),
                    false => format!("process {process}"),
                };
                Error::Locked { name: name.to_owned(), holder }
            }
        })
    }

    /// The names of all runs, in order.
    pub(crate) fn names(&self) -> Result<Vec<String>, Error> {
        let path = self.0.join("runs");
        let failed = |source| Error::Io { action: "read", path: path.clone(), source };
        let entries = match fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            names.extend(name.to_str().and_then(|name| name.strip_suffix(".json")).map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }

    /// The run of this name, `None` when there is none.
    pub(crate) fn run(&self, name: &str) -> Result<Option<PipelineRun>, Error> {
        let path = self.run_path(name);
        let Some(run) = read::<PipelineRun>(&path, "PipelineRun")? else { return Ok(None) };
        let foreign = |why: String| Err(Error::Foreign { path: path.clone(), why });
        match (&run.metadata.name, &run.metadata.uid, &run.metadata.namespace) {
            (Some(own), Some(_), Some(_)) if own == name => match Remembered::of(&run) {
                Ok(_) => Ok(Some(run)),
                Err(why) => foreign(why),
            },
            (Some(own), Some(_), Some(_)) => foreign(format!("it says to be the run {own:?}")),
            _ => foreign("it lacks metadata.name, .namespace or .uid".to_owned()),
        }
    }

    /// The run of this name, or an error that says which there are.
    pub(crate) fn existing(&self, name: &str) -> Result<PipelineRun, Error> {
        if let Some(run) = self.run(name)? {
            return Ok(run);
        }
        let names = self.names()?;
        let known =
            if names.is_empty() { "it holds none".to_owned() } else { format!("it holds {}", names.join(", ")) };
        Err(Error::NotFound { name: name.to_owned(), path: self.0.clone(), known })
    }

    /// Keeps the run.
    pub(crate) fn keep(&self, run: &PipelineRun) -> Result<(), Error> {
        write(&self.run_path(&run.name_any()), run, files::replace)
    }

    /// Keeps this version of a pipeline, and returns its name. One that is there already is the same: the name is the
    /// content's hash.
    pub(crate) fn keep_revision(&self, revision: &Revision, namespace: &str) -> Result<String, Error> {
        let invalid = |error: sluice_api::RevisionError| Error::Foreign { path: self.0.clone(), why: describe(&error) };
        let object = revision.to_object(namespace).map_err(invalid)?;
        let name = object.name_any();
        if self.revision(&name)?.as_ref() != Some(revision) {
            // No lock is held: other runs of the same version may be beginning.
            write(&self.revision_path(&name), &object, files::replace_together)?;
        }
        Ok(name)
    }

    /// The version of a pipeline of this name, `None` when it is not there.
    pub(crate) fn revision(&self, name: &str) -> Result<Option<Revision>, Error> {
        let path = self.revision_path(name);
        let Some(object) = read::<ControllerRevision>(&path, "ControllerRevision")? else { return Ok(None) };
        let foreign = |why: String| Error::Foreign { path: path.clone(), why };
        let revision = Revision::of_object(&object).map_err(|error| foreign(describe(&error)))?;
        match revision.name() {
            Ok(own) if own == name => Ok(Some(revision)),
            _ => Err(foreign("its content was changed, and is no longer the version that its name says".to_owned())),
        }
    }
}

/// Reads an object of this kind; `None` when there is no such file.
fn read<K: DeserializeOwned + Serialize>(path: &Path, kind: &str) -> Result<Option<K>, Error> {
    let content = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        content => content.map_err(|source| Error::Io { action: "read", path: path.to_owned(), source })?,
    };
    let foreign = |why: String| Error::Foreign { path: path.to_owned(), why };
    let value: Value = serde_json::from_slice(&content).map_err(|error| foreign(error.to_string()))?;
    if value["kind"] != kind {
        return Err(foreign(format!("it is no {kind}")));
    }
    let object = K::deserialize(&value).map_err(|error| foreign(error.to_string()))?;
    // What is not understood would be gone once the object is written back.
    let again = serde_json::to_value(&object).map_err(|error| foreign(error.to_string()))?;
    match lost(&value, &again) {
        Some(member) => Err(foreign(format!("it has {member:?}, which this version does not know"))),
        None => Ok(Some(object)),
    }
}

/// The path of a member that the second value lacks. What says nothing may be left out.
fn lost(value: &Value, again: &Value) -> Option<String> {
    let says_something = |value: &Value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    };
    let below = |at: String, value: &Value, again: Option<&Value>| match again {
        Some(again) => lost(value, again).map(|rest| format!("{at}.{rest}")),
        None => says_something(value).then_some(at),
    };
    match value {
        Value::Object(members) => members.iter().find_map(|(name, value)| below(name.clone(), value, again.get(name))),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| below(index.to_string(), item, again.get(index)))
        }
        _ => None,
    }
}

fn write(path: &Path, object: &impl Serialize, replace: fn(&Path, &[u8]) -> io::Result<()>) -> Result<(), Error> {
    let failed = |source| Error::Io { action: "write", path: path.to_owned(), source };
    let mut content = serde_json::to_vec_pretty(object).map_err(|error| failed(error.into()))?;
    content.push(b'\n');
    replace(path, &content).map_err(failed)
}

/// An error and its causes in one line.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
