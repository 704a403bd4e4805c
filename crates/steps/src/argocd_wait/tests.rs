use expect_test::{Expect, expect};
use http::StatusCode;
use sluice_api::ScmProviderSpec;

use super::*;
use crate::fake_server::FakeServer;
use crate::fake_world::{FakeWorld, forbidden, status};

const W: &str = "9f8e7d69f8e7d69f8e7d69f8e7d69f8e7d69f8e7";
const LATER: &str = "5c6d7e85c6d7e85c6d7e85c6d7e85c6d7e85c6d7";
const URL: &str = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/web";
const PATCH: &str = "PATCH /apis/argoproj.io/v1alpha1/namespaces/argocd/applications/web?";
const DEPLOYMENT: &str = "GET /apis/apps/v1/namespaces/shop/deployments/web";
const PODS: &str = "GET /api/v1/namespaces/shop/pods?&labelSelector=app%3Dweb&limit=50";

/// An Application that is Synced and Healthy at this commit and manages the Deployment `web`.
fn application(revision: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "web", "namespace": "argocd", "resourceVersion": "7"},
        "spec": {
            "source": {"repoURL": "http://127.0.0.1:3000/shop/gitops.git", "path": "web", "targetRevision": "main"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
        },
        "status": {
            "sync": {"status": "Synced", "revision": revision},
            "health": {"status": "Healthy"},
            "reconciledAt": "2026-05-04T12:00:00Z",
            "resources": [{"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "web", "status": "Synced"}],
            "summary": {"images": ["web:1.1"]},
        },
    })
}

fn deployment(updated: i32) -> Value {
    json!({
        "metadata": {"name": "web", "namespace": "shop", "generation": 2},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": {}},
        "status": {"observedGeneration": 2, "replicas": 2, "updatedReplicas": updated, "readyReplicas": 2, "availableReplicas": 2},
    })
}

fn world(revision: &str) -> FakeWorld {
    world_at("http://127.0.0.1:3000", application(revision))
}

fn world_at(git_host: &str, application: Value) -> FakeWorld {
    let provider: ScmProviderSpec =
        serde_json::from_value(json!({"gitea": {"url": git_host}, "secretRef": {"name": "gitea-token"}})).unwrap();
    FakeWorld::default()
        .with_provider("gitea", provider)
        .with_secret("gitea-token", "token", "t")
        .with_kubernetes(&format!("GET {URL}"), 200, application)
        .with_kubernetes(DEPLOYMENT, 200, deployment(2))
}

fn config(yaml: &str) -> ArgocdWait {
    serde_saphyr::from_str(&format!("application: {{name: web}}\n{yaml}")).unwrap()
}

fn commit() -> Outputs {
    let commit = json!({"sha": W, "repository": "shop/gitops", "providerRef": {"name": "gitea"}});
    [("commit".to_owned(), commit), ("mergedBy".to_owned(), json!("alice"))].into_iter().collect()
}

fn said(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Succeeded(outputs) => json!(outputs).to_string(),
        Outcome::Waiting { look_at, message, act_again, .. } => {
            let how = if *act_again { "acts" } else { "looks" };
            format!("{how} at {look_at}: {}", message.clone().unwrap_or_default())
        }
        Outcome::Failed(failure) => format!("{}: {}", failure.reason, failure.message),
    }
}

fn reported(world: &FakeWorld) -> Vec<String> {
    world.reports.lock().unwrap().iter().map(|report| report.message.clone()).collect()
}

async fn look(world: &FakeWorld, yaml: &str) -> Outcome {
    let from = commit();
    config(yaml).look(&StepContext { from: Some(&from), ..world.context() }).await
}

#[track_caller]
fn check(outcome: &Outcome, expected: Expect) {
    expected.assert_eq(&said(outcome));
}

#[tokio::test]
async fn an_application_that_runs_the_commit_gives_its_revision_and_images() {
    let world = world(W);
    check(
        &look(&world, "commitFrom: merged").await,
        expect![[
            r#"{"health":"Healthy","images":["web:1.1"],"revision":"9f8e7d69f8e7d69f8e7d69f8e7d69f8e7d69f8e7","workloads":[{"desired":2,"kind":"Deployment","name":"web","namespace":"shop","ready":2,"updated":2}]}"#
        ]],
    );
    assert_eq!(reported(&world), ["Application argocd/web: Synced and Healthy at 9f8e7d6"]);
}

#[tokio::test]
async fn an_application_that_is_not_there_is_waited_for() {
    let world = FakeWorld { kubernetes: Some([].into()), ..world(W) };
    check(
        &look(&world, "interval: 5s").await,
        expect!["looks at 2026-05-04T12:00:05Z: waits for Application argocd/web to be created"],
    );
    let act = config("sync: {}").act(&world.context()).await;
    check(&act, expect!["acts at 2026-05-04T12:00:30Z: waits for Application argocd/web to be created"]);
}

