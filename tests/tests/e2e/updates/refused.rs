//! What the API server refuses: half an opt-in, updates that say nothing or change, records, and runs.

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use sluice_tests::fixture::{Team, install};
use sluice_tests::{Cluster, TestNamespace, eventually};

use super::{all, component, deploy, deployed_by, objects, said, staging, until_recorded, until_says, update};
use crate::PATIENCE;
use crate::short::{kubectl, no_more_runs};

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

#[tokio::test]
async fn what_cannot_be_recorded_says_why_and_is_deployed_once_it_can() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&deploy("deploy"));
    team.home().apply(&staging(&json!([deployed_by("web", "deploy"), {"name": "db"}]), &json!({})));
    no_more_records(&team).await;
    for (name, component) in [("one", "web"), ("two", "db")] {
        team.apply_value(&update(name, component, 1));
    }
    for name in ["one", "two"] {
        let refused = until_says(&team, name, "Recorded", "False RecordFailed").await;
        let message = said(&refused, "Recorded");
        let beginning = "False RecordFailed: the status of Environment \"staging\" could not be written: ";
        assert!(
            message.starts_with(beginning) && message.ends_with("denied request: nothing is recorded today"),
            "{message}"
        );
        assert_eq!(said(&refused, "Deployed"), "", "{refused:#}");
    }
    let environment = objects(&team, "Environment").get("staging").await.expect("the Environment");
    assert_eq!(component(&environment.data, "web")["recorded"], Value::Null);
    assert!(all(&team, "PipelineRun").await.is_empty());

    // It is lifted, and nobody touches anything.
    for kind in ["validatingadmissionpolicybinding", "validatingadmissionpolicy"] {
        cluster.kubectl(&["delete", kind, &records(&team)]).expect("deleted");
    }
    until_recorded(&team, "db", "two").await;
    until_says(&team, "two", "Recorded", "True Recorded").await;
    until_says(&team, "one", "Deployed", "True Succeeded").await;
}

/// The name of a policy of this namespace.
fn records(team: &Team) -> String {
    format!("no-records-{}", team.namespace())
}

/// Has the API server refuse every status of an Environment that records something, until the policy is deleted.
async fn no_more_records(team: &Team) {
    let (name, kind) = (records(team), "ValidatingAdmissionPolicy");
    let here = json!({"matchLabels": {"kubernetes.io/metadata.name": team.namespace()}});
    team.apply_value(&json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [{
                "apiGroups": ["sluice.dev"], "apiVersions": ["*"], "operations": ["UPDATE"], "resources": ["environments/status"],
            }]},
            "validations": [{
                "expression": "object.?status.?components.orValue([]).all(one, !has(one.recorded))",
                "message": "nothing is recorded today",
            }],
        },
    }));
    team.apply_value(&json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": format!("{kind}Binding"), "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"], "matchResources": {"namespaceSelector": here}},
    }));
    let recorded =
        json!({"version": "1", "sequence": 1, "at": "2026-01-01T00:00:00Z", "updateRef": {"name": "a", "uid": "a"}});
    let probe = Patch::Merge(json!({"status": {"components": [{"name": "web", "recorded": recorded}]}}));
    let dry = PatchParams { dry_run: true, ..PatchParams::default() };
    eventually("nothing can be recorded", PATIENCE, async || {
        match objects(team, "Environment").patch_status("staging", &dry, &probe).await {
            Err(kube::Error::Api(status)) if status.message.contains("nothing is recorded today") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

#[tokio::test]
async fn a_run_that_is_refused_says_why_and_is_started_once_it_may_be() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&deploy("deploy"));
    team.home().apply(&staging(&json!([deployed_by("web", "deploy"), {"name": "db"}]), &json!({})));
    no_more_runs(&team).await;
    for (name, component, sequence) in [("one", "web", 1), ("two", "web", 2), ("mail", "db", 1)] {
        team.apply_value(&update(name, component, sequence));
    }
    let refused = until_says(&team, "one", "Deployed", "Unknown RunRefused").await;
    let message = said(&refused, "Deployed");
    assert!(message.contains("its run was refused: ") && message.contains("quota: none"), "{message}");
    assert!(said(&refused, "Recorded").starts_with("True Recorded"), "the record stands: {refused:#}");
    // What is behind it waits for its turn, and what starts no run for nothing.
    until_says(&team, "two", "Deployed", "Unknown Queued").await;
    until_says(&team, "mail", "Recorded", "True Recorded").await;
    assert!(all(&team, "PipelineRun").await.is_empty());

    cluster.kubectl(&["delete", "resourcequota", "none", "-n", team.namespace()]).expect("deleted");
    for name in ["one", "two"] {
        let deployed = until_says(&team, name, "Deployed", "True Succeeded").await;
        assert_eq!(deployed["status"]["runRef"]["name"], name);
    }
    assert_eq!(all(&team, "PipelineRun").await.len(), 2);
}
