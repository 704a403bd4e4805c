//! The controller as a process: its probes, its end, and what goes on behind it.

use std::time::{Duration, Instant};

use sluice_tests::fixture::{Team, step_of};
use sluice_tests::{Cluster, Controller, eventually};

use crate::PATIENCE;
use crate::short::{gate, open_gate, pipeline, run};

/// Where a controller serves its probes, by its log.
async fn probes(controller: &Controller) -> String {
    eventually("the controller serves its probes", PATIENCE, async || {
        let log = controller.log();
        let address = log
            .lines()
            .rev()
            .find_map(|line| line.split_once("/readyz address=").map(|(_, address)| address.to_owned()));
        address.map(|address| format!("http://{}", address.trim())).ok_or(log)
    })
    .await
}

async fn is_well(cluster: &Cluster, url: String) {
    eventually(&format!("{url} is well"), PATIENCE, async || match cluster.http().get(&url).send().await {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(answer.status().to_string()),
        Err(error) => Err(error.to_string()),
    })
    .await;
}

#[tokio::test]
async fn it_ends_in_order_with_runs_that_wait_and_a_request_under_way_and_another_goes_on() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let controller = team.controller().await;
    let address = probes(&controller).await;
    is_well(&cluster, format!("{address}/healthz")).await;
    is_well(&cluster, format!("{address}/readyz")).await;

    let services = &cluster.facts().services_url;
    team.home().apply(&pipeline("gate", &format!("- {{name: wait, {}}}", gate(&cluster, team.namespace()))));
    team.home()
        .apply(&pipeline("slow", &format!("- {{name: ask, http: {{method: POST, url: {services}/slow/3000}}}}")));
    for (name, pipeline) in [("a", "gate"), ("b", "gate"), ("c", "slow")] {
        team.home().apply(&run(name, pipeline));
    }
    team.at("a", "wait").await;
    team.at("b", "wait").await;
    team.at("c", "ask").await;
    let asked = Instant::now();
    let status = controller.terminate().expect("an end");
    assert_eq!(status.code(), Some(0), "{}", controller.log());
    assert!(asked.elapsed() < Duration::from_secs(15), "it took {:?}", asked.elapsed());

    // The answer that was under way was kept: AtMostOnce, and yet a success.
    let stopped = team.run("c").await.expect("the run");
    assert_eq!(
        (&step_of(&stopped, "ask")["phase"], &step_of(&stopped, "ask")["claims"]),
        (&"Succeeded".into(), &1.into())
    );
    controller.restart().expect("another life");
    open_gate(&cluster, team.namespace()).await;
    for name in ["a", "b", "c"] {
        team.succeeded(name).await;
    }
}
