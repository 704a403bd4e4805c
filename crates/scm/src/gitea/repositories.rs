//! Repositories and branches of Gitea.

use reqwest::{Method, StatusCode};

use super::Gitea;
use super::wire::{WireBranch, WireRepository};
use crate::error::Error;
use crate::host::Branch;
use crate::http::{Failure, senseless};
use crate::names::{BranchName, CommitSha, RepoName};

impl Gitea {
    pub(super) async fn get_repository(&self, repo: &RepoName) -> Result<WireRepository, Error> {
        let call =
            self.call(Method::GET, repo, &[], format!("read repository {repo}"), format!("repository {repo}"))?;
        Ok(self.api.get(call).await?)
    }

    pub(super) async fn get_branch(&self, repo: &RepoName, branch: &BranchName) -> Result<Option<Branch>, Error> {
        let Some(found) = self.get_wire_branch(repo, branch).await? else { return Ok(None) };
        let head = CommitSha::parse(&found.commit.sha).map_err(|e| senseless(self.api.host(), "read the branch", e))?;
        Ok(Some(Branch { name: branch.clone(), head: self.get_commit(repo, &head).await? }))
    }

    /// `None` when the repository is there and the branch is not.
    pub(super) async fn get_wire_branch(
        &self,
        repo: &RepoName,
        branch: &BranchName,
    ) -> Result<Option<WireBranch>, Error> {
        let object = format!("branch {branch} of {repo}");
        let call = self.call(Method::GET, repo, &["branches", branch.as_str()], format!("read {object}"), object)?;
        match self.api.get(call).await {
            Ok(found) => Ok(Some(found)),
            Err(Failure::Refusal(refusal)) if refusal.status == StatusCode::NOT_FOUND => {
                self.get_repository(repo).await?;
                Ok(None)
            }
            Err(failure) => Err(failure.into()),
        }
    }

    pub(super) async fn delete_unmoved_branch(
        &self,
        repo: &RepoName,
        branch: &BranchName,
        head: &CommitSha,
    ) -> Result<(), Error> {
        let object = format!("branch {branch} of {repo}");
        let Some(found) = self.get_wire_branch(repo, branch).await? else { return Ok(()) };
        if found.commit.sha != head.as_str() {
            let message = format!("it is at {} and not at {}; it was left alone", found.commit.sha, head);
            return Err(self.moved(object, message));
        }
        let call =
            self.call(Method::DELETE, repo, &["branches", branch.as_str()], format!("delete {object}"), object)?;
        match self.api.send(call).await {
            Err(Failure::Refusal(refusal)) if refusal.status == StatusCode::NOT_FOUND => Ok(()),
            Err(failure) => Err(failure.into()),
            Ok(_) => Ok(()),
        }
    }
}
