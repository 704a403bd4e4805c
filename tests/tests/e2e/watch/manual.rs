//! A manual first stage: whoever starts a run approves it with that, as far as they may.

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use sluice_tests::Cluster;
use sluice_tests::fixture::{Team, stage_of};

use super::{Live, grant, sluice, user};

const PIPELINES: &str = "pipelines.sluice.dev";

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
async fn it_is_approved_with_the_creation_and_later_ones_are_not() {
    let cluster = Cluster::connect().await;
    let team = Team::open_with_policies(&cluster).await;
    let _controller = team.controller().await;
    grant(&team, "alice", "edit", "run", PIPELINES).await;
    grant(&team, "alice", "sluice-approver", "approve", PIPELINES).await;
    let alice = user(&team, "alice");
    team.home().apply(&manual("web", "approval: {},", ""));
    let said = sluice(&team, &alice, &["run", "web", "--name", "web-1", "--attach"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let lines = said.lines();
    let place = |line: &str| lines.iter().position(|said| *said == line).unwrap_or_else(|| panic!("{line}: {said:?}"));
    let awaits = place("stage first AwaitingApproval: waits for an approval by whoever may approve this pipeline");
    let applied = place("action Approve first by alice Applied");
    let began = place("stage first Running: approved by alice");
    assert!(awaits < applied && applied < began, "{said:?}");
    assert_eq!(lines.last().copied(), Some("run Succeeded"));
    let run = team.run("web-1").await.expect("the run");
    assert_eq!(run["spec"]["actions"], json!([{"type": "Approve", "by": "alice", "stage": "first", "attempt": 1}]));

    team.home().apply(&manual("both", "approval: {},", "approval: {},"));
    let said = sluice(&team, &alice, &["run", "both", "--name", "both-1"]).await;
    let out = "pipelinerun.sluice.dev/both-1 created\n\
               pipelinerun.sluice.dev/both-1 stage first is approved by you, alice\n";
    assert_eq!((said.code, &*said.out, &*said.err), (Some(0), out, ""));
    let waits = team.until("both-1", "waits", |run| phases(run)[1] == "AwaitingApproval").await;
    assert_eq!(phases(&waits), ["Succeeded", "AwaitingApproval"]);
    let on = &waits["status"]["waitingOn"];
    assert_eq!((&on["kind"], &on["key"]), (&json!("Approval"), &json!("stage/last")));

    let live = Live::start(&team, &alice, &["watch", "both-1"]);
    live.says("stage last AwaitingApproval: waits for an approval").await;
    live.signal(Signal::SIGTERM);
    assert_eq!(live.end().await.code, Some(143));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_approve_it_is_told_who_may_and_the_run_waits() {
    let cluster = Cluster::connect().await;
    let team = Team::open_with_policies(&cluster).await;
    let _controller = team.controller().await;
    grant(&team, "bob", "edit", "run", PIPELINES).await;
    let bob = user(&team, "bob");
    team.home().apply(&manual("web", "approval: {restricted: true},", ""));
    for arguments in [&["run", "web", "--name", "web-1"][..], &["run", "web", "--name", "web-2", "--no-approve"]] {
        let said = sluice(&team, &bob, arguments).await;
        assert_eq!((said.code, &*said.err), (Some(0), ""), "{said:?}");
        let name = arguments[3];
        let waits = format!("{name} stage first waits for an approval by whoever may approve stages/web.first");
        assert!(said.out.contains(&waits) && said.out.contains(&format!("approve {name} first")), "{said:?}");
        let run = team.run(name).await.expect("the run");
        assert_eq!((phases(&run), &run["spec"]["actions"]), (["AwaitingApproval", "Pending"], &json!([])));
    }
    let live = Live::start(&team, &bob, &["run", "web", "--name", "web-3", "--attach"]);
    live.says("note stage first waits for an approval").await;
    live.signal(Signal::SIGINT);
    assert_eq!(live.end().await.code, Some(130));
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
