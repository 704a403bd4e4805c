//! How a run was started: what `sluice resume` needs to go on in the same way.

use std::path::{Path, PathBuf};

use ipnet::IpNet;
use kube::ResourceExt;
use serde::{Deserialize, Serialize};
use sluice_api::PipelineRun;

/// The annotation with it, in the state file.
const ANNOTATION: &str = "sluice.dev/local";

/// How a run was started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Remembered {
    /// Where the manifests with its providers and secrets are; absolute.
    pub(crate) manifests: Vec<PathBuf>,
    /// Whether its changes are merged without a question.
    pub(crate) yes: bool,
    /// Otherwise closed networks that its steps may reach.
    pub(crate) allow_http_to: Vec<IpNet>,
}

impl Remembered {
    /// What is remembered of this run.
    pub(crate) fn of(run: &PipelineRun) -> Self {
        let text = run.annotations().get(ANNOTATION);
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// Notes it on the run.
    pub(crate) fn note(&self, run: &mut PipelineRun) {
        if let Ok(text) = serde_json::to_string(self) {
            run.annotations_mut().insert(ANNOTATION.to_owned(), text);
        }
    }

    /// The directory of the manifests: that of the first of them, from which the paths of local repositories are resolved.
    pub(crate) fn directory(&self) -> PathBuf {
        directory_of(self.manifests.first().map(PathBuf::as_path))
    }
}

/// The directory of manifests at this path: itself, or the one it is in; the working directory for standard input.
pub(crate) fn directory_of(path: Option<&Path>) -> PathBuf {
    let Some(path) = path.filter(|path| *path != Path::new("-")) else { return PathBuf::from(".") };
    if path.is_dir() {
        return path.to_owned();
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}
