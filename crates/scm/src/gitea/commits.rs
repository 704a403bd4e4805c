//! Commits of Gitea: one by its id, one by its key, and which came before which.

use jiff::Timestamp;
use reqwest::{Method, StatusCode};

use super::Gitea;
use super::wire::{WireCommit, WireFileCommit};
use crate::error::Error;
use crate::host::Commit;
use crate::http::{Call, Failure};
use crate::names::{BranchName, CommitSha, EffectKey, RepoName};

/// Gitea's own upper limit (`[git] COMMITS_RANGE_SIZE`); a server with a lower one answers less.
const PAGE: usize = 50;
const MAX_PAGES: usize = 20;

impl Gitea {
    pub(super) async fn get_commit(&self, repo: &RepoName, sha: &CommitSha) -> Result<Commit, Error> {
        let object = format!("commit {} of {repo}", sha.short());
        let call = self.call(Method::GET, repo, &["git", "commits", sha.as_str()], format!("read {object}"), object)?;
        let found: WireCommit = self.api.get(lean(call)).await?;
        WireFileCommit::from(found).into_commit(self.api.host())
    }

    pub(super) async fn search_commits(
        &self,
        repo: &RepoName,
        branch: &BranchName,
        key: &EffectKey,
        since: Timestamp,
    ) -> Result<Option<Commit>, Error> {
        let object = format!("branch {branch} of {repo}");
        let Some(found) = self.get_wire_branch(repo, branch).await? else {
            return Err(Error::NotFound { host: self.api.host().to_owned(), what: object });
        };
        // By its id, so that no tag of the same name is meant and a push meanwhile shifts no page.
        let head = found.commit.sha;
        for page in 1..=MAX_PAGES {
            let intent = format!("list the commits of {object}");
            let call = self.call(Method::GET, repo, &["commits"], intent, object.clone())?;
            let call = lean(call).query("sha", &head).query("since", since).query("page", page).query("limit", PAGE);
            let commits: Vec<WireCommit> = self.api.get(call).await?;
            if commits.is_empty() {
                return Ok(None);
            }
            for commit in commits {
                let commit = WireFileCommit::from(commit).into_commit(self.api.host())?;
                if commit.carries(key) {
                    return Ok(Some(commit));
                }
            }
        }
        let remedy = format!(
            "{object} has more than {} commits since {since}; look there for `{key}` by hand",
            PAGE * MAX_PAGES
        );
        Err(self.unsupported("find the commit of a key".into(), &remedy))
    }

    /// Lists at most one commit that `ancestor` has and `descendant` has not; the compare API would list them all, each
    /// with statistics, and fails for commits without a common one.
    pub(super) async fn has_ancestor(
        &self,
        repo: &RepoName,
        ancestor: &CommitSha,
        descendant: &CommitSha,
    ) -> Result<bool, Error> {
        if ancestor == descendant {
            return self.get_commit(repo, ancestor).await.map(|_| true);
        }
        let intent = format!("compare {} with {} in {repo}", ancestor.short(), descendant.short());
        let object = format!("commit {} of {repo}", ancestor.short());
        let call = self.call(Method::GET, repo, &["commits"], intent, object)?;
        let call = lean(call).query("sha", ancestor).query("not", descendant).query("limit", 1);
        match self.api.get::<Vec<WireCommit>>(call).await {
            Ok(missing) => Ok(missing.is_empty()),
            Err(Failure::Refusal(refusal)) if refusal.status == StatusCode::NOT_FOUND => {
                self.get_repository(repo).await?;
                Err(refusal.error)
            }
            // An unknown `not` is an internal error to Gitea.
            Err(Failure::Other(error @ Error::Unavailable { .. })) => {
                self.get_commit(repo, descendant).await?;
                Err(error)
            }
            Err(failure) => Err(failure.into()),
        }
    }
}

/// Without the parts of a commit that are slow to work out.
fn lean(call: Call<'_>) -> Call<'_> {
    call.query("stat", false).query("verification", false).query("files", false)
}
