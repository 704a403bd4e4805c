//! Argo CD is real, and reaches Gitea and the workloads.

use std::time::Instant;

use sluice_tests::{Application, Cluster, TestNamespace};

use super::deployment;

#[tokio::test]
async fn an_application_follows_the_repository_and_tells_what_is_broken() {
    let cluster = Cluster::connect().await;
    let test = TestNamespace::new(&cluster, "argo").await;
    let manifest = |tag: &str| deployment(&format!("registry.example/web:{tag}")) + "  progressDeadlineSeconds: 3\n";
    let repo = cluster.gitea().new_repo("argo", &[("staging/web.yaml", &manifest("1.0"))]).await.expect("a repository");
    let first = repo.head("main").await.expect("a head");
    let application = Application::create(&test, test.name(), &repo, "staging", true).await.expect("an Application");
    application.wait("Synced", "Healthy", &first).await;

    let second = repo.commit("main", "Deploy 1.1", &[("staging/web.yaml", &manifest("1.1"))]).await.expect("a commit");
    let pushed = Instant::now();
    application.refresh().await.expect("a refresh");
    let state = application.wait("Synced", "Healthy", &second).await;
    assert_eq!(state["status"]["operationState"]["phase"], "Succeeded");
    assert!(pushed.elapsed().as_secs() < 30, "from push to healthy took {:?}", pushed.elapsed());

    let third = repo.commit("main", "Break it", &[("staging/web.yaml", &manifest("broken"))]).await.expect("a commit");
    application.refresh().await.expect("a refresh");
    application.wait("Synced", "Degraded", &third).await;
}
