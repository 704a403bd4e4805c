//! The example of component updates: a signed report goes through the real server, and one wait follows it to its deployment.

use serde_json::{Value, json};
use sluice_tests::Cluster;
use sluice_tests::fixture::{Team, step_of};

use super::of_file;
use crate::short::kubectl;

#[tokio::test]
async fn a_signed_report_is_recorded_and_deployed() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let secret = "not a secret: only for tests";
    let create =
        ["create", "secret", "generic", "ci", "-n", team.namespace(), &format!("--from-literal=secret={secret}")];
    kubectl(&cluster, &create, "").expect("a secret");
    let example = of_file("component-update/component-update");
    kubectl(&cluster, &["apply", "-n", team.namespace(), "-f", "-"], &example).expect("accepted");
    let (server, _controller) = (team.server().await, team.controller().await);
    team.receiver_says("ci", "True").await;
    // The report that the example shows.
    let body = example.lines().find_map(|line| line.split_once("BODY='")).expect("a report").1.trim_end_matches('\'');
    let request = reqwest::Client::new().post(server.url_of(team.namespace(), "ci")).body(body.to_owned());
    let signature = sluice_server::sign(secret.as_bytes(), body.as_bytes());
    let answer = request.header("X-Hub-Signature-256", signature).send().await.expect("an answer");
    assert_eq!(answer.status(), 202);
    let answer: Value = answer.json().await.expect("JSON");
    let name = answer["name"].as_str().expect("a name");
    let update = format!("componentupdate/{name}");
    let wait = ["wait", "--for=condition=Deployed", "--timeout=4m", &update, "-n", team.namespace()];
    kubectl(&cluster, &wait, "").expect("deployed");
    let run = team.succeeded(name).await;
    assert_eq!(step_of(&run, "roll")["outputs"], json!({"image": "registry.example/web:1.10"}));
}
