//! What a Job and its pods say about the step. Pure.

use jiff::Timestamp;
use k8s_openapi::api::{
    batch::v1::{Job, JobCondition},
    core::v1::{ContainerStateTerminated, ContainerStatus, Pod},
};
use kube::ResourceExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sluice_api::step;
use sluice_engine::{Failure, Outcome, Outputs};

use crate::{pods::trouble, text::clause};

/// How much of a container's last words is shown: the end of them.
const MAX_LAST_WORDS: usize = 500;

/// What was seen last: the step's `progress`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) job: String,
    pub(super) uid: String,
    pub(super) active: i32,
    pub(super) ready: i32,
    pub(super) failed: i32,
}

impl Progress {
    /// What an earlier look noted.
    pub(super) fn of(value: Option<&Value>) -> Option<Self> {
        serde_json::from_value(value?.clone()).ok()
    }

    fn seen(job: &Job) -> Self {
        let status = job.status.clone().unwrap_or_default();
        let count = |count: Option<i32>| count.unwrap_or_default();
        Self {
            job: job.name_any(),
            uid: job.uid().unwrap_or_default(),
            active: count(status.active),
            ready: count(status.ready),
            failed: count(status.failed),
        }
    }
}

/// What is seen of a Job.
#[derive(Debug, PartialEq)]
pub(super) struct Sight {
    pub(super) outcome: Outcome,
    /// What people should know beside it.
    pub(super) warning: Option<String>,
}

impl From<Outcome> for Sight {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, warning: None }
    }
}

impl From<Failure> for Sight {
    fn from(failure: Failure) -> Self {
        Outcome::Failed(failure).into()
    }
}

/// What has become of the Job; `None` when it is being deleted before its end.
pub(super) fn judge(title: &str, job: &Job, pods: &[Pod], config: &step::Job, now: Timestamp) -> Option<Sight> {
    if condition(job, "Complete").is_some() {
        return Some(succeeded(title, pods, config));
    }
    if let Some(failed) = condition(job, "Failed") {
        return Some(failure(title, failed, pods).into());
    }
    if job.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let progress = Progress::seen(job);
    let message = Some(format!("waits for Job {title}: {}", standing(job, &progress, pods)));
    let look_at = now.checked_add(config.interval().get()).unwrap_or(Timestamp::MAX);
    let progress = serde_json::to_value(progress).ok();
    Some(Outcome::Waiting { look_at, not_before: None, message, progress, act_again: false }.into())
}

/// Whether the Job has ended. `SuccessCriteriaMet` and `FailureTarget` only announce it.
pub(super) fn is_ended(job: &Job) -> bool {
    condition(job, "Complete").or_else(|| condition(job, "Failed")).is_some()
}

fn condition<'j>(job: &'j Job, kind: &str) -> Option<&'j JobCondition> {
    let mut conditions = job.status.as_ref()?.conditions.iter().flatten();
    conditions.find(|condition| condition.type_ == kind && condition.status == "True")
}

fn standing(job: &Job, progress: &Progress, pods: &[Pod]) -> String {
    if let Some(trouble) = trouble(pods) {
        return trouble;
    }
    if condition(job, "Suspended").is_some() {
        return "it is suspended".to_owned();
    }
    let Progress { active, ready, failed, .. } = progress;
    let mut standing = match (active, ready) {
        (0, _) => "no pod is active yet".to_owned(),
        (active, 0) => format!("{} and not ready yet", pods_are(*active)),
        (active, ready) => format!("{}, {ready} ready", pods_are(*active)),
    };
    if *failed > 0 {
        standing += &format!(", {failed} failed");
    }
    standing
}

fn pods_are(count: i32) -> String {
    if count == 1 { "1 pod is active".to_owned() } else { format!("{count} pods are active") }
}

fn succeeded(title: &str, pods: &[Pod], config: &step::Job) -> Sight {
    let Some(pod) = newest(pods, "Succeeded") else {
        let warning =
            format!("Job {title} is complete, but its pod is gone, and with it what it may have left as outputs");
        return Sight { outcome: Outcome::Succeeded(Outputs::new()), warning: Some(warning) };
    };
    let container = containers(pod).find(|container| Some(container.name.as_str()) == config.output_container());
    let message = container.and_then(|container| terminated(container)?.message.as_deref());
    Outcome::Succeeded(outputs(message.unwrap_or_default())).into()
}

