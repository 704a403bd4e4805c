//! `argocdWait`: waits until an Argo CD Application runs a commit.
//!
//! A look reads the Application, asks the git host about revisions it does not know yet, reads the live workloads once the
//! right revision is on its way, and leaves the rest to [`judge`], which is pure. The Application and the workloads are
//! read and patched as the run's account. What cannot be read for the moment is waited for; what may not be read is a
//! failure, except workloads: those are judged by Argo CD alone then.

mod application;
mod judge;
mod live;
mod progress;
mod sync;
mod wanted;
mod workloads;

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde::Deserialize;
use serde_json::{Value, json};
use sluice_api::step::{self, ArgocdSync, ArgocdWait, CommitOutput};
use sluice_engine::{Failure, Outcome, Outputs};
use sluice_scm::{CommitSha, Error, GitHost, RepoName};

use self::application::Application;
use self::judge::{OwnSync, Sight, Verdict, judge};
use self::progress::{Progress, news};
use self::sync::{Next, SyncWanted};
use self::wanted::{Held, Wanted};
use self::workloads::{Replicas, Rollouts};
use crate::git_host::{failure_of, host_of, read_outputs, repo_named, repository_failure};
use crate::world::{failed_read, forbidden};
use crate::{Perform, Report, StepContext};

/// How long until a patch that met another one is tried again.
const SOON: SignedDuration = SignedDuration::from_secs(2);
/// How many bytes of images are given: the rest of an output's 16 KiB is for the others.
const MAX_IMAGES: usize = 12 << 10;

#[async_trait]
impl Perform for ArgocdWait {
    const EXAMPLE: &'static str = r#"
timeout: 30m
argocdWait:
  application: {name: "${{ params.application }}-staging", namespace: argocd}
  commitFrom: merged
  refresh: Normal
"#;

    async fn act(&self, context: &StepContext<'_>) -> Outcome {
        let mut wait = Wait::of(self, context);
        match wait.act().await {
            Ok(outcome) => outcome,
            Err(stop) => wait.stopped(stop, true),
        }
    }

    async fn look(&self, context: &StepContext<'_>) -> Outcome {
        let mut wait = Wait::of(self, context);
        match wait.look().await {
            Ok(outcome) => outcome,
            Err(stop) => wait.stopped(stop, false),
        }
    }
}

/// One look, or one act.
struct Wait<'a> {
    config: &'a ArgocdWait,
    context: &'a StepContext<'a>,
    /// The Application, as `namespace/name`.
    title: String,
    progress: Progress,
}

/// Why a look ends before its judgement.
enum Stop {
    /// What is missing may come; for people, and how soon to look again.
    Waits(String, Option<SignedDuration>),
    /// It will not.
    Failed(Failure),
}

/// What may pass by itself is waited for.
impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        if failure.transient { Self::Waits(failure.message, failure.retry_after) } else { Self::Failed(failure) }
    }
}

/// The outputs that are needed of the step in `commitFrom`.
#[derive(Deserialize)]
struct CommitFrom {
    commit: CommitOutput,
}

impl<'a> Wait<'a> {
    fn of(config: &'a ArgocdWait, context: &'a StepContext<'a>) -> Self {
        let title = config.application.key();
        Self { config, context, title, progress: Progress::of(context.progress) }
    }

    async fn look(&mut self) -> Result<Outcome, Stop> {
        let application = self.read().await?;
        let wanted = self.wanted(&application).await?;
        self.ask(&application, &wanted).await?;
        self.judged(&application, &wanted).await
    }

    async fn act(&mut self) -> Result<Outcome, Stop> {
        let mut application = self.read().await?;
        let wanted = self.wanted(&application).await?;
        if let Some(refresh) = self.config.refresh.filter(|_| !self.progress.refreshed) {
            if let Some(patch) = sync::refresh(&application, refresh) {
                application = self.patch(&patch).await?;
            }
            self.progress.refreshed = true;
        }
        self.ask(&application, &wanted).await?;
        if let Some(config) = &self.config.sync {
            match self.next(&application, &wanted, config) {
                Next::Adopt => {}
                Next::WaitFor(why) => return Err(Stop::Waits(format!("Application {}: {why}", self.title), None)),
                Next::Start(patch) => application = self.patch(&patch).await?,
            }
        }
        self.judged(&application, &wanted).await
    }

    fn next(&self, application: &Application, wanted: &Wanted, config: &ArgocdSync) -> Next {
        let run = format!("{}/{}", self.context.run.namespace, self.context.run.name);
        let ancestry = &self.progress.ancestry;
        sync::next(application, &SyncWanted { config, wanted, ancestry, key: self.context.key, run })
    }

    async fn applications(&self) -> Result<Api<DynamicObject>, Stop> {
        let client = self.context.world.kubernetes().await?;
        let namespace = self.config.application.namespace();
        Ok(Api::namespaced_with(client, namespace, &step::Application::resource()))
    }

