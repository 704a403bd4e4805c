//! The proxy counts writes and kills exactly where it is told to.

use std::process::Command;
use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use serde_json::{Value, json};
use sluice_tests::faults::{Faults, Position};
use sluice_tests::process::{Process, bound_to_us};
use sluice_tests::{Cluster, TestNamespace, eventually};

use super::PATIENCE;

#[tokio::test]
async fn it_kills_before_a_write_is_passed_on() {
    check(Position::Before, false, false).await;
}

#[tokio::test]
async fn it_kills_after_a_write_is_carried_out_and_before_the_answer() {
    check(Position::AfterSent, true, false).await;
}

#[tokio::test]
async fn it_kills_after_the_answer() {
    check(Position::AfterAnswered, true, true).await;
}

/// Writes three objects through the proxy, with a kill at the second.
async fn check(position: Position, carried_out: bool, answered: bool) {
    let cluster = Cluster::connect().await;
    let test = TestNamespace::new(&cluster, "faults").await;
    let faults = Faults::new();
    let proxy = faults.api(&cluster).await.expect("a proxy");
    let client = cluster.user_through("admin", &proxy).await.expect("a client");
    let through: Api<ConfigMap> = Api::namespaced(client, test.name());
    let (victim, kill) = victim(test.name());
    faults.kill_at(2, position, kill);

    let create = async |name: &str| through.create(&PostParams::default(), &config_map(name)).await;
    create("one").await.expect("the first write passes");
    assert!(victim.ended().is_none());
    assert_eq!(create("two").await.is_ok(), answered);
    faults.kills(1).await;
    assert!(victim.ended().is_some());
    let two = test.api::<ConfigMap>().get_opt("two").await.expect("a read");
    assert_eq!(two.is_some(), carried_out);

    create("three").await.expect("the next process writes unhindered");
    let writes = faults.writes();
    assert_eq!(writes.iter().map(|write| write.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(writes[1].status.is_some(), carried_out, "{}", faults.log());
    assert_eq!(writes[2].json()["metadata"]["name"], "three");
}

#[tokio::test]
async fn of_writes_at_once_none_passes_after_the_kill() {
    let cluster = Cluster::connect().await;
    let test = TestNamespace::new(&cluster, "burst").await;
    let faults = Faults::new();
    let proxy = faults.api(&cluster).await.expect("a proxy");
    let client = cluster.user_through("admin", &proxy).await.expect("a client");
    let through: Api<ConfigMap> = Api::namespaced(client, test.name());
    let (_victim, kill) = victim(test.name());
    faults.kill_at(5, Position::AfterAnswered, kill);
    let names: Vec<_> = (0..20).map(|i| format!("burst-{i}")).collect();
    let burst =
        names.iter().map(|name| async { through.create(&PostParams::default(), &config_map(name)).await.is_ok() });
    futures::future::join_all(burst).await;
    faults.kills(1).await;
    let made = test.api::<ConfigMap>().list(&Default::default()).await.expect("a list");
    let made =
        made.iter().filter(|map| map.metadata.name.as_deref().is_some_and(|name| name.starts_with("burst"))).count();
    assert_eq!((made, faults.writes().len()), (5, 5));
}

#[tokio::test]
async fn it_streams_watches_passes_impersonation_and_counts_status_patches() {
    let cluster = Cluster::connect().await;
    let test = TestNamespace::new(&cluster, "stream").await;
    let faults = Faults::new();
    let proxy = faults.api(&cluster).await.expect("a proxy");
    let client = cluster.user_through("admin", &proxy).await.expect("a client");
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), test.name());
    let only_one = WatchParams::default().fields("metadata.name=seen");
    let mut watch = maps.watch(&only_one, "0").await.expect("a watch").boxed();
    maps.create(&PostParams::default(), &config_map("seen")).await.expect("a write");
    let added = async {
        while let Some(event) = watch.next().await {
            if let WatchEvent::Added(map) = event.expect("an event") {
                return map.metadata.name;
            }
        }
        None
    };
    assert_eq!(tokio::time::timeout(PATIENCE, added).await.expect("in time").as_deref(), Some("seen"));

    let url = format!("{proxy}/api/v1/namespaces/{}/configmaps/seen", test.name());
    let request = cluster.http().delete(url).bearer_auth(sluice_tests::cluster::token_of("admin"));
    let answer = request.header("Impersonate-User", "bob").send().await.expect("an answer");
    assert_eq!(answer.status(), 403);
    assert_eq!(faults.writes()[1].impersonated.as_deref(), Some("bob"));

    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client);
    let patch = Patch::Merge(json!({"status": {}}));
    namespaces.patch_status(test.name(), &PatchParams::default(), &patch).await.expect("a patch");
    let expected = [(format!("/api/v1/namespaces/{}", test.name()), 1)].into();
    assert_eq!(faults.status_patches(), expected);
}

#[tokio::test]
async fn the_other_upstreams_share_the_counter() {
    let cluster = Cluster::connect().await;
    let faults = Faults::new();
    let services = faults.services(&cluster).await.expect("a proxy");
    let gitea = faults.gitea(&cluster).await.expect("a proxy");
    faults.answer_at(1, Position::AfterSent, hyper::StatusCode::GATEWAY_TIMEOUT);
    let run = sluice_tests::namespace::unique("proxied");
    let post = async || cluster.http().post(format!("{services}/alerts")).json(&json!({"run": run})).send().await;
    assert_eq!(post().await.expect("an answer").status(), 504);
    assert_eq!(post().await.expect("an answer").status(), 202);
    assert_eq!(cluster.services(&format!("/alerts?run={run}")).await.expect("a list").len(), 2);
    let version: Value = cluster
        .http()
        .get(format!("{gitea}/api/v1/version"))
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert!(version["version"].is_string());
    let refused = cluster.http().post(format!("{gitea}/api/v1/orgs")).json(&json!({})).send().await.expect("an answer");
    assert_eq!(refused.status(), 401);
    let upstreams: Vec<_> = faults.writes().into_iter().map(|write| (write.number, write.upstream)).collect();
    assert_eq!(upstreams, [(1, "services".to_owned()), (2, "services".to_owned()), (3, "gitea".to_owned())]);
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_watch_with_it() {
    let cluster = Cluster::connect().await;
    let faults = Faults::new();
    let proxy = faults.services(&cluster).await.expect("a proxy");
    let url = format!("{proxy}/slow/30000");
    let impatient = cluster.http().get(url).timeout(std::time::Duration::from_millis(200)).send().await;
    assert!(impatient.is_err());
    eventually("the proxy still answers", PATIENCE, async || {
        let answer =
            cluster.http().get(format!("{proxy}/status/204")).send().await.map_err(|error| error.to_string())?;
        if answer.status() == 204 { Ok(()) } else { Err(answer.status().to_string()) }
    })
    .await;
}

fn config_map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name}})).expect("a ConfigMap")
}

/// A process to kill, and how.
fn victim(name: &str) -> (Arc<Process>, impl Fn() + Send + Sync + use<>) {
    let mut command: Command = bound_to_us("sleep");
    command.arg("600");
    let log = std::env::temp_dir().join(format!("{name}.log"));
    let victim = Arc::new(Process::start("victim", command, &log).expect("a process"));
    std::fs::remove_file(log).expect("its log");
    let process = victim.clone();
    (victim, move || process.kill9())
}
