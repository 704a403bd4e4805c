//! A [`GitHost`] in memory for the tests of steps, written from the trait's contract: one repository, and faults on request.

use std::{
    collections::{BTreeMap, hash_map::DefaultHasher},
    future::pending,
    hash::{Hash, Hasher},
    sync::{Mutex, MutexGuard},
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sluice_scm::{
    BlobSha, Blocker, Branch, BranchName, Commit, CommitSha, EffectKey, Error, FileAt, FileChange, GitHost, Merge,
    Mergeable, Merged, NewCommit, NewPullRequest, Onto, Outcome, PullRequest, PullRequestNumber, PullRequestState,
    Readiness, RepoName, RepoPath, Repository, Scheduled,
};

use crate::fake_world::now;

const HOST: &str = "fake git.example";
const BOT: &str = "sluice-bot";

type Files = BTreeMap<RepoPath, Vec<u8>>;
type Change = Box<dyn FnOnce(&mut Repo) + Send>;

/// What goes wrong with one call.
pub(crate) enum Fault {
    /// It is refused; nothing happens.
    Refused(Error),
    /// It happens, and its answer is lost.
    AnswerLost,
    /// Its answer is lost, and it happens only after so many further calls.
    Late(usize),
    /// It is carried out a minute later.
    Slow,
    /// The caller dies before it is sent.
    CrashBefore,
    /// The caller dies after it happened.
    CrashAfter,
    /// Somebody else does something first.
    Meanwhile(Change),
}

/// A host with one repository, `shop/gitops`, whose branch `main` has one commit of `staging/web.yaml`.
pub(crate) struct FakeHost {
    repo: Mutex<Repo>,
}

/// The repository.
pub(crate) struct Repo {
    commits: BTreeMap<CommitSha, (Commit, Files)>,
    pub(crate) branches: BTreeMap<BranchName, CommitSha>,
    pub(crate) pulls: Vec<PullRequest>,
    /// The time of what happens next.
    pub(crate) clock: Timestamp,
    /// For so many looks at a pull request the host does not know whether it merges.
    pub(crate) settling: u32,
    /// What every pull request lacks.
    pub(crate) blockers: Vec<Blocker>,
    /// Whether the host merges by itself.
    pub(crate) schedules: bool,
    scheduled: Option<(PullRequestNumber, CommitSha)>,
    /// Whether it opens a second pull request of the same branches.
    pub(crate) careless: bool,
    faults: Vec<(&'static str, Fault)>,
    late: Vec<(usize, Change)>,
    /// The names of all calls.
    pub(crate) calls: Vec<&'static str>,
}

pub(crate) fn repo_name() -> RepoName {
    RepoName::parse("shop/gitops").unwrap()
}

pub(crate) fn branch_name(name: &str) -> BranchName {
    BranchName::parse(name).unwrap()
}

fn blob(content: &[u8]) -> BlobSha {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    BlobSha::parse(&format!("{:040x}", hasher.finish())).unwrap()
}

/// An answer that never came, of a write that did not happen.
pub(crate) fn lost() -> Error {
    unavailable(Outcome::Unknown)
}

/// A host that is away.
pub(crate) fn away() -> Error {
    unavailable(Outcome::NotApplied)
}

fn unavailable(outcome: Outcome) -> Error {
    Error::Unavailable { host: HOST.into(), what: "ask".into(), outcome, message: "connection reset".into() }
}

pub(crate) fn rate_limited() -> Error {
    Error::RateLimited { host: HOST.into(), retry_after: Some(std::time::Duration::from_secs(90)) }
}

pub(crate) fn unauthorized() -> Error {
    Error::Unauthorized { host: HOST.into(), credential: "token".into() }
}

pub(crate) fn forbidden() -> Error {
    Error::Forbidden { host: HOST.into(), what: "write to shop/gitops".into(), message: "read only".into() }
}

pub(crate) fn not_found(what: &str) -> Error {
    Error::NotFound { host: HOST.into(), what: what.into() }
}

fn moved(what: &str) -> Error {
    Error::BranchMoved { host: HOST.into(), what: what.into(), message: "it has another head".into() }
}

fn exists(what: &str) -> Error {
    Error::AlreadyExists { host: HOST.into(), what: what.into() }
}

fn not_mergeable(why: &str) -> Error {
    Error::NotMergeable { host: HOST.into(), what: "pull request".into(), why: why.into() }
}

impl FakeHost {
    pub(crate) fn new(web_yaml: &str) -> Self {
        let mut repo = Repo {
            commits: BTreeMap::new(),
            branches: BTreeMap::new(),
            pulls: Vec::new(),
            clock: now(),
            settling: 0,
            blockers: Vec::new(),
            schedules: false,
            scheduled: None,
            careless: false,
            faults: Vec::new(),
            late: Vec::new(),
            calls: Vec::new(),
        };
        repo.push("main", "staging/web.yaml", web_yaml, "Begin");
        Self { repo: Mutex::new(repo) }
    }

    /// The repository, to look at it or to do what people do.
    pub(crate) fn repo(&self) -> MutexGuard<'_, Repo> {
        self.repo.lock().unwrap()
    }

    /// Makes the next call of this name that has no fault yet go wrong.
    pub(crate) fn fault(&self, call: &'static str, fault: Fault) {
        self.repo().faults.push((call, fault));
    }

    async fn call<T: Send + 'static>(
        &self,
        name: &'static str,
        run: impl FnOnce(&mut Repo) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        // Lets other callers go first.
        tokio::task::yield_now().await;
        let fault = self.repo().begin(name);
        match fault {
            Some(Fault::Slow) => {
                tokio::time::sleep(std::time::Duration::from_secs(60)).await;
                run(&mut self.repo())
            }
            None => run(&mut self.repo()),
            Some(Fault::Refused(error)) => Err(error),
            Some(Fault::AnswerLost) => run(&mut self.repo()).and(Err(lost())),
            Some(Fault::Late(calls)) => {
                let run: Change = Box::new(|repo| drop(run(repo)));
                self.repo().late.push((calls, run));
                Err(lost())
            }
            Some(Fault::CrashBefore) => pending().await,
            Some(Fault::CrashAfter) => {
                let _ = run(&mut self.repo());
                pending().await
            }
            Some(Fault::Meanwhile(change)) => {
                let mut repo = self.repo();
                change(&mut repo);
                run(&mut repo)
            }
        }
    }
}

