//! GitHub and GitHub Enterprise, over the REST API.
//!
//! What is particular about it, from its documentation and its official OpenAPI description:
//! - A commit is made of git's own objects: blobs, a tree, a commit, and last the reference, which alone is seen. Its parent
//!   is exactly the commit that was read, and a branch that moved is refused as no fast forward.
//! - The contents API follows symbolic links and tells no modes, so files are read through trees and blobs.
//! - Auto-merge merges whatever head the branch has by then: a push turns it off only when the pusher may not write to
//!   the repository, and `expectedHeadOid` is compared only when it is turned on. So nothing is ever scheduled:
//!   [`Scheduled::NotOffered`]. A merge that happens now is exact.
//! - 404 is also said of what a token may not see, and of writes that it may not do.
//! - A renamed repository redirects. Reads follow within the origin; writes are refused with the new name.
//! - An App acts with tokens of an hour, which are kept in memory by App, installation and private key.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::header::HeaderValue;
use reqwest::{Client, Method};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::error::Error;
use crate::host::{
    Branch, Commit, FileAt, GitHost, Merge, Merged, NewCommit, NewPullRequest, PullRequest, Readiness, Repository,
    Scheduled,
};
use crate::http::{Call, Transport, cannot_connect, host_at};
use crate::names::{BranchName, CommitSha, EffectKey, PullRequestNumber, RepoName, RepoPath};

mod api;
mod app;
mod commits;
mod files;
mod limits;
mod merge;
mod pulls;
mod readiness;
mod repositories;
mod transport;
mod trees;
mod wire;

#[cfg(test)]
mod tests;

pub use app::App;

use api::{Api, SignIn};
use app::SignedApp;
use trees::Trees;

/// GitHub, or a GitHub Enterprise server, as one account of it.
#[derive(Debug, Clone)]
pub struct GitHub {
    api: Api,
    trees: Arc<Mutex<Trees>>,
}

impl GitHub {
    /// The REST API at this URL (`https://api.github.com`, `https://HOST/api/v3`) with a token that may write contents and
    /// pull requests, and read checks and commit statuses.
    ///
    /// The caller builds the client, and with it the rules on which addresses may be reached. Build it with
    /// `reqwest::redirect::Policy::none()`: redirects of reads within the origin are followed here.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the URL is none of an API, or the token no token.
    pub fn new(client: Client, url: &Url, token: SecretString) -> Result<Self, Error> {
        let host = host_of(url)?;
        let token = SecretString::from(token.expose_secret().trim().to_owned());
        if HeaderValue::from_str(token.expose_secret()).is_err() || token.expose_secret().is_empty() {
            return Err(cannot_connect(&host, "the token is empty or has characters that no token has"));
        }
        Ok(Self::signed_in(client, url, host, SignIn::Token(token)))
    }

    /// The REST API at this URL as an installation of a GitHub App, which needs the same permissions.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the URL is none of an API, or the private key is none.
    pub fn as_app(client: Client, url: &Url, app: &App) -> Result<Self, Error> {
        let host = host_of(url)?;
        let app = SignedApp::new(app).map_err(|remedy| cannot_connect(&host, remedy))?;
        Ok(Self::signed_in(client, url, host, SignIn::App(Box::new(app))))
    }

    fn signed_in(client: Client, url: &Url, host: String, sign_in: SignIn) -> Self {
        let api = Api::new(Transport::new(client, url.clone()), host, sign_in);
        Self { api, trees: Arc::default() }
    }

    /// With another limit on the time of each request than 30 seconds.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { api: self.api.with_timeout(timeout), ..self }
    }

    /// A call of a repository's API.
    fn call<'c>(
        &self,
        method: Method,
        repo: &'c RepoName,
        tail: &[&'c str],
        intent: String,
        object: String,
    ) -> Result<Call<'c>, Error> {
        let (owner, name) = self.api.owner_and_name(repo)?;
        let mut segments = vec!["repos", owner, name];
        segments.extend(tail);
        Ok(Call::new(method, segments, intent, object))
    }

    fn moved(&self, what: String, message: impl Into<String>) -> Error {
        Error::BranchMoved { host: self.api.host().to_owned(), what, message: message.into() }
    }

    fn unsupported(&self, what: String, remedy: &str) -> Error {
        Error::Unsupported { host: self.api.host().to_owned(), what, remedy: remedy.to_owned() }
    }

    fn not_found(&self, what: String) -> Error {
        Error::NotFound { host: self.api.host().to_owned(), what }
    }
}

/// The remedy for a URL that is none of an API.
const GIVE_THE_API: &str =
    "give the URL of the API: `https://api.github.com`, or `https://HOST/api/v3` of an Enterprise Server";

/// How it is called in messages. The address of the site is not the address of its API, and what is on the public internet
/// gets no token in clear.
fn host_of(url: &Url) -> Result<String, Error> {
    let host = host_at("github", url)?;
    let name = url.host_str().unwrap_or_default();
    if matches!(name, "github.com" | "www.github.com") {
        return Err(cannot_connect(&host, GIVE_THE_API));
    }
    // `ghe.com` is GitHub's too: Enterprise Cloud with data residency.
    if url.scheme() == "http" && (name == "api.github.com" || name.ends_with(".ghe.com")) {
        return Err(cannot_connect(&host, "give its URL with https: with http, everybody on the way reads the token"));
    }
    Ok(host)
}

#[async_trait]
impl GitHost for GitHub {
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
        self.get_commit(repo, sha).await?.into_commit(self.api.host())
    }

    async fn read_file(&self, repo: &RepoName, path: &RepoPath, at: &CommitSha) -> Result<Option<FileAt>, Error> {
        self.get_file(repo, path, at).await
    }

    async fn commit_files(&self, repo: &RepoName, commit: &NewCommit) -> Result<Commit, Error> {
        self.make_commit(repo, commit).await
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
        let pull = self.get_pull(repo, number).await?;
        self.own(pull, repo)
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
