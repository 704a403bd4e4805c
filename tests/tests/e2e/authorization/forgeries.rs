//! What is refused of those who may do much, and in which words.

use futures::future::join_all;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::{Place, append, run, told, waiting};

const APPEND_ONLY: &str = "actions are appended, one a request, and never changed or removed";

/// An entry, by whom, and what is said of it.
const ENTRIES: [(&str, &str, &str); 20] = [
    (r#"{"type": "Abort", "by": "carol"}"#, "developer", "by must be your own user name: developer"),
    (
        r#"{"type": "Approve", "by": "approver", "stage": "production"}"#,
        "carol",
        "by must be your own user name: carol",
    ),
    (
        r#"{"type": "Abort", "by": "system:serviceaccount:sluice-system:sluice-controller"}"#,
        "carol",
        "by must be your own",
    ),
    (
        r#"{"type": "Approve", "by": "approver", "stage": "dev"}"#,
        "approver",
        "stage dev awaits no approval: it is Succeeded at attempt 2",
    ),
    (r#"{"type": "Reject", "by": "approver", "stage": "dev"}"#, "approver", "stage dev awaits no approval"),
    (
        r#"{"type": "Approve", "by": "approver", "stage": "production", "attempt": 1}"#,
        "approver",
        "attempt 1 of stage production awaits no approval: it is AwaitingApproval at attempt 2",
    ),
    (
        r#"{"type": "Approve", "by": "approver", "stage": "production", "attempt": 3}"#,
        "approver",
        "attempt 3 of stage production awaits",
    ),
    (
        r#"{"type": "Approve", "by": "approver", "stage": "none"}"#,
        "approver",
        "the status of the run has no stage none",
    ),
    (r#"{"type": "Approve", "by": "approver"}"#, "approver", "Approve has to name a stage"),
    (r#"{"type": "Reject", "by": "approver"}"#, "approver", "Reject has to name a stage"),
    (r#"{"type": "Skip", "by": "carol"}"#, "carol", "Skip has to name a stage"),
    (
        r#"{"type": "Approve", "by": "approver", "stage": "production", "item": "eu"}"#,
        "approver",
        "stage production has no item eu",
    ),
    (
        r#"{"type": "Approve", "by": "approver", "stage": "production", "step": "deploy"}"#,
        "approver",
        "Approve is about a stage as a whole",
    ),
    (
        r#"{"type": "Skip", "by": "carol", "stage": "production", "step": "none"}"#,
        "carol",
        "stage production has no step none",
    ),
    (r#"{"type": "Retry", "by": "carol", "step": "deploy"}"#, "carol", "name the stage of the item or step, too"),
    (
        r#"{"type": "Retry", "by": "carol", "stage": "production", "attempt": 2}"#,
        "carol",
        "only Approve and Reject name an attempt",
    ),
    // Whoever may do it on one thing does not get at another by its name.
    (
        r#"{"type": "Approve", "by": "dave", "stage": "staging"}"#,
        "dave",
        "dave needs the verb approve on pipelines/web",
    ),
    (
        r#"{"type": "Approve", "by": "dave", "stage": "production"}"#,
        "dave",
        "dave needs the verb approve on environments/production",
    ),
    (
        r#"{"type": "Abort", "by": "dave", "stage": "secret"}"#,
        "dave",
        "Abort is about the whole run: name no stage, item or step",
    ),
    (
        r#"{"type": "Approve", "by": "approver", "stage": "secret"}"#,
        "approver",
        "approver needs the verb approve on stages/web.secret",
    ),
];

#[tokio::test]
async fn an_entry_is_of_whoever_appends_it_and_about_what_is_there() {
    let place = Place::open().await;
    place.run("web", &waiting()).await;
    let approval = json!({"type": "Approve", "by": "approver", "stage": "production", "reason": "fine"});
    append(&place.runs_as("approver").await, "web", &approval).await.expect("accepted");
    let asked = ENTRIES.iter().map(async |(entry, person, words)| {
        let entry = serde_json::from_str(entry).expect("an entry");
        let refusal = append(&place.runs_as(person).await, "web", &entry).await.expect_err(words);
        assert!(refusal.contains(words), "{refusal}\ninstead of\n{words}");
    });
    join_all(asked).await;
    // A copy of what somebody else has said, reason and all.
    let refusal = append(&place.runs_as("carol").await, "web", &approval).await.expect_err("a copy");
    assert!(refusal.contains("by must be your own user name: carol"), "{refusal}");
    assert_eq!(place.asked("web").await, json!([approval]));
}

#[tokio::test]
async fn what_was_said_stays_said() {
    let place = Place::open().await;
    place.run("web", &waiting()).await;
    let runs = place.runs_as("carol").await;
    let said = |kind: &str| json!({"type": kind, "by": "carol", "reason": "because"});
    let (first, second, third) = (said("Pause"), said("Resume"), said("Abort"));
    for entry in [&first, &second] {
        append(&runs, "web", entry).await.expect("accepted");
    }
    let mut edited = first.clone();
    edited["reason"] = "another".into();
    for (what, actions) in [
        ("an edit", json!([edited, second])),
        ("an edit with an entry", json!([edited, second, third])),
        ("a removal", json!([first])),
        ("a removal with an entry", json!([second, third])),
        ("another order", json!([second, first])),
        ("two at once", json!([first, second, third, third])),
        ("one before", json!([third, first, second])),
        ("none left", json!([])),
    ] {
        let patch = Patch::Merge(json!({"spec": {"actions": actions}}));
        let refusal = told(runs.patch("web", &PatchParams::default(), &patch).await).expect_err(what);
        assert!(refusal.contains(APPEND_ONLY), "{what}: {refusal}");
    }
    assert_eq!(place.asked("web").await, json!([first, second]));
}

/// The cluster's administrator, who has every right, and an account of the controller's name in another namespace.
#[tokio::test]
async fn nobody_but_the_controller_says_how_things_stand() {
    let place = Place::open().await;
    let (cluster, namespace) = (place.test.cluster(), place.test.name());
    let before = place.run("web", &waiting()).await.data["status"].clone();
    place.test.apply(
        r#"{"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "sluice.dev/v1alpha1", "kind": "Environment", "metadata": {"name": "production"}, "spec": {}},
            {"apiVersion": "sluice.dev/v1alpha1", "kind": "Pipeline", "metadata": {"name": "web"}, "spec": {
                "serviceAccountName": "a", "stages": [{"name": "a", "steps": [{"name": "a", "set": {"values": {"b": "c"}}}]}]}},
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "sluice-controller"}},
            {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "other"},
             "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "sluice-controller"},
             "subjects": [{"kind": "ServiceAccount", "name": "sluice-controller"}]}]}"#,
    );
    let other = cluster.service_account(namespace, "sluice-controller").await.expect("an account");
    let no_guard = json!([{"op": "remove", "path": "/status/stages/2/guard"}]);
    let another = json!([{"op": "replace", "path": "/status/stages/2/guard/name", "value": "dev"}]);
    let environment = json!([{"op": "add", "path": "/status/stages/2/environment", "value": "dev"}]);
    let approved = json!([{"op": "replace", "path": "/status/stages/2/phase", "value": "Running"}]);
    for client in [cluster.admin(), other] {
        for patch in [&no_guard, &another, &environment, &approved] {
            let patch: Patch<()> = Patch::Json(serde_json::from_value(patch.clone()).expect("a patch"));
            let runs = place.runs(client.clone());
            let refusal = told(runs.patch_status("web", &PatchParams::default(), &patch).await).expect_err("refused");
            let is_right =
                ["only the controller writes a status", "is forbidden: User"].iter().any(|it| refusal.contains(it));
            assert!(is_right, "{refusal}");
        }
    }
    for (kind, name) in [("Environment", "production"), ("Pipeline", "web")] {
        let patch = Patch::Merge(json!({"status": {"observedGeneration": 7}}));
        let answer = place.kind(kind, cluster.admin()).patch_status(name, &PatchParams::default(), &patch).await;
        let refusal = told(answer).expect_err("refused");
        assert!(refusal.contains("only the controller writes a status"), "{kind}: {refusal}");
    }
    let run = place.runs(cluster.admin()).get("web").await.expect("the run");
    assert_eq!(run.data["status"], before);
}

#[tokio::test]
async fn a_status_that_comes_with_something_else_counts_for_nothing() {
    let place = Place::open().await;
    let admin = place.runs(place.test.cluster().admin());
    let mut forged = run("forged");
    forged["status"] = waiting();
    let made =
        admin.create(&PostParams::default(), &serde_json::from_value(forged).expect("a run")).await.expect("a run");
    assert_eq!(made.data.get("status"), None);

    // Of the same request, which says that the stage waits, and whom it asks.
    let mut run = place.run("web", &waiting()).await;
    run.data["status"]["stages"][0]["phase"] = "AwaitingApproval".into();
    run.data["spec"]["actions"] = json!([{"type": "Approve", "by": "approver", "stage": "dev"}]);
    let answer = place.runs_as("approver").await.replace("web", &PostParams::default(), &run).await;
    let refusal = told(answer).expect_err("refused");
    assert!(refusal.contains("stage dev awaits no approval: it is Succeeded"), "{refusal}");
    run.data["status"]["stages"][3]["guard"] = json!({"resource": "environments", "name": "production"});
    run.data["spec"]["actions"] = json!([{"type": "Approve", "by": "approver", "stage": "secret"}]);
    let answer = place.runs_as("approver").await.replace("web", &PostParams::default(), &run).await;
    let refusal = told(answer).expect_err("refused");
    assert!(refusal.contains("approver needs the verb approve on stages/web.secret"), "{refusal}");
}

#[tokio::test]
async fn a_run_begins_as_nobody_elses_and_stays_what_it_is() {
    let place = Place::open().await;
    let runs = place.runs_as("carol").await;
    let parent = json!({"name": "a", "uid": "b", "step": "c", "key": "d", "pipelines": ["other"]});
    let trigger = json!({"parent": parent});
    for (field, value, words) in [
        ("requestedBy", json!("alice"), "requestedBy must be your own user name, or left out: carol"),
        ("trigger", trigger, "only the controller sets trigger: leave it out"),
        ("actions", json!([{"type": "Approve", "by": "carol", "stage": "a"}]), "a run is created without actions"),
    ] {
        let mut run = run("forged");
        run["spec"][field] = value;
        let made = runs.create(&PostParams::default(), &serde_json::from_value(run).expect("a run")).await;
        let refusal = told(made).expect_err(words);
        assert!(refusal.contains(words), "{refusal}\ninstead of\n{words}");
    }
    place.run("web", &waiting()).await;
    for patch in [
        json!({"pipelineRef": {"name": "other"}}),
        json!({"params": {"version": "2"}}),
        json!({"requestedBy": "carol"}),
    ] {
        let patch = Patch::Merge(json!({"spec": patch}));
        let refusal = told(runs.patch("web", &PatchParams::default(), &patch).await).expect_err("refused");
        assert!(refusal.contains("a run never changes; create another one"), "{refusal}");
    }
}

/// The API server gives a policy so much to compute and no more.
#[tokio::test]
async fn a_status_as_large_as_they_get_is_judged_too() {
    let place = Place::open().await;
    let steps: Vec<Value> = (0..40).map(|step| json!({"name": format!("step{step}"), "phase": "Pending"})).collect();
    let guard = json!({"resource": "environments", "name": "production"});
    let stages = (0..100).map(|item| {
        json!({"name": "deploy", "item": format!("item{item}"), "phase": "AwaitingApproval", "attempt": 1, "guard": guard,
            "steps": steps})
    });
    let status = json!({"phase": "Running", "stages": stages.collect::<Vec<_>>()});
    assert!(status.to_string().len() > 150_000, "{}", status.to_string().len());
    place.run("large", &status).await;
    let carol = place.runs_as("carol").await;
    let last = json!({"type": "Skip", "by": "carol", "stage": "deploy", "step": "step39", "item": "item99"});
    append(&carol, "large", &last).await.expect("accepted");
    let none = json!({"type": "Skip", "by": "carol", "stage": "deploy", "step": "none"});
    let refusal = append(&carol, "large", &none).await.expect_err("refused");
    assert!(refusal.contains("stage deploy has no step none"), "{refusal}");
    let all = json!({"type": "Approve", "by": "carol", "stage": "deploy"});
    append(&carol, "large", &all).await.expect("accepted");
    let other = json!({"type": "Approve", "by": "carol", "stage": "deploy", "attempt": 2});
    let refusal = append(&carol, "large", &other).await.expect_err("refused");
    assert!(refusal.contains("attempt 2 of stage deploy awaits no approval"), "{refusal}");
}

#[tokio::test]
async fn the_last_place_of_the_list_is_kept_for_the_controller() {
    let place = Place::open().await;
    place.run("web", &waiting()).await;
    let carol = place.runs_as("carol").await;
    let entry = json!({"type": "Pause", "by": "carol"});
    for _ in 0..127 {
        append(&carol, "web", &entry).await.expect("accepted");
    }
    let refusal = append(&carol, "web", &entry).await.expect_err("refused");
    assert!(
        refusal.contains("the run has had 127 actions, which is all that it takes; to end it, delete it"),
        "{refusal}"
    );
    let probe = append(&place.runs(place.controller.clone()), "web", &json!({"type": "Abort", "by": "nobody"})).await;
    assert!(probe.expect_err("refused").contains("by must be your own user name"));
    // It has to be able to end what a step has started.
    let by = "system:serviceaccount:sluice-system:sluice-controller";
    append(&place.runs(place.controller.clone()), "web", &json!({"type": "Abort", "by": by})).await.expect("accepted");
}

/// Kubernetes would delete a run whose owner there is none of; and one without its finalizer goes without its hooks.
#[tokio::test]
async fn nobody_lets_a_run_go_who_may_not_delete_it() {
    let place = Place::open().await;
    place.run("web", &waiting()).await;
    let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "none", "uid": "1"});
    let owned = Patch::Merge(json!({"metadata": {"ownerReferences": [owner]}}));
    let finalizers = |names: &[&str]| Patch::Merge(json!({"metadata": {"finalizers": names}}));
    let params = PatchParams::default();
    let (approver, carol) = (place.runs_as("approver").await, place.runs_as("carol").await);
    carol.patch("web", &params, &finalizers(&["sluice.dev/abort"])).await.expect("whoever may delete it");
    for patch in [&owned, &finalizers(&[])] {
        let refusal = told(approver.patch("web", &params, patch).await).expect_err("refused");
        assert!(refusal.contains("approver needs the verb delete on pipelineruns/web"), "{refusal}");
    }
    let labelled = Patch::Merge(json!({"metadata": {"labels": {"seen": "yes"}}}));
    approver.patch("web", &params, &labelled).await.expect("a label is no matter");
    carol.patch("web", &params, &finalizers(&[])).await.expect("whoever may delete it");
}
