//! What people see of a run with several things under way.

use serde_json::Value;
use sluice_tests::Cluster;
use sluice_tests::fixture::{Team, stage_of, step_of};

use super::{server::Server, start};
use crate::abort::abort;
use crate::short::{condition, gate, kubectl};

/// What `kubectl get plr NAME` shows, cell by cell; empty cells are left out.
fn row(team: &Team, name: &str) -> Vec<String> {
    let arguments = ["get", "plr", name, "-n", team.namespace(), "-o", "wide", "--no-headers"];
    let row = kubectl(team.cluster(), &arguments, "").expect("a row");
    row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
}

#[tokio::test]
async fn every_step_that_is_under_way_is_named_and_what_is_waited_for() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    let _controller = team.controller().await;
    let stages = format!(
        "\
- {{name: left, needs: [], steps: [{{name: gate, {}}}]}}
- {{name: right, needs: [], steps: [{{name: pause, delay: {{duration: 1h}}}}]}}
- {{name: last, needs: [left, right], steps: [{}]}}
",
        gate(&cluster, team.namespace()),
        server.post("after", "/tell/after"),
    );
    start(&team, "web", &stages, "");
    let have_told = |run: &Value| ["gate", "pause"].iter().all(|step| step_of(run, step)["message"].is_string());
    let run = team.until("web", "has looked at the gate", have_told).await;
    assert_eq!(condition(&run).1, "Waiting");
    let [gate, pause] = ["gate", "pause"].map(|step| step_of(&run, step)["message"].as_str().expect("a message"));
    let message = format!("gate: {gate}; pause: {pause}");
    let shown = row(&team, "web");
    assert_eq!(shown[..5], ["web", "web", "Running", "gate, pause", "size(gate.json) > 0"]);
    assert!(shown.contains(&message), "{message:?} is not in {shown:?}");
}

#[tokio::test]
async fn items_are_told_apart_and_an_abort_is_told_until_its_end() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    let _controller = team.controller().await;
    let items = "- {name: fan, forEach: {in: \"['eu', 'us', 'ap']\", as: region}, steps: [{name: wait, delay: {duration: 1h}}]}";
    let hooks = format!("hooks: [{{name: end, events: [Abortion], steps: [{}]}}]", server.post("held", "/hold/held"));
    start(&team, "web", items, &hooks);
    team.at("web", "wait[eu], wait[us], wait[ap]").await;
    abort(&team, "web").await;
    server.has_seen("held", 1).await;
    let run = team.at("web", "held").await;
    let message = run["status"]["message"].as_str().expect("a message");
    assert_eq!(message, "aborted by alice: enough; hook end: held is under way");
    server.release("held");
    let run = team.ended("web").await;
    assert_eq!(run["status"]["message"], "aborted by alice: enough");
    assert_eq!(
        (&stage_of(&run, "fan")["phase"], &step_of(&run, "wait")["phase"]),
        (&"Aborted".into(), &"Aborted".into())
    );
}
