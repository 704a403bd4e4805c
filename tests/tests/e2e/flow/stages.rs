//! Stages that need each other, and those that do not.

use serde_json::Value;
use sluice_tests::Cluster;
use sluice_tests::fixture::{Team, stage_of, step_of};

use super::{server::Server, start};

#[tokio::test]
async fn the_sides_of_a_diamond_are_under_way_at_the_same_time_and_its_join_comes_after_both() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    let _controller = team.controller().await;
    // None of the three is answered before all of them are there.
    let side = |step: &str| server.post(step, "/meet/3/middle");
    let stages = format!(
        "\
- {{name: split, steps: [{}]}}
- {{name: left, needs: [split], parallel: true, steps: [{}, {}]}}
- {{name: right, needs: [split], steps: [{}]}}
- name: join
  needs: [left, right]
  steps:
  - {}
  - name: sum
    set: {{values: {{sum: '${{{{ steps.a.outputs.json.number + steps.b.outputs.json.number + steps.c.outputs.json.number }}}}'}}}}
",
        server.post("first", "/tell/first"),
        side("a"),
        side("b"),
        side("c"),
        server.post("last", "/tell/last"),
    );
    start(&team, "diamond", &stages, "");
    let run = team.succeeded("diamond").await;
    assert_eq!(server.names(), ["first", "middle", "middle", "middle", "last"]);
    assert_eq!(server.most_at_once("middle"), 3);
    assert_eq!(step_of(&run, "sum")["outputs"]["sum"], 6);
    let time = |stage: &str, what: &str| -> jiff::Timestamp {
        let time = stage_of(&run, stage)[what].as_str().expect("a time");
        time.parse().expect("a timestamp")
    };
    assert!(time("left", "startedAt") <= time("right", "finishedAt"));
    assert!(time("right", "startedAt") <= time("left", "finishedAt"));
    assert!(time("join", "startedAt") >= time("left", "finishedAt").max(time("right", "finishedAt")));
}

#[tokio::test]
async fn a_side_that_fails_lets_the_other_end_and_the_join_never_starts() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    let _controller = team.controller().await;
    let stages = format!(
        "\
- {{name: left, needs: [], steps: [{}]}}
- {{name: right, needs: [], steps: [{}, {}]}}
- {{name: skipped, needs: [], when: 'false', steps: [{}]}}
- {{name: join, needs: [left, right, skipped], steps: [{}]}}
",
        server.post("broken", "/fails/9/broken"),
        server.post("held", "/hold/held"),
        server.post("after", "/tell/after"),
        server.post("never", "/tell/never"),
        server.post("last", "/tell/last"),
    );
    start(&team, "web", &stages, "");
    server.has_seen("held", 1).await;
    team.until("web", "has a failed side", |run| stage_of(run, "left")["phase"] == "Failed").await;
    server.release("held");
    let run = team.ended("web").await;
    let phases = ["left", "right", "skipped", "join"].map(|stage| stage_of(&run, stage)["phase"].clone());
    assert_eq!(phases, ["Failed", "Succeeded", "Skipped", "Omitted"].map(Value::from));
    assert_eq!(run["status"]["phase"], "Failed");
    let mut names = server.names();
    names.sort_unstable();
    assert_eq!(names, ["after", "broken", "held"]);
}
