//! What people do in a repository of the double, and what they see there.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::Value;

use super::GitHub;
use super::double::answers::Reply;
use super::double::apps::{App, AppRecord};
use super::double::checks::Rules;
use super::double::git::{Commit, Files, Git};
use super::double::{Repository, Token};
use crate::namespace::unique;

/// A file as a person commits it.
#[derive(Clone, Debug)]
pub struct Change<'a> {
    /// Its path.
    pub path: &'a str,
    /// Its mode, as `100644`.
    pub mode: &'a str,
    /// Its bytes.
    pub content: &'a [u8],
}

/// A pull request as a person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// `open`, `merged` or `closed`.
    pub state: &'static str,
    /// The branch with the changes.
    pub head: String,
}

/// A repository of the double.
#[derive(Clone)]
pub struct Repo {
    github: &'static GitHub,
    id: u64,
    /// As it was made.
    name: String,
    token: String,
}

impl GitHub {
    /// Makes a repository of an owner of its own, with a branch `main` that holds `files` (path, content).
    pub fn new_repo(&'static self, files: &[(&str, &str)]) -> Repo {
        let name = format!("{}/gitops", unique("shop"));
        let mut world = self.world();
        let id = world.id();
        world.repos.insert(
            name.clone(),
            Repository {
                id,
                full_name: name.clone(),
                archived: false,
                merge_commits: true,
                git: Git::default(),
                pulls: vec![],
                rules: Rules::default(),
                scripted: Default::default(),
                requests: vec![],
            },
        );
        drop(world);
        let mut repo = Repo { github: self, id, name, token: String::new() };
        repo.token = repo.new_token(true);
        let files: Vec<Change<'_>> =
            files.iter().map(|(path, text)| Change { path, mode: "100644", content: text.as_bytes() }).collect();
        repo.commit("main", "Start", &files);
        repo
    }
}

impl Repo {
    /// `owner/name`, as it was made.
    pub fn full_name(&self) -> &str {
        &self.name
    }

    /// A token that may write.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Another token for it.
    pub fn new_token(&self, may_write: bool) -> String {
        let mut world = self.github.world();
        let secret = format!("github_pat_{}", world.id());
        let token = Token { login: "sluice-bot".to_owned(), repos: vec![self.id], may_write, expires_at: None };
        world.tokens.insert(secret.clone(), token);
        secret
    }

    /// Revokes a token.
    pub fn revoke(&self, token: &str) {
        self.github.world().tokens.remove(token);
    }

    /// An App with a key of its own that is installed in it, whose tokens live so long.
    pub fn new_app(&self, life: SignedDuration) -> App {
        let key = KeyPair::generate(KeySize::Rsa2048).expect("a key");
        let private: Pkcs8V1Der<'_> = key.as_der().expect("a key in PKCS #8");
        let text = BASE64_STANDARD.encode(private.as_ref());
        let private_key = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
        let mut world = self.github.world();
        let (id, installation) = (world.id(), world.id());
        let record = AppRecord {
            public_key: key.public_key().as_ref().to_vec(),
            installation,
            repositories: vec![self.id],
            life,
            tokens: vec![],
        };
        world.apps.insert(id, record);
        App { id, private_key, installation }
    }

    /// Adds it to those that an App's installation has.
    pub fn add_to(&self, app: &App) {
        if let Some(record) = self.github.world().apps.get_mut(&app.id) {
            record.repositories.push(self.id);
        }
    }

    /// The tokens that an App has fetched so far.
    pub fn tokens_of(&self, app: &App) -> Vec<String> {
        self.github.world().apps.get(&app.id).map(|record| record.tokens.clone()).unwrap_or_default()
    }

    /// The head of a branch.
    pub fn head(&self, branch: &str) -> Option<String> {
        self.see(|repo| repo.git.branches.get(branch).cloned())
    }

    /// The branches.
    pub fn branches(&self) -> Vec<String> {
        self.see(|repo| repo.git.branches.keys().cloned().collect())
    }

    /// The messages of a branch's commits, newest first.
    pub fn messages(&self, branch: &str) -> Vec<String> {
        self.see(|repo| {
            let head = repo.git.branches.get(branch).cloned().unwrap_or_default();
            let mut all: Vec<&Commit> =
                repo.git.history(&head).iter().filter_map(|sha| repo.git.commits.get(sha)).collect();
            all.sort_by_key(|commit| std::cmp::Reverse(commit.at));
            all.into_iter().map(|commit| commit.message.clone()).collect()
        })
    }

    /// The mode and the bytes of a file.
    pub fn file(&self, branch: &str, path: &str) -> Option<(String, Vec<u8>)> {
        self.see(|repo| {
            let (mode, blob) = repo.git.files_at(repo.git.branches.get(branch)?).remove(path)?;
            Some((mode, repo.git.blobs.get(&blob)?.clone()))
        })
    }

