use expect_test::{Expect, expect};
use serde::de::DeserializeOwned;

use super::*;
use crate::fake_world::now;

fn of<K: DeserializeOwned>(yaml: &str) -> K {
    serde_saphyr::from_str(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"))
}

fn config(more: &str) -> step::Job {
    let spec = "containers: [{name: web, image: web}, {name: side, image: side}]";
    of(&format!("template: {{spec: {{{spec}}}}}\n{more}"))
}

fn job(status: &str) -> Job {
    of(&format!("metadata: {{name: migrate-1, namespace: shop, uid: u1}}\nstatus: {{{status}}}"))
}

/// A pod of this phase, created at this minute, with more in its status.
fn pod(minute: u32, phase: &str, more: &str) -> Pod {
    let created = format!("2026-05-04T11:{minute:02}:00Z");
    of(&format!("metadata: {{name: p{minute}, creationTimestamp: '{created}'}}\nstatus: {{phase: {phase}, {more}}}"))
}

fn exited(name: &str, code: i32, reason: &str, message: &str) -> String {
    let state = format!("exitCode: {code}, reason: {reason}, message: {}", serde_json::to_string(message).unwrap());
    format!("{{name: {name}, image: i, imageID: i, ready: false, restartCount: 0, state: {{terminated: {{{state}}}}}}}")
}

fn judged(status: &str, pods: &[Pod]) -> Sight {
    judge("shop/migrate-1", &job(status), pods, &config(""), now()).unwrap()
}

const COMPLETE: &str = "conditions: [{type: SuccessCriteriaMet, status: 'True'}, {type: Complete, status: 'True'}]";
const BACKOFF: &str = "conditions: [{type: FailureTarget, status: 'True'}, {type: Failed, status: 'True', reason: BackoffLimitExceeded, message: Job has reached the specified backoff limit}]";

#[test]
fn what_the_container_left_becomes_the_outputs() {
    let left = |message: &str, more: &str| {
        let pod = pod(
            1,
            "Succeeded",
            &format!(
                "containerStatuses: [{}, {}]",
                exited("side", 0, "Completed", "aside"),
                exited("web", 0, "Completed", message)
            ),
        );
        let sight = judge("shop/migrate-1", &job(COMPLETE), &[pod], &config(more), now()).unwrap();
        let Outcome::Succeeded(outputs) = sight.outcome else { panic!("{sight:?}") };
        Value::Object(outputs)
    };
    for (message, more, outputs) in [
        (r#"{"image": "web:1.4", "count": 3}"#, "", json!({"image": "web:1.4", "count": 3})),
        ("done\n", "", json!({"message": "done"})),
        ("[1]", "", json!({"message": "[1]"})),
        ("{half", "", json!({"message": "{half"})),
        (" \n", "", json!({})),
        ("done", "outputsFrom: side", json!({"message": "aside"})),
        ("done", "outputsFrom: other", json!({})),
    ] {
        assert_eq!(left(message, more), outputs, "{message:?}, {more}");
    }
}

#[test]
fn the_pod_that_succeeded_is_asked_and_not_those_that_failed_before() {
    let statuses = |message: &str| format!("containerStatuses: [{}]", exited("web", 0, "Completed", message));
    let pods =
        [pod(1, "Failed", &statuses("old")), pod(2, "Succeeded", &statuses("new")), pod(3, "Failed", &statuses("odd"))];
    assert_eq!(judged(COMPLETE, &pods).outcome, Outcome::Succeeded(outputs("new")));
}

#[test]
fn a_complete_job_whose_pod_is_gone_has_no_outputs_and_says_so() {
    let Sight { outcome, warning } = judged(COMPLETE, &[]);
    assert_eq!(outcome, Outcome::Succeeded(Outputs::new()));
    assert_eq!(
        warning.unwrap(),
        "Job shop/migrate-1 is complete, but its pod is gone, and with it what it may have left as outputs"
    );
}

fn check_failure(status: &str, pods: &[Pod], expected: &Expect) {
    let Outcome::Failed(Failure { reason, message, transient, end, .. }) = judged(status, pods).outcome else {
        panic!()
    };
    assert_eq!((transient, end), (false, sluice_engine::End::Known), "it is for the pipeline to repeat it");
    expected.assert_eq(&format!("{reason}: {message}"));
}

#[test]
fn a_failed_job_says_what_ended_it() {
    let failed = |minute, more: &str| pod(minute, "Failed", more);
    let web = |code, reason, message| {
        format!(
            "containerStatuses: [{}, {}]",
            exited("side", 0, "Completed", "ok"),
            exited("web", code, reason, message)
        )
    };
    check_failure(
        BACKOFF,
        &[failed(1, &web(1, "Error", "first")), failed(2, &web(3, "Error", "no such table\n"))],
        &expect![
            "BackoffLimitExceeded: Job shop/migrate-1 failed: container web of pod p2 ended with exit code 3: no such table"
        ],
    );
    check_failure(
        BACKOFF,
        &[failed(1, &web(137, "OOMKilled", ""))],
        &expect!["OOMKilled: Job shop/migrate-1 failed: container web of pod p1 ended with exit code 137 (OOMKilled)"],
    );
    check_failure(
        BACKOFF,
        &[failed(1, "reason: Evicted, message: 'The node was low on resource: memory.'")],
        &expect!["Evicted: Job shop/migrate-1 failed: pod p1: The node was low on resource: memory"],
    );
    let disrupted = |reason| {
        format!("conditions: [{{type: DisruptionTarget, status: 'True', reason: {reason}}}], {}", web(143, "Error", ""))
    };
    check_failure(
        BACKOFF,
        &[failed(1, &disrupted("PreemptionByScheduler"))],
        &expect!["Preempted: Job shop/migrate-1 failed: container web of pod p1 ended with exit code 143"],
    );
    check_failure(
        BACKOFF,
        &[failed(1, &disrupted("EvictionByEvictionAPI"))],
        &expect!["Evicted: Job shop/migrate-1 failed: container web of pod p1 ended with exit code 143"],
    );
    check_failure(
        "conditions: [{type: Failed, status: 'True', reason: DeadlineExceeded, message: Job was active longer than specified deadline}]",
        &[],
        &expect!["DeadlineExceeded: Job shop/migrate-1 failed: Job was active longer than specified deadline"],
    );
    let init = format!("initContainerStatuses: [{}]", exited("prepare", 2, "Error", "no disk"));
    check_failure(
        BACKOFF,
        &[failed(1, &init)],
        &expect![
            "BackoffLimitExceeded: Job shop/migrate-1 failed: container prepare of pod p1 ended with exit code 2: no disk"
        ],
    );
    check_failure(
        "conditions: [{type: Failed, status: 'True'}]",
        &[],
        &expect!["JobFailed: Job shop/migrate-1 failed: JobFailed"],
    );
}

#[test]
fn of_many_last_words_the_last_are_shown() {
    let long = format!("{}panic: no space left", "line\n".repeat(1000));
    let pods = [pod(1, "Failed", &format!("containerStatuses: [{}]", exited("web", 1, "Error", &long)))];
    let Outcome::Failed(failure) = judged(BACKOFF, &pods).outcome else { panic!() };
    assert!(
        failure.message.ends_with("panic: no space left") && failure.message.contains(": …"),
        "{}",
        failure.message
    );
    assert!(failure.message.len() < 700, "{}", failure.message);
    assert_eq!(end_of("ä"), "ä");
}

fn check_waiting(status: &str, pods: &[Pod], expected: &Expect) {
    let Outcome::Waiting { look_at, message, progress, act_again, .. } = judged(status, pods).outcome else { panic!() };
    assert_eq!((look_at, act_again), (now() + jiff::SignedDuration::from_secs(30), false));
    expected.assert_eq(&format!("{} {}", message.unwrap(), progress.unwrap()));
}

#[test]
fn a_job_that_runs_says_how_it_stands_and_what_ails_its_pods() {
    check_waiting(
        "",
        &[],
        &expect![[
            r#"waits for Job shop/migrate-1: no pod is active yet {"active":0,"failed":0,"job":"migrate-1","ready":0,"uid":"u1"}"#
        ]],
    );
    check_waiting(
        "active: 1, ready: 0",
        &[pod(1, "Pending", "")],
        &expect![[
            r#"waits for Job shop/migrate-1: 1 pod is active and not ready yet {"active":1,"failed":0,"job":"migrate-1","ready":0,"uid":"u1"}"#
        ]],
    );
    check_waiting(
        "active: 1, ready: 1, failed: 2",
        &[],
        &expect![[
            r#"waits for Job shop/migrate-1: 1 pod is active, 1 ready, 2 failed {"active":1,"failed":2,"job":"migrate-1","ready":1,"uid":"u1"}"#
        ]],
    );
    check_waiting(
        "conditions: [{type: Suspended, status: 'True'}]",
        &[],
        &expect![[
            r#"waits for Job shop/migrate-1: it is suspended {"active":0,"failed":0,"job":"migrate-1","ready":0,"uid":"u1"}"#
        ]],
    );
    // It is about to be complete, and its pods are still ending.
    check_waiting(
        "active: 1, ready: 1, conditions: [{type: SuccessCriteriaMet, status: 'True'}, {type: Complete, status: 'False'}]",
        &[],
        &expect![[
            r#"waits for Job shop/migrate-1: 1 pod is active, 1 ready {"active":1,"failed":0,"job":"migrate-1","ready":1,"uid":"u1"}"#
        ]],
    );
    let waiting = "containerStatuses: [{name: web, image: i, imageID: i, ready: false, restartCount: 0, state: {waiting: {reason: ImagePullBackOff, message: Back-off pulling image}}}]";
    check_waiting(
        "active: 1",
        &[pod(1, "Pending", waiting)],
        &expect![[
            r#"waits for Job shop/migrate-1: pod p1: ImagePullBackOff: Back-off pulling image {"active":1,"failed":0,"job":"migrate-1","ready":0,"uid":"u1"}"#
        ]],
    );
}

#[test]
fn a_job_that_is_being_deleted_before_its_end_is_gone_and_one_after_it_is_not() {
    let mut running = job("active: 1");
    running.metadata.deletion_timestamp = Some(of("'2026-05-04T11:59:00Z'"));
    assert_eq!(judge("shop/migrate-1", &running, &[], &config(""), now()), None);
    let ended = Job { status: job(COMPLETE).status, ..running };
    assert!(judge("shop/migrate-1", &ended, &[], &config(""), now()).is_some());
}
