//! Local: bare git repositories on a disk, with no server and nobody to sign in as.
//!
//! The repository `shop/gitops` is the directory `ROOT/shop/gitops.git`, as `git init --bare` makes it; people clone,
//! push and merge with plain git. What a git host adds, and how it is done here:
//!
//! - A pull request is a *change*: an annotated tag at `refs/sluice/changes/N`. It points at the commit on offer, so
//!   nothing of it is collected as garbage, and its message is the description and the record. `git show
//!   sluice/changes/1` prints both and the diff.
//! - Whether a change is merged is seen in the history: what people merge with plain git counts, and so does deleting
//!   the branch, which closes it. Who squashes or rebases by hand leaves no trace that could be seen.
//! - A branch is moved by compare-and-swap on its reference, with git's own lock files, so it is safe beside plain git.
//!   A lock that a killed process of ours left is recognised and removed; of others' locks people are told.
//!
//! No hook runs, no configuration but the repository's own is read, and no program of it is started.
//!
//! All of it blocks, so it runs on the threads that are for that, each call for 30 seconds at most.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::error::{Error, Outcome};
use crate::host::{
    Branch, Commit, FileAt, GitHost, Merge, Merged, NewCommit, NewPullRequest, PullRequest, PullRequestState,
    Readiness, Repository, Scheduled,
};
use crate::names::{BranchName, CommitSha, EffectKey, PullRequestNumber, RepoName, RepoPath};

mod changes;
mod commits;
mod create;
mod diff;
mod files;
mod history;
mod lock;
mod merge;
mod record;
mod references;
mod repo;
mod state;

#[cfg(test)]
mod tests;

use repo::Repo;

/// The longest that a call is waited for.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A directory of bare git repositories.
#[derive(Clone)]
pub struct Local {
    place: Arc<Place>,
}

/// Where the repositories are, and in whose name is written.
struct Place {
    /// Canonical.
    root: Box<Path>,
    /// `local ROOT`, for messages.
    host: String,
    /// The name that commits carry.
    person: String,
}

impl std::fmt::Debug for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.place.host)
    }
}

impl Local {
    /// The repositories below this directory.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when there is no such directory, or it cannot be read.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let refuse = |why: String| Error::Unsupported {
            host: "this machine".to_owned(),
            what: format!("open the directory {} of local repositories", root.display()),
            remedy: format!("{why}; make it, or correct the path"),
        };
        let canonical = root.canonicalize().map_err(|error| refuse(error.to_string()))?;
        if !canonical.is_dir() {
            return Err(refuse("it is no directory".to_owned()));
        }
        let host = format!("local {}", canonical.display());
        Ok(Self { place: Arc::new(Place { root: canonical.into(), host, person: repo::SLUICE.to_owned() }) })
    }

    /// The same, with commits in the name of this person; otherwise they are Sluice's.
    #[must_use]
    pub fn signed_by(self, person: &str) -> Self {
        // What a signature cannot hold.
        let person: String = person.chars().filter(|c| !c.is_control() && !matches!(c, '<' | '>')).collect();
        let Place { root, host, .. } = &*self.place;
        let person = if person.trim().is_empty() { repo::SLUICE.to_owned() } else { person.trim().to_owned() };
        Self { place: Arc::new(Place { root: root.clone(), host: host.clone(), person }) }
    }

    /// Every open change of a repository, newest first.
    ///
    /// # Errors
    /// As those of [`GitHost::find_pull_requests`].
    pub async fn open_changes(&self, repo: &RepoName) -> Result<Vec<PullRequest>, Error> {
        let open = |repo: &Repo| {
            let mut all = repo.changes(None, Timestamp::MIN)?;
            all.retain(|change| change.state == PullRequestState::Open);
            Ok(all)
        };
        self.read(repo, "list the changes", open).await
    }

    /// What a change changes, as a unified diff that `git apply` takes; what is too long or no text is said instead.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such change.
    pub async fn diff(&self, repo: &RepoName, number: PullRequestNumber) -> Result<String, Error> {
        self.read(repo, "compare", move |repo| repo.diff_of_change(number)).await
    }

    async fn read<T: Send + 'static>(
        &self,
        repo: &RepoName,
        intent: &str,
        work: impl FnOnce(&Repo) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.call(repo, intent, Outcome::NotApplied, work).await
    }

    async fn write<T: Send + 'static>(
        &self,
        repo: &RepoName,
        intent: &str,
        work: impl FnOnce(&Repo) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.call(repo, intent, Outcome::Unknown, work).await
    }

    /// Runs on a thread that may block. What is not waited for to its end may still happen.
    async fn call<T: Send + 'static>(
        &self,
        repo: &RepoName,
        intent: &str,
        outcome: Outcome,
        work: impl FnOnce(&Repo) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (place, name) = (self.place.clone(), repo.clone());
        let work = tokio::task::spawn_blocking(move || work(&Repo::open(&place, &name)?));
        let message = match tokio::time::timeout(TIMEOUT, work).await {
            Ok(Ok(result)) => return result,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("not done after {} s", TIMEOUT.as_secs()),
        };
        let what = format!("{intent} in {repo}");
        Err(Error::Unavailable { host: self.place.host.clone(), what, outcome, message })
    }
}

