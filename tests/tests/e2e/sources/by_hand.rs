//! What people do with sources: the example, and `sluice run --from`.

use sluice_tests::fixture::{Team, step_of};
use sluice_tests::{Cluster, paths};

use super::{causes, until, until_there_are};
use crate::short::{kubectl, run_with};
use crate::verbs::{sluice, user};

#[tokio::test]
async fn the_example_deploys_its_build_and_an_older_build_is_taken_by_hand() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let text =
        std::fs::read_to_string(paths::workspace().join("examples/sources/last-good-build.yaml")).expect("the example");
    let (pipelines, build) = text.rsplit_once("---\n").expect("a run at the end");
    // In one go the build may be over before anybody has seen what it starts.
    kubectl(&cluster, &["apply", "-n", team.namespace(), "-f", "-"], pipelines).expect("accepted");
    until(&team, "deploy", "has looked", |status| status["sources"][0]["since"].is_string()).await;
    kubectl(&cluster, &["apply", "-n", team.namespace(), "-f", "-"], build).expect("accepted");
    let started = until_there_are(&team, 1, "deploy").await;
    assert_eq!(causes(&started), ["build-1-10"]);
    let deployed = team.succeeded(started[0]["metadata"]["name"].as_str().expect("a name")).await;
    assert_eq!(step_of(&deployed, "out")["outputs"]["image"], "registry.example/web:1.10");

    team.home().apply(&run_with("build-1-11", "build", serde_json::json!({"version": "1.11"})));
    team.succeeded("build-1-11").await;
    let admin = user(&team, "admin");
    for (name, more, of) in
        [("newest", &[][..], "build-1-11"), ("older", &["--from", "build=build-1-10"], "build-1-10")]
    {
        let said = sluice(&team, &admin, &[&["run", "acceptance", "--name", name], more].concat()).await;
        assert_eq!(said.code, Some(0), "{said:?}");
        assert_eq!(step_of(&team.succeeded(name).await, "try")["outputs"]["of"], of);
    }
    let said = sluice(&team, &admin, &["run", "acceptance", "--from", "biuld=build-1-10"]).await;
    assert!(said.code != Some(0) && said.err.contains("did you mean \"build\"?"), "{said:?}");
}
