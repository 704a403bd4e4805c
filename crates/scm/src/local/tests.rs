//! Local repositories on a real disk, with the real `git` as the judge, and as what people use.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod changes;
mod commits;
mod crash;
mod disk;
mod history;
mod merging;
mod together;

use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::{Timestamp, ToSpan};
use tempfile::TempDir;

use super::Local;
use crate::host::{Branch, Commit, FileChange, GitHost, NewCommit, NewPullRequest, Onto, PullRequest};
use crate::names::{BranchName, CommitSha, EffectKey, PullRequestNumber, RepoName, RepoPath};

const FILE: &str = "staging/web.yaml";

/// A repository of its own: as Sluice sees it, and as people do, in a clone.
struct Fixture {
    root: TempDir,
    host: Local,
    name: RepoName,
}

impl Fixture {
    async fn new(files: &[(&str, &str)]) -> Self {
        let root = TempDir::new().unwrap();
        let host = Local::open(root.path()).unwrap();
        let name = RepoName::parse("shop/gitops").unwrap();
        let files: Vec<_> = files.iter().map(|(path, content)| (path_of(path), content.as_bytes().to_vec())).collect();
        host.create(&name, &files, "Begin").await.unwrap();
        Self { root, host, name }
    }

    async fn with_one_file() -> Self {
        Self::new(&[(FILE, "image: r/web:1\n")]).await
    }

    /// The bare repository.
    fn dir(&self) -> PathBuf {
        self.root.path().canonicalize().unwrap().join("shop/gitops.git")
    }

    /// What git says in the bare repository.
    fn git(&self, arguments: &[&str]) -> String {
        git(&self.dir(), arguments)
    }

    /// A person's clone.
    fn clone(&self) -> PathBuf {
        let clone = TempDir::new_in(self.root.path()).unwrap().keep();
        git(&clone, &["clone", "-q", self.dir().to_str().unwrap(), "."]);
        clone
    }

    /// A person commits a file onto a branch, and pushes.
    fn push(&self, branch: &str, path: &str, content: &str) -> CommitSha {
        let clone = self.clone();
        let exists = self.git(&["for-each-ref", &format!("refs/heads/{branch}")]);
        if exists.is_empty() {
            git(&clone, &["checkout", "-q", "-b", branch]);
        } else {
            git(&clone, &["checkout", "-q", branch]);
        }
        let file = clone.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
        git(&clone, &["add", "-A"]);
        git(&clone, &["commit", "-q", "-m", "By hand"]);
        git(&clone, &["push", "-q", "origin", branch]);
        CommitSha::parse(&git(&clone, &["rev-parse", "HEAD"])).unwrap()
    }

    /// Whether git finds nothing wrong.
    fn is_sound(&self) {
        git(&self.dir(), &["fsck", "--strict", "--no-dangling"]);
    }

    async fn head(&self, name: &str) -> Branch {
        self.host.branch(&self.name, &branch(name)).await.unwrap().unwrap()
    }

    /// The change of a file as it is at a commit.
    async fn change(&self, file: &str, at: &CommitSha, content: &str) -> FileChange {
        let found = self.host.read_file(&self.name, &path_of(file), at).await.unwrap();
        FileChange { path: path_of(file), content: content.into(), replaces: found.map(|file| file.blob) }
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

/// Runs git as a person with a name and no settings.
fn git(dir: &Path, arguments: &[&str]) -> String {
    let output = git_command(dir, arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {said}{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn git_command(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1"), ("LC_ALL", "C")]);
    command.envs(["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"].map(|name| (name, "Alice")));
    command.envs(["GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"].map(|name| (name, "alice@example.invalid")));
    command.arg("-C").arg(dir).args(arguments);
    command
}

fn branch(name: &str) -> BranchName {
    BranchName::parse(name).unwrap()
}

fn key(text: &str) -> EffectKey {
    EffectKey::parse(text).unwrap()
}

fn path_of(text: &str) -> RepoPath {
    RepoPath::parse(text).unwrap()
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
