//! [`GitHost`]: what a delivery pipeline needs of a git host, and the types that cross that line.
//!
//! The contract is the least that GitHub, GitLab, Gitea and a bare repository can all keep. It never retries a write,
//! never overwrites (no force push), and never changes an object that moved since the caller read it. Each method is
//! one logical request. *Find, then create, then adopt* is made of them by the caller: what is made carries an
//! [`EffectKey`] and is found again by it, and what stands in its place already is [`Error::AlreadyExists`].

mod commit;
mod merge;
mod pull_request;
mod readiness;
mod repository;

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

pub use self::commit::{Commit, FileAt, FileChange, NewCommit, Onto};
pub use self::merge::{Merge, MergeMethod, Merged, Scheduled};
pub use self::pull_request::{Mergeable, NewPullRequest, PullRequest, PullRequestState};
pub use self::readiness::{Blocker, Readiness};
pub use self::repository::{Branch, Repository};
use crate::error::Error;
use crate::names::{BranchName, CommitSha, EffectKey, PullRequestNumber, RepoName, RepoPath};

/// A git host, as one account of it.
///
/// # Guarantees
/// Every method is bounded in time, in pages and in bytes, and is safe to drop at any point: then a write's outcome is
/// unknown. No method repeats a write by itself. Errors are those of [`Error`]; each says whether its end is known.
#[async_trait]
pub trait GitHost: Send + Sync + fmt::Debug {
    /// The kind and address for messages, as `gitea git.example`; no credentials.
    fn describe(&self) -> &str;

    /// The repository: its default branch and URLs.
    ///
    /// *Guarantees:* a read. *Errors:* [`Error::NotFound`] also where the token may not see it.
    async fn repository(&self, repo: &RepoName) -> Result<Repository, Error>;

    /// A branch and its head, `None` when there is no such branch.
    ///
    /// *Guarantees:* a read. A missing repository is [`Error::NotFound`], never `None`.
    async fn branch(&self, repo: &RepoName, branch: &BranchName) -> Result<Option<Branch>, Error>;

    /// One commit.
    ///
    /// *Guarantees:* a read. *Errors:* [`Error::NotFound`].
    async fn commit(&self, repo: &RepoName, sha: &CommitSha) -> Result<Commit, Error>;

    /// A file's bytes at a commit, `None` when the commit has no such file.
    ///
    /// *Guarantees:* a read, byte for byte. *Errors:* [`Error::Unsupported`] for a directory, a symbolic link, a
    /// submodule, a file in LFS, or one larger than [`crate::edit::MAX_BYTES`].
    async fn read_file(&self, repo: &RepoName, path: &RepoPath, at: &CommitSha) -> Result<Option<FileAt>, Error>;

    /// Makes one commit of all files.
    ///
    /// *Guarantees:* all files or none; with [`Onto::NewBranch`] the branch and its commit, or neither. Its parent is
    /// the commit that was read, or, where the host cannot be told, a later head of the same branch on which every
    /// file still is what [`FileChange::replaces`] says; see [`Commit::parents`]. The trailer of the key is appended.
    ///
    /// *Idempotency:* none by itself. [`Error::BranchMoved`] is definite: read again and redo it.
    /// [`Error::AlreadyExists`]: the new branch is there; check [`Commit::carries`], then adopt it.
    async fn commit_files(&self, repo: &RepoName, commit: &NewCommit) -> Result<Commit, Error>;

    /// The newest commit of this key among those reachable from the branch's head and committed at or after `since`.
    ///
    /// *Guarantees:* a bounded read that never says `None` when the bound ended the search: that is
    /// [`Error::Unsupported`]. Give `since` some minutes of slack for clocks that differ.
    async fn find_commit(
        &self,
        repo: &RepoName,
        branch: &BranchName,
        key: &EffectKey,
        since: Timestamp,
    ) -> Result<Option<Commit>, Error>;

    /// Whether `ancestor` is `descendant` or reachable from it.
    ///
    /// *Guarantees:* a read. *Errors:* [`Error::NotFound`] when the repository lacks either commit.
    async fn is_ancestor(&self, repo: &RepoName, ancestor: &CommitSha, descendant: &CommitSha) -> Result<bool, Error>;

    /// Opens a pull request.
    ///
    /// *Guarantees:* the marker of the key is appended to the body.
    ///
    /// *Idempotency:* a second *open* one of the same two branches is [`Error::AlreadyExists`]; a closed or merged one
    /// does not stand in the way, so look with [`GitHost::find_pull_requests`] first.
    async fn open_pull_request(&self, repo: &RepoName, pull: &NewPullRequest) -> Result<PullRequest, Error>;

    /// Every pull request whose head is this branch of this repository and that was opened at or after `since`,
    /// whatever its state, newest first.
    ///
    /// *Guarantees:* a bounded read that is complete or an error ([`Error::Unsupported`] when the bound ended it).
    /// Heads in forks are left out, even of the same branch name. Give `since` some minutes of slack.
    async fn find_pull_requests(
        &self,
        repo: &RepoName,
        head: &BranchName,
        since: Timestamp,
    ) -> Result<Vec<PullRequest>, Error>;

    /// One pull request.
    ///
    /// *Guarantees:* a read. *Errors:* [`Error::NotFound`]; [`Error::NotOurs`] if its head is not in this repository.
    async fn pull_request(&self, repo: &RepoName, number: PullRequestNumber) -> Result<PullRequest, Error>;

    /// What an open pull request lacks before it can be merged.
    ///
    /// *Guarantees:* a read, for people and to know when to call [`GitHost::merge`], which alone decides: rules that the
    /// token may not read are left out.
    async fn readiness(&self, repo: &RepoName, pull: &PullRequest) -> Result<Readiness, Error>;

    /// Merges exactly this head, now.
    ///
    /// *Guarantees:* never another head. *Idempotency:* already merged with this head is a success.
    /// *Errors:* [`Error::BranchMoved`] for another head; [`Error::NotMergeable`] with the reason.
    async fn merge(&self, repo: &RepoName, number: PullRequestNumber, merge: &Merge) -> Result<Merged, Error>;

    /// Asks the host to merge exactly this head by itself once all that the branch's rules require is there.
    ///
    /// *Guarantees:* never another head: a host that would merge whatever is pushed later answers
    /// [`Scheduled::NotOffered`] and does nothing. *Idempotency:* already scheduled is [`Scheduled::Waiting`], already
    /// merged with this head is [`Scheduled::Merged`].
    async fn schedule_merge(
        &self,
        repo: &RepoName,
        number: PullRequestNumber,
        merge: &Merge,
    ) -> Result<Scheduled, Error>;

    /// Closes a pull request without merging it, and takes back a merge that [`GitHost::schedule_merge`] scheduled.
    ///
    /// *Idempotency:* one that is closed or merged already is returned as it is; the caller judges its state.
    async fn close_pull_request(&self, repo: &RepoName, number: PullRequestNumber) -> Result<PullRequest, Error>;

    /// Deletes a branch whose head still is `head`.
    ///
    /// *Guarantees:* a branch with another head is [`Error::BranchMoved`] and left alone. Hosts without a conditional
    /// delete look first: a push between the look and the delete is lost, so use it on key-named branches only.
    ///
    /// *Idempotency:* a branch that is gone is a success.
    async fn delete_branch(&self, repo: &RepoName, branch: &BranchName, head: &CommitSha) -> Result<(), Error>;
}
