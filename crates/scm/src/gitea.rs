//! Gitea and Forgejo, over the REST API (`/api/v1`).
//!
//! What is particular about it, seen on Gitea 1.26:
//! - A commit through the API goes onto a branch's head, never onto a given commit. The blob ids of the files guard
//!   against a branch that moved.
//! - A merge that is scheduled (`merge_when_checks_succeed`) takes whatever head the branch has by then, whatever
//!   `head_commit_id` said. So nothing is ever scheduled: [`Scheduled::NotOffered`]. A merge that happens now is exact.
//! - Pull requests cannot be listed by head branch: they are listed newest first, down to a time.
//! - `mergeable: false` is said of conflicts, and also while it is still being worked out.
//! - The head of a pull request follows its branch even after the merge; `refs/pull/N/head` does not.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::{Client, Method};
use secrecy::SecretString;
use url::Url;

use crate::error::Error;
use crate::host::{
    Branch, Commit, FileAt, GitHost, Merge, Merged, NewCommit, NewPullRequest, PullRequest, Readiness, Repository,
    Scheduled,
};
use crate::http::{Api, Call};
use crate::names::{BranchName, CommitSha, EffectKey, PullRequestNumber, RepoName, RepoPath};

mod commits;
mod files;
mod merge;
mod pulls;
mod readiness;
mod repositories;
mod wire;

#[cfg(test)]
mod tests;

/// A Gitea (or Forgejo) server as one account of it.
#[derive(Debug, Clone)]
pub struct Gitea {
    api: Api,
}

impl Gitea {
    /// A server by the URL of its start page, and a token with the scopes `write:repository` and `write:issue`.
    ///
    /// The caller builds the client, and with it the rules on which addresses may be reached. Build it with
    /// `reqwest::redirect::Policy::none()`: redirects of reads within the origin are followed here.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the URL is not `http` or `https`, or has credentials, a query or a fragment.
    pub fn new(client: Client, url: &Url, token: SecretString) -> Result<Self, Error> {
        Ok(Self { api: Api::new(client, url, &["api", "v1"], "token", token, "gitea")? })
    }

    /// With another limit on the time of each request than 30 seconds.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { api: self.api.with_timeout(timeout) }
    }

    /// A call of a repository's API; `tail` is split at its slashes.
    fn call<'c>(
        &self,
        method: Method,
        repo: &'c RepoName,
        tail: &[&'c str],
        intent: String,
        object: String,
    ) -> Result<Call<'c>, Error> {
        let Some((owner, name)) = repo.owner_and_name() else {
            return Err(Error::Unsupported {
                host: self.api.host().to_owned(),
                what: format!("use the repository {repo}"),
                remedy: "repositories of Gitea are named `owner/name`".into(),
            });
        };
        let mut segments = vec!["repos", owner, name];
        segments.extend(tail.iter().flat_map(|part| part.split('/')));
        Ok(Call::new(method, segments, intent, object))
    }

    fn moved(&self, what: String, message: impl Into<String>) -> Error {
        Error::BranchMoved { host: self.api.host().to_owned(), what, message: message.into() }
    }

    fn unsupported(&self, what: String, remedy: &str) -> Error {
        Error::Unsupported { host: self.api.host().to_owned(), what, remedy: remedy.to_owned() }
    }
}

#[async_trait]
impl GitHost for Gitea {
    fn describe(&self) -> &str {
        self.api.host()
    }

    async fn repository(&self, repo: &RepoName) -> Result<Repository, Error> {
        self.get_repository(repo).await?.into_repository(self.api.host())
    }

    async fn branch(&self, repo: &RepoName, branch: &BranchName) -> Result<Option<Branch>, Error> {
        self.get_branch(repo, branch).await
    }

    async fn commit(&self, repo: &RepoName, sha: &CommitSha) -> Result<Commit, Error> {
        self.get_commit(repo, sha).await
    }

    async fn read_file(&self, repo: &RepoName, path: &RepoPath, at: &CommitSha) -> Result<Option<FileAt>, Error> {
        self.get_file(repo, path, at).await
    }

    async fn commit_files(&self, repo: &RepoName, commit: &NewCommit) -> Result<Commit, Error> {
        self.post_files(repo, commit).await
    }

    async fn find_commit(
        &self,
        repo: &RepoName,
        branch: &BranchName,
        key: &EffectKey,
        since: Timestamp,
    ) -> Result<Option<Commit>, Error> {
        self.search_commits(repo, branch, key, since).await
    }

    async fn is_ancestor(&self, repo: &RepoName, ancestor: &CommitSha, descendant: &CommitSha) -> Result<bool, Error> {
        self.has_ancestor(repo, ancestor, descendant).await
    }

    async fn open_pull_request(&self, repo: &RepoName, pull: &NewPullRequest) -> Result<PullRequest, Error> {
        self.post_pull(repo, pull).await
    }

    async fn find_pull_requests(
        &self,
        repo: &RepoName,
        head: &BranchName,
        since: Timestamp,
    ) -> Result<Vec<PullRequest>, Error> {
        self.search_pulls(repo, head, since).await
    }

    async fn pull_request(&self, repo: &RepoName, number: PullRequestNumber) -> Result<PullRequest, Error> {
        self.get_pull(repo, number).await
    }

    async fn readiness(&self, repo: &RepoName, pull: &PullRequest) -> Result<Readiness, Error> {
        self.blockers(repo, pull).await.map(|blockers| Readiness { blockers })
    }

    async fn merge(&self, repo: &RepoName, number: PullRequestNumber, merge: &Merge) -> Result<Merged, Error> {
        self.merge_now(repo, number, merge).await
    }

    async fn schedule_merge(
        &self,
        repo: &RepoName,
        number: PullRequestNumber,
        merge: &Merge,
    ) -> Result<Scheduled, Error> {
        Ok(match self.merged_with(repo, number, merge).await? {
            Some(merged) => Scheduled::Merged(merged),
            None => Scheduled::NotOffered,
        })
    }

    async fn close_pull_request(&self, repo: &RepoName, number: PullRequestNumber) -> Result<PullRequest, Error> {
        self.close_pull(repo, number).await
    }

    async fn delete_branch(&self, repo: &RepoName, branch: &BranchName, head: &CommitSha) -> Result<(), Error> {
        self.delete_unmoved_branch(repo, branch, head).await
    }
}
