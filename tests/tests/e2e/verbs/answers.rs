//! What is said of an answer that does not come, and of one that is no.

use std::time::Duration;

use serde_json::{Value, json};
use sluice_tests::fixture::Team;
use sluice_tests::{Cluster, eventually};

use super::by;
use crate::PATIENCE;
use crate::short::{gate, pipeline, run};

#[tokio::test(flavor = "multi_thread")]
async fn while_no_controller_answers_that_is_said_and_what_changed_nothing_is_an_error() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let steps = format!("- {{name: wait, {}}}", gate(&cluster, team.namespace()));
    team.home().apply(&format!("{}---\n{}", pipeline("web", &steps), run("web-1", "web")));

    let begun = std::time::Instant::now();
    let said = by(&team, "admin", &["pause", "web-1"]).await;
    assert!(begun.elapsed() >= Duration::from_secs(5));
    assert_eq!((said.code, &*said.out), (Some(0), "pipelinerun.sluice.dev/web-1 pause requested\n"), "{said:?}");
    assert!(said.err.contains("no controller has answered yet") && said.err.contains("status.actions[0]"), "{said:?}");

    let second = {
        let kubeconfig = super::user(&team, "admin");
        let namespace = team.namespace().to_owned();
        let mut command = std::process::Command::new(sluice_tests::paths::sluice());
        command.args(["pause", "web-1", "--wait", "-n", &namespace]).env("KUBECONFIG", kubeconfig);
        tokio::spawn(super::said(command))
    };
    eventually("both are asked", PATIENCE, async || {
        let actions = team.run("web-1").await?["spec"]["actions"].as_array().map_or(0, Vec::len);
        if actions == 2 { Ok(()) } else { Err(format!("{actions} actions")) }
    })
    .await;
    let _controller = team.controller().await;
    let said = second.await.expect("no panic");
    assert_eq!((said.code, &*said.out), (Some(1), "pipelinerun.sluice.dev/web-1 pause requested\n"), "{said:?}");
    let expected = "error: pipelinerun.sluice.dev/web-1: pause was ignored: it was paused before, by admin\n";
    assert_eq!(said.err, expected);
    let run = team.run("web-1").await.expect("the run");
    let results: Value =
        run["status"]["actions"].as_array().expect("answers").iter().map(|it| it["result"].clone()).collect();
    assert_eq!(results, json!(["Applied", "Ignored"]));
}
