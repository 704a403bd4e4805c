//! An abort ends a run whatever it is about, and its hooks run once.

use sluice_tests::Cluster;
use sluice_tests::fixture::{Team, stage_of, step_of};

use super::{ABORTED, entries, server::Server, start};
use crate::abort::abort;
use crate::short::condition;

/// Hooks on the abortion of the stage `only` and of the pipeline.
fn hooks(server: &Server) -> String {
    format!(
        "\
hooks:
- {{name: onRun, events: [Abortion], steps: [{}]}}
- {{name: onStage, events: [Abortion], for: {{stage: only}}, steps: [{}]}}
",
        server.post("ofPipeline", "/tell/ofPipeline"),
        server.post("ofStage", "/tell/ofStage")
    )
}

#[tokio::test]
async fn while_a_stage_pauses_before_it_is_tried_again() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    let _controller = team.controller().await;
    let stages = format!(
        "- {{name: only, retry: {{limit: 9, backoff: {{initial: 1h, max: 1h}}}}, steps: [{}]}}\n",
        server.post("ask", "/fails/99/ask")
    );
    start(&team, "web", &stages, &hooks(&server));
    team.until("web", "pauses", |run| stage_of(run, "only")["resumeAt"].is_string()).await;
    abort(&team, "web").await;
    let run = team.ended("web").await;
    assert_eq!(condition(&run), ABORTED);
    assert_eq!(
        (&stage_of(&run, "only")["phase"], &step_of(&run, "ask")["phase"]),
        (&"Aborted".into(), &"Omitted".into())
    );
    assert_eq!(server.names(), ["ask", "ofStage", "ofPipeline"]);
}

#[tokio::test]
async fn while_a_loop_sleeps() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    let _controller = team.controller().await;
    let stages = format!(
        "- {{name: only, until: {{condition: steps.ask.outputs.json.number > 9, interval: 1h, limit: 9}}, steps: [{}]}}\n",
        server.post("ask", "/tell/ask")
    );
    start(&team, "web", &stages, &hooks(&server));
    team.until("web", "sleeps", |run| stage_of(run, "only")["resumeAt"].is_string()).await;
    abort(&team, "web").await;
    let run = team.ended("web").await;
    assert_eq!(condition(&run), ABORTED);
    assert_eq!(
        (&stage_of(&run, "only")["phase"], &stage_of(&run, "only")["iteration"]),
        (&"Aborted".into(), &2.into())
    );
    assert_eq!(server.names(), ["ask", "ofStage", "ofPipeline"]);
}

#[tokio::test]
async fn while_items_are_under_way() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    let _controller = team.controller().await;
    let stages = format!(
        "- {{name: only, forEach: {{in: '[1, 2, 3]', as: item, maxParallel: 2}}, steps: [{}, {{name: wait, delay: {{duration: 1h}}}}]}}\n",
        server.post("ask", "/tell/ask")
    );
    start(&team, "web", &stages, &hooks(&server));
    team.until("web", "waits for two items", |run| {
        entries(run, "only").iter().filter(|item| item["steps"][1]["phase"] == "Running").count() == 2
    })
    .await;
    abort(&team, "web").await;
    let run = team.ended("web").await;
    assert_eq!(condition(&run), ABORTED);
    let phases: Vec<_> = entries(&run, "only").iter().map(|item| item["phase"].clone()).collect();
    assert_eq!(phases, ["Aborted", "Aborted", "Omitted"]);
    // The stage's hook runs for each item that had begun.
    assert_eq!(server.names(), ["ask", "ask", "ofStage", "ofStage", "ofPipeline"]);
}

#[tokio::test]
async fn while_independent_stages_wait_and_pause() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    let _controller = team.controller().await;
    let stages = format!(
        "\
- {{name: only, needs: [], steps: [{{name: wait, delay: {{duration: 1h}}}}]}}
- {{name: other, needs: [], retry: {{limit: 9, backoff: {{initial: 1h, max: 1h}}}}, steps: [{}]}}
- {{name: join, needs: [only, other], steps: [{}]}}
",
        server.post("ask", "/fails/99/ask"),
        server.post("never", "/tell/never")
    );
    start(&team, "web", &stages, &hooks(&server));
    let is_there = |run: &serde_json::Value| {
        step_of(run, "wait")["phase"] == "Running" && stage_of(run, "other")["resumeAt"].is_string()
    };
    team.until("web", "waits and pauses", is_there).await;
    abort(&team, "web").await;
    let run = team.ended("web").await;
    assert_eq!(condition(&run), ABORTED);
    let phases = ["only", "other", "join"].map(|stage| stage_of(&run, stage)["phase"].clone());
    assert_eq!(phases, ["Aborted", "Aborted", "Omitted"]);
    assert_eq!(server.names(), ["ask", "ofStage", "ofPipeline"]);
}

#[tokio::test]
async fn a_timeout_of_the_run_ends_it_while_everything_pauses_and_its_hooks_run() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    let _controller = team.controller().await;
    let stages = format!(
        "\
- {{name: only, needs: [], until: {{condition: steps.ask.outputs.json.number > 9, interval: 1h, limit: 9}}, steps: [{}]}}
- {{name: other, needs: [], retry: {{limit: 9, backoff: {{initial: 1h, max: 1h}}}}, steps: [{}]}}
",
        server.post("ask", "/tell/ask"),
        server.post("broken", "/fails/99/broken")
    );
    start(&team, "web", &stages, &format!("timeout: 2s\n{}", hooks(&server)));
    let run = team.ended("web").await;
    assert_eq!(condition(&run), ("False", "RunTimeout", "the run took longer than its timeout of 2s"));
    let phases = ["only", "other"].map(|stage| stage_of(&run, stage)["phase"].clone());
    assert_eq!(phases, ["Aborted", "Aborted"]);
    let mut names = server.names();
    names[..2].sort_unstable();
    assert_eq!(names, ["ask", "broken", "ofStage", "ofPipeline"]);
}
