//! An abort goes down to the children before the parent's own hooks run.

use serde_json::{Value, json};
use sluice_tests::Cluster;
use sluice_tests::fixture::{Team, step_of};

use super::child_of;
use crate::abort::abort;
use crate::short::{condition, gate, open_gate, pipeline_with, run, tell, told};

/// The controller, as the API server knows it.
const CONTROLLER: &str = "system:serviceaccount:sluice-system:sluice-controller";

/// A pipeline with this step, whose Abortion hook tells.
fn hooked(cluster: &Cluster, name: &str, step: &str) -> String {
    let hooks = format!("hooks: [{{name: end, events: [Abortion], steps: [{}]}}]", tell(cluster, "end"));
    pipeline_with(name, step, &hooks)
}

fn time(of: &Value) -> &str {
    of.as_str().expect("a time")
}

#[tokio::test]
async fn it_goes_down_to_the_grandchild_and_the_hooks_run_from_the_innermost_out() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let call = |other: &str| format!("- {{name: call, pipelineRun: {{pipelineRef: {{name: {other}}}}}}}");
    team.home().apply(&hooked(&cluster, "inner", "- {name: wait, delay: {duration: 1h}}"));
    team.home().apply(&hooked(&cluster, "middle", &call("inner")));
    team.home().apply(&hooked(&cluster, "outer", &call("middle")));
    team.home().apply(&run("outer", "outer"));
    let middle = child_of(&team, "outer", "call").await;
    let inner = child_of(&team, &middle, "call").await;
    team.at(&inner, "wait").await;

    abort(&team, "outer").await;
    let outer = team.ended("outer").await;
    assert_eq!(condition(&outer), ("False", "Aborted", "aborted by alice: enough"));
    let (middle, inner) = (team.ended(&middle).await, team.ended(&inner).await);
    assert_eq!(step_of(&outer, "call")["undo"]["phase"], "Undone");
    for (child, parent) in [(&middle, "outer"), (&inner, middle["metadata"]["name"].as_str().expect("a name"))] {
        assert_eq!(child["status"]["phase"], "Aborted");
        let asked = json!([{"type": "Abort", "by": CONTROLLER, "reason": format!("its parent, run {parent:?}, ended step \"call\"")}]);
        assert_eq!(child["spec"]["actions"], asked);
    }
    for run in [&outer, &middle, &inner] {
        assert_eq!(told(&cluster, run).await.len(), 1, "{:#}", run["status"]);
    }
    // The hook of each began when the run below had ended.
    for (above, below) in [(&outer, &middle), (&middle, &inner)] {
        let (began, ended) = (&above["status"]["hooks"][0]["startedAt"], &below["status"]["finishedAt"]);
        assert!(time(began) >= time(ended), "{began} is before {ended}");
    }
}

#[tokio::test]
async fn it_leaves_those_alone_that_are_kept_or_detached() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&hooked(&cluster, "build", &format!("- {{name: wait, {}}}", gate(&cluster, team.namespace()))));
    let steps = "\
- {name: loose, pipelineRun: {pipelineRef: {name: build}, mode: Detached}}
- {name: kept, pipelineRun: {pipelineRef: {name: build}, onAbort: Keep}}";
    team.home().apply(&format!("{}---\n{}", hooked(&cluster, "release", steps), run("release-1", "release")));
    let (loose, kept) = (child_of(&team, "release-1", "loose").await, child_of(&team, "release-1", "kept").await);
    team.at(&kept, "wait").await;
    abort(&team, "release-1").await;
    team.ended("release-1").await;
    open_gate(&cluster, team.namespace()).await;
    for name in [&loose, &kept] {
        let child = team.succeeded(name).await;
        assert_eq!(child["spec"]["actions"], json!([]));
    }
}
