//! Merging on GitHub: exactly one head, now.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::GitHub;
use super::wire::WireMerged;
use crate::error::Error;
use crate::host::{Merge, MergeMethod, Merged};
use crate::http::{Failure, Refusal, senseless_after};
use crate::names::{CommitSha, PullRequestNumber, RepoName};

impl GitHub {
    pub(super) async fn merge_now(
        &self,
        repo: &RepoName,
        number: PullRequestNumber,
        merge: &Merge,
    ) -> Result<Merged, Error> {
        if let Some(merged) = self.merged_with(repo, number, merge).await? {
            return Ok(merged);
        }
        let method = match merge.method {
            Some(method) => method,
            None => self.usual_method(repo).await?,
        };
        let tail = number.to_string();
        let call = self.pull_call(Method::PUT, repo, "merge", number, &["pulls", &tail, "merge"])?;
        let call = call.json(json!({"sha": merge.head.as_str(), "merge_method": method.to_string()}));
        let outcome = call.outcome();
        let answer: WireMerged = match self.api.get(repo, &call).await {
            Ok(answer) => answer,
            Err(Failure::Refusal(refusal)) => return self.merge_refusal(repo, number, merge, method, *refusal).await,
            Err(Failure::Other(error)) => return Err(error),
        };
        // By whom and when is in the pull request, which may show it a moment late.
        if let Ok(Some(merged)) = self.merged_with(repo, number, merge).await {
            return Ok(merged);
        }
        let commit = answer.sha.filter(|_| answer.merged).and_then(|sha| CommitSha::parse(&sha).ok());
        let commit =
            commit.ok_or_else(|| senseless_after(outcome, self.api.host(), &call.intent, "it names no commit"))?;
        Ok(Merged { commit, by: None, at: None })
    }

    /// GitHub's API merges with a merge commit unless told otherwise, and refuses where the repository forbids that.
    async fn usual_method(&self, repo: &RepoName) -> Result<MergeMethod, Error> {
        let found = self.get_repository(repo).await?;
        Ok(match (found.allow_merge_commit, found.allow_squash_merge) {
            (Some(false), Some(false)) => MergeMethod::Rebase,
            (Some(false), _) => MergeMethod::Squash,
            _ => MergeMethod::Merge,
        })
    }

    /// How the pull request was merged, `None` if it is open with this head; all else is an error.
    pub(super) async fn merged_with(
        &self,
        repo: &RepoName,
        number: PullRequestNumber,
        merge: &Merge,
    ) -> Result<Option<Merged>, Error> {
        let pull = self.get_pull(repo, number).await?;
        let pull = self.own(pull, repo)?;
        let what = format!("pull request {repo}#{number}");
        merge.judge(self.api.host(), what, pull.head_sha.as_str(), pull.state)
    }

    async fn merge_refusal(
        &self,
        repo: &RepoName,
        number: PullRequestNumber,
        merge: &Merge,
        method: MergeMethod,
        Refusal { status, message, error }: Refusal,
    ) -> Result<Merged, Error> {
        let what = format!("pull request {repo}#{number}");
        match status {
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::CONFLICT => {
                // Somebody may have merged, closed or pushed since it was read.
                if let Some(merged) = self.merged_with(repo, number, merge).await? {
                    return Ok(merged);
                }
                // GitHub may show the push a moment late.
                if status == StatusCode::CONFLICT && message.contains("Head branch was modified") {
                    return Err(self.moved(what, message));
                }
                // "Squash merges are not allowed on this repository." No time will mend that.
                if status == StatusCode::METHOD_NOT_ALLOWED && message.contains("not allowed on this repository") {
                    let remedy =
                        format!("{message} Set `method` to one that its settings allow, or allow this one there");
                    return Err(self.unsupported(format!("merge {what} with the method `{method}`"), &remedy));
                }
                Err(self.not_mergeable(what, message))
            }
            _ => Err(error),
        }
    }

    fn not_mergeable(&self, what: String, why: String) -> Error {
        Error::NotMergeable { host: self.api.host().to_owned(), what, why }
    }
}
