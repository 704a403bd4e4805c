//! Where the policies are not in force: nothing is believed that lets a run do more, and what lets it do less works.

use serde_json::{Value, json};
use sluice_tests::fixture::{Team, stage_of};
use sluice_tests::{Cluster, TestNamespace, eventually};

use super::append;
use crate::PATIENCE;
use crate::short::run;

const PIPELINE: &str = "
apiVersion: sluice.dev/v1alpha1
kind: Pipeline
metadata: {name: web}
spec:
  serviceAccountName: deployer
  stages:
  - name: deploy
    approval: {required: 1}
    steps: [{name: note, set: {values: {a: b}}}]
";

/// Appends in anybody's name, and returns what became of it.
async fn answer(team: &Team, name: &str, entry: Value) -> Value {
    let before = team.run(name).await.expect("the run")["spec"]["actions"].as_array().map_or(0, Vec::len);
    append(&team.runs(), name, &entry).await.expect("nobody objects");
    let answered = |run: &Value| run["status"]["actions"][before].is_object();
    team.until(name, "has answered", answered).await["status"]["actions"][before].clone()
}

#[tokio::test]
async fn nobody_is_believed_until_somebody_checks_and_is_asked_again() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let controller = team.controller().await;
    team.home().apply(&format!("{PIPELINE}---\n{}", run("web", "web")));
    let waits = |run: &Value| stage_of(run, "deploy")["phase"] == "AwaitingApproval";
    team.until("web", "awaits its approval", waits).await;

    for entry in [
        json!({"type": "Approve", "by": "admin", "stage": "deploy"}),
        json!({"type": "Approve", "by": "somebody-else", "stage": "deploy"}),
        json!({"type": "Reject", "by": "admin", "stage": "deploy"}),
        json!({"type": "Skip", "by": "admin", "stage": "deploy"}),
        json!({"type": "Retry", "by": "admin"}),
        json!({"type": "Unlock", "by": "admin"}),
    ] {
        let answer = answer(&team, "web", entry).await;
        assert_eq!(answer["result"], "Ignored", "{answer}");
        let message = answer["message"].as_str().unwrap_or_default();
        assert!(message.contains("the admission policies of Sluice are not in force in this namespace"), "{message}");
    }
    let run = team.run("web").await.expect("the run");
    assert!(waits(&run), "{run:#}");
    for kind in ["Pause", "Resume"] {
        let answer = answer(&team, "web", json!({"type": kind, "by": "admin"})).await;
        assert_eq!(answer["result"], "Applied", "{kind}: {answer}");
    }

    in_force(team.home()).await;
    let answer = answer(&team, "web", json!({"type": "Approve", "by": "admin", "stage": "deploy"})).await;
    assert_eq!(answer["result"], "Applied", "{answer}\n{}", controller.log());
    team.succeeded("web").await;
}

#[tokio::test]
async fn an_abort_works_all_the_same() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&format!("{PIPELINE}---\n{}", run("web", "web")));
    team.until("web", "awaits its approval", |run| stage_of(run, "deploy")["phase"] == "AwaitingApproval").await;
    let answer = answer(&team, "web", json!({"type": "Abort", "by": "admin"})).await;
    assert_eq!(answer["result"], "Applied", "{answer}");
    assert_eq!(team.ended("web").await["status"]["phase"], "Aborted");
}

/// Brings the policies into force in a namespace that had none.
async fn in_force(test: &TestNamespace) {
    // They are installed for the namespaces of other tests.
    drop(TestNamespace::with_policies(test.cluster(), "other").await);
    let (cluster, namespace) = (test.cluster(), test.name());
    cluster.kubectl(&["label", "namespace", namespace, "sluice-tests/policies=true"]).expect("a label");
    let entry = r#"[{"op": "add", "path": "/spec/actions/-", "value": {"type": "Abort", "by": "nobody"}}]"#;
    let forge = ["patch", "plr", "web", "-n", namespace, "--type=json", "-p", entry, "--dry-run=server"];
    eventually("the policies are in force here", PATIENCE, async || match cluster.kubectl(&forge) {
        Ok(_) => Err("not yet".to_owned()),
        Err(error) if error.to_string().contains("by must be your own user name") => Ok(()),
        Err(error) => Err(error.to_string()),
    })
    .await;
}
