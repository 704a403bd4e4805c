//! Pull requests of Gitea: open, find, read, close.

use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::Gitea;
use super::wire::{WirePull, WireReference};
use crate::error::Error;
use crate::host::{NewPullRequest, PullRequest, PullRequestState};
use crate::http::{Call, Failure, from_a_fork};
use crate::names::{BranchName, CommitSha, PullRequestNumber, RepoName};

/// Gitea's own upper limit (`[api] MAX_RESPONSE_ITEMS`); a server with a lower one answers less.
const PAGE: usize = 50;
const MAX_PAGES: usize = 20;

impl Gitea {
    pub(super) async fn post_pull(&self, repo: &RepoName, pull: &NewPullRequest) -> Result<PullRequest, Error> {
        let NewPullRequest { head, base, title, body, key } = pull;
        let object = format!("pull request from {head} to {base} in {repo}");
        let call = self.call(Method::POST, repo, &["pulls"], format!("open a {object}"), object.clone())?;
        let body = json!({"head": head.as_str(), "base": base.as_str(), "title": title, "body": key.with_marker(body)});
        match self.api.get::<WirePull>(call.json(body)).await {
            Ok(opened) => self.own(opened, repo, None),
            Err(Failure::Refusal(refusal)) => match refusal.status {
                StatusCode::CONFLICT => Err(Error::AlreadyExists { host: self.api.host().to_owned(), what: object }),
                StatusCode::NOT_FOUND => Err(self.missing_branch(repo, pull, refusal.error).await?),
                _ => Err(refusal.error),
            },
            Err(Failure::Other(error)) => Err(error),
        }
    }

    /// A 404 says nothing of what is missing.
    async fn missing_branch(&self, repo: &RepoName, pull: &NewPullRequest, error: Error) -> Result<Error, Error> {
        for branch in [&pull.base, &pull.head] {
            if self.get_wire_branch(repo, branch).await?.is_none() {
                let what = format!("branch {branch} of {repo}");
                return Ok(Error::NotFound { host: self.api.host().to_owned(), what });
            }
        }
        Ok(error)
    }

    pub(super) async fn search_pulls(
        &self,
        repo: &RepoName,
        head: &BranchName,
        since: Timestamp,
    ) -> Result<Vec<PullRequest>, Error> {
        let mut found: Vec<PullRequest> = vec![];
        for page in 1..=MAX_PAGES {
            let intent = format!("list the pull requests of {repo}");
            let call = self.call(Method::GET, repo, &["pulls"], intent, format!("repository {repo}"))?;
            let call = call.query("state", "all").query("page", page).query("limit", PAGE);
            let pulls: Vec<WirePull> = self.api.get(call).await?;
            // Newest first: what is opened meanwhile shifts the pages, and is seen twice rather than not at all.
            let done = pulls.last().is_none_or(|oldest| oldest.created_at < since);
            for pull in pulls {
                let fits =
                    pull.is_from_same_repository() && pull.head.label == head.as_str() && pull.created_at >= since;
                if fits && !found.iter().any(|other| other.number.0 == pull.number) {
                    let merged_head = self.merged_head(repo, &pull).await?;
                    found.push(self.own(pull, repo, merged_head)?);
                }
            }
            if done {
                return Ok(found);
            }
        }
        let remedy =
            format!("{repo} has more than {} pull requests since {since}; look there by hand", PAGE * MAX_PAGES);
        Err(self.unsupported(format!("find the pull requests from {head}"), &remedy))
    }

    pub(super) async fn get_pull(&self, repo: &RepoName, number: PullRequestNumber) -> Result<PullRequest, Error> {
        let pull: WirePull =
            self.api.get(self.pull_call(Method::GET, repo, "read", number, &number.to_string())?).await?;
        let merged_head = self.merged_head(repo, &pull).await?;
        self.own(pull, repo, merged_head)
    }

    pub(super) async fn close_pull(&self, repo: &RepoName, number: PullRequestNumber) -> Result<PullRequest, Error> {
        let found = self.get_pull(repo, number).await?;
        if found.state != PullRequestState::Open {
            return Ok(found);
        }
        let tail = number.to_string();
        let call = self.pull_call(Method::PATCH, repo, "close", number, &tail)?.json(json!({"state": "closed"}));
        match self.api.send(call).await {
            // Somebody merged it meanwhile.
            Err(Failure::Refusal(refusal)) if refusal.status == StatusCode::PRECONDITION_FAILED => {}
            Err(failure) => return Err(failure.into()),
            Ok(_) => {}
        }
        self.get_pull(repo, number).await
    }

    /// A call about a pull request; `tail` follows `pulls/`.
    pub(super) fn pull_call<'c>(
        &self,
        method: Method,
        repo: &'c RepoName,
        verb: &str,
        number: PullRequestNumber,
        tail: &'c str,
    ) -> Result<Call<'c>, Error> {
        let object = format!("pull request {repo}#{number}");
        self.call(method, repo, &["pulls", tail], format!("{verb} {object}"), object)
    }

    /// The head that was merged, as the branch may have gone on since.
    async fn merged_head(&self, repo: &RepoName, pull: &WirePull) -> Result<Option<CommitSha>, Error> {
        if !pull.merged {
            return Ok(None);
        }
        let (object, number) = (format!("head of pull request {repo}#{}", pull.number), pull.number.to_string());
        let tail = ["git", "refs", "pull", &number, "head"];
        let call = self.call(Method::GET, repo, &tail, format!("read the {object}"), object)?;
        // All references that begin so are answered.
        match self.api.get::<Vec<WireReference>>(call).await {
            Ok(found) => {
                let name = format!("refs/pull/{}/head", pull.number);
                let exact = found.iter().find(|reference| reference.name == name);
                Ok(exact.and_then(|reference| CommitSha::parse(&reference.object.sha).ok()))
            }
            Err(Failure::Refusal(_)) => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }

    fn own(&self, pull: WirePull, repo: &RepoName, merged_head: Option<CommitSha>) -> Result<PullRequest, Error> {
        if !pull.is_from_same_repository() {
            return Err(from_a_fork(self.api.host(), repo, PullRequestNumber(pull.number)));
        }
        pull.into_pull(self.api.host(), merged_head)
    }
}
