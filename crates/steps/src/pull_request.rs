//! `pullRequest`: opens a pull request with file edits.
//!
//! # Idempotency
//! The branch is named by the key, the commit carries it in its trailer, the pull request in its body. The branch and
//! its commit come into being together or not at all, so a branch of that name is the proof that an earlier call got that
//! far. A key that may have been acted on is looked for first: its pull request, whatever its state, then its branch. What
//! is found and does not carry the key is left alone (`NotOurs`).
//!
//! A pull request of ours that a person closed before it was recorded is adopted like an open one: it was opened, and
//! whoever waits for its merge learns what became of it, exactly as if nothing had crashed in between.

#[cfg(test)]
mod tests;
mod undo;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sluice_api::{
    LocalReference, names,
    step::{ConfigMistake, PullRequest as Config},
};
use sluice_engine::{End, Failure, Outcome, Undone};
use sluice_scm::{
    BranchName, Commit, CommitSha, EffectKey, Error, GitHost, NewCommit, NewPullRequest, Onto, PullRequest,
    PullRequestState, RepoName,
};

use crate::{
    Perform, Report, StepContext,
    git_edits::Edits,
    git_effect::{Stop, Tries, find_branch, outcome_of},
    git_host::{
        branch_named, branch_not_found, failure_of, host_of, key_of, not_older_than, outputs, repo_named,
        repository_failure,
    },
    literals::Literals,
};

/// The most of a run's name that a branch's name takes over.
const MAX_RUN_NAME: usize = 100;

#[async_trait]
impl Perform for Config {
    const EXAMPLE: &'static str = r#"
pullRequest:
  providerRef: {name: gitea}
  repository: shop/gitops
  base: main
  title: "Deploy ${{ params.application }} ${{ params.version }}"
  body: "Requested by ${{ run.requestedBy }} in run ${{ run.name }}."
  edits:
  - file: "staging/${{ params.application }}.yaml"
    set: {path: "spec.template.spec.containers[name=web].image", value: "registry.example/web:${{ params.version }}"}
"#;

    fn literal_mistakes(&self) -> Vec<ConfigMistake> {
        Literals::default()
            .repository("repository", &self.repository)
            .branch("base", self.base.as_deref())
            .edits(&self.edits)
            .mistakes()
    }

    async fn act(&self, context: &StepContext<'_>) -> Outcome {
        let opened = async {
            let host = host_of(context, &self.provider_ref.name).await?;
            open(host.as_ref(), self, context).await
        };
        outcome_of(context, opened.await.map(|opened| outputs(&opened)))
    }

    async fn undo(&self, context: &StepContext<'_>) -> Result<Undone, Failure> {
        let host = host_of(context, &self.provider_ref.name).await?;
        undo::take_back(host.as_ref(), self, context).await.map(|()| Undone::Done)
    }
}

/// The outputs of the step. Without a change, those of the pull request are null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Opened {
    pub(crate) url: Option<String>,
    pub(crate) number: Option<u64>,
    pub(crate) branch: Option<String>,
    pub(crate) head_commit: Option<String>,
    pub(crate) changed: bool,
    pub(crate) repository: String,
    pub(crate) base: String,
    pub(crate) provider_ref: LocalReference,
}

/// Finds the pull request of the key, or opens it.
async fn open(host: &dyn GitHost, config: &Config, context: &StepContext<'_>) -> Result<Opened, Failure> {
    let opening = Opening::prepare(host, config, context).await?;
    let mut tries = Tries::new(context);
    loop {
        match opening.attempt(tries.look_first).await {
            Ok(opened) => return Ok(opened),
            Err(stop) => tries.again(stop).await?,
        }
    }
}

struct Opening<'a> {
    host: &'a dyn GitHost,
    context: &'a StepContext<'a>,
    config: &'a Config,
    repo: RepoName,
    base: BranchName,
    branch: BranchName,
    title: String,
    key: EffectKey,
    edits: Edits,
}

impl<'a> Opening<'a> {
    async fn prepare(host: &'a dyn GitHost, config: &'a Config, context: &'a StepContext<'a>) -> Result<Self, Failure> {
        let repo = repo_named(&config.repository)?;
        let edits = Edits::parse(&config.edits)?;
        let key = key_of(context)?;
        let branch = branch_of(context)?;
        // Hosts take one line for a title.
        let title = config.title.split_whitespace().collect::<Vec<_>>().join(" ");
        if title.is_empty() {
            return Err(Failure::definite("InvalidConfiguration", "title: it is empty; write one line"));
        }
        let base = branch_named(host, &repo, config.base.as_deref(), "base").await?;
        Ok(Self { host, context, config, repo, base, branch, title, key, edits })
    }

    async fn attempt(&self, look_first: bool) -> Result<Opened, Stop> {
        let mut own = None;
        if look_first {
            if let Some(pull) = self.find().await? {
                return Ok(pull);
            }
            own = self.find_commit().await.map_err(|error| failure_of(&error))?;
        }
        let commit = match own {
            Some(commit) => commit,
            None => match self.commit().await? {
                Some(commit) => commit,
                None => return Ok(self.unchanged()),
            },
        };
        let opened = self.open(&commit).await?;
        // Where the host does not check atomically, an earlier holder of this key may have opened one beside it.
        let found = if look_first { self.find().await? } else { None };
        Ok(found.unwrap_or(opened))
    }