    /// Commits files to a branch, which is made from `main` if there is none.
    pub fn commit(&self, branch: &str, message: &str, changes: &[Change<'_>]) -> String {
        self.see(|repo| {
            let head = repo.git.branches.get(branch).or_else(|| repo.git.branches.get("main")).cloned();
            let mut files = head.as_ref().map_or_else(Files::new, |head| repo.git.files_at(head));
            for Change { path, mode, content } in changes {
                let blob = repo.git.write_blob(content.to_vec());
                files.insert((*path).to_owned(), ((*mode).to_owned(), blob));
            }
            let tree = repo.git.write_tree(&files);
            let parents = head.into_iter().collect();
            let (message, by) = (message.to_owned(), "alice".to_owned());
            let sha = repo.git.write_commit(Commit { tree, parents, message, by, at: Timestamp::now() });
            repo.push(branch, &sha);
            sha
        })
    }

    /// Sets a branch to a commit, wherever it was.
    pub fn reset(&self, branch: &str, to: &str) {
        self.see(|repo| repo.push(branch, to));
    }

    /// All pull requests, oldest first.
    pub fn pulls(&self) -> Vec<Pull> {
        self.see(|repo| {
            let state = |is_open, is_merged| match (is_open, is_merged) {
                (true, _) => "open",
                (false, true) => "merged",
                (false, false) => "closed",
            };
            let pulls = repo.pulls.iter().map(|pull| Pull {
                number: pull.number,
                title: pull.title.clone(),
                state: state(pull.is_open, pull.merged.is_some()),
                head: pull.head.clone(),
            });
            pulls.collect()
        })
    }

    /// A person merges a pull request, whatever is missing.
    pub fn merge(&self, number: u64, by: &str) -> String {
        self.see(|repo| {
            let at = repo.at(&number.to_string()).expect("the pull request");
            repo.merge(at, "merge", by).expect("no conflict")
        })
    }

    /// A person closes a pull request.
    pub fn close(&self, number: u64) {
        self.see(|repo| {
            let at = repo.at(&number.to_string()).expect("the pull request");
            repo.pulls[at].is_open = false;
        });
    }

    /// A person makes it a draft, or ready.
    pub fn draft(&self, number: u64, is_draft: bool) {
        self.see(|repo| {
            let at = repo.at(&number.to_string()).expect("the pull request");
            repo.pulls[at].is_draft = is_draft;
        });
    }

    /// A stranger opens one from a branch of this name in a fork.
    pub fn open_from_fork(&self, branch: &str, body: &str) -> u64 {
        self.see(|repo| {
            let number = repo.open("Mine", body, branch, "main", Some(1));
            let at = repo.at(&number.to_string()).expect("the pull request");
            repo.pulls[at].head_sha = repo.git.branches.get("main").cloned().unwrap_or_default();
            number
        })
    }

    /// A person reviews a pull request: `APPROVED`, `CHANGES_REQUESTED`, `COMMENTED`.
    pub fn review(&self, number: u64, login: &str, state: &str) {
        self.see(|repo| {
            let at = repo.at(&number.to_string()).expect("the pull request");
            repo.pulls[at].reviews.push((login.to_owned(), state.to_owned()));
        });
    }

    /// Requires checks and approvals for `main`: as a ruleset, or as the older branch protection.
    pub fn require(&self, checks: &[&str], approvals: usize, is_classic: bool) {
        self.see(|repo| {
            repo.rules.checks = checks.iter().map(|check| (*check).to_owned()).collect();
            repo.rules.approvals = approvals;
            repo.rules.is_classic = is_classic;
        });
    }

    /// Sets the conclusion of a check, or that it is under way.
    pub fn set_check(&self, commit: &str, name: &str, conclusion: Option<&str>) {
        let key = (commit.to_owned(), name.to_owned());
        self.see(|repo| repo.rules.runs.insert(key, conclusion.map(str::to_owned)));
    }

    /// Sets a status of a commit.
    pub fn set_status(&self, commit: &str, context: &str, state: &str) {
        let key = (commit.to_owned(), context.to_owned());
        self.see(|repo| repo.rules.statuses.insert(key, state.to_owned()));
    }

    /// Allows merge commits or not.
    pub fn allow_merge_commits(&self, allowed: bool) {
        self.see(|repo| repo.merge_commits = allowed);
    }

    /// Archives it.
    pub fn archive(&self) {
        self.see(|repo| repo.archived = true);
    }

    /// Gives it another name; requests to the old one are redirected.
    pub fn rename(&self, name: &str) -> String {
        let mut world = self.github.world();
        let owner = self.name.split('/').next().unwrap_or_default();
        let now = format!("{owner}/{name}");
        let mut repo = world.repos.remove(&self.name).expect("the repository");
        repo.full_name.clone_from(&now);
        world.repos.insert(now.clone(), repo);
        world.moved.insert(self.name.clone(), now.clone());
        now
    }

    /// Deletes it.
    pub fn delete(&self) {
        self.github.world().repos.remove(&self.name);
    }

    /// The next request of a method whose path contains a text is refused so, with headers.
    pub fn refuse_next(&self, method: Method, path: &str, status: u16, headers: &[(&str, &str)], message: &str) {
        let reply =
            headers.iter().fold(Reply::refusal(status, message), |reply, (name, value)| reply.with_header(name, value));
        self.see(|repo| repo.scripted.push_back((method, path.to_owned(), reply)));
    }

    /// The next request of a method whose path contains a text is answered so.
    pub fn answer_next(&self, method: Method, path: &str, status: u16, body: Value) {
        self.see(|repo| repo.scripted.push_back((method, path.to_owned(), Reply::new(status, body))));
    }

    /// Methods and paths of the requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.see(|repo| repo.requests.clone())
    }

    /// What was found wrong with the requests about it, and with their answers.
    pub fn violations(&self) -> Vec<String> {
        self.github.violations(&self.name)
    }

    fn see<T>(&self, look: impl FnOnce(&mut Repository) -> T) -> T {
        let mut world = self.github.world();
        let name = world.moved.get(&self.name).unwrap_or(&self.name).clone();
        look(world.repos.get_mut(&name).unwrap_or_else(|| panic!("there is no repository {name}")))
    }
}
