//! What ails Pods, as Kubernetes says it.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

/// What ails one of these Pods, if Kubernetes says: the newest first, for the old ones are on their way out.
pub(crate) fn trouble(pods: &[Pod]) -> Option<String> {
    let mut pods: Vec<&Pod> = pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect();
    pods.sort_by_key(|pod| std::cmp::Reverse(pod.metadata.creation_timestamp.as_ref().map(|time| time.0)));
    pods.into_iter().find_map(|pod| {
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        Some(format!("pod {name}: {}", ailment(pod)?))
    })
}

fn ailment(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let containers = [&status.init_container_statuses, &status.container_statuses];
    let stuck = containers.into_iter().flatten().flatten().find_map(stuck);
    stuck.or_else(|| {
        let mut conditions = status.conditions.iter().flatten();
        let unscheduled = conditions.find(|it| it.reason.as_deref() == Some("Unschedulable"))?;
        Some(reason_and_message("Unschedulable", unscheduled.message.as_deref()))
    })
}

fn stuck(container: &ContainerStatus) -> Option<String> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let reason =
        waiting.reason.as_deref().filter(|reason| !matches!(*reason, "ContainerCreating" | "PodInitializing"))?;
    Some(reason_and_message(reason, waiting.message.as_deref()))
}

/// `REASON: MESSAGE`, as far as there is a message.
pub(crate) fn reason_and_message(reason: &str, message: Option<&str>) -> String {
    match message.map(str::trim).filter(|message| !message.is_empty()) {
        Some(message) => format!("{reason}: {message}"),
        None => reason.to_owned(),
    }
}
