use super::*;
use crate::fake_world::{FakeWorld, forbidden, status};

const DEPLOYMENT: &str = "GET /apis/apps/v1/namespaces/shop/deployments/web";

fn kinds(version: &str, kinds: &[(&str, &str, bool)]) -> Value {
    let kinds = kinds.iter().map(|(kind, plural, namespaced)| {
        json!({"name": plural, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": ["get", "list"]})
    });
    json!({"kind": "APIResourceList", "groupVersion": version, "resources": kinds.collect::<Vec<_>>()})
}

fn world() -> FakeWorld {
    let apps = kinds("apps/v1", &[("Deployment", "deployments", true)]);
    let core = kinds("v1", &[("Secret", "secrets", true), ("Pod", "pods", true), ("Node", "nodes", false)]);
    FakeWorld::default().with_kubernetes("GET /apis/apps/v1", 200, apps).with_kubernetes("GET /api/v1", 200, core)
}

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "managedFields": [{"manager": "kubectl"}]},
        "spec": {"replicas": 2},
    })
}

async fn look(world: &FakeWorld, config: Value) -> Outcome {
    let resource: Resource = serde_json::from_value(config).unwrap();
    resource.look(&world.context()).await
}

fn outputs(outcome: Outcome) -> Value {
    match outcome {
        Outcome::Succeeded(outputs) => json!(outputs),
        other => panic!("{other:?}"),
    }
}

fn failure(outcome: Outcome) -> (String, String) {
    match outcome {
        Outcome::Failed(Failure { reason, message, .. }) => (reason, message),
        other => panic!("{other:?}"),
    }
}

fn web() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"})
}

#[tokio::test]
async fn an_object_is_read_without_its_managed_fields() {
    let world = world().with_kubernetes(DEPLOYMENT, 200, deployment());
    let mut expected = deployment();
    expected["metadata"].as_object_mut().unwrap().remove("managedFields");
    assert_eq!(outputs(look(&world, web()).await), json!({"object": expected}));
}

#[tokio::test]
async fn an_object_that_does_not_exist_is_null() {
    assert_eq!(outputs(look(&world(), web()).await), json!({"object": null}));
}

#[tokio::test]
async fn another_namespace_is_read_when_it_is_named_and_none_for_kinds_without() {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "other"}});
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}});
    let world = world().with_kubernetes("GET /api/v1/namespaces/other/pods/p", 200, pod.clone()).with_kubernetes(
        "GET /api/v1/nodes/n",
        200,
        node.clone(),
    );
    let pod_config = json!({"apiVersion": "v1", "kind": "Pod", "namespace": "other", "name": "p"});
    assert_eq!(outputs(look(&world, pod_config).await)["object"], pod);
    assert_eq!(outputs(look(&world, json!({"apiVersion": "v1", "kind": "Node", "name": "n"})).await)["object"], node);
}

#[tokio::test]
async fn a_selector_picks_items_that_know_their_kind() {
    let mut item = deployment();
    item.as_object_mut().unwrap().retain(|member, _| member == "metadata" || member == "spec");
    let list = json!({"apiVersion": "apps/v1", "kind": "DeploymentList", "metadata": {}, "items": [item]});
    let request = "GET /apis/apps/v1/namespaces/shop/deployments?&labelSelector=app%3Dweb&limit=100";
    let world = world().with_kubernetes(request, 200, list);
    let config = json!({"apiVersion": "apps/v1", "kind": "Deployment", "labelSelector": "app=web",
        "outputs": {"replicas": "items.map(d, d.spec.replicas)", "kinds": "items.map(d, d.kind)", "managed": "has(items[0].metadata.managedFields)"}});
    let expected = json!({"replicas": [2], "kinds": ["Deployment"], "managed": false});
    assert_eq!(outputs(look(&world, config).await), expected);
}

#[tokio::test]
async fn more_objects_than_can_be_looked_at_are_a_failure() {
    let list = json!({"apiVersion": "v1", "kind": "PodList", "metadata": {"continue": "next"}, "items": []});
    let request = "GET /api/v1/namespaces/shop/pods?&labelSelector=app%3Dweb&limit=100";
    let world = world().with_kubernetes(request, 200, list);
    let config = json!({"apiVersion": "v1", "kind": "Pod", "labelSelector": "app=web"});
    let (reason, message) = failure(look(&world, config).await);
    assert_eq!(reason, "TooManyObjects");
    assert_eq!(
        message,
        "there are more than 100 Pod objects with labels \"app=web\" in namespace \"shop\"; narrow the labelSelector"
    );
}

