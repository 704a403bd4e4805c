//! Gitea's JSON, as far as it is used, and what becomes of it.
//!
//! A host's answer is not trusted: names in it are parsed like a user's.

use jiff::Timestamp;
use serde::Deserialize;

use crate::error::Error;
use crate::host::{Commit, Mergeable, Merged, PullRequest, PullRequestState, Repository};
use crate::http::senseless;
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
    mirror: bool,
    #[serde(default)]
    pub(super) default_merge_style: String,
}

impl WireRepository {
    pub(super) fn into_repository(self, host: &str) -> Result<Repository, Error> {
        let senseless = |error: NameError| senseless(host, "read the repository", error);
        Ok(Repository {
            name: RepoName::parse(&self.full_name).map_err(senseless)?,
            default_branch: BranchName::parse(&self.default_branch).map_err(senseless)?,
            clone_urls: [without_credentials(&self.clone_url), without_userinfo_of_ssh(&self.ssh_url)]
                .into_iter()
                .filter(|url| !url.is_empty())
                .collect(),
            html_url: without_credentials(&self.html_url),
            read_only: self.archived || self.mirror,
        })
    }
}

/// `git@host:path` has a user and no secret; a URL may have both.
fn without_userinfo_of_ssh(url: &str) -> String {
    if url.contains("://") { without_credentials(url) } else { url.to_owned() }
}

#[derive(Debug, Deserialize)]
pub(super) struct WireId {
    #[serde(alias = "id")]
    pub(super) sha: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireBranch {
    pub(super) commit: WireId,
    #[serde(default)]
    pub(super) protected: bool,
    #[serde(default)]
    pub(super) required_approvals: u32,
    #[serde(default)]
    pub(super) enable_status_check: bool,
    #[serde(default)]
    pub(super) status_check_contexts: Option<Vec<String>>,
    #[serde(default)]
    pub(super) effective_branch_protection_name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct WirePerson {
    pub(super) date: Timestamp,
}

/// A commit as the contents API answers it.
#[derive(Debug, Deserialize)]
pub(super) struct WireFileCommit {
    sha: String,
    #[serde(default)]
    parents: Option<Vec<WireId>>,
    message: String,
    committer: WirePerson,
}

/// A commit as the commits API answers it: the message and the dates are one level down.
#[derive(Debug, Deserialize)]
pub(super) struct WireCommit {
    sha: String,
    #[serde(default)]
    parents: Option<Vec<WireId>>,
    commit: WireCommitBody,
}

#[derive(Debug, Deserialize)]
struct WireCommitBody {
    message: String,
    committer: WirePerson,
}

impl From<WireCommit> for WireFileCommit {
    fn from(WireCommit { sha, parents, commit }: WireCommit) -> Self {
        Self { sha, parents, message: commit.message, committer: commit.committer }
    }
}

impl WireFileCommit {
    pub(super) fn into_commit(self, host: &str) -> Result<Commit, Error> {
        let senseless = |error: NameError| senseless(host, "read the commit", error);
        let parents = self.parents.unwrap_or_default();
        Ok(Commit {
            sha: CommitSha::parse(&self.sha).map_err(senseless)?,
            parents: parents.iter().map(|p| CommitSha::parse(&p.sha)).collect::<Result<_, _>>().map_err(senseless)?,
            message: self.message,
            committed_at: self.committer.date,
        })
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WireFilesAnswer {
    pub(super) commit: WireFileCommit,
}

/// What is at a path: one entry, or the list of a directory.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum WireContents {
    Entry(WireEntry),
    /// A list.
    Directory(serde::de::IgnoredAny),
}

#[derive(Debug, Deserialize)]
pub(super) struct WireEntry {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) sha: String,
    pub(super) size: u64,
    pub(super) encoding: Option<String>,
    pub(super) content: Option<String>,
    pub(super) lfs_oid: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireUser {
    pub(super) login: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireSide {
    /// The branch, even when it is deleted; `ref` is then `refs/pull/N/head`.
    pub(super) label: String,
    #[serde(default)]
    sha: String,
    repo_id: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct WirePull {
    pub(super) number: u64,
    html_url: String,
    state: String,
    #[serde(default)]
    draft: bool,
    title: String,
    #[serde(default)]
    body: String,
    #[serde(default)]
    mergeable: bool,
    #[serde(default)]
    pub(super) merged: bool,
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
        self.head.repo_id == self.base.repo_id && !self.head.label.is_empty()
    }

    /// `head` is the commit to show where the branch may have gone on since.
    pub(super) fn into_pull(self, host: &str, head: Option<CommitSha>) -> Result<PullRequest, Error> {
        let senseless = |error: NameError| senseless(host, "read the pull request", error);
        let state = match (self.merged, &self.merge_commit_sha, self.state.as_str()) {
            (true, Some(sha), _) => PullRequestState::Merged(Merged {
                commit: CommitSha::parse(sha).map_err(senseless)?,
                by: self.merged_by.map(|user| user.login),
                at: self.merged_at,
            }),
            (_, _, "open") => PullRequestState::Open,
            _ => PullRequestState::Closed,
        };
        Ok(PullRequest {
            number: PullRequestNumber(self.number),
            url: without_credentials(&self.html_url),
            state,
            draft: self.draft,
            title: self.title,
            body: self.body,
            base: BranchName::parse(&self.base.label).map_err(senseless)?,
            head: BranchName::parse(&self.head.label).map_err(senseless)?,
            head_sha: match head {
                Some(head) => head,
                None => CommitSha::parse(&self.head.sha).map_err(senseless)?,
            },
            mergeable: if self.mergeable { Mergeable::Yes } else { Mergeable::Unknown },
            opened_at: self.created_at,
        })
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WireReference {
    #[serde(rename = "ref")]
    pub(super) name: String,
    pub(super) object: WireId,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireCombinedStatus {
    #[serde(default)]
    pub(super) statuses: Option<Vec<WireStatus>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireStatus {
    pub(super) context: String,
    pub(super) status: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireReview {
    pub(super) user: Option<WireUser>,
    pub(super) state: String,
    #[serde(default)]
    pub(super) official: bool,
    #[serde(default)]
    pub(super) dismissed: bool,
    #[serde(default)]
    pub(super) stale: bool,
}

/// The rules that only an administrator of the repository may read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WireProtection {
    pub(super) block_on_rejected_reviews: bool,
    pub(super) block_on_outdated_branch: bool,
    pub(super) ignore_stale_approvals: bool,
}