impl std::fmt::Debug for FakeHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(HOST)
    }
}

impl Repo {
    fn begin(&mut self, name: &'static str) -> Option<Fault> {
        self.calls.push(name);
        for (calls, change) in std::mem::take(&mut self.late) {
            if calls == 0 { change(self) } else { self.late.push((calls - 1, change)) }
        }
        let at = self.faults.iter().position(|(call, _)| *call == name)?;
        Some(self.faults.remove(at).1)
    }

    /// How often this was called.
    pub(crate) fn count(&self, call: &str) -> usize {
        self.calls.iter().filter(|name| **name == call).count()
    }

    /// Every commit with this key, on whatever branch.
    pub(crate) fn commits_of(&self, key: &EffectKey) -> Vec<&Commit> {
        self.commits.values().map(|(commit, _)| commit).filter(|commit| commit.carries(key)).collect()
    }

    /// The head of a branch.
    pub(crate) fn head(&self, branch: &str) -> &Commit {
        &self.commits[&self.branches[&branch_name(branch)]].0
    }

    /// A file at the head of a branch.
    pub(crate) fn file(&self, branch: &str, path: &str) -> String {
        let (_, files) = &self.commits[&self.branches[&branch_name(branch)]];
        String::from_utf8(files[&RepoPath::parse(path).unwrap()].clone()).unwrap()
    }

    /// A person pushes a file.
    pub(crate) fn push(&mut self, branch: &str, path: &str, content: &str, message: &str) -> CommitSha {
        let parent = self.branches.get(&branch_name(branch)).cloned();
        let mut files = parent.as_ref().map_or_else(Files::new, |parent| self.commits[parent].1.clone());
        files.insert(RepoPath::parse(path).unwrap(), content.as_bytes().to_vec());
        self.commit(&branch_name(branch), parent.into_iter().collect(), files, message.to_owned()).sha
    }

