//! Repositories and branches of GitHub.

use reqwest::{Method, StatusCode};

use super::GitHub;
use super::wire::{WireBranch, WireReference, WireRepository};
use crate::error::Error;
use crate::host::Branch;
use crate::http::Failure;
use crate::names::{BranchName, CommitSha, RepoName};

impl GitHub {
    pub(super) async fn get_repository(&self, repo: &RepoName) -> Result<WireRepository, Error> {
        let object = format!("repository {repo}");
        let call = self.call(Method::GET, repo, &[], format!("read {object}"), object)?;
        Ok(self.api.get(repo, &call).await?)
    }

    pub(super) async fn get_branch(&self, repo: &RepoName, branch: &BranchName) -> Result<Option<Branch>, Error> {
        let Some(found) = self.get_wire_branch(repo, branch).await? else { return Ok(None) };
        Ok(Some(Branch { name: branch.clone(), head: found.commit.into_commit(self.api.host())? }))
    }

    /// `None` when the repository is there and the branch is not.
    pub(super) async fn get_wire_branch(
        &self,
        repo: &RepoName,
        branch: &BranchName,
    ) -> Result<Option<WireBranch>, Error> {
        let object = format!("branch {branch} of {repo}");
        let tail = ["branches", branch.as_str()];
        let call = self.call(Method::GET, repo, &tail, format!("read {object}"), object)?;
        match self.api.get::<WireBranch>(repo, &call).await {
            // GitHub redirects from a renamed branch to its new name, which is another branch.
            Ok(found) => Ok(Some(found).filter(|found| found.name == branch.as_str())),
            Err(Failure::Refusal(refusal)) if refusal.status == StatusCode::NOT_FOUND => {
                self.get_repository(repo).await?;
                Ok(None)
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// The commit a branch points at, `None` when the repository is there and the branch is not.
    pub(super) async fn head_of(&self, repo: &RepoName, branch: &BranchName) -> Result<Option<String>, Error> {
        let object = format!("branch {branch} of {repo}");
        let name = format!("heads/{branch}");
        let call = self.call(Method::GET, repo, &["git", "ref", &name], format!("read {object}"), object)?;
        match self.api.get::<WireReference>(repo, &call).await {
            Ok(found) => Ok(Some(found.object.sha)),
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
        let Some(found) = self.head_of(repo, branch).await? else { return Ok(()) };
        if found != head.as_str() {
            let message = format!("it is at {found} and not at {head}; it was left alone");
            return Err(self.moved(object, message));
        }
        let name = format!("heads/{branch}");
        let call = self.call(Method::DELETE, repo, &["git", "refs", &name], format!("delete {object}"), object)?;
        match self.api.send(repo, &call).await {
            // Somebody was quicker, as GitHub is where it deletes the branches of merged pull requests.
            Err(Failure::Refusal(refusal)) if refusal.message.contains("does not exist") => Ok(()),
            Err(failure) => Err(failure.into()),
            Ok(_) => Ok(()),
        }
    }
}
