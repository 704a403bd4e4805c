use expect_test::{Expect, expect};
use serde_json::json;

use super::*;
use crate::argocd_wait::workloads::Workload;

const W: &str = "9f8e7d69f8e7d69f8e7d69f8e7d69f8e7d69f8e7";

fn seen(phase: &str, workloads: &[(i32, i32, i32)], degraded: &[&str]) -> Progress {
    let workload = |(updated, ready, desired): &(i32, i32, i32)| Replicas {
        kind: "Deployment".to_owned(),
        namespace: "shop".to_owned(),
        name: "web".to_owned(),
        updated: *updated,
        ready: *ready,
        desired: *desired,
    };
    let started_at = Some("2026-05-04T12:00:10Z".parse().unwrap());
    Progress {
        sync: "Synced".to_owned(),
        workloads: workloads.iter().map(workload).collect(),
        degraded: degraded.iter().map(|&text| text.to_owned()).collect(),
        operation: (!phase.is_empty()).then(|| OperationSeen {
            phase: phase.to_owned(),
            revision: W.to_owned(),
            started_at,
        }),
        ..Progress::default()
    }
}

#[track_caller]
fn check(before: Option<&Progress>, now: &Progress, expected: Expect) {
    let line =
        |report: Report| format!("{}{}: {}", report.reason, if report.warning { "!" } else { "" }, report.message);
    expected.assert_eq(&news("argocd/web", before, now).into_iter().map(line).collect::<Vec<_>>().join("\n"));
}

#[test]
fn the_first_look_tells_what_is_going_on_and_nothing_of_before() {
    check(
        None,
        &seen("Running", &[(1, 1, 2)], &[]),
        expect![[r#"
        SyncStarted: Application argocd/web: syncs to 9f8e7d6
        RolloutProgressed: Application argocd/web: Deployment web 1 of 2 updated, 1 ready, 2 desired"#]],
    );
    check(None, &seen("Succeeded", &[(2, 2, 2)], &[]), expect![[""]]);
}

#[test]
fn a_look_without_a_change_tells_nothing() {
    let same = seen("Running", &[(1, 1, 2)], &["Deployment web: late"]);
    check(Some(&same), &same, expect![[""]]);
}

#[test]
fn the_end_of_a_sync_and_the_steps_of_a_rollout_are_told() {
    check(
        Some(&seen("Running", &[(0, 2, 2)], &[])),
        &seen("Succeeded", &[(1, 1, 2)], &[]),
        expect![[r#"
        SyncSucceeded: Application argocd/web: synced to 9f8e7d6
        RolloutProgressed: Application argocd/web: Deployment web 1 of 2 updated, 1 ready, 2 desired"#]],
    );
    check(
        Some(&seen("", &[], &[])),
        &seen("Succeeded", &[(2, 2, 2)], &[]),
        expect!["SyncSucceeded: Application argocd/web: synced to 9f8e7d6"],
    );
}

#[test]
fn what_ails_and_what_is_hidden_are_told_once() {
    let mut now = seen("", &[], &["Deployment web: late"]);
    now.hidden = Some("forbidden".to_owned());
    check(
        None,
        &now,
        expect![[r#"
        ResourceDegraded!: Application argocd/web: Deployment web: late
        WorkloadsHidden!: Application argocd/web: forbidden"#]],
    );
    let mut more = now.clone();
    more.degraded = vec!["Deployment web: late".to_owned(), "Deployment api: pod api-1: ErrImagePull: no".to_owned()];
    check(
        Some(&now),
        &more,
        expect!["ResourceDegraded!: Application argocd/web: Deployment api: pod api-1: ErrImagePull: no"],
    );
    let mut other_words = more.clone();
    other_words.degraded[1] = "Deployment api: pod api-1: ImagePullBackOff: back-off".to_owned();
    check(Some(&more), &other_words, expect![[""]]);
}

#[test]
fn what_is_noted_is_read_back_and_nonsense_is_not() {
    let noted =
        Progress { refreshed: true, ancestry: [(W.to_owned(), true)].into(), ..seen("Running", &[(1, 1, 2)], &[]) };
    assert_eq!(Progress::of(noted.to_value().as_ref()), noted);
    assert_eq!(Progress::of(Some(&json!({"sync": 7}))), Progress::default());
    assert_eq!(Progress::of(None), Progress::default());
}

#[test]
fn a_sight_is_noted_as_machines_read_it() {
    let application: Application = serde_saphyr::from_str(&format!(
        "status: {{sync: {{status: Synced, revision: {W}}}, health: {{status: Progressing}}, resources: [{{kind: ConfigMap, name: c, status: Synced}}, {{kind: Service, name: web, status: OutOfSync}}, {{kind: Job, name: h, hook: true}}]}}"
    ))
    .unwrap();
    let web: k8s_openapi::api::apps::v1::Deployment = serde_saphyr::from_str(
        "metadata: {name: web, namespace: shop}\nspec: {replicas: 2, selector: {}, template: {}}\nstatus: {updatedReplicas: 1, readyReplicas: 1}",
    )
    .unwrap();
    let rollouts = Rollouts { seen: vec![web.rollout()], ..Rollouts::default() };
    let noted = Progress::default().after(&application, &rollouts, None).to_value().unwrap();
    expect![[r#"{"degraded":[],"health":"Progressing","resources":{"synced":1,"total":2},"revision":"9f8e7d69f8e7d69f8e7d69f8e7d69f8e7d69f8e7","sync":"Synced","workloads":[{"desired":2,"kind":"Deployment","name":"web","namespace":"shop","ready":1,"updated":1}]}"#]].assert_eq(&serde_json::to_string(&noted).unwrap());
}
