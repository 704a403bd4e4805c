//! Pull requests: how one is opened, and how one stands.

use jiff::Timestamp;

use super::Merged;
use crate::names::{BranchName, CommitSha, EffectKey, PullRequestNumber};

/// A pull request to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPullRequest {
    /// The branch with the changes, in the same repository.
    pub head: BranchName,
    /// The branch they go to.
    pub base: BranchName,
    /// One line.
    pub title: String,
    /// Markdown for people; the host implementation appends the key's marker.
    pub body: String,
    /// The key it will be found by.
    pub key: EffectKey,
}

/// A pull request (a merge request on GitLab) whose head branch is in the same repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number in the repository.
    pub number: PullRequestNumber,
    /// The canonical URL of its page; webhooks name the same one.
    pub url: String,
    /// Open, merged or closed.
    pub state: PullRequestState,
    /// Marked as work in progress.
    pub draft: bool,
    /// One line.
    pub title: String,
    /// Markdown, the marker included.
    pub body: String,
    /// The branch the changes go to.
    pub base: BranchName,
    /// The branch with the changes.
    pub head: BranchName,
    /// The commit the head branch points at, or pointed at when it was merged or closed.
    pub head_sha: CommitSha,
    /// Whether it merges without conflict.
    pub mergeable: Mergeable,
    /// When it was opened.
    pub opened_at: Timestamp,
}

impl PullRequest {
    /// Whether the body has the marker of this key, and of no other.
    pub fn carries(&self, key: &EffectKey) -> bool {
        key.is_in_markers(&self.body)
    }
}

/// How a pull request stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullRequestState {
    /// It waits.
    Open,
    /// It is merged.
    Merged(Merged),
    /// It was closed without a merge.
    Closed,
}

/// Whether a pull request merges without conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mergeable {
    /// It does.
    Yes,
    /// It conflicts with the base branch.
    No,
    /// The host has not worked it out yet: look again.
    Unknown,
}
