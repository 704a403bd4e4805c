use k8s_openapi::api::core::v1::Pod;
use serde::de::DeserializeOwned;

use super::*;
use crate::pods::trouble;

fn of<K: DeserializeOwned>(yaml: &str) -> K {
    serde_saphyr::from_str(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"))
}

/// A workload of the second generation with this specification and status, in a line.
fn line<K: Workload + DeserializeOwned>(spec: &str, status: &str) -> String {
    let selector = "selector: {matchLabels: {app: web}}, template: {}, serviceName: web";
    let yaml = format!(
        "metadata: {{name: web, namespace: shop, generation: 2}}\nspec: {{{selector}, {spec}}}\nstatus: {{{status}}}"
    );
    let rollout = of::<K>(&yaml).rollout();
    let Replicas { updated, ready, desired, .. } = rollout.replicas;
    let state = match rollout.state {
        RolloutState::Failed(why) => why,
        state => format!("{state:?}"),
    };
    format!("{updated}/{ready}/{desired} {state}")
}

#[test]
fn deployments() {
    for (spec, status, expected) in [
        (
            "replicas: 2",
            "observedGeneration: 2, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2",
            "2/2/2 Complete",
        ),
        (
            "replicas: 2",
            "observedGeneration: 1, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2",
            "2/2/2 Unfinished",
        ),
        ("replicas: 2", "", "0/0/2 Unfinished"),
        (
            "replicas: 2",
            "observedGeneration: 2, replicas: 3, updatedReplicas: 1, readyReplicas: 2, availableReplicas: 2",
            "1/2/2 Unfinished",
        ),
        (
            "replicas: 2",
            "observedGeneration: 2, replicas: 3, updatedReplicas: 2, readyReplicas: 3, availableReplicas: 3",
            "2/3/2 Unfinished",
        ),
        (
            "replicas: 2",
            "observedGeneration: 2, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 1",
            "2/2/2 Unfinished",
        ),
        ("replicas: 0", "observedGeneration: 2", "0/0/0 Complete"),
        (
            "paused: true",
            "observedGeneration: 2, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1",
            "1/1/1 Unfinished",
        ),
        (
            "replicas: 2",
            "observedGeneration: 2, replicas: 2, updatedReplicas: 1, readyReplicas: 1, conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded, message: timed out}]",
            "1/1/2 ProgressDeadlineExceeded: timed out",
        ),
        // The condition is about the generation before.
        (
            "replicas: 2",
            "observedGeneration: 1, replicas: 2, conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded}]",
            "0/0/2 Unfinished",
        ),
    ] {
        assert_eq!(line::<Deployment>(spec, status), expected, "{spec}; {status}");
    }
}

#[test]
fn stateful_sets() {
    let partition = "replicas: 3, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 2}}";
    for (spec, status, expected) in [
        (
            "replicas: 2",
            "observedGeneration: 2, replicas: 2, updatedReplicas: 2, readyReplicas: 2, currentRevision: b, updateRevision: b",
            "2/2/2 Complete",
        ),
        (
            "replicas: 2",
            "observedGeneration: 2, replicas: 2, updatedReplicas: 1, readyReplicas: 2, currentRevision: a, updateRevision: b",
            "1/2/2 Unfinished",
        ),
        (
            "replicas: 2",
            "observedGeneration: 2, replicas: 2, updatedReplicas: 2, readyReplicas: 1, currentRevision: b, updateRevision: b",
            "2/1/2 Unfinished",
        ),
        (
            "replicas: 2",
            "observedGeneration: 1, replicas: 2, updatedReplicas: 2, readyReplicas: 2, currentRevision: a, updateRevision: a",
            "2/2/2 Unfinished",
        ),
        (
            partition,
            "observedGeneration: 2, replicas: 3, updatedReplicas: 1, readyReplicas: 3, currentRevision: a, updateRevision: b",
            "1/3/3 Complete",
        ),
        (
            partition,
            "observedGeneration: 2, replicas: 3, updatedReplicas: 0, readyReplicas: 3, currentRevision: a, updateRevision: b",
            "0/3/3 Unfinished",
        ),
        (
            "replicas: 2, updateStrategy: {type: OnDelete}",
            "observedGeneration: 2, replicas: 2, updatedReplicas: 0, readyReplicas: 2, currentRevision: a, updateRevision: b",
            "0/2/2 Complete",
        ),
    ] {
        assert_eq!(line::<StatefulSet>(spec, status), expected, "{spec}; {status}");
    }
}

#[test]
fn daemon_sets() {
    let counts = "currentNumberScheduled: 2, numberMisscheduled: 0";
    for (spec, status, expected) in [
        (
            "",
            "observedGeneration: 2, desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberReady: 2, numberAvailable: 2",
            "2/2/2 Complete",
        ),
        (
            "",
            "observedGeneration: 2, desiredNumberScheduled: 2, updatedNumberScheduled: 1, numberReady: 2, numberAvailable: 2",
            "1/2/2 Unfinished",
        ),
        (
            "",
            "observedGeneration: 2, desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberReady: 1, numberAvailable: 1",
            "2/1/2 Unfinished",
        ),
        (
            "",
            "observedGeneration: 1, desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberReady: 2, numberAvailable: 2",
            "2/2/2 Unfinished",
        ),
        (
            "updateStrategy: {type: OnDelete}",
            "observedGeneration: 2, desiredNumberScheduled: 2, updatedNumberScheduled: 0, numberReady: 2, numberAvailable: 2",
            "0/2/2 Complete",
        ),
    ] {
        assert_eq!(line::<DaemonSet>(spec, &format!("{counts}, {status}")), expected, "{spec}; {status}");
    }
}

#[test]
fn replica_sets() {
    for (status, expected) in [
        ("observedGeneration: 2, replicas: 2, readyReplicas: 2, availableReplicas: 2", "2/2/2 Complete"),
        ("observedGeneration: 2, replicas: 2, readyReplicas: 2, availableReplicas: 1", "2/2/2 Unfinished"),
        (
            "observedGeneration: 2, replicas: 0, conditions: [{type: ReplicaFailure, status: 'True', reason: FailedCreate, message: exceeded quota}]",
            "0/0/2 FailedCreate: exceeded quota",
        ),
    ] {
        assert_eq!(line::<ReplicaSet>("replicas: 2", status), expected, "{status}");
    }
}

#[test]
fn what_argo_cd_ignores_is_complete() {
    let ignored = of::<Deployment>(
        "metadata: {name: web, annotations: {argocd.argoproj.io/ignore-healthcheck: 'true'}}\nspec: {replicas: 2, selector: {}, template: {}}",
    );
    assert_eq!(ignored.rollout().state, RolloutState::Complete);
}

#[test]
fn the_newest_pod_that_ails_is_named() {
    let pod = |name: &str, minute: u32, status: &str| {
        of::<Pod>(&format!(
            "metadata: {{name: {name}, creationTimestamp: '2026-05-04T12:0{minute}:00Z'}}\nstatus: {{{status}}}"
        ))
    };
    let waits = |reason: &str| {
        format!(
            "containerStatuses: [{{name: web, image: i, imageID: '', ready: false, restartCount: 0, state: {{waiting: {{reason: {reason}, message: 'since a while'}}}}}}]"
        )
    };
    let old = pod("web-1", 1, &waits("CrashLoopBackOff"));
    let new = pod("web-2", 2, &waits("ImagePullBackOff"));
    let fresh = pod("web-3", 3, &waits("ContainerCreating"));
    let unscheduled =
        pod("web-4", 4, "conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable, message: no node}]");
    let said = |pods: &[&Pod]| trouble(&pods.iter().map(|pod| (*pod).clone()).collect::<Vec<_>>());
    assert_eq!(said(&[&old, &new, &fresh]).unwrap(), "pod web-2: ImagePullBackOff: since a while");
    assert_eq!(said(&[&old, &unscheduled]).unwrap(), "pod web-4: Unschedulable: no node");
    assert_eq!(said(&[&fresh]), None);
}
