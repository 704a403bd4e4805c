//! `merge: Manual`: a person merges, and somebody else merges more before Argo CD is done.

use serde_json::json;
use sluice_tests::fixture::{Merge, Plan, Shop, step_of};
use sluice_tests::gitea::Repo;

use super::{open, pull_of};

#[tokio::test]
async fn a_person_merges_and_a_later_merge_of_someone_else_confuses_nothing() {
    let (shop, _controller) = open(Plan::new().hurried().held().merge(Merge::Manual)).await;
    let (ada, ada_s_repo) = person(&shop, "ada").await;
    let (_, bob_s_repo) = person(&shop, "bob").await;
    shop.start("deploy", "1.1");

    let run = shop.at("deploy", "waitForAcceptedDeployRequest").await;
    let merged = ada_s_repo.merge(pull_of(&run)).await.expect("Ada merges");
    shop.application.refresh().await.expect("a refresh");
    shop.at("deploy", "monitorDeploymentProgress").await;

    let later = merge_something_else(&bob_s_repo, shop.environment()).await;
    assert_ne!(later, merged);
    shop.application.refresh().await.expect("a refresh");
    shop.application.wait("Synced", "Progressing", &later).await;

    let _nodes = shop.let_pods_start();
    let run = shop.succeeded("deploy").await;
    let accepted = &step_of(&run, "waitForAcceptedDeployRequest")["outputs"];
    assert_eq!((&accepted["mergedBy"], &accepted["commit"]["sha"]), (&json!(ada), &json!(merged)));
    assert_eq!(step_of(&run, "monitorDeploymentProgress")["outputs"]["revision"], later);
    assert_eq!(step_of(&run, "waitForPostActualState")["outputs"]["state"]["json"]["version"], "1.1");
}

/// Somebody who may write the repository: their name, and the repository as they see it.
async fn person(shop: &Shop, name: &str) -> (String, Repo) {
    let (name, gitea) = shop.cluster().gitea().new_user(name).await.expect("a person");
    shop.repo.permit(&name, "write").await.expect("a permission");
    (name, shop.repo.as_person(&gitea))
}

/// Opens and merges a pull request that adds a file to the environment; the merge commit.
async fn merge_something_else(repo: &Repo, environment: &str) -> String {
    let settings = "{apiVersion: v1, kind: ConfigMap, metadata: {name: more}}";
    repo.branch("more", "main").await.expect("a branch");
    repo.commit("more", "More", &[(&format!("{environment}/more.yaml"), settings)]).await.expect("a commit");
    let number = repo.open_pull("more", "main", "More").await.expect("a pull request");
    repo.merge(number).await.expect("a merge")
}
