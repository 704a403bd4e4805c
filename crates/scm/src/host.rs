//! [`GitHost`]: what a delivery pipeline needs of a git host, and the types that cross that line.
//!
//! The contract is the least that GitHub, GitLab, Gitea and a bare repository can all keep. It never retries a write,
//! never overwrites (no force push), and never changes an object that moved since the caller read it. Each method is
//! one logical request. *Find, then create, then adopt* is made of them by the caller: what is made carries an
//! [`EffectKey`] and is found again by it, and what stands in its place already is [`Error::AlreadyExists`].

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::error::Error;
use crate::names::{BlobSha, BranchName, CommitSha, EffectKey, PullRequestNumber, RepoName, RepoPath};

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

/// What became of asking the host to merge by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheduled {
    /// Nothing was missing and the host merged at once.
    Merged(Merged),
    /// The host will merge this head once everything required is there.
    Waiting,
    /// The host has no such thing here: poll [`GitHost::readiness`], then [`GitHost::merge`].
    NotOffered,
}

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
