//! A manual first stage: whoever starts a run approves it with that, as far as they may.

use serde_json::Value;
use sluice_tests::Cluster;
use sluice_tests::fixture::{Team, stage_of};

use super::{sluice, user};

/// A pipeline whose first stage, and if wanted its last one, awaits this approval.
fn manual(name: &str, approval: &str, last: &str) -> String {
    let stage = |name: &str, approval: &str| {
        format!("{{name: {name}, {approval} steps: [{{name: {name}Step, set: {{values: {{x: 1}}}}}}]}}")
    };
    format!(
        "{{apiVersion: sluice.dev/v1alpha1, kind: Pipeline, metadata: {{name: {name}}}, \
         spec: {{serviceAccountName: deployer, stages: [{}, {}]}}}}\n",
        stage("first", approval),
        stage("last", last)
    )
}

/// The stages `first` and `last` as they stand.
fn phases(run: &Value) -> [&str; 2] {
    ["first", "last"].map(|stage| stage_of(run, stage)["phase"].as_str().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_checks_who_asks_the_approval_is_ignored_and_that_is_said() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&manual("web", "approval: {},", ""));
    let said = sluice(&team, &user(&team, "admin"), &["run", "web", "--name", "web-1"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains("stage first: your approval was ignored: nobody checks who asks"), "{said:?}");
    let run = team.run("web-1").await.expect("the run");
    assert_eq!(phases(&run), ["AwaitingApproval", "Pending"]);
}
