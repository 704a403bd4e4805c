//! What runs more than once: loops, and stages that are tried again.

use std::collections::BTreeSet;

use sluice_tests::fixture::{Team, stage_of, step_of};
use sluice_tests::{Cluster, Controller};

use super::{ABORTED, server::Server, start};
use crate::abort::abort;
use crate::short::condition;

#[tokio::test]
async fn a_loop_runs_until_the_server_says_that_it_is_enough() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    let _controller = team.controller().await;
    let stages = format!(
        "\
- name: drain
  until: {{condition: steps.look.outputs.json.number >= 3, interval: 1s, limit: 5}}
  steps: [{}]
- {{name: after, steps: [{{name: left, set: {{values: {{last: '${{{{ steps.look.outputs.json.number }}}}'}}}}}}]}}
",
        server.post("look", "/tell/look")
    );
    start(&team, "web", &stages, "");
    let run = team.succeeded("web").await;
    let keys = server.keys("look");
    assert_eq!((keys.len(), BTreeSet::from_iter(keys).len()), (3, 3), "an effect of its own in each iteration");
    assert_eq!(stage_of(&run, "drain")["iteration"], 3);
    assert_eq!(step_of(&run, "left")["outputs"]["last"], 3);
}

#[tokio::test]
async fn a_loop_that_reaches_its_limit_fails_and_says_so() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    let _controller = team.controller().await;
    let stages = format!(
        "- name: drain\n  until: {{condition: steps.look.outputs.json.number > 9, limit: 3}}\n  steps: [{}]\n",
        server.post("look", "/tell/look")
    );
    start(&team, "web", &stages, "");
    let run = team.ended("web").await;
    let message = "stage drain: its condition `until` is false after 3 iterations, the limit";
    assert_eq!(condition(&run), ("False", "LoopLimit", message));
    assert_eq!(server.names().len(), 3);
}

#[tokio::test]
async fn a_stage_is_tried_again_twice_with_new_effects_each_time_and_then_succeeds() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    let _controller = team.controller().await;
    let stages = format!(
        "\
- name: deploy
  retry: {{limit: 2, backoff: {{initial: 1s, factor: 1}}, when: \"failure.step == 'flaky' && failure.reason == 'HttpStatus'\"}}
  steps: [{}, {}]
",
        server.post("effect", "/tell/effect"),
        server.post("flaky", "/fails/2/flaky"),
    );
    start(&team, "web", &stages, "");
    let run = team.succeeded("web").await;
    assert_eq!(stage_of(&run, "deploy")["attempt"], 3);
    assert_eq!(server.names(), ["effect", "flaky"].repeat(3));
    for name in ["effect", "flaky"] {
        let keys = server.keys(name);
        assert_eq!(BTreeSet::from_iter(&keys).len(), 3, "{name}: {keys:?}");
        assert_eq!(step_of(&run, name)["key"], keys[2], "{name}");
    }
}

#[tokio::test]
async fn a_stage_that_has_no_attempt_left_fails_with_the_last_failure() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    let _controller = team.controller().await;
    let stages = format!(
        "- name: deploy\n  retry: {{limit: 1, backoff: {{initial: 1s}}}}\n  steps: [{}]\n",
        server.post("flaky", "/fails/9/flaky"),
    );
    start(&team, "web", &stages, "");
    let run = team.ended("web").await;
    let (status, reason, message) = condition(&run);
    assert_eq!((status, reason), ("False", "HttpStatus"));
    assert!(message.starts_with("stage deploy: step flaky: "), "{message}");
    assert_eq!((stage_of(&run, "deploy")["attempt"].as_i64(), server.names().len()), (Some(2), 2));
}

#[tokio::test]
async fn a_loop_without_pauses_leaves_the_only_worker_to_others_and_ends_when_it_is_asked_to() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let mut options = team.controller_options();
    options.arguments.push("--concurrency=1".to_owned());
    let _controller = Controller::start(&cluster, options).await.expect("a controller");
    let busy = format!(
        "- {{name: spin, until: {{condition: steps.look.outputs.json.slept > 100, limit: 1000}}, \
         steps: [{{name: look, http: {{url: '{}/slow/100'}}}}]}}\n",
        cluster.facts().services_url
    );
    start(&team, "busy", &busy, "");
    team.at("busy", "look").await;
    start(&team, "quick", "- {name: only, steps: [{name: note, set: {values: {x: 1}}}]}", "");
    team.succeeded("quick").await;
    assert_eq!(team.run("busy").await.expect("the run")["status"]["phase"], "Running");
    abort(&team, "busy").await;
    let run = team.ended("busy").await;
    assert_eq!(condition(&run), ABORTED);
}
