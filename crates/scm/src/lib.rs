//! Git hosts behind one trait, and file edits that change nothing else.
//!
//! - [`host`]: [`GitHost`], what a delivery pipeline needs of a git host; [`gitea`], [`github`] and [`local`] implement it.
//! - [`edit`]: sets scalars in YAML and JSON files in place, byte for byte the same around them.
//! - [`document`]: reads YAML and JSON as kubectl does, with the place of everything.
//! - [`names`]: repositories, branches, paths, commits; parsed once, at the boundary.
//! - [`repository_url`]: whether two URLs name the same repository.
//!
//! A leaf: it knows no Kubernetes and no pipeline. It never clones, never retries a write, and never follows a redirect
//! to another host.

pub mod document;
pub mod edit;
pub mod error;
#[cfg(test)]
mod fake_server;
pub mod gitea;
pub mod github;
pub mod host;
mod http;
mod lfs;
pub mod local;
pub mod names;
pub mod repository_url;

pub use error::{Error, Outcome};
pub use gitea::Gitea;
pub use github::GitHub;
pub use host::{
    Blocker, Branch, Commit, FileAt, FileChange, GitHost, Merge, MergeMethod, Mergeable, Merged, NewCommit,
    NewPullRequest, Onto, PullRequest, PullRequestState, Readiness, Repository, Scheduled,
};
pub use local::Local;
pub use names::{BlobSha, BranchName, CommitSha, EffectKey, NameError, PullRequestNumber, RepoName, RepoPath};
pub use repository_url::same_repository;
