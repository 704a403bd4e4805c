//! What several step types give: the values, and beside them their types for the check of expressions.

use serde::{Deserialize, Serialize};
use sluice_expr::Type;

use crate::LocalReference;

/// A commit, as `pullRequestWait` and `commit` give it and `argocdWait` takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitOutput {
    /// Its full id.
    pub sha: String,
    /// The repository, as `owner/name`.
    pub repository: String,
    /// The ScmProvider.
    pub provider_ref: LocalReference,
}

impl CommitOutput {
    /// Its type.
    pub(super) fn value_type() -> Type {
        Type::object([("sha", Type::String), ("repository", Type::String), ("providerRef", Type::Any)])
    }
}

/// The type of an HTTP answer: the outputs of `http`, its `response`, and a source's value.
pub(super) fn http_answer() -> Type {
    Type::object([("status", Type::Int), ("json", Type::Any), ("headers", Type::map(Type::String))])
}
