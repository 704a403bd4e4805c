//! What a node would report of a Pod next; pure.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use serde_json::{Value, json};

/// How long an image is pulled.
const PULL: Duration = Duration::from_millis(50);
/// How long until a started Pod is ready, or a Job's Pod ends.
const RUN: Duration = Duration::from_millis(200);

/// A status to report after a while.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) after: Duration,
    pub(super) status: Value,
}

/// The next step of a Pod's life; `None` when it stays as it is.
pub(super) fn next(pod: &Pod, now: Timestamp) -> Option<Step> {
    let spec = pod.spec.as_ref()?;
    let status = pod.status.clone().unwrap_or_default();
    if pod.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let started = status.container_statuses.is_some_and(|statuses| !statuses.is_empty());
    let reporter = Reporter { pod, spec, now };
    if !started {
        return Some(Step { after: PULL, status: reporter.first() });
    }
    let ready = status.conditions.iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True");
    if status.phase.as_deref() != Some("Running") || ready || reporter.fate() != Fate::Runs {
        return None;
    }
    let after = match annotation(pod, "after-ms") {
        Some("never") => return None,
        Some(millis) => Duration::from_millis(millis.parse().ok()?),
        None => RUN,
    };
    let status = if reporter.is_of_job() { reporter.ended() } else { reporter.ready() };
    Some(Step { after, status })
}

/// What the images say of the Pod.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Runs,
    NeverPulled,
    CrashLoops,
}

fn annotation<'a>(pod: &'a Pod, name: &str) -> Option<&'a str> {
    pod.annotations().get(&format!("kubelet.test/{name}")).map(String::as_str)
}

struct Reporter<'a> {
    pod: &'a Pod,
    spec: &'a PodSpec,
    now: Timestamp,
}

impl Reporter<'_> {
    fn is_of_job(&self) -> bool {
        self.pod.owner_references().iter().any(|owner| owner.kind == "Job")
    }

    fn any_image_contains(&self, what: &str) -> bool {
        let containers = self.spec.containers.iter().chain(self.spec.init_containers.iter().flatten());
        containers.into_iter().any(|c| c.image.as_deref().is_some_and(|image| image.contains(what)))
    }

    fn fate(&self) -> Fate {
        if self.any_image_contains("broken") {
            Fate::NeverPulled
        } else if self.any_image_contains("crash") && !self.is_of_job() {
            Fate::CrashLoops
        } else {
            Fate::Runs
        }
    }

    /// After the pull: it runs and is not ready yet, or it never will.
    fn first(&self) -> Value {
        match self.fate() {
            Fate::NeverPulled => {
                let message = "Back-off pulling image";
                let state = json!({"waiting": {"reason": "ImagePullBackOff", "message": message}});
                self.status("Pending", false, &|_| container_state(state.clone(), 0))
            }
            Fate::CrashLoops => self.status("Running", false, &|_| {
                let message = "back-off 10s restarting failed container";
                let state = json!({"waiting": {"reason": "CrashLoopBackOff", "message": message}});
                let mut status = container_state(state, 2);
                status["lastState"] = self.terminated(1, "Error", None);
                status
            }),
            Fate::Runs => self.status("Running", false, &|_| container_state(self.running(), 0)),
        }
    }

    fn ready(&self) -> Value {
        self.status("Running", true, &|_| container_state(self.running(), 0))
    }

    /// The end of a Job's Pod.
    fn ended(&self) -> Value {
        let crashes = self.any_image_contains("crash");
        let reason = annotation(self.pod, "reason");
        let default_code = match reason {
            Some("OOMKilled" | "Evicted") => 137,
            Some(_) => 1,
            None => i32::from(crashes),
        };
        let code = annotation(self.pod, "exit-code").and_then(|code| code.parse().ok()).unwrap_or(default_code);
        let (phase, word) = if code == 0 { ("Succeeded", "Completed") } else { ("Failed", "Error") };
        // Evicted is said of the Pod, anything else of the container.
        let evicted = reason == Some("Evicted");
        let of_container = reason.filter(|_| !evicted).unwrap_or(word);
        let message = annotation(self.pod, "message");
        let mut status =
            self.status(phase, false, &|_| container_state(self.terminated(code, of_container, message), 0));
        if evicted {
            status["reason"] = "Evicted".into();
            status["message"] = "The node was low on resource: memory.".into();
        }
        status
    }

    fn status(&self, phase: &str, ready: bool, state: &dyn Fn(&Container) -> Value) -> Value {
        let init = self
            .spec
            .init_containers
            .iter()
            .flatten()
            .map(|container| self.container(container, container_state(self.terminated(0, "Completed", None), 0)));
        let containers = self.spec.containers.iter().map(|container| self.container(container, state(container)));
        let (word, reason) = if ready { ("True", Value::Null) } else { ("False", not_ready(phase).into()) };
        let condition = |kind: &str, status: &str, reason: &Value| json!({"type": kind, "status": status, "reason": reason, "lastTransitionTime": self.now});
        json!({
            "phase": phase,
            "startTime": self.pod.metadata.creation_timestamp,
            "hostIP": "127.0.0.1", "hostIPs": [{"ip": "127.0.0.1"}],
            "podIP": self.address(), "podIPs": [{"ip": self.address()}],
            "conditions": [
                condition("PodScheduled", "True", &Value::Null),
                condition("Initialized", "True", &Value::Null),
                condition("ContainersReady", word, &reason),
                condition("Ready", word, &reason),
            ],
            "initContainerStatuses": init.collect::<Vec<_>>(),
            "containerStatuses": containers.map(|mut status| {
                status["ready"] = ready.into();
                status["started"] = ready.into();
                status
            }).collect::<Vec<_>>(),
        })
    }

    fn container(&self, container: &Container, mut status: Value) -> Value {
        let image = container.image.as_deref().unwrap_or_default();
        status["name"] = container.name.as_str().into();
        status["image"] = image.into();
        status["imageID"] = image.into();
        status["ready"] = true.into();
        status
    }

    fn running(&self) -> Value {
        json!({"running": {"startedAt": self.now}})
    }

    fn terminated(&self, code: i32, reason: &str, message: Option<&str>) -> Value {
        json!({"terminated": {"exitCode": code, "reason": reason, "message": message, "startedAt": self.now, "finishedAt": self.now}})
    }

    /// Endpoints need an address; the Pod's UID gives one that nobody dials.
    fn address(&self) -> String {
        let uid = self.pod.uid().unwrap_or_default();
        let number = u16::from_str_radix(uid.get(..4).unwrap_or_default(), 16).unwrap_or(1);
        format!("10.244.{}.{}", number >> 8, number & 0xff)
    }
}

fn container_state(state: Value, restarts: i32) -> Value {
    json!({"state": state, "restartCount": restarts})
}

fn not_ready(phase: &str) -> &'static str {
    match phase {
        "Succeeded" => "PodCompleted",
        "Failed" => "PodFailed",
        _ => "ContainersNotReady",
    }
}
