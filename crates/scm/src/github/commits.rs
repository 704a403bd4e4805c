//! Commits of GitHub: one by its id, one by its key, and which came before which.

use jiff::Timestamp;
use reqwest::{Method, StatusCode};

use super::GitHub;
use super::wire::{WireCommit, WireComparison, WireGitCommit};
use crate::error::Error;
use crate::host::Commit;
use crate::http::Failure;
use crate::names::{BranchName, CommitSha, EffectKey, RepoName};

/// GitHub's own upper limit.
const PAGE: usize = 100;
const MAX_PAGES: usize = 20;

impl GitHub {
    pub(super) async fn get_commit(&self, repo: &RepoName, sha: &CommitSha) -> Result<WireGitCommit, Error> {
        let object = format!("commit {} of {repo}", sha.short());
        let tail = ["git", "commits", sha.as_str()];
        let call = self.call(Method::GET, repo, &tail, format!("read {object}"), object)?;
        match self.api.get(repo, &call).await {
            Err(Failure::Refusal(refusal)) if refusal.status == StatusCode::NOT_FOUND => {
                self.get_repository(repo).await?;
                Err(refusal.error)
            }
            found => Ok(found?),
        }
    }

    pub(super) async fn search_commits(
        &self,
        repo: &RepoName,
        branch: &BranchName,
        key: &EffectKey,
        since: Timestamp,
    ) -> Result<Option<Commit>, Error> {
        let object = format!("branch {branch} of {repo}");
        // By its id, so that no tag of the same name is meant and a push meanwhile shifts no page.
        let Some(head) = self.head_of(repo, branch).await? else { return Err(self.not_found(object)) };
        for page in 1..=MAX_PAGES {
            let intent = format!("list the commits of {object}");
            let call = self.call(Method::GET, repo, &["commits"], intent, object.clone())?;
            let call = call.query("sha", &head).query("since", to_the_second(since));
            let call = call.query("per_page", PAGE).query("page", page);
            let commits: Vec<WireCommit> = self.api.get(repo, &call).await?;
            let is_last = commits.len() < PAGE;
            for commit in commits {
                let commit = commit.into_commit(self.api.host())?;
                if commit.carries(key) {
                    return Ok(Some(commit));
                }
            }
            if is_last {
                return Ok(None);
            }
        }
        let remedy = format!(
            "{object} has more than {} commits since {since}; look there for `{key}` by hand",
            PAGE * MAX_PAGES
        );
        Err(self.unsupported("find the commit of a key".into(), &remedy))
    }

    /// Asks for the second page of one commit a page: the first would list the changed files with their patches.
    pub(super) async fn has_ancestor(
        &self,
        repo: &RepoName,
        ancestor: &CommitSha,
        descendant: &CommitSha,
    ) -> Result<bool, Error> {
        if ancestor == descendant {
            return self.get_commit(repo, ancestor).await.map(|_| true);
        }
        let range = format!("{ancestor}...{descendant}");
        let intent = format!("compare {} with {} in {repo}", ancestor.short(), descendant.short());
        let call = self.call(Method::GET, repo, &["compare", &range], intent, format!("commits {range} of {repo}"))?;
        let call = call.query("per_page", 1).query("page", 2);
        match self.api.get::<WireComparison>(repo, &call).await {
            Ok(comparison) => Ok(matches!(comparison.status.as_str(), "ahead" | "identical")),
            Err(Failure::Refusal(refusal)) if refusal.status == StatusCode::NOT_FOUND => {
                if refusal.message.to_lowercase().contains("no common ancestor") {
                    return Ok(false);
                }
                for commit in [ancestor, descendant] {
                    self.get_commit(repo, commit).await?;
                }
                Err(refusal.error)
            }
            Err(failure) => Err(failure.into()),
        }
    }
}

/// The API's form of a time; an earlier one loses nothing.
fn to_the_second(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}
