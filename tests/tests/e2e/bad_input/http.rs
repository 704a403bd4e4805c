//! Answers and addresses that steps may not have, and outputs that nobody could read back.

use sluice_tests::controller::Options;
use sluice_tests::fixture::Team;
use sluice_tests::{Cluster, Controller};

use super::{Trouble, fails, start};
use crate::short::{pipeline, run};

#[tokio::test]
async fn an_output_of_more_than_a_mebibyte_fails_its_step_and_nothing_else() {
    let trouble = Trouble::open().await;
    let services = &trouble.team.cluster().facts().services_url;
    start(&trouble.team, "huge", &format!("http: {{url: {services}/big/1677721}}"));
    start(&trouble.team, "large", &format!("http: {{url: {services}/big/20000}}"));
    let message =
        format!("GET {services}/big/1677721 answered 200 OK: the answer has 1677732 bytes; at most 1048576 are read");
    fails(&trouble.team, "huge", "OutputTooLarge", &message).await;
    fails(&trouble.team, "large", "OutputTooLarge", "the outputs take 20143 bytes; at most 16384 are kept").await;
    trouble.no_harm().await;
}

#[tokio::test]
async fn an_output_that_nests_too_deep_fails_its_step_and_nothing_else() {
    let trouble = Trouble::open().await;
    let nested = |levels: usize, value: &str| format!("{}{value}{}", "[".repeat(levels), "]".repeat(levels));
    let steps = format!(
        "- {{name: deep, set: {{values: {{x: {}}}}}}}\n- {{name: bad, set: {{values: {{x: {}}}}}}}",
        nested(60, ""),
        nested(60, "'${{ steps.deep.outputs.x }}'")
    );
    trouble.apply(&format!("{}---\n{}", pipeline("nested", &steps), run("nested", "nested")));
    fails(&trouble.team, "nested", "OutputTooDeep", "the outputs nest deeper than 64 levels").await;
    trouble.no_harm().await;
}

#[tokio::test]
async fn loopback_is_closed_to_steps_unless_it_is_allowed() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let arguments = vec!["--listen=127.0.0.1:0".to_owned()];
    let options = Options { arguments, ..team.controller_options() };
    let _controller = Controller::start(&cluster, options).await.expect("a controller");
    let services = &cluster.facts().services_url;
    let localhost = services.replace("127.0.0.1", "localhost");
    start(&team, "address", &format!("http: {{url: {services}/echo}}"));
    start(&team, "name", &format!("http: {{url: {localhost}/echo}}"));
    start(&team, "metadata", "http: {url: http://169.254.169.254/latest/meta-data}");
    let closed = "is closed to steps: loopback, link-local and metadata addresses are; allow it with --allow-http-to";
    fails(&team, "address", "AddressForbidden", &format!("GET {services}/echo: 127.0.0.1 {closed}")).await;
    fails(&team, "name", "AddressForbidden", &format!("GET {localhost}/echo: localhost (127.0.0.1) {closed}")).await;
    let message = format!("GET http://169.254.169.254/latest/meta-data: 169.254.169.254 {closed}");
    fails(&team, "metadata", "AddressForbidden", &message).await;
}