    /// A person closes a pull request.
    pub(crate) fn close(&mut self, number: u64) {
        let pull = self.pull_mut(PullRequestNumber(number)).unwrap();
        if pull.state == PullRequestState::Open {
            pull.state = PullRequestState::Closed;
        }
    }

    /// Somebody merges a pull request, and its branch is deleted.
    pub(crate) fn merge_as(&mut self, number: u64, by: &str) -> CommitSha {
        let pull = self.pull(PullRequestNumber(number)).unwrap();
        let (head, head_files) = self.commits[&pull.head_sha].clone();
        let base = self.branches[&pull.base].clone();
        let parent_files = &self.commits[&head.parents[0]].1;
        let mut files = self.commits[&base].1.clone();
        files.extend(head_files.into_iter().filter(|(path, content)| parent_files.get(path) != Some(content)));
        let message = format!("Merge pull request #{number}");
        let commit = self.commit(&pull.base, vec![base, head.sha], files, message).sha;
        let at = Some(self.clock);
        let merged = Merged { commit: commit.clone(), by: Some(by.to_owned()), at };
        self.pull_mut(pull.number).unwrap().state = PullRequestState::Merged(merged);
        self.branches.remove(&pull.head);
        commit
    }

    /// What was missing is there now, and the host does what was scheduled.
    pub(crate) fn unblock(&mut self) {
        self.blockers.clear();
        if let Some((number, head)) = self.scheduled.take() {
            let _ = self.merge(number, &Merge { head, method: None });
        }
    }

    /// The host forgets a scheduled merge.
    pub(crate) fn forget_schedule(&mut self) {
        self.scheduled = None;
    }

    fn commit(&mut self, branch: &BranchName, parents: Vec<CommitSha>, files: Files, message: String) -> Commit {
        let sha = CommitSha::parse(&format!("{:040x}", self.commits.len() + 1)).unwrap();
        let commit = Commit { sha: sha.clone(), parents, message, committed_at: self.clock };
        self.commits.insert(sha.clone(), (commit.clone(), files));
        self.branches.insert(branch.clone(), sha.clone());
        for pull in self.pulls.iter_mut().filter(|pull| pull.head == *branch && pull.state == PullRequestState::Open) {
            pull.head_sha = sha.clone();
        }
        commit
    }

    fn commit_files(&mut self, new: NewCommit) -> Result<Commit, Error> {
        let (read, on) = match &new.onto {
            Onto::NewBranch { branch, .. } if self.branches.contains_key(branch) => return Err(exists("branch")),
            Onto::NewBranch { base, from, .. } => (from, base),
            Onto::Branch { branch, head } => (head, branch),
        };
        let head = self.branches.get(on).cloned().ok_or_else(|| not_found("branch"))?;
        // A host that cannot be told the head: the files decide.
        let mut files = self.commits[&head].1.clone();
        for FileChange { path, content, replaces } in new.files {
            if head != *read && files.get(&path).map(|content| blob(content)) != replaces {
                return Err(moved("branch"));
            }
            files.insert(path, content);
        }
        Ok(self.commit(new.onto.branch(), vec![head], files, new.key.with_trailer(&new.message)))
    }

    /// Opens a pull request as anybody could.
    pub(crate) fn open(&mut self, new: NewPullRequest) -> Result<PullRequest, Error> {
        let same =
            |pull: &PullRequest| pull.state == PullRequestState::Open && pull.head == new.head && pull.base == new.base;
        if !self.careless && self.pulls.iter().any(same) {
            return Err(exists("pull request"));
        }
        let head_sha = self.branches.get(&new.head).cloned().ok_or_else(|| not_found("branch"))?;
        let number = PullRequestNumber(self.pulls.len() as u64 + 1);
        let pull = PullRequest {
            number,
            url: format!("https://git.example/shop/gitops/pulls/{number}"),
            state: PullRequestState::Open,
            draft: false,
            title: new.title,
            body: new.key.with_marker(&new.body),
            base: new.base,
            head: new.head,
            head_sha,
            mergeable: Mergeable::Unknown,
            opened_at: self.clock,
        };
        self.pulls.push(pull.clone());
        Ok(pull)
    }

