//! Pull requests of GitHub: open, find, read, close.

use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::GitHub;
use super::wire::WirePull;
use crate::error::{Error, Outcome};
use crate::host::{NewPullRequest, PullRequest};
use crate::http::{Call, Failure, from_a_fork};
use crate::names::{BranchName, PullRequestNumber, RepoName};

/// GitHub's own upper limit.
const PAGE: usize = 100;
const MAX_PAGES: usize = 10;

impl GitHub {
    pub(super) async fn post_pull(&self, repo: &RepoName, pull: &NewPullRequest) -> Result<PullRequest, Error> {
        let NewPullRequest { head, base, title, body, key } = pull;
        let object = format!("pull request from {head} to {base} in {repo}");
        let call = self.call(Method::POST, repo, &["pulls"], format!("open a {object}"), object.clone())?;
        let body = json!({"head": head.as_str(), "base": base.as_str(), "title": title, "body": key.with_marker(body)});
        let outcome = call.outcome();
        match self.api.get::<WirePull>(repo, &call.json(body)).await {
            Ok(opened) => self.own_after(outcome, opened, repo),
            Err(Failure::Refusal(refusal)) if refusal.status == StatusCode::UNPROCESSABLE_ENTITY => {
                if refusal.message.contains("already exists") {
                    return Err(Error::AlreadyExists { host: self.api.host().to_owned(), what: object });
                }
                Err(self.missing_branch(repo, pull, refusal.error).await?)
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// That a field is invalid says little of what is missing.
    async fn missing_branch(&self, repo: &RepoName, pull: &NewPullRequest, error: Error) -> Result<Error, Error> {
        for branch in [&pull.base, &pull.head] {
            if self.head_of(repo, branch).await?.is_none() {
                return Ok(self.not_found(format!("branch {branch} of {repo}")));
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
        let (owner, _) = self.api.owner_and_name(repo)?;
        let label = format!("{owner}:{head}");
        let mut found: Vec<PullRequest> = vec![];
        for page in 1..=MAX_PAGES {
            let intent = format!("list the pull requests from {head} in {repo}");
            let call = self.call(Method::GET, repo, &["pulls"], intent, format!("repository {repo}"))?;
            let call = call.query("state", "all").query("head", &label).query("sort", "created");
            let call = call.query("direction", "desc").query("per_page", PAGE).query("page", page);
            let pulls: Vec<WirePull> = self.api.get(repo, &call).await?;
            let done = pulls.len() < PAGE || pulls.last().is_none_or(|oldest| oldest.created_at < since);
            for pull in pulls {
                // A fork that the same owner has is left out, and so is all if the filter was not understood.
                let fits =
                    pull.is_from_same_repository() && pull.head.name == head.as_str() && pull.created_at >= since;
                if fits && !found.iter().any(|other| other.number.0 == pull.number) {
                    found.push(pull.into_pull(self.api.host(), Outcome::NotApplied)?);
                }
            }
            if done {
                return Ok(found);
            }
        }
        let remedy =
            format!("{repo} has more than {} pull requests from it since {since}; look there", PAGE * MAX_PAGES);
        Err(self.unsupported(format!("find the pull requests from {head}"), &remedy))
    }

    pub(super) async fn get_pull(&self, repo: &RepoName, number: PullRequestNumber) -> Result<WirePull, Error> {
        let tail = number.to_string();
        let call = self.pull_call(Method::GET, repo, "read", number, &["pulls", &tail])?;
        match self.api.get(repo, &call).await {
            Err(Failure::Refusal(refusal)) if refusal.status == StatusCode::NOT_FOUND => {
                self.get_repository(repo).await?;
                Err(refusal.error)
            }
            found => Ok(found?),
        }
    }

    /// GitHub takes back an auto-merge of what is closed.
    pub(super) async fn close_pull(&self, repo: &RepoName, number: PullRequestNumber) -> Result<PullRequest, Error> {
        let found = self.get_pull(repo, number).await?;
        if found.state != "open" {
            return self.own(found, repo);
        }
        let tail = number.to_string();
        let call = self.pull_call(Method::PATCH, repo, "close", number, &["pulls", &tail])?;
        let outcome = call.outcome();
        match self.api.get::<WirePull>(repo, &call.json(json!({"state": "closed"}))).await {
            Ok(closed) => self.own_after(outcome, closed, repo),
            // Somebody merged it meanwhile.
            Err(Failure::Refusal(refusal)) if refusal.status == StatusCode::UNPROCESSABLE_ENTITY => {
                let now = self.get_pull(repo, number).await?;
                if now.state == "open" { Err(refusal.error) } else { self.own(now, repo) }
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// A call about a pull request.
    pub(super) fn pull_call<'c>(
        &self,
        method: Method,
        repo: &'c RepoName,
        verb: &str,
        number: PullRequestNumber,
        tail: &[&'c str],
    ) -> Result<Call<'c>, Error> {
        let object = format!("pull request {repo}#{number}");
        self.call(method, repo, tail, format!("{verb} {object}"), object)
    }

    /// A pull request that was read, provided that it is from a branch of the repository.
    pub(super) fn own(&self, pull: WirePull, repo: &RepoName) -> Result<PullRequest, Error> {
        self.own_after(Outcome::NotApplied, pull, repo)
    }

    /// The same of the answer of a call, with what is known of its outcome.
    fn own_after(&self, outcome: Outcome, pull: WirePull, repo: &RepoName) -> Result<PullRequest, Error> {
        if !pull.is_from_same_repository() {
            return Err(from_a_fork(self.api.host(), repo, PullRequestNumber(pull.number)));
        }
        pull.into_pull(self.api.host(), outcome)
    }
}
