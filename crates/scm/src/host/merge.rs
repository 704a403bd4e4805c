//! Merges: what is asked of the host, and what became of it.

use std::fmt;

use jiff::Timestamp;

use crate::names::CommitSha;

/// How the commits of a pull request come onto the base branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MergeMethod {
    /// A merge commit.
    Merge,
    /// One commit.
    Squash,
    /// The same commits on the new base, with no merge commit.
    Rebase,
}

impl fmt::Display for MergeMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Merge => "merge",
            Self::Squash => "squash",
            Self::Rebase => "rebase",
        })
    }
}

/// What is to be merged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// The head that was reviewed: another one is not merged.
    pub head: CommitSha,
    /// `None` is the repository's default.
    pub method: Option<MergeMethod>,
}

/// How a pull request was merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The commit on the base branch that brought it: the merge, the squashed or the last rebased commit.
    pub commit: CommitSha,
    /// The login of who merged it, where the host says.
    pub by: Option<String>,
    /// When, where the host says.
    pub at: Option<Timestamp>,
}

/// What became of asking the host to merge by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheduled {
    /// Nothing was missing and the host merged at once.
    Merged(Merged),
    /// The host will merge this head once everything required is there.
    Waiting,
    /// The host has no such thing here: poll [`crate::GitHost::readiness`], then [`crate::GitHost::merge`].
    NotOffered,
}