    fn pull(&self, number: PullRequestNumber) -> Result<PullRequest, Error> {
        let found = self.pulls.iter().find(|pull| pull.number == number).cloned();
        let mergeable = if self.settling > 0 { Mergeable::Unknown } else { Mergeable::Yes };
        found.map(|pull| PullRequest { mergeable, ..pull }).ok_or_else(|| not_found("pull request"))
    }

    /// A pull request, to do with it what people do.
    pub(crate) fn pull_mut(&mut self, number: PullRequestNumber) -> Result<&mut PullRequest, Error> {
        self.pulls.iter_mut().find(|pull| pull.number == number).ok_or_else(|| not_found("pull request"))
    }

    fn missing(&self) -> Vec<Blocker> {
        let settling = (self.settling > 0).then_some(Blocker::Computing);
        self.blockers.iter().cloned().chain(settling).collect()
    }

    fn merge(&mut self, number: PullRequestNumber, merge: &Merge) -> Result<Merged, Error> {
        let pull = self.pull(number)?;
        if pull.head_sha != merge.head {
            return Err(moved("pull request"));
        }
        match (pull.state, self.missing().first()) {
            (PullRequestState::Merged(merged), _) => Ok(merged),
            (PullRequestState::Closed, _) => Err(not_mergeable("it was closed")),
            (PullRequestState::Open, Some(blocker)) => Err(not_mergeable(&blocker.to_string())),
            (PullRequestState::Open, None) => {
                let commit = self.merge_as(number.0, BOT);
                Ok(Merged { commit, by: Some(BOT.to_owned()), at: Some(self.clock) })
            }
        }
    }

