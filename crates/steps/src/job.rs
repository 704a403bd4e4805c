//! `job`: runs a Kubernetes Job, as the run's account.
//!
//! # Idempotency
//! *Find, then create, then adopt*: the Job's name is made from the key, so whoever performs the step under the same claim
//! finds the same Job. It is the step's own only when it carries the key and belongs to the run; anything else of that
//! name is left alone (`NotOurs`).
//!
//! One that was seen and is gone is never made again (`JobGone`): its UID is in the step's progress. It has no
//! `ttlSecondsAfterFinished`, which could take it away before its end was recorded. Nor has it a finalizer of ours: that
//! would keep it through a deletion, but also hold its run, and its namespace when Sluice is gone. What is left is a person who
//! deletes a Job in the seconds between its creation and the first write about it, while the controller is killed as well.

mod judge;
mod manifest;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, ListParams, Preconditions},
};
use sluice_api::{names, step};
use sluice_engine::{End, Failure, Outcome, Undone};

use self::judge::{Progress, Sight, is_ended, judge};
use crate::{
    Perform, Report, StepContext,
    git_host::NOT_OURS,
    world::{failed_read, forbidden, refused},
};

/// More pods than a Job of this step can have.
const MAX_PODS: u32 = 200;

/// The reason of a failure over a Job that was there and is not any more.
const JOB_GONE: &str = "JobGone";

#[async_trait]
impl Perform for step::Job {
    const EXAMPLE: &'static str = r#"
timeout: 15m
job:
  template:
    spec:
      containers:
      - name: migrate
        image: registry.example/shop-migrate:${{ params.version }}
        args: ["up"]
"#;

    async fn act(&self, context: &StepContext<'_>) -> Outcome {
        let step = match Step::of(self, context).await {
            Ok(step) => step,
            Err(failure) => return Outcome::Failed(maybe_there(context, failure)),
        };
        match step.start().await {
            Ok(job) => step.judged(&job).await,
            Err(failure) => Outcome::Failed(maybe_there(context, failure)),
        }
    }

    async fn look(&self, context: &StepContext<'_>) -> Outcome {
        let seen = async {
            let step = Step::of(self, context).await?;
            let job = step.find().await?.ok_or_else(|| step.gone())?;
            Ok(step.judged(&job).await)
        };
        seen.await.unwrap_or_else(|failure| context.waits_or_fails(failure))
    }

    /// Done when the Job is gone, or is on its way out: its pods end by themselves.
    async fn undo(&self, context: &StepContext<'_>) -> Result<Undone, Failure> {
        Step::of(self, context).await?.take_back().await.map(|()| Undone::Done)
    }
}

/// The failure to find or make a Job whose key was claimed before: it may be there, so that a further attempt looks for it
/// under the same key. What stands in its place, or is gone for good, is not helped by that.
fn maybe_there(context: &StepContext<'_>, failure: Failure) -> Failure {
    let is_seen = matches!(failure.reason.as_str(), NOT_OURS | JOB_GONE);
    if context.claims > 1 && !is_seen { failure.with_end(End::Unknown) } else { failure }
}

/// One call for a step.
struct Step<'a> {
    config: &'a step::Job,
    context: &'a StepContext<'a>,
    client: Client,
    name: String,
    /// The Job, as `namespace/name`.
    title: String,
}

impl<'a> Step<'a> {
    async fn of(config: &'a step::Job, context: &'a StepContext<'a>) -> Result<Self, Failure> {
        let name = context.claim().object_name();
        let title = step::Job::key(&context.run.namespace, &name);
        Ok(Self { config, context, client: context.world.kubernetes().await?, name, title })
    }

    fn jobs(&self) -> Api<Job> {
        Api::namespaced(self.client.clone(), &self.context.run.namespace)
    }

    /// The Job, found or made.
    async fn start(&self) -> Result<Job, Failure> {
        if let Some(job) = self.find().await? {
            return Ok(job);
        }
        if self.seen().is_some() {
            return Err(self.gone());
        }
        // Without this right the end could not be told: better to know before there is anything.
        self.list_pods("", 1).await?;
        self.create().await
    }

    /// The Job of this name, if it is there; an error when it is not the step's own.
    async fn find(&self) -> Result<Option<Job>, Failure> {
        let found = self.read().await?;
        let Some(job) = found else { return Ok(None) };
        self.check_own(&job)?;
        // One that was deleted and made again by hand is another Job.
        if self.seen().is_some_and(|uid| job.metadata.uid.as_ref() != Some(&uid)) {
            return Err(self.gone());
        }
        Ok(Some(job))
    }

    async fn read(&self) -> Result<Option<Job>, Failure> {
        let found = self.jobs().get_opt(&self.name).await;
        found.map_err(|error| failed_read("get", &format!("Job {}", self.title), &error))
    }

