//! Applications that are not there, or not well.

use sluice_tests::fixture::{FIRST_VERSION, Plan, step_of, web_yaml};
use sluice_tests::namespace::unique;
use sluice_tests::{Application, Cluster, Facts};

use super::{begin_beside, no_harm, start};
use crate::short::condition;

fn wait_for(application: &str) -> String {
    format!(
        "argocdWait: {{application: {{name: {application}, namespace: {}}}, interval: 1s}}",
        Facts::ARGOCD_NAMESPACE
    )
}

#[tokio::test]
async fn an_application_that_does_not_exist_is_waited_for() {
    let cluster = Cluster::connect().await;
    let shop = Plan::new().open(&cluster).await;
    let controller = shop.controller().await;
    begin_beside(&shop);
    let name = unique("late");
    let key = format!("{}/{name}", Facts::ARGOCD_NAMESPACE);
    start(&shop, "early", &wait_for(&name));

    let message = format!("waits for Application {key} to be created");
    let expected = ("Unknown", "Waiting", &*message);
    let waits = shop.until("early", "says what it waits for", |run| condition(run) == expected).await;
    assert_eq!(step_of(&waits, "bad")["waitingOn"]["kind"], "Application");
    assert_eq!(step_of(&waits, "bad")["waitingOn"]["key"], *key);
    Application::create(shop.target(), &name, &shop.repo, shop.environment(), true).await.expect("an Application");
    shop.succeeded("early").await;
    no_harm(&shop, &controller).await;
}

#[tokio::test]
async fn a_degraded_application_fails_the_run_with_the_resource_and_its_reason() {
    let cluster = Cluster::connect().await;
    let shop = Plan::new().open(&cluster).await;
    let controller = shop.controller().await;
    begin_beside(&shop);
    shop.deployed().await;
    let broken = web_yaml(FIRST_VERSION, false)
        .replace("registry.example/web:1.0   # bumped", "registry.example/broken:1.1   # bumped")
        .replace("replicas:  2", "replicas:  2\n    progressDeadlineSeconds: 2");
    shop.repo.commit("main", "Break it", &[(&shop.file(), &broken)]).await.expect("a commit");
    let head = shop.repo.head("main").await.expect("a head");
    shop.application.refresh().await.expect("a refresh");
    let steps = wait_for(shop.application.name()).replace("interval", &format!("revision: {head}, interval"));
    start(&shop, "degraded", &steps);
    let run = shop.ended("degraded").await;
    let step = step_of(&run, "bad");
    assert_eq!(step["reason"], "ApplicationDegraded");
    // The names of Pods and ReplicaSets are Kubernetes' to choose.
    let message = step["message"].as_str().expect("a message");
    let before = format!(
        "Application {}/{} is Degraded at {}: Deployment web: ",
        Facts::ARGOCD_NAMESPACE,
        shop.application.name(),
        &head[..7]
    );
    assert!(message.starts_with(&before), "{message}");
    assert!(message.contains("ProgressDeadlineExceeded: ReplicaSet \"web-"), "{message}");
    assert!(message.contains("ImagePullBackOff: Back-off pulling image"), "{message}");
    assert_eq!(condition(&run), ("False", "ApplicationDegraded", &*format!("stage only: step bad: {message}")));
    no_harm(&shop, &controller).await;
}