    async fn read(&self) -> Result<Application, Stop> {
        let found = self.applications().await?.get_opt(&self.config.application.name).await;
        let what = format!("Application {}", self.title);
        match found.map_err(|error| failed_read("get", &what, &error))? {
            Some(object) => self.parsed(object),
            None => Err(Stop::Waits(format!("waits for Application {} to be created", self.title), None)),
        }
    }

    async fn patch(&self, patch: &Value) -> Result<Application, Stop> {
        let api = self.applications().await?;
        let patched = api.patch(&self.config.application.name, &PatchParams::default(), &Patch::Merge(patch)).await;
        match patched {
            Ok(object) => self.parsed(object),
            Err(error) => Err(self.failed_patch(&error)),
        }
    }

    /// Whether it may have been applied makes no difference: it is looked for before it is sent again.
    fn failed_patch(&self, error: &kube::Error) -> Stop {
        let title = &self.title;
        let kube::Error::Api(status) = error else {
            return Stop::Waits(format!("failed to patch Application {title}: {error}"), Some(SOON));
        };
        let failed = format!("failed to patch Application {title}");
        let message = format!("{failed}: {}", status.message);
        match status.code {
            404 => Stop::Waits(format!("waits for Application {title} to be created"), None),
            409 => Stop::Waits(format!("Application {title} changed meanwhile"), Some(SOON)),
            403 => Stop::Failed(forbidden("patch", &failed, status)),
            408 | 429 => Stop::Waits(message, Some(SOON)),
            400..500 => Stop::Failed(Failure::definite(status.reason.clone(), message)),
            _ => Stop::Waits(message, Some(SOON)),
        }
    }

    fn parsed(&self, object: DynamicObject) -> Result<Application, Stop> {
        Application::of(object).map_err(|error| {
            let message = format!("Application {} cannot be understood: {error}", self.title);
            Stop::Failed(Failure::definite("ApplicationInvalid", message))
        })
    }

    /// What the Application has to run, and by which of its sources.
    async fn wanted(&mut self, application: &Application) -> Result<Wanted, Stop> {
        if let Some(revision) = &self.config.revision {
            return Ok(Wanted::Revision(revision.clone()));
        }
        if self.config.commit_from.is_none() {
            return Ok(Wanted::Any);
        }
        let commit = self.commit()?;
        let sha = CommitSha::parse(&commit.sha).map_err(|error| invalid_commit(&error.to_string()))?;
        if application.spec.source_hydrator.is_some() {
            let message = format!(
                "Application {} deploys a hydrated branch, whose commits do not descend from those of its dry source: wait for it with `revision`, or with neither",
                self.title
            );
            return Err(Stop::Failed(Failure::definite("Unsupported", message)));
        }
        let sources = self.sources(application, &commit).await?;
        Ok(Wanted::Commit { sha, sources })
    }

    fn commit(&self) -> Result<CommitOutput, Stop> {
        let outputs = self.context.from.ok_or_else(|| invalid_commit("the step has no outputs"))?;
        let CommitFrom { commit } = read_outputs(outputs, "commitFrom")?;
        Ok(commit)
    }

    /// The sources that are the commit's repository: by the URL that was recognised before, by the provider's, or by all
    /// those that the git host gives it.
    async fn sources(&mut self, application: &Application, commit: &CommitOutput) -> Result<Vec<usize>, Stop> {
        let sources = application.sources();
        let known = self.progress.source.clone();
        let mut found = wanted::sources_of(sources, known.as_slice());
        let mut urls = Vec::new();
        if found.is_empty() {
            let provider = self.context.world.scm_provider(&commit.provider_ref.name).await?;
            let host = provider.gitea.map(|gitea| gitea.url);
            urls.extend(host.map(|url| format!("{}/{}", url.trim_end_matches('/'), commit.repository)));
            found = wanted::sources_of(sources, &urls);
        }
        if found.is_empty() {
            let (host, repo) = self.host(commit).await?;
            let repository = host.repository(&repo).await.map_err(|error| repository_failure(&error))?;
            urls.extend(repository.clone_urls);
            found = wanted::sources_of(sources, &urls);
        }
        let Some(first) = found.first().and_then(|source| sources.get(*source)) else {
            return Err(Stop::Failed(self.no_source(application, commit, &urls)));
        };
        self.progress.source = Some(first.repo_url.clone());
        Ok(found)
    }

    fn no_source(&self, application: &Application, commit: &CommitOutput, urls: &[String]) -> Failure {
        let shown = |urls: &mut dyn Iterator<Item = &String>| urls.map(|url| shown(url)).collect::<Vec<_>>().join(", ");
        let message = format!(
            "no source of Application {} is the repository {} of the commit: its sources are {}, the repository's URLs are {}",
            self.title,
            commit.repository,
            shown(&mut application.sources().iter().map(|source| &source.repo_url)),
            shown(&mut urls.iter()),
        );
        Failure::definite("SourceNotFound", message)
    }

    async fn host(&self, commit: &CommitOutput) -> Result<(Arc<dyn GitHost>, RepoName), Stop> {
        let repo = repo_named(&commit.repository)?;
        Ok((host_of(self.context, &commit.provider_ref.name).await?, repo))
    }