#[async_trait]
impl GitHost for Local {
    fn describe(&self) -> &str {
        &self.place.host
    }

    async fn repository(&self, repo: &RepoName) -> Result<Repository, Error> {
        self.read(repo, "read the repository", Repo::describe).await
    }

    async fn branch(&self, repo: &RepoName, branch: &BranchName) -> Result<Option<Branch>, Error> {
        let name = branch.clone();
        self.read(repo, "read a branch", move |repo| {
            let Some(head) = repo.head_of(&name)? else { return Ok(None) };
            Ok(Some(Branch { head: repo.read_commit(head)?, name }))
        })
        .await
    }

    async fn commit(&self, repo: &RepoName, sha: &CommitSha) -> Result<Commit, Error> {
        let sha = sha.clone();
        self.read(repo, "read a commit", move |repo| repo.read_commit(repo.known(&sha)?)).await
    }

    async fn read_file(&self, repo: &RepoName, path: &RepoPath, at: &CommitSha) -> Result<Option<FileAt>, Error> {
        let (path, at) = (path.clone(), at.clone());
        self.read(repo, "read a file", move |repo| repo.file_at(&path, &at)).await
    }

    async fn commit_files(&self, repo: &RepoName, commit: &NewCommit) -> Result<Commit, Error> {
        let commit = commit.clone();
        self.write(repo, "commit", move |repo| repo.commit_files(&commit)).await
    }

    async fn find_commit(
        &self,
        repo: &RepoName,
        branch: &BranchName,
        key: &EffectKey,
        since: Timestamp,
    ) -> Result<Option<Commit>, Error> {
        let (branch, key) = (branch.clone(), key.clone());
        self.read(repo, "search the commits", move |repo| repo.commit_of(&branch, &key, since)).await
    }

    async fn is_ancestor(&self, repo: &RepoName, ancestor: &CommitSha, descendant: &CommitSha) -> Result<bool, Error> {
        let (ancestor, descendant) = (ancestor.clone(), descendant.clone());
        self.read(repo, "compare commits", move |repo| {
            repo.is_reachable(repo.known(&ancestor)?, repo.known(&descendant)?)
        })
        .await
    }

    async fn open_pull_request(&self, repo: &RepoName, pull: &NewPullRequest) -> Result<PullRequest, Error> {
        let pull = pull.clone();
        self.write(repo, "open a change", move |repo| repo.open_change(&pull)).await
    }

    async fn find_pull_requests(
        &self,
        repo: &RepoName,
        head: &BranchName,
        since: Timestamp,
    ) -> Result<Vec<PullRequest>, Error> {
        let head = head.clone();
        self.read(repo, "list the changes", move |repo| repo.changes(Some(&head), since)).await
    }

    async fn pull_request(&self, repo: &RepoName, number: PullRequestNumber) -> Result<PullRequest, Error> {
        self.read(repo, "read a change", move |repo| repo.change(number)).await
    }

    async fn readiness(&self, repo: &RepoName, pull: &PullRequest) -> Result<Readiness, Error> {
        let number = pull.number;
        self.read(repo, "read a change", move |repo| repo.blockers(number).map(|blockers| Readiness { blockers })).await
    }

    async fn merge(&self, repo: &RepoName, number: PullRequestNumber, merge: &Merge) -> Result<Merged, Error> {
        let merge = merge.clone();
        self.write(repo, "merge a change", move |repo| repo.merge_change(number, &merge)).await
    }

    /// There is nobody who would merge later: nothing is ever scheduled.
    async fn schedule_merge(
        &self,
        repo: &RepoName,
        number: PullRequestNumber,
        merge: &Merge,
    ) -> Result<Scheduled, Error> {
        let merge = merge.clone();
        let merged = self.read(repo, "read a change", move |repo| repo.merged_with(number, &merge)).await?;
        Ok(merged.map_or(Scheduled::NotOffered, Scheduled::Merged))
    }

    async fn close_pull_request(&self, repo: &RepoName, number: PullRequestNumber) -> Result<PullRequest, Error> {
        self.write(repo, "close a change", move |repo| repo.close_change(number)).await
    }

    async fn delete_branch(&self, repo: &RepoName, branch: &BranchName, head: &CommitSha) -> Result<(), Error> {
        let (branch, head) = (branch.clone(), head.clone());
        self.write(repo, "delete a branch", move |repo| repo.delete_branch(&branch, &head)).await
    }
}
