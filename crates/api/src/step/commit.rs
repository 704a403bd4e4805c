//! `commit`: commits file edits straight onto a branch.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluice_engine::Nature;
use sluice_expr::Type;

use crate::{
    LocalReference,
    step::{FileEdit, StepType, output::CommitOutput},
};

/// Commits file edits straight onto a branch, as one commit. When the branch has moved meanwhile, the edits are made
/// anew on its new head. When they change nothing, the step succeeds with `changed: false`.
///
/// Outputs: `commit` (`sha`, `repository`, `providerRef`) and `changed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct Commit {
    /// The ScmProvider with the git host.
    pub provider_ref: LocalReference,
    /// The repository as `owner/name`, such as `shop/gitops`; may contain `${{ }}`.
    #[schemars(length(min = 1, max = 512))]
    pub repository: String,
    /// The branch to commit to; the repository's default branch unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub branch: Option<String>,
    /// The commit message, whose first line is the subject; may contain `${{ }}`.
    #[schemars(length(min = 1, max = 16384))]
    pub message: String,
    /// The changes to files, all of them or none: together they are one commit.
    #[schemars(length(min = 1, max = 100))]
    pub edits: Vec<FileEdit>,
}

impl StepType for Commit {
    fn nature(&self) -> Nature {
        Nature::Acts
    }

    fn outputs(&self) -> Type {
        Type::object([("commit", CommitOutput::value_type()), ("changed", Type::Bool)])
    }
}