    fn check_own(&self, job: &Job) -> Result<(), Failure> {
        let key = job.annotations().get(names::KEY_ANNOTATION);
        let owner = self.context.world.owner();
        let belongs = |uid: &str| job.owner_references().iter().any(|it| it.controller == Some(true) && it.uid == uid);
        let why = if key.is_none_or(|key| key != self.context.key) {
            format!("it lacks the annotation {} of this step", names::KEY_ANNOTATION)
        } else if owner.is_some_and(|owner| !belongs(&owner.uid)) {
            "it does not belong to this run".to_owned()
        } else {
            return Ok(());
        };
        let title = &self.title;
        let message =
            format!("there is a Job {title} that this step did not make: {why}; delete it, and retry the run");
        Err(Failure::definite(NOT_OURS, message))
    }

    /// The UID of the Job that an earlier call saw.
    fn seen(&self) -> Option<String> {
        Progress::of(self.context.progress).map(|progress| progress.uid)
    }

    fn gone(&self) -> Failure {
        let message = format!("Job {} was deleted before its end was seen; it is not made again", self.title);
        Failure::definite(JOB_GONE, message)
    }

    async fn create(&self) -> Result<Job, Failure> {
        let manifest = manifest::of(self.config, self.context, &self.name);
        let url = Job::url_path(&(), Some(&self.context.run.namespace));
        // A field that Kubernetes does not know would otherwise be left out without a word.
        let url = format!("{url}?fieldManager={}&fieldValidation=Strict", names::FIELD_MANAGER);
        let request = http::Request::post(url).header("content-type", "application/json");
        let request = request.body(manifest.to_string().into_bytes()).map_err(|error| {
            Failure::definite("InvalidConfiguration", format!("failed to make Job {}: {error}", self.title))
        })?;
        match self.client.request::<Job>(request).await {
            Ok(job) => Ok(job),
            // Whoever was faster: another process, or the one that was killed.
            Err(kube::Error::Api(status)) if status.is_already_exists() => {
                self.find().await?.ok_or_else(|| self.failed_create(&kube::Error::Api(status)))
            }
            Err(error) => Err(self.failed_create(&error)),
        }
    }

    /// What a refused or unanswered creation is: the API server's message names the field.
    fn failed_create(&self, error: &kube::Error) -> Failure {
        let failed = format!("failed to create Job {}", self.title);
        let kube::Error::Api(status) = error else {
            return Failure::transient("KubernetesUnavailable", format!("{failed}: {error}"));
        };
        let message = format!("{failed}: {}", status.message);
        match status.code {
            403 if status.message.contains("exceeded quota") => {
                Failure::transient("QuotaExceeded", message).with_end(End::Known)
            }
            403 if ["create", "impersonate"]
                .iter()
                .any(|verb| status.message.contains(&format!("cannot {verb} resource"))) =>
            {
                forbidden("create", &failed, status)
            }
            408 => Failure::transient("KubernetesUnavailable", message),
            409 | 429 => Failure::transient(status.reason.clone(), message).with_end(End::Known),
            400..500 => Failure::definite(status.reason.clone(), message),
            code => Failure::transient("KubernetesUnavailable", format!("{message} (HTTP {code})")),
        }
    }

    /// The Job's pods, which a UID tells from those of an earlier one.
    async fn list_pods(&self, uid: &str, limit: u32) -> Result<Vec<Pod>, Failure> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.context.run.namespace);
        let labels = format!("batch.kubernetes.io/controller-uid={uid},batch.kubernetes.io/job-name={}", self.name);
        let found = pods.list(&ListParams::default().labels(&labels).limit(limit)).await;
        let found = found.map_err(|error| failed_read("list", &format!("the pods of Job {}", self.title), &error))?;
        Ok(found.items)
    }

    async fn judged(&self, job: &Job) -> Outcome {
        let uid = job.metadata.uid.clone().unwrap_or_default();
        let pods = match self.list_pods(&uid, MAX_PODS).await {
            Ok(pods) => pods,
            Err(failure) => return self.context.waits_or_fails(failure),
        };
        let Sight { outcome, warning } =
            judge(&self.title, job, &pods, self.config, self.context.now).unwrap_or_else(|| self.gone().into());
        if let Some(message) = warning {
            self.context.world.report(Report { reason: "OutputsLost".to_owned(), message, warning: true }).await;
        }
        outcome
    }

    async fn take_back(&self) -> Result<(), Failure> {
        let Some(job) = self.read().await? else { return Ok(()) };
        let is_going = job.metadata.deletion_timestamp.is_some();
        if is_going || is_ended(&job) || self.check_own(&job).is_err() {
            return Ok(());
        }
        // No other Job of this name; and its pods with it.
        let only = Preconditions { uid: job.metadata.uid.clone(), resource_version: None };
        match self.jobs().delete(&self.name, &DeleteParams::background().preconditions(only)).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
            Err(error) => Err(refused("delete", &format!("failed to delete Job {}", self.title), &error)),
        }
    }
}
