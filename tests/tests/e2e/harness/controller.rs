//! The runner of the controller, tried on a stand-in.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use sluice_tests::controller::Options;
use sluice_tests::{Cluster, Controller, TestNamespace, eventually};

use super::PATIENCE;

/// Says who it is to the API server, then waits; ends well on SIGTERM.
const STAND_IN: &str = "#!/bin/sh
trap 'exit 0' TERM
echo \"arguments: $*\"
kubectl auth whoami -o jsonpath='{.status.userInfo.username}'
echo \" $GREETING\"
while :; do sleep 0.05; done
";

#[tokio::test]
async fn it_runs_as_its_account_and_can_be_killed_restarted_and_ended() {
    let cluster = Cluster::connect().await;
    let test = TestNamespace::new(&cluster, "runner").await;
    test.apply(&json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "runner"}}).to_string());
    let binary = cluster.facts().dir.join("data").join(format!("{}.sh", test.name()));
    std::fs::write(&binary, STAND_IN).expect("a script");
    std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755)).expect("executable");

    let options = Options {
        binary,
        account: (test.name().to_owned(), "runner".to_owned()),
        arguments: vec!["--one".to_owned()],
        environment: vec![("PATH".to_owned(), cluster.facts().path()), ("GREETING".to_owned(), "hello".to_owned())],
        ..Options::in_namespace(test.name())
    };
    let controller = Controller::start(&cluster, options).await.expect("a controller");
    let namespace = test.name();
    let life = format!(
        "arguments: controller --namespace {namespace} --one\nsystem:serviceaccount:{namespace}:runner hello\n"
    );
    let has_written = async |expected: String| {
        eventually("it has told who it is", PATIENCE, async || {
            let log = controller.log();
            if log == expected { Ok(()) } else { Err(log) }
        })
        .await;
    };
    has_written(life.clone()).await;
    assert!(controller.usage().expect("its usage").resident > 0);
    controller.kill9();
    assert!(controller.ended().is_some_and(|status| !status.success()));
    controller.restart().expect("another life");
    has_written(life.repeat(2)).await;
    assert!(controller.terminate().expect("an end").success());
}

#[tokio::test]
async fn writes_are_audited_with_who_made_them() {
    let cluster = Cluster::connect().await;
    let test = TestNamespace::new(&cluster, "audit").await;
    let refused = cluster.apply_as("alice", test.name(), "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}");
    assert!(refused.is_err(), "alice has no rights");
    let events = cluster.audit(test.name()).expect("an audit log");
    let hers = events.iter().find(|event| event["user"]["username"] == "alice" && event["verb"] == "patch");
    assert_eq!(hers.expect("her patch")["responseStatus"]["code"], 403);
}