    fn schedule(&mut self, number: PullRequestNumber, merge: &Merge) -> Result<Scheduled, Error> {
        match self.merge(number, merge) {
            Ok(merged) => Ok(Scheduled::Merged(merged)),
            Err(Error::NotMergeable { .. }) if self.pull(number)?.state == PullRequestState::Open => {
                self.scheduled = Some((number, merge.head.clone()));
                Ok(Scheduled::Waiting)
            }
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl GitHost for FakeHost {
    fn describe(&self) -> &str {
        HOST
    }

    async fn repository(&self, repo: &RepoName) -> Result<Repository, Error> {
        let name = repo.clone();
        self.call("repository", move |_| {
            Ok(Repository {
                name,
                default_branch: branch_name("main"),
                html_url: "https://git.example/shop/gitops".into(),
                clone_urls: vec!["https://git.example/shop/gitops.git".into()],
                read_only: false,
            })
        })
        .await
    }

    async fn branch(&self, repo: &RepoName, branch: &BranchName) -> Result<Option<Branch>, Error> {
        let (name, known) = (branch.clone(), *repo == repo_name());
        self.call("branch", move |repo| {
            let head = repo.branches.get(&name).map(|sha| repo.commits[sha].0.clone());
            if known { Ok(head.map(|head| Branch { name, head })) } else { Err(not_found("repository")) }
        })
        .await
    }

    async fn commit(&self, _: &RepoName, sha: &CommitSha) -> Result<Commit, Error> {
        let sha = sha.clone();
        let find =
            move |repo: &mut Repo| repo.commits.get(&sha).map(|found| found.0.clone()).ok_or(not_found("commit"));
        self.call("commit", find).await
    }

    async fn read_file(&self, _: &RepoName, path: &RepoPath, at: &CommitSha) -> Result<Option<FileAt>, Error> {
        let (path, at) = (path.clone(), at.clone());
        self.call("read_file", move |repo| {
            let content = repo.commits[&at].1.get(&path).cloned();
            Ok(content.map(|content| FileAt { blob: blob(&content), content }))
        })
        .await
    }

    async fn commit_files(&self, _: &RepoName, commit: &NewCommit) -> Result<Commit, Error> {
        let new = commit.clone();
        self.call("commit_files", move |repo| repo.commit_files(new)).await
    }

    async fn find_commit(
        &self,
        _: &RepoName,
        branch: &BranchName,
        key: &EffectKey,
        since: Timestamp,
    ) -> Result<Option<Commit>, Error> {
        let (branch, key) = (branch.clone(), key.clone());
        self.call("find_commit", move |repo| {
            let mut next = repo.branches.get(&branch).cloned();
            while let Some((commit, _)) = next.take().map(|sha| &repo.commits[&sha]) {
                if commit.carries(&key) && commit.committed_at >= since {
                    return Ok(Some(commit.clone()));
                }
                next = commit.parents.first().cloned();
            }
            Ok(None)
        })
        .await
    }

    async fn is_ancestor(&self, _: &RepoName, _: &CommitSha, _: &CommitSha) -> Result<bool, Error> {
        unreachable!("these steps do not ask")
    }

    async fn open_pull_request(&self, _: &RepoName, pull: &NewPullRequest) -> Result<PullRequest, Error> {
        let new = pull.clone();
        self.call("open_pull_request", move |repo| repo.open(new)).await
    }

    async fn find_pull_requests(
        &self,
        _: &RepoName,
        head: &BranchName,
        since: Timestamp,
    ) -> Result<Vec<PullRequest>, Error> {
        let head = head.clone();
        self.call("find_pull_requests", move |repo| {
            let found = repo.pulls.iter().rev().filter(|pull| pull.head == head && pull.opened_at >= since);
            Ok(found.cloned().collect())
        })
        .await
    }

    async fn pull_request(&self, _: &RepoName, number: PullRequestNumber) -> Result<PullRequest, Error> {
        self.call("pull_request", move |repo| {
            let pull = repo.pull(number);
            repo.settling = repo.settling.saturating_sub(1);
            pull
        })
        .await
    }

    async fn readiness(&self, _: &RepoName, _: &PullRequest) -> Result<Readiness, Error> {
        self.call("readiness", |repo| Ok(Readiness { blockers: repo.missing() })).await
    }

    async fn merge(&self, _: &RepoName, number: PullRequestNumber, merge: &Merge) -> Result<Merged, Error> {
        let merge = merge.clone();
        self.call("merge", move |repo| repo.merge(number, &merge)).await
    }

    async fn schedule_merge(&self, _: &RepoName, number: PullRequestNumber, merge: &Merge) -> Result<Scheduled, Error> {
        let merge = merge.clone();
        self.call("schedule_merge", move |repo| {
            let pull = repo.pull(number)?;
            match pull.state {
                PullRequestState::Merged(merged) if pull.head_sha == merge.head => Ok(Scheduled::Merged(merged)),
                _ if repo.schedules => repo.schedule(number, &merge),
                _ => Ok(Scheduled::NotOffered),
            }
        })
        .await
    }

    async fn close_pull_request(&self, _: &RepoName, number: PullRequestNumber) -> Result<PullRequest, Error> {
        self.call("close_pull_request", move |repo| {
            repo.close(number.0);
            repo.pull(number)
        })
        .await
    }

    async fn delete_branch(&self, _: &RepoName, branch: &BranchName, head: &CommitSha) -> Result<(), Error> {
        let (branch, head) = (branch.clone(), head.clone());
        self.call("delete_branch", move |repo| match repo.branches.get(&branch) {
            Some(found) if *found != head => Err(moved("branch")),
            _ => {
                repo.branches.remove(&branch);
                Ok(())
            }
        })
        .await
    }
}

/// What the engine would do next with this outcome of an effect, for a step that retries whatever may be retried.
#[derive(Debug)]
pub(crate) struct Claim {
    /// The epoch, which is part of the key.
    pub(crate) epoch: i32,
    /// How often the key was claimed.
    pub(crate) claims: i32,
}

impl Claim {
    pub(crate) fn first() -> Self {
        Self { epoch: 1, claims: 1 }
    }

    pub(crate) fn key(&self) -> String {
        format!("0123456789abcdef{:04}", self.epoch)
    }

    /// After a crash, or an unknown end.
    pub(crate) fn again(&mut self) {
        self.claims += 1;
    }

    /// After a known end.
    pub(crate) fn anew(&mut self) {
        *self = Self { epoch: self.epoch + 1, claims: 1 };
    }
}

/// Some minutes later.
pub(crate) fn later(minutes: i64) -> Timestamp {
    now() + SignedDuration::from_mins(minutes)
}
