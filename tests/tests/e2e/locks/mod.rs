//! Locks on the real cluster: one run of a group at a time, first come first served, and no Lease that outlives its runs.

mod cost;
mod crash;
mod group;
mod kept;
mod many;
mod queue;

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, ListParams};
use serde_json::Value;
use sluice_tests::eventually;
use sluice_tests::fixture::Team;

use crate::PATIENCE;
use crate::flow::server::Server;
use crate::short::pipeline_with;

/// Waits until a run waits for its turn.
async fn queued(team: &Team, run: &str) -> Value {
    team.until(run, "waits for its turn", |run| run["status"]["lock"]["position"].as_i64() > Some(0)).await
}

/// The Leases that are locks of the team.
async fn leases(team: &Team) -> Vec<Lease> {
    let leases: Api<Lease> = team.home().api();
    leases.list(&ListParams::default().labels("sluice.dev/lock=true")).await.expect("the Leases").items
}

/// The UIDs of the runs that have locks.
async fn holders(team: &Team) -> Vec<String> {
    let leases = leases(team).await.into_iter();
    leases.filter_map(|lease| lease.spec?.holder_identity).collect()
}

/// Waits until no Lease is left.
async fn nothing_is_left(team: &Team) {
    eventually("no Lease is left", PATIENCE, async || {
        let leases = leases(team).await;
        if leases.is_empty() { Ok(()) } else { Err(format!("{leases:#?}")) }
    })
    .await;
}

/// A pipeline under a lock, whose runs post when they come and when they go.
fn passing(server: &Server, name: &str, concurrency: &str) -> String {
    let post = |step: &str| {
        format!(
            "- {{name: {step}, http: {{method: POST, delivery: Idempotent, url: '{}/tell/{step}', \
             json: {{run: '${{{{ run.name }}}}'}}}}}}\n",
            server.url()
        )
    };
    pipeline_with(name, &(post("come") + &post("leave")), &format!("concurrency: {concurrency}"))
}

/// A pipeline under a lock, whose runs stay until the server lets go of `name`.
fn staying(server: &Server, name: &str, concurrency: &str) -> String {
    let step = format!("- {}\n", server.post("stay", &format!("/hold/{name}")));
    pipeline_with(name, &step, &format!("concurrency: {concurrency}"))
}

/// The runs in the order in which they had the lock. Each had it once: nobody came before it had left.
fn passed(server: &Server) -> Vec<String> {
    let mut passed: Vec<String> = Vec::new();
    for request in server.requests() {
        let Some(run) = request.body["run"].as_str() else { continue };
        if passed.last().map(String::as_str) != Some(run) {
            assert!(!passed.iter().any(|before| before == run), "{run} came back, after {passed:?}");
            passed.push(run.to_owned());
        }
    }
    passed
}
