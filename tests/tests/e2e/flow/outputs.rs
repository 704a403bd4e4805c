//! The results of a run.

use serde_json::json;
use sluice_tests::Cluster;
use sluice_tests::fixture::Team;

use super::{server::Server, start};
use crate::short::condition;

#[tokio::test]
async fn a_run_that_succeeds_has_the_outputs_that_its_pipeline_says() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    let _controller = team.controller().await;
    let outputs = "\
outputs:
  number: '${{ steps.ask.outputs.json.number }}'
  text: 'run ${{ run.name }} got ${{ steps.ask.outputs.json.number }}'
  nested: {list: ['${{ steps.ask.outputs.status }}', fixed]}
";
    start(&team, "web", &format!("- {{name: only, steps: [{}]}}\n", server.post("ask", "/tell/ask")), outputs);
    let run = team.succeeded("web").await;
    let expected = json!({"number": 1, "text": "run web got 1", "nested": {"list": [200, "fixed"]}});
    assert_eq!(run["status"]["outputs"], expected);
}

#[tokio::test]
async fn an_output_that_cannot_be_computed_fails_the_run() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    let _controller = team.controller().await;
    let outputs = "outputs: {missing: '${{ steps.ask.outputs.json.nothing }}'}";
    start(&team, "web", &format!("- {{name: only, steps: [{}]}}\n", server.post("ask", "/tell/ask")), outputs);
    let run = team.ended("web").await;
    let (status, reason, message) = condition(&run);
    assert_eq!((status, reason), ("False", "OutputsFailed"));
    assert!(
        message.starts_with("the outputs of the run cannot be computed: ") && message.contains("outputs.missing"),
        "{message}"
    );
    assert_eq!(run["status"]["outputs"], json!(null));
    assert_eq!(run["status"]["stages"][0]["phase"], "Succeeded");
}
