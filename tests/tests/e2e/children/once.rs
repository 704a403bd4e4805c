//! There is one child, whatever happens to the controller; and it is the step's own.

use std::sync::Arc;

use hyper::Method;
use serde_json::{Value, json};
use sluice_api::RunIdentity;
use sluice_api::step::Claim;
use sluice_tests::controller::Options;
use sluice_tests::faults::{Faults, Position};
use sluice_tests::fixture::{Team, step_of};
use sluice_tests::{Cluster, Controller};

use super::{children, failure, running};
use crate::short::{pipeline, run};

/// A team whose controller reaches the API server through a proxy that counts the runs that are created, and which of these
/// kills it.
async fn behind(faults: &Faults, team: &Team) -> Controller {
    let api_url = Some(faults.api(team.cluster()).await.expect("a proxy"));
    let options = Options { api_url, ..team.controller_options() };
    Controller::start(team.cluster(), options).await.expect("a controller")
}

fn creations() -> Faults {
    Faults::counting(|method, path| {
        *method == Method::POST && path.split('?').next().is_some_and(|it| it.ends_with("/pipelineruns"))
    })
}

#[tokio::test]
async fn a_controller_that_is_killed_around_the_creation_makes_one() {
    let cluster = Cluster::connect().await;
    for position in Position::ALL {
        let team = Team::open(&cluster).await;
        let faults = Arc::new(creations());
        let controller = behind(&faults, &team).await;
        faults.kill_at(1, position, controller.killer());
        team.home().apply(&pipeline("build", "- {name: work, set: {values: {x: 1}}}"));
        team.home().apply(&running("release", "build"));
        team.home().apply(&run("release-1", "release"));
        faults.kills(1).await;
        controller.restart().expect("another life");
        let parent = team.succeeded("release-1").await;
        let children = children(&team).await;
        assert_eq!(children.len(), 1, "{position:?}: {children:#?}");
        let call = step_of(&parent, "call");
        assert_eq!(call["outputs"]["run"]["uid"], children[0]["metadata"]["uid"], "{position:?}");
        assert_eq!(call["claims"], 2, "{position:?}");
    }
}

#[tokio::test]
async fn somebody_elses_run_of_the_name_is_not_taken() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let faults = Arc::new(creations());
    let controller = behind(&faults, &team).await;
    faults.kill_at(1, Position::Before, controller.killer());
    team.home().apply(&pipeline("build", "- {name: wait, delay: {duration: 1h}}"));
    team.home().apply(&running("release", "build"));
    team.home().apply(&run("release-1", "release"));
    faults.kills(1).await;

    // All that it lacks is the parent, which only the controller may set.
    let claimed = team.run("release-1").await.expect("the run");
    let identity = RunIdentity { name: "release-1".to_owned(), ..RunIdentity::default() };
    let key = step_of(&claimed, "call")["key"].as_str().expect("a key");
    let name = Claim { run: &identity, step: "call", key, from: None }.object_name();
    let mut foreign: Value = serde_json::from_str(&run(&name, "build")).expect("JSON");
    foreign["metadata"]["labels"] = json!({"sluice.dev/parent": "release-1", "sluice.dev/pipeline": "build"});
    team.apply_value(&foreign);

    controller.restart().expect("another life");
    let parent = team.ended("release-1").await;
    let why = format!("there is a run {name:?} that this step did not start: delete it, or rename it");
    assert_eq!(failure(&parent, "call"), ("NameTaken", &*why));
    let foreign = team.at(&name, "wait").await;
    assert_eq!(foreign["spec"]["actions"], json!([]));
}
