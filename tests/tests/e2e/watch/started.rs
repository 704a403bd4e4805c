//! `sluice run PIPELINE`: a run is made as its pipeline wants it, or nothing is sent; and it is followed to its end.

use kube::api::ListParams;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use sluice_tests::Cluster;
use sluice_tests::fixture::Team;

use super::{Live, grant, sluice, user};
use crate::short::{gate, open_gate, pipeline_with};

const PARAMS: &str =
    "params: [{name: version, required: true}, {name: replicas, type: Integer}, {name: canary, type: Boolean}]";

/// A pipeline that takes parameters and has a step that does nothing.
fn quick(name: &str) -> String {
    pipeline_with(name, "- {name: a, set: {values: {version: '${{ params.version }}'}}}", PARAMS)
}

async fn count(team: &Team) -> usize {
    team.runs().list(&ListParams::default()).await.expect("the runs").items.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_made_under_ones_own_name_and_followed_to_its_end() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    grant(&team, "alice", "edit", "create", "pipelineruns.sluice.dev").await;
    team.home().apply(&quick("web"));
    team.pipeline_ready("web").await;
    let params = ["-p", "version=1.10", "-p", "replicas=3", "-p", "canary=true"];
    let arguments = [&["run", "web", "--name", "web-1", "--attach"][..], &params[..]].concat();
    let said = sluice(&team, &user(&team, "alice"), &arguments).await;
    let lines = [
        "note pipelinerun.sluice.dev/web-1 created",
        "run Running",
        "stage only Running",
        "step only/a Succeeded",
        "stage only Succeeded",
        "run Succeeded",
    ];
    assert_eq!((said.code, said.lines(), &*said.err), (Some(0), lines.to_vec(), ""));
    let run = team.run("web-1").await.expect("the run");
    assert_eq!(run["metadata"]["labels"], json!({"sluice.dev/pipeline": "web"}));
    let spec = &run["spec"];
    assert_eq!(spec["requestedBy"], "alice");
    assert_eq!(spec["params"], json!({"version": "1.10", "replicas": 3, "canary": "true"}));
    let again = sluice(&team, &user(&team, "alice"), &arguments).await;
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.err.contains("already exists; choose another name than web-1"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_before_anything_is_sent() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    team.home().apply(&quick("web"));
    let admin = user(&team, "admin");
    for (arguments, problems) in [
        (&["run", "wed"][..], &["there is no pipeline \"wed\" in namespace", "did you mean \"web\"?"][..]),
        (&["run", "web"], &["parameter version is required: add -p version=VALUE"]),
        (
            &["run", "web", "-p", "verison=1", "-p", "replicas=many"],
            &[
                "parameter version is required",
                "parameter replicas must be a whole number",
                "the pipeline has no parameter \"verison\"; did you mean \"version\"?",
            ],
        ),
        (&["run", "web", "-f", "."], &["cannot be used with"]),
        (&["run", "web", "-o", "tree"], &["add --attach"]),
        (&["run", "web", "--attach", "-o", "name"], &["leave out --attach"]),
    ] {
        let said = sluice(&team, &admin, arguments).await;
        assert_eq!((said.code, &*said.out), (Some(2), ""), "{arguments:?}: {said:?}");
        problems.iter().for_each(|problem| assert!(said.err.contains(problem), "{arguments:?}: {said:?}"));
    }
    assert_eq!(count(&team).await, 0);
    let said = sluice(&team, &user(&team, "carol"), &["run", "web", "-p", "version=1"]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("cannot get resource \"pipelines\"") && said.err.contains("ask for a role"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_not_followed_is_printed_for_programs_and_says_what_it_waits_for() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let admin = user(&team, "admin");
    team.home().apply(&quick("web"));
    let said = sluice(&team, &admin, &["run", "web", "-p", "version=1", "-o", "name"]).await;
    let name = said.out.strip_prefix("pipelinerun.sluice.dev/").expect("a name").trim_end();
    assert!(said.code == Some(0) && name.starts_with("web-") && name.len() > 4, "{said:?}");
    team.succeeded(name).await;
    let said = sluice(&team, &admin, &["run", "web", "-p", "version=1", "--name", "second", "-o", "json"]).await;
    let object: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!((&object["metadata"]["name"], &object["kind"]), (&json!("second"), &json!("PipelineRun")));

    let suspended = "suspend: {reason: quarter end}";
    team.home().apply(&pipeline_with("still", "- {name: a, set: {values: {x: 1}}}", suspended));
    let said = sluice(&team, &admin, &["run", "still", "--name", "still-1"]).await;
    let out = "pipelinerun.sluice.dev/still-1 created\n\
               pipelinerun.sluice.dev/still-1 waits: the pipeline is suspended: quarter end\n";
    assert_eq!((said.code, &*said.out, &*said.err), (Some(0), out, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_ends_before_it_begins_says_why() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let admin = user(&team, "admin");
    let one = "concurrency: {policy: Forbid}";
    team.home().apply(&pipeline_with("one", &format!("- {{name: wait, {}}}", gate(&cluster, team.namespace())), one));
    sluice(&team, &admin, &["run", "one", "--name", "one-1"]).await;
    let said = sluice(&team, &admin, &["run", "one", "--name", "one-2"]).await;
    let ended =
        "pipelinerun.sluice.dev/one-2 Cancelled: run one-1 holds the lock \"one\", and the pipeline wants no queue";
    assert_eq!((said.code, said.lines().last().copied(), &*said.err), (Some(0), Some(ended), ""));

    team.home().apply(&pipeline_with(
        "after",
        "- {name: a, set: {values: {x: 1}}}",
        "sources: [{name: it, pipelineRef: {name: one}}]",
    ));
    let said = sluice(&team, &admin, &["run", "after", "--name", "after-1"]).await;
    let ended = "pipelinerun.sluice.dev/after-1 Failed: source \"it\" has nothing to take: no run of Pipeline \"one\" has \
                 succeeded yet; make one with `sluice run one`";
    assert_eq!((said.code, said.lines().last().copied(), &*said.err), (Some(0), Some(ended), ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn how_a_run_ends_is_the_exit_code_and_a_signal_leaves_it_as_it_is() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let admin = user(&team, "admin");
    team.home().apply(&pipeline_with("bad", "- {name: a, fail: {message: no such luck}}", ""));
    let said = sluice(&team, &admin, &["run", "bad", "--name", "bad-1", "--attach"]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert_eq!(said.lines().last().copied(), Some("run Failed: stage only: step a: no such luck"), "{said:?}");

    team.home().apply(&pipeline_with("slow", &format!("- {{name: wait, {}}}", gate(&cluster, team.namespace())), ""));
    let live = Live::start(&team, &admin, &["run", "slow", "--name", "slow-1", "--attach"]);
    live.says("step only/wait Running").await;
    live.signal(Signal::SIGINT);
    let said = live.end().await;
    assert_eq!(said.code, Some(130), "{said:?}");
    assert!(said.err.contains("watch slow-1") && said.err.contains("abort slow-1"), "{said:?}");
    let run = team.at("slow-1", "wait").await;
    assert_eq!(run["spec"]["actions"], json!([]));

    let live = Live::start(&team, &admin, &["watch", "slow-1"]);
    live.says("step only/wait Running").await;
    let said = sluice(&team, &admin, &["abort", "slow-1", "--reason", "enough"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let said = live.end().await;
    assert_eq!(said.code, Some(3), "{said:?}");
    let lines = said.lines();
    assert!(lines.contains(&"action Abort by admin Applied"), "{said:?}");
    assert_eq!(lines.last().copied(), Some("run Aborted: aborted by admin: enough"));
    open_gate(&cluster, team.namespace()).await;
}
