//! What the API server refuses: half an opt-in, and updates that say nothing or change.

use serde_json::json;
use sluice_tests::fixture::install;
use sluice_tests::{Cluster, TestNamespace};

use super::{staging, update};
use crate::short::kubectl;

async fn namespace() -> TestNamespace {
    let cluster = Cluster::connect().await;
    install(&cluster).await;
    TestNamespace::new(&cluster, "updates").await
}

fn refusal(test: &TestNamespace, manifest: &str) -> String {
    kubectl(test.cluster(), &["apply", "-n", test.name(), "-f", "-"], manifest).expect_err("refused")
}

#[tokio::test]
async fn half_an_opt_in_is_refused() {
    let test = namespace().await;
    for (half, missing) in [
        (json!({}), "spec.components[0].onUpdate.deploy: Required value"),
        (json!({"deploy": {}}), "spec.components[0].onUpdate.deploy.pipelineRef: Required value"),
        (json!({"deploy": {"pipelineRef": {}}}), "spec.components[0].onUpdate.deploy.pipelineRef.name: Required value"),
    ] {
        let said = refusal(&test, &staging(&json!([{"name": "web", "onUpdate": half}]), &json!({})));
        assert!(said.contains(missing), "{said}");
    }
}

#[tokio::test]
async fn an_update_says_what_it_is_and_never_changes() {
    let test = namespace().await;
    let mut empty = update("one", "web", 1);
    empty["spec"].as_object_mut().expect("a spec").remove("version");
    let said = refusal(&test, &empty.to_string());
    assert!(said.contains("say which version it is, or which sha"), "{said}");
    test.apply(&update("one", "web", 1).to_string());
    let said = refusal(&test, &update("one", "web", 2).to_string());
    assert!(said.contains("a report never changes; send another one, with a new id and a higher sequence"), "{said}");
}
