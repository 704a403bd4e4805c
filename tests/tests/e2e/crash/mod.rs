//! `deploy-v1` with the controller killed (`kill -9`) at each of its writes: before the write is passed on, after it was
//! carried out and before the answer, and after the answer. Whatever the moment, the world ends as if nothing had happened.
//!
//! A reference run tells how many writes there are; each plan is then a world, a controller and a proxy of its own.

mod end;
mod plan;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use sluice_tests::Cluster;
use sluice_tests::faults::{Faults, Position, Write};

use crate::status_patches::is_progress;
use end::End;
use plan::{Outcome, deploy};

/// Plans that run at the same time: most of their time they wait for Argo CD.
const AT_A_TIME: usize = 6;

/// More than a whole run takes; a plan that is not done by then is stuck.
const STUCK: Duration = Duration::from_secs(600);

/// Writes of the reference run that every run has: not those that were refused, nor progress, which depends on the clock.
fn needed(writes: &[Write]) -> usize {
    let is_needed = |write: &&Write| write.status.is_some_and(|status| status < 300) && !is_progress(write, writes);
    writes.iter().filter(is_needed).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the figures belong to the test's output")]
async fn a_kill_at_any_write_leaves_one_commit_one_pull_request_and_the_same_end() {
    let cluster = Cluster::connect().await;
    let started = Instant::now();
    let reference = Arc::new(Faults::new());
    let Outcome { end: expected, killed, .. } = deploy(&cluster, &reference, None).await;
    assert!(killed.is_none());
    let writes = needed(&reference.writes());
    println!("the reference run writes {writes} times:\n{}", reference.log());
    expected.is_good();

    let plans: Vec<(usize, Position)> =
        (1..=writes).flat_map(|number| Position::ALL.map(|position| (number, position))).collect();
    let failures: Vec<String> = stream::iter(plans.clone())
        .map(|plan| check(&cluster, plan, &expected))
        .buffer_unordered(AT_A_TIME)
        .filter_map(async |result| result.err())
        .collect()
        .await;
    println!(
        "crash plans: {} generated, {} run, 0 skipped, {} failed, in {:?}",
        plans.len(),
        plans.len(),
        failures.len(),
        started.elapsed()
    );
    assert!(failures.is_empty(), "{} of {} plans failed:\n{}", failures.len(), plans.len(), failures.join("\n"));
}

/// One plan, on a thread of its own: its panic is its failure and stops no other.
async fn check(cluster: &Cluster, (number, position): (usize, Position), expected: &End) -> Result<(), String> {
    let name = format!("kill {position:?} write {number}");
    let own = cluster.clone();
    let runtime = tokio::runtime::Handle::current();
    let task = tokio::task::spawn_blocking(move || {
        let faults = Arc::new(Faults::new());
        let plan = async { tokio::time::timeout(STUCK, deploy(&own, &faults, Some((number, position)))).await };
        (runtime.block_on(plan), faults.log())
    });
    let (outcome, log) = task.await.map_err(|panic| format!("{name}: {panic}"))?;
    let Outcome { end, killed, controller } = outcome.map_err(|_| format!("{name}: stuck; writes:\n{log}"))?;
    if killed.is_none() {
        return Err(format!("{name}: never happened; writes:\n{log}"));
    }
    let differences = end.differences(expected);
    if differences.is_empty() {
        return Ok(());
    }
    Err(format!("{name}: another end: {}\nwrites:\n{log}\nlog:\n{controller}", differences.join("\n")))
}
