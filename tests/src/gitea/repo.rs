//! A repository of Gitea, and what people do in it.

use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use super::Gitea;

/// How often a person presses the button again while Gitea still computes whether a pull request can be merged.
const MERGE_ATTEMPTS: u32 = 100;

/// A repository as one person sees it.
#[derive(Clone, Debug)]
pub struct Repo {
    gitea: Gitea,
    owner: String,
    name: String,
}

impl Repo {
    pub(super) fn new(gitea: Gitea, owner: &str, name: &str) -> Self {
        Self { gitea, owner: owner.to_owned(), name: name.to_owned() }
    }

    /// `owner/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// The URL to clone from.
    pub fn clone_url(&self) -> String {
        format!("{}/{}/{}.git", self.gitea.url(), self.owner, self.name)
    }

    /// The same repository as another person.
    pub fn as_person(&self, person: &Gitea) -> Self {
        person.repo(&self.owner, &self.name)
    }

    /// Gives a person a permission: `read`, `write` or `admin`.
    pub async fn permit(&self, person: &str, permission: &str) -> Result<()> {
        self.call(Method::PUT, &format!("/collaborators/{person}"), Some(json!({"permission": permission})))
            .await
            .map(|_| ())
    }

    /// Commits files (path, content; new or changed) to a branch and returns the commit's SHA.
    pub async fn commit(&self, branch: &str, message: &str, files: &[(&str, &str)]) -> Result<String> {
        let files: Vec<_> = files
            .iter()
            .map(|(path, content)| json!({"operation": "upload", "path": path, "content": BASE64_STANDARD.encode(content)}))
            .collect();
        let body = json!({"branch": branch, "message": message, "files": files});
        let answer = self.call(Method::POST, "/contents", Some(body)).await?;
        string(&answer["commit"]["sha"])
    }

    /// The content of a file at a branch, tag or commit.
    pub async fn read(&self, path: &str, at: &str) -> Result<String> {
        self.gitea.text(Method::GET, &self.path(&format!("/raw/{path}?ref={at}")), None).await
    }

    /// The commit at the head of a branch.
    pub async fn head(&self, branch: &str) -> Result<String> {
        string(&self.call(Method::GET, &format!("/branches/{branch}"), None).await?["commit"]["id"])
    }

    /// The names of the branches.
    pub async fn branches(&self) -> Result<Vec<String>> {
        self.list("/branches").await?.iter().map(|branch| string(&branch["name"])).collect()
    }

    /// Makes a branch at the head of another.
    pub async fn branch(&self, name: &str, from: &str) -> Result<()> {
        let body = json!({"new_branch_name": name, "old_ref_name": from});
        self.call(Method::POST, "/branches", Some(body)).await.map(|_| ())
    }

    /// Deletes a branch.
    pub async fn delete_branch(&self, name: &str) -> Result<()> {
        self.call(Method::DELETE, &format!("/branches/{name}"), None).await.map(|_| ())
    }

    /// The commits of a branch, newest first, as Gitea describes them.
    pub async fn commits(&self, branch: &str) -> Result<Vec<Value>> {
        self.list(&format!("/commits?sha={branch}&stat=false&files=false&verification=false")).await
    }

    /// Sets the status of a commit: `pending`, `success`, `failure` or `error`.
    pub async fn set_status(&self, commit: &str, context: &str, state: &str) -> Result<()> {
        let body = json!({"context": context, "state": state});
        self.call(Method::POST, &format!("/statuses/{commit}"), Some(body)).await.map(|_| ())
    }

    /// Protects a branch: merging takes success of these status checks and that many approvals.
    pub async fn protect(&self, branch: &str, checks: &[&str], approvals: u32) -> Result<()> {
        let body = json!({
            "rule_name": branch, "enable_push": true, "required_approvals": approvals,
            "enable_status_check": !checks.is_empty(), "status_check_contexts": checks,
        });
        self.call(Method::POST, "/branch_protections", Some(body)).await.map(|_| ())
    }

    /// Opens a pull request and returns its number.
    pub async fn open_pull(&self, head: &str, base: &str, title: &str) -> Result<i64> {
        let body = json!({"head": head, "base": base, "title": title});
        let pull = self.call(Method::POST, "/pulls", Some(body)).await?;
        pull["number"].as_i64().context("a pull request without a number")
    }

    /// The pull requests in a state (`open`, `closed` or `all`) as Gitea describes them.
    pub async fn pulls(&self, state: &str) -> Result<Vec<Value>> {
        self.list(&format!("/pulls?state={state}")).await
    }

    /// One pull request.
    pub async fn pull(&self, number: i64) -> Result<Value> {
        self.call(Method::GET, &format!("/pulls/{number}"), None).await
    }

    /// What a pull request changes, as a unified diff.
    pub async fn diff(&self, number: i64) -> Result<String> {
        self.gitea.text(Method::GET, &self.path(&format!("/pulls/{number}.diff")), None).await
    }

    /// Reviews a pull request: `APPROVED`, `REQUEST_CHANGES` or `COMMENT`. Nobody may approve their own.
    pub async fn review(&self, number: i64, event: &str) -> Result<()> {
        let body = json!({"event": event, "body": "seen"});
        self.call(Method::POST, &format!("/pulls/{number}/reviews"), Some(body)).await.map(|_| ())
    }

    /// Merges a pull request as a person does, and returns the merge commit's SHA.
    pub async fn merge(&self, number: i64) -> Result<String> {
        let path = format!("/pulls/{number}/merge");
        let mut attempts = 0;
        while let Err(error) = self.call(Method::POST, &path, Some(json!({"Do": "merge"}))).await {
            attempts += 1;
            if attempts == MERGE_ATTEMPTS || !error.to_string().contains("try again later") {
                return Err(error);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        string(&self.pull(number).await?["merge_commit_sha"])
    }

    /// Closes a pull request unmerged.
    pub async fn close(&self, number: i64) -> Result<()> {
        self.call(Method::PATCH, &format!("/pulls/{number}"), Some(json!({"state": "closed"}))).await.map(|_| ())
    }

    /// Has Gitea call a URL at these events (`push`, `pull_request`, `status`, ...), signed with `secret`.
    pub async fn webhook(&self, url: &str, secret: &str, events: &[&str]) -> Result<()> {
        let config = json!({"url": url, "content_type": "json", "secret": secret});
        let body = json!({"type": "gitea", "active": true, "events": events, "config": config});
        self.call(Method::POST, "/hooks", Some(body)).await.map(|_| ())
    }

    /// One call of the repository's API.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        self.gitea.call(method, &self.path(path), body).await
    }

    /// All entries of a list that fits one page (the server's limit is 1000).
    async fn list(&self, path: &str) -> Result<Vec<Value>> {
        let separator = if path.contains('?') { '&' } else { '?' };
        let list = self.call(Method::GET, &format!("{path}{separator}limit=1000"), None).await?;
        Ok(serde_json::from_value(list)?)
    }

    fn path(&self, path: &str) -> String {
        format!("/repos/{}/{}{path}", self.owner, self.name)
    }
}

fn string(value: &Value) -> Result<String> {
    Ok(value.as_str().with_context(|| format!("expected a string, not {value}"))?.to_owned())
}
