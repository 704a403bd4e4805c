//! Nobody does anything but set the status that the branch requires.

use sluice_tests::Cluster;
use sluice_tests::fixture::{FIRST_VERSION, Plan, step_of, web_yaml};

/// The steps, in their order.
const STEPS: [&str; 8] = [
    "getPreActualState",
    "waitForPreActualState",
    "createDeployRequest",
    "waitForAcceptedDeployRequest",
    "monitorDeploymentProgress",
    "getPostActualState",
    "waitForPostActualState",
    "validatePostDeployActualState",
];

#[tokio::test]
async fn the_pull_request_changes_one_line_and_merges_when_its_check_passed() {
    let cluster = Cluster::connect().await;
    let shop = Plan::new().hurried().open(&cluster).await;
    shop.repo.protect("main", &["ci"], 0).await.expect("a protected branch");
    shop.deployed().await;
    let _controller = shop.controller().await;
    shop.apply();
    shop.start("deploy", "1.1");

    let run = shop.at("deploy", "waitForAcceptedDeployRequest").await;
    let opened = step_of(&run, "createDeployRequest")["outputs"].clone();
    let number = opened["number"].as_i64().expect("a number");
    assert_eq!(
        changed_lines(&shop.repo.diff(number).await.expect("a diff")),
        [
            "-              image:   registry.example/web:1.0   # bumped by pipelines, keep the tag plain",
            "+              image:   registry.example/web:1.1   # bumped by pipelines, keep the tag plain",
        ]
    );
    let head = opened["headCommit"].as_str().expect("a commit");
    assert_eq!(shop.repo.pull(number).await.expect("a pull request")["merged"], false);

    shop.repo.set_status(head, "ci", "success").await.expect("a status");
    let run = shop.succeeded("deploy").await;
    assert_eq!(shop.repo.read(&shop.file(), "main").await.expect("the file"), web_yaml("1.1", false));
    let phases = STEPS.map(|step| step_of(&run, step)["phase"].clone());
    assert_eq!(phases, STEPS.map(|_| "Succeeded"), "{:#}", run["status"]);
    assert_eq!(step_of(&run, "waitForPreActualState")["outputs"]["state"]["json"]["version"], FIRST_VERSION);
    assert_eq!(step_of(&run, "waitForPostActualState")["outputs"]["state"]["json"]["version"], "1.1");
}

/// The lines that a unified diff adds and removes.
fn changed_lines(diff: &str) -> Vec<&str> {
    let is_header = |line: &str| line.starts_with("+++") || line.starts_with("---");
    diff.lines().filter(|line| line.starts_with(['+', '-']) && !is_header(line)).collect()
}
