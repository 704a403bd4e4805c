//! Merges: what is asked of the host, and what became of it.

use std::fmt;

use jiff::Timestamp;

use super::PullRequestState;
use crate::error::Error;
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

impl Merge {
    /// How the pull request `what`, which has this head and state, was merged; `None` if it is open with the wanted head, and
    /// all else is an error.
    pub(crate) fn judge(
        &self,
        host: &str,
        what: String,
        head: &str,
        state: PullRequestState,
    ) -> Result<Option<Merged>, Error> {
        let host = host.to_owned();
        if head != self.head.as_str() {
            let message = format!("its head is {head} and not {}", self.head);
            return Err(Error::BranchMoved { host, what, message });
        }
        match state {
            PullRequestState::Merged(merged) => Ok(Some(merged)),
            PullRequestState::Open => Ok(None),
            PullRequestState::Closed => {
                Err(Error::NotMergeable { host, what, why: "it was closed without a merge".to_owned() })
            }
        }
    }
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
