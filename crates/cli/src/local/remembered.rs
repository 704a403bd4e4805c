//! How a run was started: what `sluice resume` needs to go on in the same way.

use std::{
    io,
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use kube::ResourceExt;
use serde::{Deserialize, Serialize};
use sluice_api::PipelineRun;

/// The annotation with it, in the state file.
const ANNOTATION: &str = "sluice.dev/local";

/// How a run was started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct Remembered {
    /// Where the manifests with its providers and secrets are; absolute.
    pub(crate) manifests: Vec<PathBuf>,
    /// Whether some of them came from standard input, which cannot be read again.
    pub(crate) standard_input: bool,
    /// Whether its changes are merged without a question.
    pub(crate) yes: bool,
    /// Otherwise closed networks that its steps may reach.
    pub(crate) allow_http_to: Vec<IpNet>,
}

impl Remembered {
    /// What is remembered of this run, or why that cannot be read.
    pub(crate) fn of(run: &PipelineRun) -> Result<Self, String> {
        let Some(text) = run.annotations().get(ANNOTATION) else { return Ok(Self::default()) };
        serde_json::from_str(text).map_err(|error| format!("its annotation {ANNOTATION}: {error}"))
    }

    /// Notes it on the run.
    pub(crate) fn note(&self, run: &mut PipelineRun) {
        if let Ok(text) = serde_json::to_string(self) {
            run.annotations_mut().insert(ANNOTATION.to_owned(), text);
        }
    }

    /// What is remembered of these paths.
    pub(crate) fn manifests(paths: &[PathBuf]) -> Result<Self, (PathBuf, io::Error)> {
        let (input, files): (Vec<_>, Vec<_>) = paths.iter().partition(|path| is_standard_input(path));
        let absolute = files.into_iter().map(|path| path.canonicalize().map_err(|error| (path.clone(), error)));
        Ok(Self {
            manifests: absolute.collect::<Result<_, _>>()?,
            standard_input: !input.is_empty(),
            ..Self::default()
        })
    }

    /// The directory of the first of the manifests, from which the paths of local repositories are resolved where a provider
    /// is in none of them.
    pub(crate) fn directory(&self) -> PathBuf {
        directory_of(self.manifests.first().map(PathBuf::as_path))
    }
}

fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

/// The directory of manifests at this path: itself, or the one it is in; the working directory for standard input.
pub(crate) fn directory_of(path: Option<&Path>) -> PathBuf {
    let Some(path) = path.filter(|path| !is_standard_input(path)) else { return PathBuf::from(".") };
    if path.is_dir() {
        return path.to_owned();
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}
