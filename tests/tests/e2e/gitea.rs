//! Gitea behind the trait of git hosts, against the real server.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod commits;
mod history;
mod merging;
mod pulls;

use std::sync::Arc;

use jiff::{Timestamp, ToSpan};
use sluice_scm::{
    Branch, BranchName, Commit, CommitSha, EffectKey, FileChange, GitHost, Gitea, NewCommit, NewPullRequest, Onto,
    PullRequest, PullRequestNumber, RepoName, RepoPath,
};
use sluice_tests::Cluster;
use sluice_tests::gitea::Repo;
use url::Url;

const FILE: &str = "staging/web.yaml";

/// A repository of its own, as a person sees it (`repo`) and as Sluice does (`host`, `name`).
struct Fixture {
    cluster: Cluster,
    repo: Repo,
    host: Arc<dyn GitHost>,
    name: RepoName,
}

impl Fixture {
    async fn new(files: &[(&str, &str)]) -> Self {
        let cluster = Cluster::connect().await;
        let repo = cluster.gitea().new_repo("scm", files).await.unwrap();
        let host = host(&cluster, cluster.gitea().token());
        let name = RepoName::parse(&repo.full_name()).unwrap();
        Self { cluster, repo, host, name }
    }

    async fn with_one_file() -> Self {
        Self::new(&[(FILE, "image: r/web:1\n")]).await
    }

    async fn head(&self, name: &str) -> Branch {
        self.host.branch(&self.name, &branch(name)).await.unwrap().unwrap()
    }

    /// The change of a file as it is at a commit.
    async fn change(&self, file: &str, at: &CommitSha, content: &str) -> FileChange {
        let path = RepoPath::parse(file).unwrap();
        let found = self.host.read_file(&self.name, &path, at).await.unwrap();
        FileChange { path, content: content.into(), replaces: found.map(|file| file.blob) }
    }

    /// A commit of [`FILE`] to be made on a new branch from `main`.
    async fn commit_to_new_branch(&self, name: &str, key: &EffectKey) -> NewCommit {
        let from = self.head("main").await.head.sha;
        let files = vec![self.change(FILE, &from, "image: r/web:2\n").await];
        let onto = Onto::NewBranch { branch: branch(name), base: branch("main"), from };
        NewCommit { onto, message: "Deploy web 2".into(), key: key.clone(), files }
    }

    /// A branch with a change, and a pull request of it.
    async fn open(&self, key: &EffectKey) -> (Commit, PullRequest) {
        let name = format!("sluice/{key}");
        let commit = self.commit_to_new_branch(&name, key).await;
        let made = self.host.commit_files(&self.name, &commit).await.unwrap();
        let pull = self.host.open_pull_request(&self.name, &new_pull(&name, key)).await.unwrap();
        (made, pull)
    }

    async fn pull(&self, number: PullRequestNumber) -> PullRequest {
        self.host.pull_request(&self.name, number).await.unwrap()
    }
}

fn host(cluster: &Cluster, token: &str) -> Arc<dyn GitHost> {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let url = Url::parse(cluster.gitea().url()).unwrap();
    Arc::new(Gitea::new(client, &url, token.to_owned().into()).unwrap())
}

fn branch(name: &str) -> BranchName {
    BranchName::parse(name).unwrap()
}

fn key(text: &str) -> EffectKey {
    EffectKey::parse(text).unwrap()
}

fn new_pull(head: &str, key: &EffectKey) -> NewPullRequest {
    NewPullRequest {
        head: branch(head),
        base: branch("main"),
        title: "Deploy web 2".into(),
        body: "Requested by alice.".into(),
        key: key.clone(),
    }
}

/// Before anything in a test happened, with slack.
fn recently() -> Timestamp {
    Timestamp::now() - 10.minutes()
}

fn number(pull: &PullRequest) -> i64 {
    i64::try_from(pull.number.0).unwrap()
}