#[tokio::test]
async fn the_outputs_that_are_asked_for_replace_the_object() {
    let world = world().with_kubernetes(DEPLOYMENT, 200, deployment());
    let mut config = web();
    config["outputs"] = json!({"replicas": "object.spec.replicas", "ready": "object.?status.readyReplicas.orValue(0)"});
    assert_eq!(outputs(look(&world, config).await), json!({"replicas": 2, "ready": 0}));
}

#[tokio::test]
async fn an_output_that_cannot_be_evaluated_says_which_and_whether_the_object_is_missing() {
    let mut config = web();
    config["outputs"] = json!({"replicas": "object.spec.replicas"});
    let (reason, message) = failure(look(&world(), config).await);
    assert_eq!(reason, "ExpressionFailed");
    assert!(message.starts_with("outputs.replicas: "), "{message}");
    assert!(message.ends_with("Deployment \"web\" in namespace \"shop\" does not exist"), "{message}");
}

#[tokio::test]
async fn of_a_secret_only_the_keys_are_seen() {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {"token": "YzRuNHJ5"},
        "metadata": {"name": "s", "annotations": {LAST_APPLIED: "YzRuNHJ5", "note": "kept"}},
    });
    let world = world().with_kubernetes("GET /api/v1/namespaces/shop/secrets/s", 200, secret);
    let outputs = outputs(look(&world, json!({"apiVersion": "v1", "kind": "Secret", "name": "s"})).await);
    assert_eq!(outputs["object"]["data"], json!({"token": "***"}));
    assert_eq!(outputs["object"]["metadata"]["annotations"], json!({"note": "kept"}));
    assert!(!outputs.to_string().contains("YzRuNHJ5"), "{outputs}");
}

#[tokio::test]
async fn a_read_that_is_forbidden_says_what_to_grant() {
    let said = "deployments.apps \"web\" is forbidden: User \"system:serviceaccount:shop:deployer\" cannot get resource \
                \"deployments\" in API group \"apps\" in the namespace \"shop\"";
    let world = world().with_kubernetes(DEPLOYMENT, 403, forbidden("deployments", "apps", said));
    let (reason, message) = failure(look(&world, web()).await);
    assert_eq!(reason, "Forbidden");
    let expected = format!(
        "failed to read Deployment \"web\" in namespace \"shop\": {said}; grant the run's service account the verb get on deployments.apps with a Role"
    );
    assert_eq!(message, expected);
}

#[tokio::test]
async fn a_kind_that_the_cluster_does_not_have_is_named() {
    for (version, kind) in [("apps/v1", "Deploymnt"), ("argoproj.io/v1alpha1", "Application")] {
        let (reason, message) =
            failure(look(&world(), json!({"apiVersion": version, "kind": kind, "name": "x"})).await);
        assert_eq!(reason, "KindNotFound");
        let expected = format!("the cluster has no kind {kind:?} in {version:?}; see `kubectl api-resources`");
        assert_eq!(message, expected);
    }
}

#[tokio::test]
async fn a_server_that_is_away_may_come_back() {
    let world = world().with_kubernetes(DEPLOYMENT, 503, status(503, "ServiceUnavailable", "try again"));
    let Outcome::Failed(failure) = look(&world, web()).await else { panic!() };
    assert!(failure.transient, "{failure:?}");
}

#[tokio::test]
async fn names_that_would_change_the_path_are_refused() {
    let names =
        ["", ".", "..", "web/status", "web?watch=1", "web#x", "..%2fsecrets", "a b", "w\u{e9}b", "a\\b", "a\nb"];
    for name in names {
        for field in ["name", "namespace"] {
            let mut config = web();
            config[field] = json!(name);
            assert_eq!(failure(look(&world(), config).await).0, "InvalidConfiguration", "{field} {name:?}");
        }
    }
    for (field, value) in [("apiVersion", "apps/v1/namespaces"), ("apiVersion", "a?b/v1"), ("apiVersion", "")] {
        let mut config = web();
        config[field] = json!(value);
        assert_eq!(failure(look(&world(), config).await).0, "InvalidConfiguration", "{field} {value:?}");
    }
    let selector = json!({"apiVersion": "v1", "kind": "Pod", "labelSelector": " "});
    assert_eq!(failure(look(&world(), selector).await).0, "InvalidConfiguration");
}

#[test]
fn names_of_every_kind_are_let_through() {
    for name in ["web", "web.example", "system:node:a", "kube-root-ca.crt", "A_B~1"] {
        assert!(is_path_part(name), "{name}");
    }
}

#[tokio::test]
async fn without_a_cluster_there_is_nothing_to_read() {
    assert_eq!(failure(look(&FakeWorld::default(), web()).await).0, "NoCluster");
}