    /// The pull request of this key, if there is one: a merged one, or else the first open one, or else the last closed one.
    /// Other open ones of this key are closed.
    async fn find(&self) -> Result<Option<Opened>, Failure> {
        let since = not_older_than(self.context);
        let all = self.host.find_pull_requests(&self.repo, &self.branch, since).await;
        let all = all.map_err(|error| failure_of(&error))?;
        let ours = || all.iter().filter(|pull| pull.carries(&self.key));
        let merged = ours().find(|pull| matches!(pull.state, PullRequestState::Merged(_)));
        let is_open = |pull: &&PullRequest| pull.state == PullRequestState::Open;
        let open = || ours().filter(is_open).min_by_key(|pull| pull.number);
        let Some(chosen) = merged.or_else(open).or_else(|| ours().max_by_key(|pull| pull.number)) else {
            return match all.first() {
                Some(other) => Err(failure_of(&self.not_ours(other))),
                None => Ok(None),
            };
        };
        for surplus in ours().filter(is_open).filter(|pull| pull.number != chosen.number) {
            self.close_surplus(surplus, chosen).await?;
        }
        let head = self.head_of(chosen).await.map_err(|error| failure_of(&error))?;
        Ok(Some(self.opened(chosen, &head)))
    }

    fn not_ours(&self, pull: &PullRequest) -> Error {
        Error::NotOurs {
            host: self.host.describe().to_owned(),
            what: format!("pull request {} from branch {}", pull.url, self.branch),
            message: format!("its description lacks the marker of the key {}; close it, and retry the run", self.key),
        }
    }

    async fn close_surplus(&self, surplus: &PullRequest, kept: &PullRequest) -> Result<(), Failure> {
        let closed = self.host.close_pull_request(&self.repo, surplus.number).await;
        closed.map_err(|error| failure_of(&error))?;
        let message = format!("closed {}: it was opened twice, and {} is kept", surplus.url, kept.url);
        let report = Report { reason: "DuplicateClosed".to_owned(), message, warning: true };
        self.context.world.report(report).await;
        Ok(())
    }

    /// Our commit on an open pull request: its head, unless somebody pushed on top of it. Of one that ended, the head
    /// that it ended with.
    async fn head_of(&self, pull: &PullRequest) -> Result<CommitSha, Error> {
        if pull.state != PullRequestState::Open {
            return Ok(pull.head_sha.clone());
        }
        let commit = self.find_commit().await?;
        commit.map(|commit| commit.sha).ok_or_else(|| Error::NotFound {
            host: self.host.describe().to_owned(),
            what: format!("branch {} of {}", self.branch, pull.url),
        })
    }

    async fn find_commit(&self) -> Result<Option<Commit>, Error> {
        let since = not_older_than(self.context);
        find_branch(self.host, &self.repo, &self.branch, &self.key, since).await
    }

    /// Makes the commit on its new branch; `None` when the edits change nothing.
    async fn commit(&self) -> Result<Option<Commit>, Stop> {
        let Self { host, context, repo, base, .. } = self;
        let found = host.branch(repo, base).await.map_err(|error| repository_failure(&error))?;
        let head = found.ok_or_else(|| branch_not_found(*host, repo, base, "base"))?.head;
        let files = self.edits.changes(*host, repo, base, &head).await?;
        if files.is_empty() {
            return Ok(None);
        }
        let commit = NewCommit {
            onto: Onto::NewBranch { branch: self.branch.clone(), base: base.clone(), from: head.sha },
            message: format!("{}\n\nSluice-Run: {}/{}", self.title, context.run.namespace, context.run.name),
            key: self.key.clone(),
            files,
        };
        host.commit_files(repo, &commit).await.map(Some).map_err(Stop::of_write)
    }

    async fn open(&self, commit: &Commit) -> Result<Opened, Stop> {
        let new = NewPullRequest {
            head: self.branch.clone(),
            base: self.base.clone(),
            title: self.title.clone(),
            body: self.config.body.clone().unwrap_or_default(),
            key: self.key.clone(),
        };
        match self.host.open_pull_request(&self.repo, &new).await {
            Ok(pull) => Ok(self.opened(&pull, &commit.sha)),
            // The branch is there: a further attempt goes on from it.
            Err(error) => Err(match Stop::of_write(error) {
                Stop::Failed(failure) => Stop::Failed(failure.with_end(End::Unknown)),
                redo @ Stop::Redo(_) => redo,
            }),
        }
    }

    fn opened(&self, pull: &PullRequest, head: &CommitSha) -> Opened {
        Opened {
            url: Some(pull.url.clone()),
            number: Some(pull.number.0),
            branch: Some(self.branch.to_string()),
            head_commit: Some(head.to_string()),
            changed: true,
            ..self.unchanged()
        }
    }

    fn unchanged(&self) -> Opened {
        Opened {
            url: None,
            number: None,
            branch: None,
            head_commit: None,
            changed: false,
            repository: self.repo.to_string(),
            base: self.base.to_string(),
            provider_ref: self.config.provider_ref.clone(),
        }
    }
}

/// `sluice/RUN-STEP-KEY`: readable, and the same whoever asks.
fn branch_of(context: &StepContext<'_>) -> Result<BranchName, Failure> {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
    let run: String = context.run.name.chars().take(MAX_RUN_NAME).map(plain).collect();
    BranchName::parse(&format!("{}{run}-{}-{}", names::BRANCH_PREFIX, context.step, context.key))
        .map_err(|error| Failure::definite("InvalidConfiguration", error.to_string()))
}
