//! GitHub behind the trait of git hosts, against a stateful double that Prism holds, as it holds us, against GitHub's
//! official OpenAPI description.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod commits;
mod contract;
mod history;
mod limits;
mod merging;
mod pipeline;
mod pulls;
mod sign_in;

use std::sync::Arc;

use jiff::{Timestamp, ToSpan};
use reqwest::Client;
use sluice_scm::{
    Branch, BranchName, Commit, CommitSha, EffectKey, FileChange, GitHost, NewCommit, NewPullRequest, Onto,
    PullRequest, PullRequestNumber, RepoName, RepoPath,
};
use sluice_tests::github::{Change, GitHub, Repo};
use url::Url;

const FILE: &str = "staging/web.yaml";

/// A repository of its own, as a person sees it (`repo`) and as Sluice does (`host`, `name`). That nothing violated the
/// contract is checked when it goes.
struct Fixture {
    repo: Repo,
    host: Arc<dyn GitHost>,
    name: RepoName,
}

impl Fixture {
    fn new(files: &[(&str, &str)]) -> Self {
        let repo = GitHub::shared().new_repo(files);
        let host = host(GitHub::shared().url(), repo.token());
        let name = RepoName::parse(repo.full_name()).unwrap();
        Self { repo, host, name }
    }

    fn with_one_file() -> Self {
        Self::new(&[(FILE, "image: r/web:1\n")])
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

    /// A commit onto `main`.
    async fn commit_to_main(&self, head: &CommitSha, files: Vec<FileChange>) -> Result<Commit, sluice_scm::Error> {
        let onto = Onto::Branch { branch: branch("main"), head: head.clone() };
        let commit = NewCommit { onto, message: "Deploy".into(), key: key("abcdefgh"), files };
        self.host.commit_files(&self.name, &commit).await
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

impl Drop for Fixture {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let violations = self.repo.violations();
            assert!(violations.is_empty(), "the contract was violated:\n{}", violations.join("\n"));
        }
    }
}

fn client() -> Client {
    Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

fn host(url: &str, token: &str) -> Arc<dyn GitHost> {
    let url = Url::parse(url).unwrap();
    Arc::new(sluice_scm::GitHub::new(client(), &url, token.to_owned().into()).unwrap())
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

fn text<'a>(path: &'a str, content: &'a str) -> Change<'a> {
    Change { path, mode: "100644", content: content.as_bytes() }
}

/// Before anything in a test happened, with slack.
fn recently() -> Timestamp {
    Timestamp::now() - 10.minutes()
}