    /// Asks the git host which revisions descend from the wanted commit, each once.
    async fn ask(&mut self, application: &Application, wanted: &Wanted) -> Result<(), Stop> {
        let interesting = wanted.interesting(application);
        self.progress.ancestry.retain(|revision, _| interesting.contains(&revision.as_str()));
        let questions = wanted.questions(application, &self.progress.ancestry);
        let Wanted::Commit { sha, .. } = wanted else { return Ok(()) };
        if questions.is_empty() {
            return Ok(());
        }
        let (host, repo) = self.host(&self.commit()?).await?;
        for revision in questions {
            match host.is_ancestor(&repo, sha, &revision).await {
                Ok(is_ancestor) => {
                    self.progress.ancestry.insert(revision.as_str().to_owned(), is_ancestor);
                }
                // A revision that was pushed away, or is not there yet.
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(failure_of(&error).into()),
            }
        }
        Ok(())
    }

    /// Judges what is seen, and tells what is new.
    async fn judged(&mut self, application: &Application, wanted: &Wanted) -> Result<Outcome, Stop> {
        let context = self.context;
        let held = wanted.held_by(application, &self.progress.ancestry);
        let rollouts = match held {
            Held::Yes { .. } => live::read(&context.world.kubernetes().await?, application).await,
            Held::No | Held::Unknown(_) => Rollouts::default(),
        };
        let key = self.config.sync.as_ref().map(|_| context.key);
        let verdict = judge(&Sight {
            title: &self.title,
            application,
            rollouts: &rollouts,
            wanted,
            ancestry: &self.progress.ancestry,
            own_sync: key.map(|key| OwnSync { key, succeeded: self.progress.synced }),
            refreshed: self.progress.refreshed,
            started_at: context.started_at,
            now: context.now,
        });
        let revision = match held {
            Held::Yes { revision, .. } => revision,
            Held::No | Held::Unknown(_) => "",
        };
        let before = context.progress.map(|_| self.progress.clone());
        self.progress = std::mem::take(&mut self.progress).after(application, &rollouts, key);
        for report in news(&self.title, before.as_ref(), &self.progress) {
            context.world.report(report).await;
        }
        Ok(match verdict {
            Verdict::Reached => {
                self.tell_reached(revision).await;
                Outcome::Succeeded(outputs(revision, application, &self.progress.workloads))
            }
            Verdict::Waits { why, until, sync_again } => {
                let pause = if sync_again { SOON } else { self.interval() };
                let later = self.later(pause);
                self.waiting(why, until.map_or(later, |until| until.min(later)), sync_again)
            }
            Verdict::Failed(failure) => Outcome::Failed(failure),
        })
    }

    async fn tell_reached(&self, revision: &str) {
        let message = format!("Application {}: Synced and Healthy at {}", self.title, wanted::short(revision));
        self.context.world.report(Report { reason: "ApplicationHealthy".to_owned(), message, warning: false }).await;
    }

    fn stopped(&self, stop: Stop, act_again: bool) -> Outcome {
        match stop {
            Stop::Waits(why, pause) => {
                let look_at = self.later(pause.unwrap_or_else(|| self.interval()));
                // A short pause of our own is nobody's wish.
                let not_before = pause.filter(|pause| *pause > SOON).map(|_| look_at);
                let progress = self.progress.to_value();
                Outcome::Waiting { look_at, not_before, message: Some(why), progress, act_again }
            }
            Stop::Failed(failure) => Outcome::Failed(failure),
        }
    }

    fn waiting(&self, why: String, look_at: Timestamp, act_again: bool) -> Outcome {
        Outcome::Waiting {
            look_at,
            not_before: None,
            message: Some(why),
            progress: self.progress.to_value(),
            act_again,
        }
    }

    fn interval(&self) -> SignedDuration {
        self.config.interval().get()
    }

    fn later(&self, pause: SignedDuration) -> Timestamp {
        self.context.now.checked_add(pause).unwrap_or(Timestamp::MAX)
    }
}

/// A repository's URL without credentials; `git@host:path` has none.
fn shown(url: &str) -> String {
    let is_scp_like = !url.contains("://") && url.split_once(':').is_some_and(|(_, path)| !path.contains('@'));
    if is_scp_like { url.to_owned() } else { sluice_scm::repository_url::without_credentials(url) }
}

fn invalid_commit(why: &str) -> Stop {
    let message = format!("the step in `commitFrom` gave no commit to wait for: {why}");
    Stop::Failed(Failure::definite("InvalidOutputs", message))
}

fn outputs(revision: &str, application: &Application, workloads: &[Replicas]) -> Outputs {
    let mut size = 0;
    let images = application.status.summary.images.iter().take_while(|image| {
        size += image.len() + 3;
        size <= MAX_IMAGES
    });
    let images: Vec<&String> = images.collect();
    let health = &application.status.health.status;
    [
        ("revision", json!(revision)),
        ("health", json!(health)),
        ("images", json!(images)),
        ("workloads", json!(workloads)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into_iter()
    .collect()
}

#[cfg(test)]
mod tests;
