//! Repositories and their branches, as a host describes them.

use super::Commit;
use crate::names::{BranchName, RepoName};

/// A repository as the host describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// The name under which it was found; after a rename, the new one.
    pub name: RepoName,
    /// The branch that pull requests go to when none is said.
    pub default_branch: BranchName,
    /// The page for people.
    pub html_url: String,
    /// Every URL it can be cloned from, without credentials; see [`crate::same_repository`].
    pub clone_urls: Vec<String>,
    /// Archived or a mirror: nothing can be written.
    pub read_only: bool,
}

/// A branch and its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Its name.
    pub name: BranchName,
    /// The commit it points at.
    pub head: Commit,
}
