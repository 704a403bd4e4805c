//! A manual first stage: a time counts as its approval, where nobody else can pretend to be one.

use jiff::SignedDuration;
use serde_json::Value;
use sluice_tests::Cluster;
use sluice_tests::eventually;
use sluice_tests::fixture::Team;

use super::{ago, comes, runs_of, started};
use crate::PATIENCE;

fn manual(schedule: &str) -> String {
    format!(
        "
apiVersion: sluice.dev/v1alpha1
kind: Pipeline
metadata: {{name: qa}}
spec:
  serviceAccountName: deployer
  triggers: [{{name: morning, cron: {{schedule: '{schedule}', catchUp: Latest}}}}]
  stages:
  - {{name: deploy, approval: {{required: 1}}, steps: [{{name: a, set: {{values: {{}}}}}}]}}
  - {{name: both, needs: [], approval: {{required: 2}}, steps: [{{name: b, set: {{values: {{}}}}}}]}}
"
    )
}

fn stage<'a>(run: &'a Value, name: &str) -> &'a Value {
    let mut stages = run["status"]["stages"].as_array().into_iter().flatten();
    stages.find(|stage| stage["name"] == name).unwrap_or(&Value::Null)
}

#[tokio::test]
async fn a_time_is_one_approval_of_what_its_run_begins_with() {
    let cluster = Cluster::connect().await;
    let team = Team::open_with_policies(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&manual("* * * * *"));
    let name =
        eventually("a run", PATIENCE, async || runs_of(&team, "qa").await.into_iter().next().ok_or("none")).await;
    let run = team
        .until(&name, "waits for the other approval", |run| stage(run, "both")["phase"] == "AwaitingApproval")
        .await;
    assert_eq!(stage(&run, "deploy")["phase"], "Succeeded", "{run:#}");
    for stage_name in ["deploy", "both"] {
        let by = &stage(&run, stage_name)["approval"]["by"];
        assert_eq!((by.as_array().map(Vec::len), &by[0]["name"]), (Some(1), &Value::from("trigger morning")), "{by}");
    }
}

#[tokio::test]
async fn where_anybody_could_have_made_such_a_run_people_have_to_approve_it() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let at = ago(SignedDuration::from_mins(5));
    team.home().apply(&manual(&super::daily(at)));
    let name = started(&comes(&team, "qa", at).await);
    let run = team.until(&name, "waits", |run| stage(run, "deploy")["phase"] == "AwaitingApproval").await;
    assert_eq!(stage(&run, "deploy")["approval"]["by"], Value::Null);
}