/// The outputs that a termination message gives.
fn outputs(message: &str) -> Outputs {
    let message = message.trim();
    match serde_json::from_str(message) {
        Ok(Value::Object(outputs)) => outputs,
        _ if message.is_empty() => Outputs::new(),
        _ => Outputs::from_iter([("message".to_owned(), json!(message))]),
    }
}

/// The end of a Job is known, and a further attempt is another Job: whether to make one is the pipeline's to say, so no
/// failure of a Job counts as one that passes by itself.
fn failure(title: &str, condition: &JobCondition, pods: &[Pod]) -> Failure {
    let of_job = condition.reason.as_deref().filter(|reason| !reason.is_empty()).unwrap_or("JobFailed");
    let pod = newest(pods, "Failed");
    let of_pod = pod.and_then(reason_of).filter(|_| of_job != "DeadlineExceeded");
    let why = pod.and_then(last_words).or_else(|| condition.message.clone()).unwrap_or_else(|| of_job.to_owned());
    Failure::definite(of_pod.unwrap_or(of_job), format!("Job {title} failed: {}", clause(&why)))
}

/// What Kubernetes itself did to a pod, or to a container of it.
fn reason_of(pod: &Pod) -> Option<&'static str> {
    let status = pod.status.as_ref()?;
    if status.reason.as_deref() == Some("Evicted") {
        return Some("Evicted");
    }
    let mut conditions = status.conditions.iter().flatten();
    let disrupted = conditions.find(|condition| condition.type_ == "DisruptionTarget" && condition.status == "True");
    if let Some(disrupted) = disrupted {
        let by_scheduler = disrupted.reason.as_deref() == Some("PreemptionByScheduler");
        return Some(if by_scheduler { "Preempted" } else { "Evicted" });
    }
    let mut ends = containers(pod).filter_map(terminated);
    ends.any(|end| end.reason.as_deref() == Some("OOMKilled")).then_some("OOMKilled")
}

/// How a failed pod ended, for people.
fn last_words(pod: &Pod) -> Option<String> {
    let name = pod.name_any();
    let status = pod.status.as_ref()?;
    let failed = containers(pod).find_map(|it| terminated(it).filter(|end| end.exit_code != 0).map(|end| (it, end)));
    let Some((container, end)) = failed else {
        return Some(format!("pod {name}: {}", status.message.as_deref().or(status.reason.as_deref())?));
    };
    let mut words = format!("container {} of pod {name} ended with exit code {}", container.name, end.exit_code);
    if let Some(reason) = end.reason.as_deref().filter(|reason| !matches!(*reason, "" | "Error")) {
        words += &format!(" ({reason})");
    }
    let of_pod = || status.message.as_deref();
    let message = end.message.as_deref().map(str::trim).filter(|it| !it.is_empty()).or_else(of_pod);
    if let Some(message) = message {
        words += &format!(": {}", end_of(message.trim()));
    }
    Some(words)
}

/// The end of a text: what a process says last is why it stopped.
fn end_of(text: &str) -> String {
    match text.char_indices().rev().nth(MAX_LAST_WORDS - 1) {
        Some((start, _)) if start > 0 => format!("…{}", &text[start..]),
        _ => text.to_owned(),
    }
}

fn newest<'p>(pods: &'p [Pod], phase: &str) -> Option<&'p Pod> {
    let ended = pods.iter().filter(|pod| pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some(phase));
    ended.max_by_key(|pod| pod.creation_timestamp().map(|time| time.0))
}

/// The containers of a pod, those that run first before the others.
fn containers(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.iter();
    status.flat_map(|status| {
        status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten())
    })
}

fn terminated(container: &ContainerStatus) -> Option<&ContainerStateTerminated> {
    container.state.as_ref()?.terminated.as_ref()
}

#[cfg(test)]
mod tests;
