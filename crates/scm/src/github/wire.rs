//! GitHub's JSON, as far as it is used, and what becomes of it.
//!
//! A host's answer is not trusted: names in it are parsed like a user's.

use std::fmt::Display;

use jiff::Timestamp;
use serde::Deserialize;

use crate::error::{Error, Outcome};
use crate::host::{Commit, Mergeable, Merged, PullRequest, PullRequestState, Repository};
use crate::http::{senseless, senseless_after};
use crate::names::{BranchName, CommitSha, NameError, PullRequestNumber, RepoName};
use crate::repository_url::without_credentials;

#[derive(Debug, Deserialize)]
pub(super) struct WireRepository {
    full_name: String,
    default_branch: String,
    html_url: String,
    clone_url: String,
    #[serde(default)]
    ssh_url: String,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    disabled: bool,
    /// Shown to those who may push only.
    pub(super) allow_merge_commit: Option<bool>,
    pub(super) allow_squash_merge: Option<bool>,
}

impl WireRepository {
    pub(super) fn into_repository(self, host: &str) -> Result<Repository, Error> {
        let senseless = |error: NameError| senseless(host, "read the repository", error);
        Ok(Repository {
            name: RepoName::parse(&self.full_name).map_err(senseless)?,
            default_branch: BranchName::parse(&self.default_branch).map_err(senseless)?,
            clone_urls: [without_credentials(&self.clone_url), self.ssh_url]
                .into_iter()
                .filter(|url| !url.is_empty())
                .collect(),
            html_url: without_credentials(&self.html_url),
            read_only: self.archived || self.disabled,
        })
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WireSha {
    pub(super) sha: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireBranch {
    pub(super) name: String,
    pub(super) commit: WireCommit,
    #[serde(default)]
    pub(super) protected: bool,
    pub(super) protection: Option<WireBranchProtection>,
}

/// What everybody who reads a branch is told of its protection.
#[derive(Debug, Deserialize)]
pub(super) struct WireBranchProtection {
    #[serde(default)]
    pub(super) enabled: bool,
    pub(super) required_status_checks: Option<WireRequiredChecks>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireRequiredChecks {
    #[serde(default)]
    pub(super) contexts: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct WirePerson {
    date: Option<Timestamp>,
}

/// A commit as the API of commits answers it: the message and the dates are one level down.
#[derive(Debug, Deserialize)]
pub(super) struct WireCommit {
    sha: String,
    #[serde(default)]
    parents: Vec<WireSha>,
    commit: WireCommitBody,
}

#[derive(Debug, Deserialize)]
struct WireCommitBody {
    message: String,
    committer: Option<WirePerson>,
}

/// A commit as the API of git's objects answers it.
#[derive(Debug, Deserialize)]
pub(super) struct WireGitCommit {
    sha: String,
    #[serde(default)]
    parents: Vec<WireSha>,
    message: String,
    committer: WirePerson,
    pub(super) tree: WireSha,
}

impl WireCommit {
    pub(super) fn into_commit(self, host: &str) -> Result<Commit, Error> {
        let WireCommitBody { message, committer } = self.commit;
        commit(host, &self.sha, &self.parents, message, committer)
    }
}

impl WireGitCommit {
    pub(super) fn into_commit(self, host: &str) -> Result<Commit, Error> {
        commit(host, &self.sha, &self.parents, self.message, Some(self.committer))
    }
}

fn commit(
    host: &str,
    sha: &str,
    parents: &[WireSha],
    message: String,
    committer: Option<WirePerson>,
) -> Result<Commit, Error> {
    let name = |error: NameError| senseless(host, "read the commit", error);
    let date = committer.and_then(|committer| committer.date);
    Ok(Commit {
        sha: CommitSha::parse(sha).map_err(name)?,
        parents: parents.iter().map(|parent| CommitSha::parse(&parent.sha)).collect::<Result<_, _>>().map_err(name)?,
        message,
        committed_at: date.ok_or_else(|| senseless(host, "read the commit", "it has no date"))?,
    })
}

#[derive(Debug, Deserialize)]
pub(super) struct WireReference {
    pub(super) object: WireSha,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireTree {
    #[serde(default)]
    pub(super) tree: Vec<WireTreeEntry>,
    #[serde(default)]
    pub(super) truncated: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct WireTreeEntry {
    pub(super) path: String,
    pub(super) mode: String,
    pub(super) sha: String,
    pub(super) size: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireBlob {
    pub(super) content: String,
    pub(super) encoding: String,
}

/// How two commits stand to each other.
#[derive(Debug, Deserialize)]
pub(super) struct WireComparison {
    pub(super) status: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireUser {
    pub(super) login: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireId {
    pub(super) id: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireSide {
    #[serde(rename = "ref")]
    pub(super) name: String,
    sha: String,
    /// Null when the fork is gone.
    repo: Option<WireId>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WirePull {
    pub(super) number: u64,
    html_url: String,
    pub(super) state: String,
    #[serde(default)]
    draft: bool,
    title: String,
    body: Option<String>,
    mergeable: Option<bool>,
    #[serde(default)]
    pub(super) mergeable_state: String,
    merged_at: Option<Timestamp>,
    merge_commit_sha: Option<String>,
    merged_by: Option<WireUser>,
    base: WireSide,
    pub(super) head: WireSide,
    pub(super) created_at: Timestamp,
}

impl WirePull {
    /// Whether its head is a branch of the repository it goes to.
    pub(super) fn is_from_same_repository(&self) -> bool {
        match (&self.head.repo, &self.base.repo) {
            (Some(head), Some(base)) => head.id == base.id,
            _ => false,
        }
    }

    /// The pull request, as the answer of a call of this outcome has it.
    pub(super) fn into_pull(self, host: &str, outcome: Outcome) -> Result<PullRequest, Error> {
        let unread = |why: &dyn Display| senseless_after(outcome, host, "read the pull request", why);
        let senseless = |error: NameError| unread(&error);
        let state = match (self.merged_at, &self.merge_commit_sha, self.state.as_str()) {
            (Some(at), Some(sha), _) => PullRequestState::Merged(Merged {
                commit: CommitSha::parse(sha).map_err(senseless)?,
                by: self.merged_by.map(|user| user.login),
                at: Some(at),
            }),
            // Nearly merged, and by no means closed without it.
            (Some(_), None, _) => return Err(unread(&"it is merged and names no commit")),
            (None, _, "open") => PullRequestState::Open,
            (None, ..) => PullRequestState::Closed,
        };
        Ok(PullRequest {
            number: PullRequestNumber(self.number),
            url: without_credentials(&self.html_url),
            state,
            draft: self.draft,
            title: self.title,
            body: self.body.unwrap_or_default(),
            base: BranchName::parse(&self.base.name).map_err(senseless)?,
            head: BranchName::parse(&self.head.name).map_err(senseless)?,
            head_sha: CommitSha::parse(&self.head.sha).map_err(senseless)?,
            mergeable: match self.mergeable {
                Some(true) => Mergeable::Yes,
                Some(false) => Mergeable::No,
                None => Mergeable::Unknown,
            },
            opened_at: self.created_at,
        })
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WireMerged {
    pub(super) sha: Option<String>,
    #[serde(default)]
    pub(super) merged: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireCheckRuns {
    #[serde(default)]
    pub(super) check_runs: Vec<WireCheckRun>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireCheckRun {
    pub(super) name: String,
    pub(super) status: String,
    pub(super) conclusion: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireCombinedStatus {
    #[serde(default)]
    pub(super) statuses: Vec<WireStatus>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireStatus {
    pub(super) context: String,
    pub(super) state: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireReview {
    pub(super) user: Option<WireUser>,
    pub(super) state: String,
}

/// An active rule of a branch, of whatever type.
#[derive(Debug, Deserialize)]
pub(super) struct WireRule {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) parameters: WireRuleParameters,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WireRuleParameters {
    pub(super) required_status_checks: Vec<WireRequiredCheck>,
    pub(super) required_approving_review_count: u32,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireRequiredCheck {
    pub(super) context: String,
}

/// The protection that only an administrator of the repository may read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WireProtection {
    pub(super) required_pull_request_reviews: Option<WireRequiredReviews>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireRequiredReviews {
    #[serde(default)]
    pub(super) required_approving_review_count: u32,
}