#[tokio::test]
async fn an_application_that_may_not_be_read_is_a_failure() {
    let world = world(W).with_kubernetes(
        &format!("GET {URL}"),
        403,
        forbidden("applications", "argoproj.io", "applications is forbidden"),
    );
    check(
        &look(&world, "").await,
        expect![
            "Forbidden: failed to read Application argocd/web: applications is forbidden; grant the run's service account the verb get on applications.argoproj.io with a Role"
        ],
    );
}

#[tokio::test]
async fn an_api_server_that_is_away_is_waited_for_and_nothing_seen_is_forgotten() {
    let world = world(W).with_kubernetes(&format!("GET {URL}"), 503, status(503, "ServiceUnavailable", "try later"));
    let noted = json!({"refreshed": true, "sync": "OutOfSync"});
    let outcome = config("").look(&StepContext { progress: Some(&noted), ..world.context() }).await;
    let waits = said(&outcome);
    assert!(waits.starts_with("looks at 2026-05-04T12:00:30Z: failed to read Application argocd/web: "), "{waits}");
    let Outcome::Waiting { progress: Some(progress), .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((&progress["refreshed"], &progress["sync"]), (&json!(true), &json!("OutOfSync")));
}

#[tokio::test]
async fn healthy_is_not_believed_before_the_live_rollout_is_complete() {
    let pod = json!({"metadata": {"name": "web-1"}, "status": {"containerStatuses": [
        {"name": "web", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff"}}},
    ]}});
    let world = world(W).with_kubernetes(DEPLOYMENT, 200, deployment(1)).with_kubernetes(
        PODS,
        200,
        json!({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [pod]}),
    );
    check(
        &look(&world, "commitFrom: merged").await,
        expect![
            "looks at 2026-05-04T12:00:30Z: Application argocd/web: Progressing: Deployment web 1 of 2 updated, 2 ready, 2 desired (pod web-1: ImagePullBackOff)"
        ],
    );
}

#[tokio::test]
async fn workloads_that_may_not_be_read_do_not_stop_the_wait() {
    let world = world(W).with_kubernetes(
        DEPLOYMENT,
        403,
        forbidden("deployments", "apps", "deployments.apps \"web\" is forbidden"),
    );
    check(
        &look(&world, "commitFrom: merged").await,
        expect![[
            r#"{"health":"Healthy","images":["web:1.1"],"revision":"9f8e7d69f8e7d69f8e7d69f8e7d69f8e7d69f8e7","workloads":[]}"#
        ]],
    );
    assert_eq!(
        reported(&world),
        [
            "Application argocd/web: some workloads are judged by Argo CD alone: failed to read Deployment shop/web: deployments.apps \"web\" is forbidden; grant the run's service account the verb get on deployments.apps with a Role",
            "Application argocd/web: Synced and Healthy at 9f8e7d6",
        ]
    );
}

#[tokio::test]
async fn workloads_of_another_cluster_are_not_looked_for_in_this_one() {
    let mut application = application(W);
    application["spec"]["destination"] = json!({"name": "production"});
    application["status"]["health"]["status"] = json!("Progressing");
    check(
        &look(&world_at("http://127.0.0.1:3000", application), "commitFrom: merged").await,
        expect![
            "looks at 2026-05-04T12:00:30Z: Application argocd/web: Progressing at 9f8e7d6 (its workloads are in another cluster and are judged by Argo CD alone)"
        ],
    );
}

#[tokio::test]
async fn a_repository_that_is_no_source_is_a_failure_that_names_the_urls() {
    let host = FakeServer::start(|_| {
        json!({
            "full_name": "shop/gitops", "default_branch": "main", "html_url": "https://git.example/shop/gitops",
            "clone_url": "https://git.example/shop/gitops.git", "ssh_url": "git@git.example:shop/gitops.git",
            "archived": false, "mirror": false, "name": "gitops", "owner": {"login": "shop"},
        })
        .to_string()
    })
    .await;
    let outcome = look(&world_at(&host.url(""), application(W)), "commitFrom: merged").await;
    let said = said(&outcome).replace(&host.url(""), "http://HOST");
    expect!["SourceNotFound: no source of Application argocd/web is the repository shop/gitops of the commit: its sources are http://127.0.0.1:3000/shop/gitops.git, the repository's URLs are http://HOST/shop/gitops, https://git.example/shop/gitops.git, git@git.example:shop/gitops.git"].assert_eq(&said);
}

#[tokio::test]
async fn the_git_host_is_asked_once_whether_a_commit_is_a_descendant() {
    // No commit is reachable from the wanted one and not from the later one.
    let host = FakeServer::start(|_| "[]").await;
    let mut later = application(LATER);
    later["spec"]["source"]["repoURL"] = json!(format!("{}/shop/gitops", host.url("")));
    let world = world_at(&host.url(""), later).with_kubernetes(DEPLOYMENT, 200, deployment(1));
    let first = look(&world, "commitFrom: merged").await;
    check(
        &first,
        expect![
            "looks at 2026-05-04T12:00:30Z: Application argocd/web: Progressing: Deployment web 1 of 2 updated, 2 ready, 2 desired"
        ],
    );
    let Outcome::Waiting { progress, .. } = first else { panic!("{first:?}") };
    let from = commit();
    let context = StepContext { from: Some(&from), progress: progress.as_ref(), ..world.context() };
    check(
        &config("commitFrom: merged").look(&context).await,
        expect![
            "looks at 2026-05-04T12:00:30Z: Application argocd/web: Progressing: Deployment web 1 of 2 updated, 2 ready, 2 desired"
        ],
    );
    assert_eq!(host.received().len(), 1);
}

#[tokio::test]
async fn a_git_host_that_is_away_is_waited_for() {
    let host = FakeServer::start(|_| StatusCode::BAD_GATEWAY).await;
    let mut later = application(LATER);
    later["spec"]["source"]["repoURL"] = json!(format!("{}/shop/gitops", host.url("")));
    let outcome = look(&world_at(&host.url(""), later), "commitFrom: merged").await;
    assert!(matches!(outcome, Outcome::Waiting { act_again: false, .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_sync_is_started_and_looked_at_right_away() {
    let mut started = application(W);
    started["operation"] = json!({"info": [{"name": "sluice.dev/key", "value": "sluice-key-1"}]});
    let world = world(W).with_kubernetes(PATCH, 200, started);
    check(
        &config("sync: {}").act(&world.context()).await,
        expect!["looks at 2026-05-04T12:00:30Z: Application argocd/web: a sync is requested"],
    );
}

#[tokio::test]
async fn a_sync_that_meets_a_change_is_tried_again_soon() {
    let world = world(W).with_kubernetes(PATCH, 409, status(409, "Conflict", "the object has been modified"));
    check(
        &config("sync: {}").act(&world.context()).await,
        expect!["acts at 2026-05-04T12:00:02Z: Application argocd/web changed meanwhile"],
    );
    let world = world.with_kubernetes(PATCH, 503, status(503, "ServiceUnavailable", "try later"));
    check(
        &config("sync: {}").act(&world.context()).await,
        expect!["acts at 2026-05-04T12:00:02Z: failed to patch Application argocd/web: try later"],
    );
    let world =
        world.with_kubernetes(PATCH, 403, forbidden("applications", "argoproj.io", "applications is forbidden"));
    check(
        &config("sync: {}").act(&world.context()).await,
        expect![
            "Forbidden: failed to patch Application argocd/web: applications is forbidden; grant the run's service account the verb patch on applications.argoproj.io with a Role"
        ],
    );
}

#[tokio::test]
async fn a_sync_waits_for_the_end_of_another_one() {
    let mut running = application(W);
    running["operation"] = json!({"sync": {}});
    let world = world_at("http://127.0.0.1:3000", running);
    check(
        &config("sync: {}").act(&world.context()).await,
        expect![
            "acts at 2026-05-04T12:00:30Z: Application argocd/web: waits for the end of another sync before it starts its own"
        ],
    );
}

#[tokio::test]
async fn a_refresh_is_asked_for_once() {
    let mut asked = application(W);
    asked["metadata"]["annotations"] = json!({"argocd.argoproj.io/refresh": "normal"});
    asked["status"]["reconciledAt"] = json!("2026-05-04T11:59:00Z");
    let mut before = asked.clone();
    before["metadata"]["annotations"] = json!({});
    let world = world_at("http://127.0.0.1:3000", before).with_kubernetes(PATCH, 200, asked);
    let outcome = config("refresh: Normal").act(&world.context()).await;
    check(
        &outcome,
        expect![
            "looks at 2026-05-04T12:00:30Z: Application argocd/web: Argo CD has not compared it since this step started"
        ],
    );
    let Outcome::Waiting { progress, .. } = outcome else { panic!("{outcome:?}") };
    // Argo CD has removed the annotation: it compared after the step asked, within the same second or not.
    let outcome = config("refresh: Normal").act(&StepContext { progress: progress.as_ref(), ..world.context() }).await;
    check(
        &outcome,
        expect![[
            r#"{"health":"Healthy","images":["web:1.1"],"revision":"9f8e7d69f8e7d69f8e7d69f8e7d69f8e7d69f8e7","workloads":[{"desired":2,"kind":"Deployment","name":"web","namespace":"shop","ready":2,"updated":2}]}"#
        ]],
    );
}

#[tokio::test]
async fn a_hydrated_application_has_no_commit_to_wait_for() {
    let mut hydrated = application(W);
    hydrated["spec"]["sourceHydrator"] = json!({"drySource": {}});
    check(
        &look(&world_at("http://127.0.0.1:3000", hydrated), "commitFrom: merged").await,
        expect![
            "Unsupported: Application argocd/web deploys a hydrated branch, whose commits do not descend from those of its dry source: wait for it with `revision`, or with neither"
        ],
    );
}
