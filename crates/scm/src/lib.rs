//! Git hosts behind one trait, and file edits that change nothing else.
//!
//! - [`host`]: [`GitHost`], what a delivery pipeline needs of a git host; [`gitea`] and [`local`] implement it.
//! - [`edit`]: sets scalars in YAML and JSON files in place, byte for byte the same around them.
//! - [`names`]: repositories, branches, paths, commits; parsed once, at the boundary.
//! - [`repository_url`]: whether two URLs name the same repository.
//!
//! A leaf: it knows no Kubernetes and no pipeline. It never clones, never retries a write, and never follows a redirect
//! to another host.

pub mod edit;
pub mod error;
pub mod gitea;
pub mod host;
mod http;
mod lfs;
pub mod local;
pub mod names;
pub mod repository_url;

pub use error::{Error, Outcome};
pub use gitea::Gitea;
pub use host::{
    Blocker, Branch, Commit, FileAt, FileChange, GitHost, Merge, MergeMethod, Mergeable, Merged, NewCommit,
    NewPullRequest, Onto, PullRequest, PullRequestState, Readiness, Repository, Scheduled,
};
pub use local::Local;
pub use names::{BlobSha, BranchName, CommitSha, EffectKey, NameError, PullRequestNumber, RepoName, RepoPath};
pub use repository_url::same_repository;
