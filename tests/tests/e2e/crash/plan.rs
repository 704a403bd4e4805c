//! One run of `deploy-v1` behind a proxy, with or without a kill.

use std::sync::Arc;
use std::time::Duration;

use sluice_tests::Cluster;
use sluice_tests::Controller;
use sluice_tests::faults::{Faults, Position, Write};
use sluice_tests::fixture::Plan;

use super::end::End;

/// How a run came out.
pub(super) struct Outcome {
    pub(super) end: End,
    /// The write at which the controller was killed.
    pub(super) killed: Option<Write>,
    /// What the controller said.
    pub(super) controller: String,
}

/// Deploys 1.1 by a run of its own and returns how everything ended.
pub(super) async fn deploy(cluster: &Cluster, faults: &Arc<Faults>, kill: Option<(usize, Position)>) -> Outcome {
    let plan = Plan::new().hurried().through(faults, cluster).await.expect("a proxy");
    let shop = plan.open(cluster).await;
    shop.repo.protect("main", &["ci"], 0).await.expect("a protected branch");
    let _checks = shop.let_checks_pass();
    let _webhook = shop.let_argocd_know();
    shop.deployed().await;

    let controller = Arc::new(shop.controller().await);
    if let Some((number, position)) = kill {
        faults.kill_at(number, position, controller.killer());
    }
    let resurrection = tokio::spawn(resurrect(faults.clone(), controller.clone()));
    shop.apply();
    let run = shop.environment().to_owned();
    // Before the run exists, so that the numbers of writes mean the same in each plan.
    shop.pipeline_ready("deploy").await;
    shop.start(&run, "1.1");
    shop.succeeded(&run).await;
    shop.released(&run).await;
    if kill.is_some() {
        // At the very last write, the end is seen sooner than the kill.
        tokio::time::timeout(LAST_KILL, resurrection).await.ok();
    }
    let killed = kill.filter(|_| faults.killed() > 0).and_then(|(number, _)| faults.writes().get(number - 1).cloned());
    Outcome { end: End::of(&shop, &run).await, killed, controller: controller.log() }
}

/// How long a kill at the last write takes at most.
const LAST_KILL: Duration = Duration::from_secs(10);

/// Starts the controller again when it was killed.
async fn resurrect(faults: Arc<Faults>, controller: Arc<Controller>) {
    faults.kills(1).await;
    controller.restart().expect("another life");
}
