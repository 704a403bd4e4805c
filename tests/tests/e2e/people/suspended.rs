//! A pipeline that is suspended: nothing of it starts, and what runs stops between two steps.

use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind};
use serde_json::Value;
use sluice_tests::Cluster;
use sluice_tests::fixture::{Team, step_of};

use crate::flow::{pipeline, server::Server};
use crate::short::{condition, gate, open_gate, run};

const FREEZE: &str = "suspend: {reason: freeze}";

fn is_suspended(run: &Value) -> bool {
    run["status"]["suspended"]["reason"] == "freeze"
}

#[tokio::test]
async fn a_run_that_is_made_after_the_suspension_never_starts_before_its_end() {
    let cluster = Cluster::connect().await;
    let (team, server) = (Team::open(&cluster).await, Server::start().await);
    let _controller = team.controller().await;
    let web = |more| pipeline("web", &format!("- {{name: only, steps: [{}]}}", server.post("a", "/tell/a")), more);
    team.home().apply(&web(""));
    team.home().apply(&run("free", "web"));
    let free = team.succeeded("free").await;
    // Each time the run comes right behind the suspension, of which a watch may not know yet.
    for round in 1..=10 {
        team.home().apply(&web(FREEZE));
        let name = format!("web-{round}");
        team.home().apply(&run(&name, "web"));
        let waits = team.until(&name, "is suspended", is_suspended).await;
        assert_eq!((&waits["status"]["phase"], &waits["status"]["startedAt"]), (&"Pending".into(), &Value::Null));
        assert_eq!(condition(&waits).0, "Unknown");
        assert_eq!(server.names().len(), round, "nothing of it has started");
        team.home().apply(&web(""));
        let done = team.succeeded(&name).await;
        assert_eq!(done["status"]["pipelineRevision"], free["status"]["pipelineRevision"]);
        assert_eq!(done["status"]["suspended"], Value::Null);
    }
}

/// A run that waits at the gate of the team's name and then tells; its pipeline is suspended meanwhile, and the gate opened.
async fn stopped_between_steps(team: &Team, server: &Server) {
    let cluster = team.cluster();
    let wait = format!("{{name: wait, {}}}", gate(cluster, team.namespace()));
    let stages = format!("- {{name: only, steps: [{wait}, {}]}}", server.post("after", "/tell/after"));
    team.home().apply(&pipeline("web", &stages, ""));
    team.home().apply(&run("web", "web"));
    team.at("web", "wait").await;
    team.home().apply(&pipeline("web", &stages, FREEZE));
    team.until("web", "is suspended", is_suspended).await;
    open_gate(cluster, team.namespace()).await;
    team.until("web", "is between its steps", |run| step_of(run, "wait")["phase"] == "Succeeded").await;
    assert_eq!(server.names().len(), 0);
}

#[tokio::test]
async fn a_run_stops_between_two_steps_also_for_another_controller() {
    let cluster = Cluster::connect().await;
    let (team, server) = (Team::open(&cluster).await, Server::start().await);
    let controller = team.controller().await;
    stopped_between_steps(&team, &server).await;
    let before = team.run("web").await.expect("the run");
    controller.restart().expect("another life");
    // The next one knows of the suspension before it drives anything: another run of the pipeline shows that it drives.
    team.home().apply(&run("other", "web"));
    team.until("other", "is suspended", is_suspended).await;
    let after = team.run("web").await.expect("the run");
    assert_eq!(after["status"], before["status"]);
    assert_eq!(server.names().len(), 0);
    let more = [("web", ""), ("web", FREEZE), ("web", "")];
    for (name, more) in more {
        // The pipeline is another one now; the run keeps to its own.
        team.home().apply(&pipeline(name, "- {name: only, steps: [{name: x, set: {values: {x: 1}}}]}", more));
    }
    team.succeeded("web").await;
    team.succeeded("other").await;
    assert_eq!(server.names(), ["after", "after"], "one of each");
}

#[tokio::test]
async fn a_run_whose_pipeline_is_deleted_is_suspended_no_longer() {
    let cluster = Cluster::connect().await;
    let (team, server) = (Team::open(&cluster).await, Server::start().await);
    let _controller = team.controller().await;
    stopped_between_steps(&team, &server).await;
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("sluice.dev", "v1alpha1", "Pipeline"));
    let pipelines: Api<DynamicObject> = Api::namespaced_with(cluster.admin(), team.namespace(), &kind);
    pipelines.delete("web", &DeleteParams::default()).await.expect("its end");
    team.succeeded("web").await;
    assert_eq!(server.names(), ["after"]);
}

#[tokio::test]
async fn a_step_that_waits_does_not_look_again_because_of_it() {
    let cluster = Cluster::connect().await;
    let (team, server) = (Team::open(&cluster).await, Server::start().await);
    let _controller = team.controller().await;
    let look = format!("sources: {{look: {{http: {{url: '{}/tell/look'}}}}}}", server.url());
    let wait = format!("{{name: wait, waitFor: {{interval: 1h, condition: look.json.number > 1, {look}}}}}");
    let stages = format!("- {{name: only, steps: [{wait}]}}");
    team.home().apply(&pipeline("web", &stages, ""));
    team.home().apply(&run("web", "web"));
    team.until("web", "has looked", |run| step_of(run, "wait")["message"].is_string()).await;
    for more in [FREEZE, "", FREEZE, ""] {
        team.home().apply(&pipeline("web", &stages, more));
        team.until("web", "knows of it", |run| is_suspended(run) != more.is_empty()).await;
    }
    assert_eq!(server.names(), ["look"]);
}
