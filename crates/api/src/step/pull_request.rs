//! `pullRequest`: opens a pull request with file edits.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluice_engine::Nature;
use sluice_expr::Type;

use crate::{
    LocalReference,
    step::{FileEdit, OnAbort, StepType},
};

/// Opens a pull request with file edits, which are one commit on a branch of its own. After a crash it is found again
/// and never opened twice. When the edits change nothing, the step succeeds with `changed: false` and opens none.
///
/// Outputs: `url`, `number`, `branch`, `headCommit` (null without a change), `changed`, and what `pullRequestWait`
/// takes: `repository`, `base`, `providerRef`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct PullRequest {
    /// The ScmProvider with the git host.
    pub provider_ref: LocalReference,
    /// The repository as `owner/name`, such as `shop/gitops`; may contain `${{ }}`.
    #[schemars(length(min = 1, max = 512))]
    pub repository: String,
    /// The branch to merge into; the repository's default branch unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub base: Option<String>,
    /// The title, which is also the commit's subject; may contain `${{ }}`.
    #[schemars(length(min = 1, max = 1024))]
    pub title: String,
    /// The description, in the host's Markdown; may contain `${{ }}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16384))]
    pub body: Option<String>,
    /// The changes to files, all of them or none: together they are one commit.
    #[schemars(length(min = 1, max = 100))]
    pub edits: Vec<FileEdit>,
    /// What an abort of the run, or another attempt of the stage (`retry`), does about the pull request: `Undo` unless set,
    /// which closes it if it is still open and deletes its branch. One that is merged stays merged, and a branch onto
    /// which somebody else has pushed is kept.
    #[serde(default)]
    pub on_abort: OnAbort,
}

impl StepType for PullRequest {
    fn nature(&self) -> Nature {
        Nature::Acts
    }

    fn undoes(&self) -> bool {
        self.on_abort == OnAbort::Undo
    }

    fn outputs(&self) -> Type {
        Type::object([
            ("url", Type::Any),
            ("number", Type::Any),
            ("branch", Type::Any),
            ("headCommit", Type::Any),
            ("changed", Type::Bool),
            ("repository", Type::String),
            ("base", Type::String),
            ("providerRef", Type::Any),
        ])
    }
}
