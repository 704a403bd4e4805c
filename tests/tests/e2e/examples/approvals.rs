//! The example of approvals ends as people decide, who have the rights of its Roles and nothing but kubectl; the API server
//! refuses everybody else.

use serde_json::{Value, json};
use sluice_tests::Cluster;
use sluice_tests::fixture::Team;

use super::told::example;
use super::{apply, of_file};
use crate::short::kubectl;

/// A user of a group.
type Person = (&'static str, &'static str);

const ADA: Person = ("ada", "developers");
const GRACE: Person = ("grace", "release-managers");
const LINUS: Person = ("linus", "release-managers");

/// Appends an entry about a stage to a run, as kubectl does.
fn ask(team: &Team, (name, group): Person, run: &str, what: &str, stage: &str) -> Result<String, String> {
    let entry = json!({"type": what, "by": name, "stage": stage});
    let patch = json!([{"op": "add", "path": "/spec/actions/-", "value": entry}]).to_string();
    let who = ["--as", name, "--as-group", group, "--as-group", "system:authenticated"];
    let patch = ["patch", "plr", run, "-n", team.namespace(), "--type=json", "-p", &patch];
    kubectl(team.cluster(), &[&patch[..], &who].concat(), "")
}

async fn awaits(team: &Team, run: &str, stage: &str) -> Value {
    let awaits = |run: &Value| {
        let mut stages = run["status"]["stages"].as_array().into_iter().flatten();
        stages.any(|entry| entry["name"] == stage && entry["phase"] == "AwaitingApproval")
    };
    team.until(run, &format!("awaits the approval of {stage}"), awaits).await
}

async fn approve(team: &Team, person: Person, run: &str, stage: &str) {
    awaits(team, run, stage).await;
    ask(team, person, run, "Approve", stage).unwrap_or_else(|said| panic!("{run} {stage}: {said}"));
}

async fn released(team: &Team, run: &str) -> Value {
    awaits(team, run, "begin").await;
    let said = ask(team, GRACE, run, "Approve", "begin").expect_err("it is for developers");
    assert!(said.contains("needs the verb approve on pipelines/release-web"), "{said}");
    approve(team, ADA, run, "begin").await;
    let waiting = awaits(team, run, "production").await;
    assert_eq!(waiting["status"]["waitingOn"]["kind"], "Approval");
    let said = ask(team, ADA, run, "Approve", "production").expect_err("it is restricted");
    assert!(said.contains("needs the verb approve on stages/release-web.production"), "{said}");
    for person in [GRACE, GRACE, LINUS] {
        approve(team, person, run, "production").await;
    }
    approve(team, ADA, run, "signOff").await;
    team.ended(run).await
}

async fn rejected(team: &Team, run: &str) -> Value {
    approve(team, ADA, run, "begin").await;
    awaits(team, run, "production").await;
    ask(team, LINUS, run, "Reject", "production").expect("accepted");
    team.ended(run).await
}

#[tokio::test(flavor = "multi_thread")]
async fn those_of_approvals_end_as_people_decide() {
    let cluster = Cluster::connect().await;
    let team = Team::open_with_policies(&cluster).await;
    let _controller = team.controller().await;
    let example = example("approvals/release.yaml");
    apply(&team, &[of_file("approvals/people"), example.text.clone()]);
    let [first, second] = ["release-web-1-10", "release-web-1-11"];
    // One run at a time: whichever comes first.
    let runs = tokio::join!(released(&team, first), rejected(&team, second));
    for (told, run) in example.runs.iter().zip([&runs.0, &runs.1]) {
        told.assert(run);
    }
    let results: Vec<&Value> =
        runs.0["status"]["actions"].as_array().expect("results").iter().map(|it| &it["result"]).collect();
    // Whoever approves twice counts once.
    assert_eq!(results, ["Applied", "Applied", "Ignored", "Applied", "Applied"]);
}
