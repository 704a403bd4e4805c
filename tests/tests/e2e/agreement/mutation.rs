//! Manifests made from the examples by one small change each.

use std::path::Path;

use sluice_tests::paths;

/// What becomes of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The API server takes it, and it can run.
    Accepted,
    /// The API server takes it, and its condition `Ready` is false.
    NotReady,
    /// The API server refuses it.
    Refused,
}

/// A changed manifest.
#[derive(Clone, Debug)]
pub(super) struct Mutation {
    /// What was changed.
    pub(super) name: String,
    /// The whole text.
    pub(super) text: String,
    /// What becomes of it.
    pub(super) verdict: Verdict,
}

impl Mutation {
    /// A whole example as it is.
    pub(super) fn none(path: &Path) -> Self {
        let text = in_no_namespace(&read(path));
        Self { name: path.display().to_string(), text, verdict: Verdict::Accepted }
    }
}

/// One object of an example.
#[derive(Clone, Copy, Debug)]
pub(super) struct Base {
    file: &'static str,
    kind: &'static str,
}

pub(super) const HELLO: Base = Base { file: "hello.yaml", kind: "Pipeline" };
pub(super) const HELLO_RUN: Base = Base { file: "hello.yaml", kind: "PipelineRun" };
pub(super) const DEPLOY: Base = Base { file: "deploy-v1.yaml", kind: "Pipeline" };
pub(super) const DEPLOY_RUN: Base = Base { file: "deploy-v1.yaml", kind: "PipelineRun" };
pub(super) const PROVIDER: Base = Base { file: "deploy-v1.yaml", kind: "ScmProvider" };
pub(super) const ARGOCD_WAIT: Base = Base { file: "steps/argocdWait.yaml", kind: "Pipeline" };
pub(super) const DELAY: Base = Base { file: "steps/delay.yaml", kind: "Pipeline" };
pub(super) const HTTP: Base = Base { file: "steps/http.yaml", kind: "Pipeline" };
pub(super) const MERGE: Base = Base { file: "steps/pullRequestWait.yaml", kind: "Pipeline" };
pub(super) const VALIDATE: Base = Base { file: "steps/validate.yaml", kind: "Pipeline" };
pub(super) const WAIT_FOR: Base = Base { file: "steps/waitFor.yaml", kind: "Pipeline" };

impl Base {
    /// The text of the object without the comment above it, in no namespace.
    pub(super) fn text(self) -> String {
        let file = read(&paths::workspace().join("examples").join(self.file));
        let line = format!("kind: {}", self.kind);
        let document = file.split("\n---\n").find(|document| document.lines().any(|of_it| of_it == line));
        let document = document.unwrap_or_else(|| panic!("{} has no {}", self.file, self.kind));
        let start = document.find("apiVersion:").unwrap_or_default();
        in_no_namespace(&document[start..])
    }

    pub(super) fn accepted(self, name: &str, old: &str, new: impl AsRef<str>) -> Mutation {
        self.mutation(Verdict::Accepted, name, old, new.as_ref())
    }

    pub(super) fn not_ready(self, name: &str, old: &str, new: impl AsRef<str>) -> Mutation {
        self.mutation(Verdict::NotReady, name, old, new.as_ref())
    }

    pub(super) fn refused(self, name: &str, old: &str, new: impl AsRef<str>) -> Mutation {
        self.mutation(Verdict::Refused, name, old, new.as_ref())
    }

    /// The first place where the old text stands gets the new one.
    fn mutation(self, verdict: Verdict, name: &str, old: &str, new: &str) -> Mutation {
        let text = self.text();
        assert!(text.contains(old), "{name}: {} has no {old:?} any more", self.file);
        Mutation { name: name.to_owned(), text: text.replacen(old, new, 1), verdict }
    }
}

/// The text with its objects in whichever namespace they are applied to.
fn in_no_namespace(text: &str) -> String {
    text.replace(", namespace: shop}", "}")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
