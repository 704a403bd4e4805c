//! Ten thousand requests that are malformed or forged, over the wire to the real server: none is taken.

mod http;
mod kinds;
mod places;
mod reports;
mod signatures;
mod wire;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sluice_api::Receiver;

use super::*;
use crate::dice::Dice;
use kinds::World;
use wire::{Connection, Said};

const REQUESTS: u64 = 10_000;

/// Each request comes of this and its number alone.
const SEED: u64 = 0x51_01ce;

/// Connections at a time. Each goes on as long as the server keeps it.
const CONNECTIONS: u64 = 16;

/// At least so many get to the judgement of the receivers; the rest ends in that of HTTP.
const JUDGED: usize = 9_000;

/// How often a request may be put off, on each connection: where it takes a Secret, and the API server did not answer for that.
const PUT_OFF: usize = 10;

/// How much memory the server may grow by.
const GROWTH: u64 = 8 << 20;

/// The number of requests by their kind and by what was said to them.
type Counts = BTreeMap<(&'static str, String), usize>;

/// Sends every request of one connection, and returns what was said.
async fn send(address: &str, world: &World, first: u64) -> Counts {
    let mut counts = Counts::new();
    let mut connection = Connection::new(address);
    let mut put_off = 0;
    for number in (first..REQUESTS).step_by(CONNECTIONS as usize) {
        let bad = kinds::roll(&mut Dice::new(SEED.wrapping_add(number << 32)), world);
        let mut said = connection.ask(&bad.sent).await;
        while let [Said { status: 503, retry_after: Some(seconds), .. }] = said[..]
            && put_off < PUT_OFF
        {
            put_off += 1;
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            said = connection.ask(&bad.sent).await;
        }
        assert!(bad.is_right(&said), "number {number}, {}: {said:?} to {}", bad.kind, bad.shown());
        let said: Vec<String> = said.iter().map(Said::to_string).collect();
        *counts.entry((bad.kind, said.join(", "))).or_default() += 1;
    }
    counts
}

/// Makes the Receivers: all of them take as many requests as come, so that each is judged.
async fn receivers(team: &Team) {
    for (name, kind) in [
        (kinds::CI, json!({"component": {"environments": ["staging", "gone"]}})),
        (kinds::OTHER, json!({"component": {"environments": ["staging"]}})),
        (kinds::GITEA, json!({"gitea": {}})),
        (kinds::GITHUB, json!({"github": {}})),
    ] {
        let mut spec = kind;
        spec["maxRequestsPerMinute"] = 60_000.into();
        team.receive(name, &spec, kinds::secret_of(name)).await;
    }
    team.apply_value(&json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "Receiver", "metadata": {"name": kinds::CLOSED},
        "spec": {
            "component": {"environments": ["staging"]}, "serviceAccountName": "receiver", "maxRequestsPerMinute": 60_000,
            "secretRef": {"name": "nothing"},
        },
    }));
    team.receiver_says(kinds::CLOSED, "False").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_ten_thousand_malformed_or_forged_requests_none_is_taken() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = team.server().await;
    team.apply_value(&json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "Environment", "metadata": {"name": "staging"},
        "spec": {"components": [{"name": "web"}]},
    }));
    receivers(&team).await;
    let address = server.url().strip_prefix("http://").unwrap().to_owned();
    let world = World { namespace: team.namespace().to_owned() };

    println!("{REQUESTS} requests of the seed {SEED:#x}");
    let (before, begun) = (server.usage().unwrap(), Instant::now());
    let counts = futures::future::join_all((0..CONNECTIONS).map(|first| send(&address, &world, first))).await;
    let (after, took) = (server.usage().unwrap(), begun.elapsed());

    let mut sums = Counts::new();
    counts.into_iter().flatten().for_each(|(key, count)| *sums.entry(key).or_default() += count);
    for ((kind, said), count) in &sums {
        println!("{count:5} {kind}: {said}");
    }
    let grown = after.peak.saturating_sub(before.resident);
    println!("in {took:?}; the server grew by {} KiB from {} KiB", grown / 1024, before.resident / 1024);
    assert_eq!(sums.values().sum::<usize>() as u64, REQUESTS);
    let kinds: std::collections::BTreeSet<_> = sums.keys().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds.len(), kinds::all().count(), "each kind came: {kinds:?}");
    let judged: usize = sums
        .iter()
        .filter(|((_, said), _)| !said.is_empty() && !said.contains("of HTTP"))
        .map(|(_, count)| count)
        .sum();
    assert!(judged >= JUDGED, "{judged} were judged");

    assert!(grown <= GROWTH, "{grown}");
    assert!(all::<ComponentUpdate>(&team).await.is_empty());
    for receiver in all::<Receiver>(&team).await {
        assert!(receiver.status.unwrap().recent.is_empty(), "{:?}", receiver.metadata.name);
    }
    let log = server.log();
    assert!(!log.contains("panicked"), "{log}");
    // The process that was there before, since nobody has started another, still takes what is right.
    let good = report("ci/7", 7).to_string();
    let answer = reqwest::Client::new()
        .post(server.url_of(team.namespace(), kinds::CI))
        .header("X-Hub-Signature-256", sluice_server::sign(kinds::secret_of(kinds::CI).as_bytes(), good.as_bytes()))
        .body(good);
    assert_eq!(answer.send().await.unwrap().status(), 202);
    assert_eq!(all::<ComponentUpdate>(&team).await.len(), 1);
}
