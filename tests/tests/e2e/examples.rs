//! An example runs as it is written. `deploy-v1.yaml` has tests of its own.

use sluice_tests::fixture::{Team, step_of};
use sluice_tests::{Cluster, paths};

use crate::short::{condition, kubectl};

#[tokio::test]
async fn hello_is_applied_without_a_warning_and_greets() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let text = std::fs::read_to_string(paths::workspace().join("examples/hello.yaml")).expect("the example");
    let said = kubectl(&cluster, &["apply", "-n", team.namespace(), "-f", "-"], &text).expect("accepted");
    assert!(said.lines().all(|line| line.ends_with(" created")), "{said}");

    let run = team.ended("hello").await;
    assert_eq!(run["status"]["conditions"][0]["type"], "Succeeded");
    assert_eq!(condition(&run).0, "True", "{:#}", run["status"]);
    let greeting = &step_of(&run, "greeting")["outputs"]["text"];
    let account = &step_of(&run, "account")["outputs"]["uid"];
    let uid = account.as_str().filter(|uid| !uid.is_empty()).expect("a UID");
    assert_eq!(*greeting, format!("Hello, Ada, from {uid}"));
}
