//! Commits, and the changes of files that become one.

use jiff::Timestamp;

use crate::names::{BlobSha, BranchName, CommitSha, EffectKey, RepoPath};

/// A commit: what is needed to recognise one's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub sha: CommitSha,
    /// The ids of its parents; the first is the branch it was made on.
    pub parents: Vec<CommitSha>,
    /// The whole message, trailers included.
    pub message: String,
    /// When it was committed.
    pub committed_at: Timestamp,
}

impl Commit {
    /// Whether the last paragraph of the message has the trailer of this key, and of no other.
    pub fn carries(&self, key: &EffectKey) -> bool {
        key.is_in_trailers(&self.message)
    }
}

/// A file's bytes at a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileAt {
    /// Its bytes, exactly.
    pub content: Vec<u8>,
    /// The blob's id: say it in [`FileChange::replaces`].
    pub blob: BlobSha,
}

/// The new content of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Which file.
    pub path: RepoPath,
    /// Its new bytes, exactly. The mode is kept.
    pub content: Vec<u8>,
    /// The blob that was read and is replaced; `None` makes a file that must not exist yet.
    pub replaces: Option<BlobSha>,
}

/// Where a commit goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Onto {
    /// A branch that must not exist yet, made with the commit on it, both or neither.
    NewBranch {
        /// The branch to make.
        branch: BranchName,
        /// The branch it starts from.
        base: BranchName,
        /// The commit of `base` that was read.
        from: CommitSha,
    },
    /// An existing branch, as its next commit.
    Branch {
        /// The branch to commit to.
        branch: BranchName,
        /// Its head as it was read.
        head: CommitSha,
    },
}

impl Onto {
    /// The branch that the commit ends up on.
    pub fn branch(&self) -> &BranchName {
        match self {
            Self::NewBranch { branch, .. } | Self::Branch { branch, .. } => branch,
        }
    }
}

/// Changes to be made as one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommit {
    /// Where it goes.
    pub onto: Onto,
    /// The message for people; the host implementation appends the key's trailer.
    pub message: String,
    /// The key it will be found by.
    pub key: EffectKey,
    /// The files, each once; at least one.
    pub files: Vec<FileChange>,
}
