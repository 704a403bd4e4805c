//! Names of things on a git host, parsed once at the boundary.
//!
//! A value of these types cannot leave the repository, name an option of `git`, or break out of a URL's path. Nothing
//! here talks to a host.

use std::fmt;

mod branch;
mod key;
mod path;
mod repo;
mod sha;

pub use branch::BranchName;
pub use key::{EffectKey, MARKER, TRAILER};
pub use path::RepoPath;
pub use repo::RepoName;
pub use sha::{BlobSha, CommitSha};

/// Why a text is no valid name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is no valid {kind}: {reason}")]
pub struct NameError {
    kind: &'static str,
    name: String,
    reason: &'static str,
}

impl NameError {
    fn new(kind: &'static str, name: &str, reason: &'static str) -> Self {
        const SHOWN: usize = 120;
        let mut shown: String = name.chars().take(SHOWN).collect();
        if shown.len() < name.len() {
            shown.push('…');
        }
        Self { kind, name: shown, reason }
    }
}

/// The number of a pull request in its repository (GitLab's `iid`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PullRequestNumber(pub u64);

impl fmt::Display for PullRequestNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// `Display`, `FromStr`, `TryFrom<String>`, `AsRef<str>` and `as_str` of a newtype over `String` that has `parse`.
macro_rules! text_newtype {
    ($name:ident) => {
        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::names::NameError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}
use text_newtype;
