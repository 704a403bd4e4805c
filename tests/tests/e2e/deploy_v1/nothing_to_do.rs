//! What is wanted runs already.

use sluice_tests::fixture::{FIRST_VERSION, Plan, stage_of};

use super::{STEPS, open, phases};

#[tokio::test]
async fn the_stage_is_skipped_and_no_pull_request_exists() {
    let (shop, _controller) = open(Plan::new().hurried()).await;
    let before = shop.repo.head("main").await.expect("a head");
    shop.start("deploy", FIRST_VERSION);

    let run = shop.succeeded("deploy").await;
    assert_eq!(stage_of(&run, "assess")["phase"], "Succeeded");
    assert_eq!(stage_of(&run, "shouldDeploy")["phase"], "Skipped");
    assert_eq!(phases(&run), [vec!["Succeeded"; 2], vec!["Skipped"; STEPS.len() - 2]].concat());
    assert_eq!(shop.repo.pulls("all").await.expect("a list"), Vec::<serde_json::Value>::new());
    assert_eq!(shop.repo.branches().await.expect("a list"), ["main"]);
    assert_eq!(shop.repo.head("main").await.expect("a head"), before);
}
