//! Without `onUpdate` an update costs one write of the Environment's status and one of its own, and nothing else; their bytes are
//! pinned.

use expect_test::expect;
use jiff::Timestamp;
use serde_json::{Value, json};
use sluice_tests::Cluster;
use sluice_tests::faults::{Faults, Write};
use sluice_tests::fixture::Team;

use super::{deploy, deployed_by, objects, said, staging, until, until_recorded, until_says, update};

/// The writes that one update of `web` brings, one a line, with what differs from run to run masked.
async fn writes(components: &Value) -> String {
    let cluster = Cluster::connect().await;
    let faults = Faults::new();
    let team = Team::open_through(&cluster, faults.api(&cluster).await.expect("a proxy")).await;
    team.home().apply(&[staging(components, &json!({})), deploy("deploy")].join("\n---\n"));
    let _controller = team.controller().await;
    team.pipeline_ready("deploy").await;
    until(&team, "Environment", "staging", "is judged", |it| said(it, "Ready").starts_with("True")).await;
    faults.clear();
    team.apply_value(&update("one", "web", 1));
    until_says(&team, "one", "Recorded", "True").await;
    until_recorded(&team, "web", "one").await;
    // What is judged after it shows that nothing more was to be written before.
    let other = staging(&json!([]), &json!({})).replace("\"staging\"", "\"other\"");
    team.home().apply(&other);
    until(&team, "Environment", "other", "is judged", |it| said(it, "Ready").starts_with("True")).await;
    let one = objects(&team, "ComponentUpdate").get("one").await.expect("the update");
    let uid = one.metadata.uid.expect("a UID");
    let mut writes = faults.writes();
    writes.retain(|write| !write.path.contains("/environments/other/"));
    let lines = writes.iter().map(|write| masked(write).replace(&uid, "UID").replace(team.namespace(), "NAMESPACE"));
    lines.map(|line| line + "\n").collect()
}

/// Method, path and body, without times and versions.
fn masked(write: &Write) -> String {
    let mut body = String::from_utf8_lossy(&write.body).into_owned();
    let json = write.json();
    if let Some(version) = json.pointer("/0/value").and_then(Value::as_str) {
        body = body.replacen(&format!("\"{version}\""), "\"VERSION\"", 1);
    }
    for time in times(&json) {
        body = body.replace(&time, "TIME");
    }
    format!("{} {}\n{body}", write.method, write.path)
}

fn times(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if text.parse::<Timestamp>().is_ok() => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(times).collect(),
        Value::Object(members) => members.values().flat_map(times).collect(),
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn record_only_is_two_writes_byte_for_byte_whatever_other_components_have() {
    let without = writes(&json!([{"name": "web"}, {"name": "db"}])).await;
    expect![[r#"
        PATCH /apis/sluice.dev/v1alpha1/namespaces/NAMESPACE/environments/staging/status?fieldManager=sluice-controller
        [{"op":"replace","path":"/metadata/resourceVersion","value":"VERSION"},{"op":"add","path":"/status","value":{"observedGeneration":1,"conditions":[{"lastTransitionTime":"TIME","message":"stages of the pipelines that it allows can be bound to it","observedGeneration":1,"reason":"Valid","status":"True","type":"Ready"}],"components":[{"name":"web","recorded":{"version":"1.1","by":"ci","at":"TIME","sequence":1,"updateRef":{"name":"one","uid":"UID"}}},{"name":"db"}]}}]
        PATCH /apis/sluice.dev/v1alpha1/namespaces/NAMESPACE/componentupdates/one/status?fieldManager=sluice-controller
        [{"op":"replace","path":"/metadata/resourceVersion","value":"VERSION"},{"op":"add","path":"/status","value":{"conditions":[{"lastTransitionTime":"TIME","message":"status.components of Environment \"staging\" has it","observedGeneration":1,"reason":"Recorded","status":"True","type":"Recorded"}]}}]
    "#]].assert_eq(&without);
    assert_eq!(writes(&json!([{"name": "web"}, deployed_by("db", "deploy")])).await, without);
}
