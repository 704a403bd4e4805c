//! A release for one namespace: it gets by with a Role there.

use sluice_tests::controller::Options;
use sluice_tests::fixture::Team;
use sluice_tests::{Cluster, Controller, TestNamespace};

use super::{helm_chart, object};
use crate::short::{pipeline_with, run};

#[tokio::test]
async fn a_release_for_one_namespace_needs_a_role_there_and_none_elsewhere() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let system = TestNamespace::new(&cluster, "system").await;
    let (namespace, release) = (team.namespace(), system.name());
    let values = format!(
        "crds.install=false,rbac.aggregate=false,policies.install=false,watchNamespace={namespace},fullnameOverride=ours"
    );
    let more = ["--set", &values];
    let text = helm_chart(&cluster, "template", release, release, &more).expect("objects");
    let objects: Vec<serde_json::Value> = serde_saphyr::from_multiple(&text).expect("YAML");
    let kinds: Vec<&str> = objects.iter().filter_map(|object| object["kind"].as_str()).collect();
    assert_eq!(kinds, ["ServiceAccount", "Role", "RoleBinding", "Deployment"], "nothing of the whole cluster");
    assert_eq!(object(&objects, "Role", "ours-controller")["metadata"]["namespace"], namespace);

    let notes = helm_chart(&cluster, "install", release, release, &more).expect("an installation");
    let account = format!("--serviceaccount={release}:ours-controller");
    let binding = format!("-n {namespace} create rolebinding sluice-impersonate --role=sluice-impersonate {account}");
    assert!(notes.contains(&binding), "{notes}");
    let bind = ["create", "rolebinding", "ours", "--role=sluice-impersonate", &account, "-n", namespace];
    cluster.kubectl(&bind).expect("a binding");

    let deployment = object(&objects, "Deployment", "ours-controller");
    let arguments = &deployment["spec"]["template"]["spec"]["containers"][0]["args"];
    assert_eq!(arguments[4], format!("--namespace={namespace}"), "{arguments}");
    let account = (release.to_owned(), "ours-controller".to_owned());
    let controller = Controller::start(&cluster, Options { account, ..team.controller_options() }).await;
    let controller = controller.expect("a controller");
    // An abortion's hook has it set a finalizer, and ask for the namespace when the run is deleted.
    let hook = "hooks: [{name: last, events: [Abortion], steps: [{name: note, set: {values: {a: 1}}}]}]";
    team.home().apply(&pipeline_with("web", "- {name: pause, delay: {duration: 1s}}", hook));
    team.home().apply(&pipeline_with("stuck", "- {name: pause, delay: {duration: 1h}}", hook));
    team.home().apply(&run("web", "web"));
    team.succeeded("web").await;
    team.home().apply(&run("stuck", "stuck"));
    team.at("stuck", "pause").await;
    cluster.kubectl(&["delete", "plr", "stuck", "-n", namespace, "--timeout=60s"]).expect("its end");
    assert!(!controller.log().to_lowercase().contains("forbidden"), "{}", controller.log());
    team.told("web", "it may write Events", |_| true).await;
}
