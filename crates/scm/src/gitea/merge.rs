//! Merging on Gitea: exactly one head, now.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::Gitea;
use crate::error::{Error, Outcome};
use crate::host::{Merge, MergeMethod, Merged};
use crate::http::{Failure, Refusal};
use crate::names::{PullRequestNumber, RepoName};

impl Gitea {
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
            Some(MergeMethod::Merge) => "merge".to_owned(),
            Some(MergeMethod::Squash) => "squash".to_owned(),
            Some(MergeMethod::Rebase) => "rebase".to_owned(),
            None => match self.get_repository(repo).await?.default_merge_style {
                style if style.is_empty() => "merge".to_owned(),
                style => style,
            },
        };
        let tail = format!("{number}/merge");
        let call = self.pull_call(Method::POST, repo, "merge", number, &tail)?;
        let call = call.json(json!({"do": method, "head_commit_id": merge.head.as_str()}));
        match self.api.send(call).await {
            Ok(_) => {}
            Err(Failure::Refusal(refusal)) => return self.merge_refusal(repo, number, merge, *refusal).await,
            Err(Failure::Other(error)) => return Err(error),
        }
        self.merged_with(repo, number, merge).await?.ok_or_else(|| {
            let intent = format!("merge pull request {repo}#{number}");
            self.api.unavailable(&intent, Outcome::Unknown, "it took the merge and does not show it yet".into())
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
        let what = format!("pull request {repo}#{number}");
        merge.judge(self.api.host(), what, pull.head_sha.as_str(), pull.state)
    }

    async fn merge_refusal(
        &self,
        repo: &RepoName,
        number: PullRequestNumber,
        merge: &Merge,
        Refusal { status, message, error }: Refusal,
    ) -> Result<Merged, Error> {
        let what = format!("pull request {repo}#{number}");
        match status {
            StatusCode::CONFLICT if message.contains("head out of date") => Err(self.moved(what, message)),
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::CONFLICT | StatusCode::NOT_FOUND => {
                // Somebody may have merged or closed it since it was read.
                if let Some(merged) = self.merged_with(repo, number, merge).await? {
                    return Ok(merged);
                }
                Err(self.not_mergeable(what, reason(status, message)))
            }
            _ => Err(error),
        }
    }

    fn not_mergeable(&self, what: String, why: String) -> Error {
        Error::NotMergeable { host: self.api.host().to_owned(), what, why }
    }
}

/// Gitea's words, where they say something.
fn reason(status: StatusCode, message: String) -> String {
    if message.contains("try again later") {
        "it conflicts with its base branch, or Gitea is still checking".into()
    } else if status == StatusCode::CONFLICT && !message.contains("push") {
        format!("it conflicts with its base branch: {message}")
    } else {
        message
    }
}
