//! What is in the way of a merge.

use std::fmt;

/// What an open pull request lacks before it can be merged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Readiness {
    /// Everything in the way; empty when it can be merged now.
    pub blockers: Vec<Blocker>,
}

impl Readiness {
    /// Whether nothing is in the way.
    pub fn is_ready(&self) -> bool {
        self.blockers.is_empty()
    }

    /// The blockers as one line for people, empty when ready.
    pub fn explain(&self) -> String {
        self.blockers.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }
}

/// One thing in the way of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Blocker {
    /// The pull request is not open.
    NotOpen,
    /// It is a draft.
    Draft,
    /// It conflicts with the base branch.
    Conflicts,
    /// The host is still working out whether it merges.
    Computing,
    /// A required check has not succeeded yet.
    CheckPending(String),
    /// A required check failed.
    CheckFailed(String),
    /// Approving reviews are missing: how many of how many.
    ReviewsMissing {
        /// Approvals that count.
        have: u32,
        /// Approvals required.
        want: u32,
    },
    /// A reviewer asked for changes.
    ChangesRequested(String),
    /// The branch must first be brought up to date with its base.
    OutOfDate,
    /// Anything else, in the host's words.
    Other(String),
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOpen => f.write_str("it is not open"),
            Self::Draft => f.write_str("it is a draft"),
            Self::Conflicts => f.write_str("it conflicts with the base branch"),
            Self::Computing => f.write_str("the host is still checking for conflicts"),
            Self::CheckPending(name) => write!(f, "the check {name:?} has not succeeded yet"),
            Self::CheckFailed(name) => write!(f, "the check {name:?} failed"),
            Self::ReviewsMissing { have, want } => write!(f, "{have} of {want} approving reviews"),
            Self::ChangesRequested(who) => write!(f, "{who} requested changes"),
            Self::OutOfDate => f.write_str("the branch is behind its base"),
            Self::Other(why) => f.write_str(why),
        }
    }
}
