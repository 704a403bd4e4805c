//! Gitea is real: branches, pull requests, checks, merges.

use serde_json::json;
use sluice_tests::Cluster;

#[tokio::test]
async fn a_pull_request_is_opened_checked_merged_and_another_closed() {
    let cluster = Cluster::connect().await;
    let gitea = cluster.gitea();
    let (name, alice) = gitea.new_user("alice").await.expect("a person");
    let repo = gitea.new_repo("shop", &[("staging/web.yaml", "image: web:1.0\n")]).await.expect("a repository");
    repo.permit(&name, "write").await.expect("a permission");
    repo.protect("main", &["ci"], 0).await.expect("a protected branch");

    repo.branch("deploy", "main").await.expect("a branch");
    let head =
        repo.commit("deploy", "Deploy 1.1", &[("staging/web.yaml", "image: web:1.1\n")]).await.expect("a commit");
    let number = repo.open_pull("deploy", "main", "Deploy 1.1").await.expect("a pull request");
    let diff = repo.diff(number).await.expect("a diff");
    assert!(diff.contains("-image: web:1.0") && diff.contains("+image: web:1.1"), "{diff}");

    let by_alice = repo.as_person(&alice);
    assert!(by_alice.merge(number).await.is_err(), "the check is missing");
    repo.set_status(&head, "ci", "success").await.expect("a status");
    by_alice.merge(number).await.expect("a merge");
    assert_eq!(repo.read("staging/web.yaml", "main").await.expect("a file"), "image: web:1.1\n");
    assert_eq!(repo.pull(number).await.expect("a pull request")["merged_by"]["login"], json!(name));

    repo.branch("other", "main").await.expect("a branch");
    repo.commit("other", "Change", &[("x", "y")]).await.expect("a commit");
    let second = repo.open_pull("other", "main", "Change").await.expect("a pull request");
    by_alice.close(second).await.expect("closed");
    let pull = repo.pull(second).await.expect("a pull request");
    assert_eq!((&pull["state"], &pull["merged"]), (&json!("closed"), &json!(false)));
    assert_eq!(repo.pulls("all").await.expect("a list").len(), 2);
}
