//! Gitea as tests use it: people, organisations and repositories.

mod repo;

use anyhow::{Context, Result, bail};
use reqwest::Method;
use serde_json::{Value, json};

pub use repo::Repo;

use crate::namespace::unique;

/// Gitea as one person.
#[derive(Clone, Debug)]
pub struct Gitea {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Gitea {
    pub(crate) fn new(http: reqwest::Client, url: &str, token: &str) -> Self {
        Self { http, url: url.to_owned(), token: token.to_owned() }
    }

    /// The URL, without a trailing slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The person's token, with all rights of theirs.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Makes a person with a unique name and acts as them. Administrators only.
    pub async fn new_user(&self, prefix: &str) -> Result<(String, Self)> {
        let name = unique(prefix);
        let password = "not a secret";
        let person = json!({
            "username": name, "email": format!("{name}@example.invalid"), "password": password, "must_change_password": false,
        });
        self.call(Method::POST, "/admin/users", Some(person)).await?;
        let request =
            self.http.post(format!("{}/api/v1/users/{name}/tokens", self.url)).basic_auth(&name, Some(password));
        let answer = request.json(&json!({"name": "test", "scopes": ["all"]})).send().await?.error_for_status()?;
        let token: Value = answer.json().await?;
        let token = token["sha1"].as_str().context("a token without its text")?;
        Ok((name, Self::new(self.http.clone(), &self.url, token)))
    }

    /// Makes an organisation with a unique name.
    pub async fn new_org(&self, prefix: &str) -> Result<String> {
        let name = unique(prefix);
        self.call(Method::POST, "/orgs", Some(json!({"username": name}))).await?;
        Ok(name)
    }

    /// Makes a public repository in an organisation of its own, with a branch `main` that holds `files` (path, content).
    pub async fn new_repo(&self, prefix: &str, files: &[(&str, &str)]) -> Result<Repo> {
        let owner = self.new_org(prefix).await?;
        self.new_repo_in(&owner, "gitops", files).await
    }

    /// Makes a public repository in an organisation.
    pub async fn new_repo_in(&self, owner: &str, name: &str, files: &[(&str, &str)]) -> Result<Repo> {
        let options = json!({"name": name, "auto_init": true, "default_branch": "main"});
        self.call(Method::POST, &format!("/orgs/{owner}/repos"), Some(options)).await?;
        let repo = self.repo(owner, name);
        if !files.is_empty() {
            repo.commit("main", "Seed", files).await?;
        }
        Ok(repo)
    }

    /// An existing repository.
    pub fn repo(&self, owner: &str, name: &str) -> Repo {
        Repo::new(self.clone(), owner, name)
    }

    /// One call of the API (`path` without `/api/v1`); the answer's JSON, or null.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let text = self.text(method, path, body).await?;
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    /// As [`Gitea::call`], for answers that are no JSON.
    pub async fn text(&self, method: Method, path: &str, body: Option<Value>) -> Result<String> {
        let mut request = self.http.request(method.clone(), format!("{}/api/v1{path}", self.url));
        request = request.header("authorization", format!("token {}", self.token));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            bail!("gitea: {method} {path}: {status}: {text}");
        }
        Ok(text)
    }
}
