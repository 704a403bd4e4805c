//! `merge: WhenReady`: nobody does anything but set the status that the branch requires.

use sluice_tests::fixture::{FIRST_VERSION, Plan, step_of, web_yaml};

use super::{STEPS, open, phases, pull_of};

#[tokio::test]
async fn the_pull_request_changes_one_line_and_merges_when_its_check_passed() {
    let (shop, _controller) = open(Plan::new().hurried()).await;
    shop.repo.protect("main", &["ci"], 0).await.expect("a protected branch");
    shop.start("deploy", "1.1");

    let run = shop.at("deploy", "waitForAcceptedDeployRequest").await;
    let diff = shop.repo.diff(pull_of(&run)).await.expect("a diff");
    let expected = [
        "-              image:   registry.example/web:1.0   # bumped by pipelines, keep the tag plain",
        "+              image:   registry.example/web:1.1   # bumped by pipelines, keep the tag plain",
    ];
    assert_eq!(changed_lines(&diff), expected);
    shop.until("deploy", "says what is missing", |run| {
        step_of(run, "waitForAcceptedDeployRequest")["message"].is_string()
    })
    .await;
    assert_eq!(shop.repo.pull(pull_of(&run)).await.expect("a pull request")["merged"], false);

    let _checks = shop.let_checks_pass();
    let _webhook = shop.let_argocd_know();
    let run = shop.succeeded("deploy").await;
    assert_eq!(phases(&run), ["Succeeded"; STEPS.len()], "{:#}", run["status"]);
    assert_eq!(shop.repo.read(&shop.file(), "main").await.expect("the file"), web_yaml("1.1", false));
    assert_eq!(step_of(&run, "waitForPreActualState")["outputs"]["state"]["json"]["version"], FIRST_VERSION);
    assert_eq!(step_of(&run, "waitForPostActualState")["outputs"]["state"]["json"]["version"], "1.1");
    let merged = shop.repo.pull(pull_of(&run)).await.expect("a pull request");
    let commit = &step_of(&run, "waitForAcceptedDeployRequest")["outputs"]["commit"];
    assert_eq!((&merged["merged"], &merged["merge_commit_sha"]), (&true.into(), &commit["sha"]));
}

/// The lines that a unified diff adds and removes.
fn changed_lines(diff: &str) -> Vec<&str> {
    let is_header = |line: &str| line.starts_with("+++") || line.starts_with("---");
    diff.lines().filter(|line| line.starts_with(['+', '-']) && !is_header(line)).collect()
}
