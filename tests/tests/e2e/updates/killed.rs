//! A controller that is killed at any write of an update that is deployed: the end is the same.

use std::sync::Arc;

use futures::{StreamExt, stream};
use sluice_tests::faults::{Faults, Position};
use sluice_tests::fixture::Team;
use sluice_tests::{Cluster, Controller};

use serde_json::json;

use super::{all, component, deploy, deployed_by, said, staging, until, until_says, update};

/// Plans that run at the same time.
const AT_A_TIME: usize = 6;

/// One update with its run, with or without a kill at a write. Returns how many writes there were.
async fn deployed(cluster: &Cluster, kill: Option<(usize, Position)>) -> usize {
    let faults = Arc::new(Faults::new());
    let team = Team::open_through(cluster, faults.api(cluster).await.expect("a proxy")).await;
    let controller = Arc::new(team.controller().await);
    team.home().apply(&[staging(&json!([deployed_by("web", "deploy")]), &json!({})), deploy("deploy")].join("\n---\n"));
    team.pipeline_ready("deploy").await;
    until(&team, "Environment", "staging", "is judged", |it| said(it, "Ready").starts_with("True")).await;
    faults.clear();
    if let Some((number, position)) = kill {
        faults.kill_at(number, position, controller.killer());
    }
    let resurrection = tokio::spawn(resurrect(faults.clone(), controller.clone()));
    team.apply_value(&update("one", "web", 1));
    let one = until_says(&team, "one", "Deployed", "True").await;
    assert!(said(&one, "Recorded").starts_with("True Recorded"), "{kill:?}: {one:#}");
    let environment = until(&team, "Environment", "staging", "knows what is there", |it| {
        component(it, "web")["deployed"]["runRef"]["name"] == "one"
    })
    .await;
    resurrection.abort();
    assert_eq!(component(&environment, "web")["recorded"]["updateRef"]["name"], "one", "{kill:?}");
    let runs = all(&team, "PipelineRun").await;
    assert_eq!(runs.len(), 1, "{kill:?}");
    assert_eq!(runs[0]["spec"]["trigger"]["componentUpdate"]["uid"], one["metadata"]["uid"], "{kill:?}");
    let writes = faults.writes();
    let is_made = |path: &str| path.split('?').next().is_some_and(|path| path.ends_with("/pipelineruns"));
    let made = writes.iter().filter(|write| write.status == Some(201) && is_made(&write.path)).count();
    assert!(made <= 1, "{kill:?}: {}", faults.log());
    writes.len()
}

async fn resurrect(faults: Arc<Faults>, controller: Arc<Controller>) {
    faults.kills(1).await;
    controller.restart().expect("another life");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the figures belong to the test's output")]
async fn a_kill_at_any_write_changes_nothing_of_the_end() {
    let cluster = Cluster::connect().await;
    let writes = deployed(&cluster, None).await;
    let plans: Vec<_> = (1..=writes).flat_map(|number| Position::ALL.map(|position| (number, position))).collect();
    println!("an update that is deployed takes {writes} writes; {} plans", plans.len());
    stream::iter(plans)
        .for_each_concurrent(AT_A_TIME, async |plan| {
            deployed(&cluster, Some(plan)).await;
        })
        .await;
}
