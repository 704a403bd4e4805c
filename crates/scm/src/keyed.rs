//! *Find, then create, then adopt on conflict*: effects that are looked for by their key, on any host.
//!
//! What is found counts only if it carries the key: a commit in its trailer, a pull request in its body. Something else
//! in its place is [`Error::NotOurs`] and is left alone.

use jiff::Timestamp;

use crate::error::{Error, Outcome};
use crate::host::{Commit, GitHost, NewCommit, NewPullRequest, PullRequest, PullRequestState};
use crate::names::{BranchName, EffectKey, RepoName};

/// The commit of this key on its branch, `None` when there is no such branch.
///
/// Somebody may have pushed onto it since: the answer is our commit, not the branch's head.
///
/// *Guarantees:* a read. *Errors:* [`Error::NotOurs`] for a branch of that name without our commit since `since`.
pub async fn find_branch(
    host: &dyn GitHost,
    repo: &RepoName,
    branch: &BranchName,
    key: &EffectKey,
    since: Timestamp,
) -> Result<Option<Commit>, Error> {
    let Some(found) = host.branch(repo, branch).await? else { return Ok(None) };
    if found.head.carries(key) {
        return Ok(Some(found.head));
    }
    match host.find_commit(repo, branch, key, since).await? {
        Some(commit) => Ok(Some(commit)),
        None => Err(Error::NotOurs {
            host: host.describe().to_owned(),
            what: format!("branch {branch} of {repo}"),
            message: format!("it has no commit of the key {key}; rename or delete the branch"),
        }),
    }
}

/// Makes a commit on a new branch, or adopts the one of this key that is there.
///
/// *Idempotency:* by the key; safe to repeat after an unknown end. *Errors:* as [`GitHost::commit_files`] and
/// [`find_branch`].
pub async fn commit_on_new_branch(
    host: &dyn GitHost,
    repo: &RepoName,
    commit: &NewCommit,
    since: Timestamp,
) -> Result<Commit, Error> {
    let branch = commit.onto.branch();
    if let Some(own) = find_branch(host, repo, branch, &commit.key, since).await? {
        return Ok(own);
    }
    match host.commit_files(repo, commit).await {
        Err(Error::AlreadyExists { what, .. }) => {
            let found = find_branch(host, repo, branch, &commit.key, since).await?;
            found.ok_or_else(|| not_shown_yet(host, &what))
        }
        made => made,
    }
}

/// Somebody with the same key was faster, and the host is not done yet (Gitea has the branch in git before it is in its
/// database): look again.
fn not_shown_yet(host: &dyn GitHost, what: &str) -> Error {
    Error::Unavailable {
        host: host.describe().to_owned(),
        what: format!("adopt {what}"),
        outcome: Outcome::Unknown,
        message: "it says that it exists and does not show it yet".into(),
    }
}

/// The pull request of this key from a branch: an open one first, then a merged one, then the newest.
///
/// *Guarantees:* a read. *Errors:* [`Error::NotOurs`] when there are pull requests from the branch and none is ours.
pub async fn find_pull_request(
    host: &dyn GitHost,
    repo: &RepoName,
    head: &BranchName,
    key: &EffectKey,
    since: Timestamp,
) -> Result<Option<PullRequest>, Error> {
    let found = host.find_pull_requests(repo, head, since).await?;
    let Some(first) = found.first() else { return Ok(None) };
    let not_ours = Error::NotOurs {
        host: host.describe().to_owned(),
        what: format!("pull request {repo}#{}", first.number),
        message: format!("its body lacks the marker of the key {key}; close it, or put the marker back"),
    };
    let rank = |pull: &PullRequest| match pull.state {
        PullRequestState::Open => 0,
        PullRequestState::Merged(_) => 1,
        PullRequestState::Closed => 2,
    };
    // `min_by_key` keeps the first of equals, which is the newest.
    found.into_iter().filter(|pull| pull.carries(key)).min_by_key(rank).map(Some).ok_or(not_ours)
}

/// Opens a pull request, or adopts the one of this key that is there, whatever its state.
///
/// *Idempotency:* by the key; safe to repeat after an unknown end. Two callers at once may open two where the host does
/// not check atomically; the one with the lower number is then the one that [`find_pull_request`] finds second.
///
/// *Errors:* as [`GitHost::open_pull_request`] and [`find_pull_request`].
pub async fn open_pull_request(
    host: &dyn GitHost,
    repo: &RepoName,
    pull: &NewPullRequest,
    since: Timestamp,
) -> Result<PullRequest, Error> {
    if let Some(own) = find_pull_request(host, repo, &pull.head, &pull.key, since).await? {
        return Ok(own);
    }
    match host.open_pull_request(repo, pull).await {
        Err(Error::AlreadyExists { what, .. }) => {
            let found = find_pull_request(host, repo, &pull.head, &pull.key, since).await?;
            found.ok_or_else(|| not_shown_yet(host, &what))
        }
        opened => opened,
    }
}
