//! `sluice watch`: what is seen of a run, over connections that are cut.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sluice_tests::fixture::Team;
use sluice_tests::{Cluster, kubeconfig_text};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinHandle};

use super::{Live, sluice, user};
use crate::short::{gate, open_gate, pipeline_with, run};

/// Stands before the API server and passes every byte on, until its connections are cut.
struct Relay {
    url: String,
    accepting: JoinHandle<()>,
    passing: Arc<Mutex<Vec<AbortHandle>>>,
}

impl Relay {
    async fn before(url: &str) -> Self {
        let upstream = url.strip_prefix("https://").expect("an address").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("https://{}", listener.local_addr().expect("an address"));
        let passing: Arc<Mutex<Vec<AbortHandle>>> = Arc::default();
        let all = passing.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let upstream = upstream.clone();
                let pass = async move {
                    let Ok(mut far) = TcpStream::connect(&upstream).await else { return };
                    copy_bidirectional(&mut near, &mut far).await.ok();
                };
                all.lock().expect("the connections").push(tokio::spawn(pass).abort_handle());
            }
        });
        Self { url, accepting, passing }
    }

    /// Cuts every connection that there is.
    fn cut(&self) -> usize {
        let passing: Vec<AbortHandle> = self.passing.lock().expect("the connections").drain(..).collect();
        passing.iter().filter(|connection| !connection.is_finished()).inspect(|connection| connection.abort()).count()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

/// A pipeline with two gates in a row, and what a watch of its run prints.
fn gates(cluster: &Cluster, one: &str, two: &str) -> String {
    let steps = format!("- {{name: one, {}}}\n- {{name: two, {}}}", gate(cluster, one), gate(cluster, two));
    format!("{}---\n{}", pipeline_with("web", &steps, ""), run("web-1", "web"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_is_made_again_and_nothing_is_missed() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let (one, two) = (format!("{}-1", team.namespace()), format!("{}-2", team.namespace()));
    team.home().apply(&gates(&cluster, &one, &two));
    let facts = cluster.facts();
    let relay = Relay::before(&facts.api_url).await;
    let token = sluice_tests::cluster::token_of("admin");
    let directory = tempfile::tempdir().expect("a directory");
    let kubeconfig = directory.path().join("config");
    std::fs::write(&kubeconfig, kubeconfig_text(&relay.url, Some(&facts.api_ca), &token)).expect("a kubeconfig");

    let live = Live::start(&team, &kubeconfig, &["watch", "plr/web-1"]);
    live.says("step only/one Running").await;
    assert!(relay.cut() > 0);
    open_gate(&cluster, &one).await;
    live.says("step only/two Running").await;
    assert!(relay.cut() > 0);
    open_gate(&cluster, &two).await;
    let said = live.end().await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let ends: Vec<&str> = said.lines().into_iter().filter(|line| line.ends_with("Succeeded")).collect();
    assert_eq!(ends, ["step only/one Succeeded", "step only/two Succeeded", "stage only Succeeded", "run Succeeded"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_name_it_is_the_newest_run_that_has_not_ended() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let admin = user(&team, "admin");
    let said = sluice(&team, &admin, &["watch"]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("is unfinished: name one"), "{said:?}");
    let quick = pipeline_with("quick", "- {name: a, set: {values: {x: 1}}}", "");
    let (one, two) = (format!("{}-1", team.namespace()), format!("{}-2", team.namespace()));
    team.home().apply(&format!("{quick}---\n{}\n---\n{}", run("over", "quick"), gates(&cluster, &one, &two)));
    team.succeeded("over").await;
    team.at("web-1", "one").await;
    let live = Live::start(&team, &admin, &["watch", "-o", "json"]);
    live.says("{").await;
    open_gate(&cluster, &one).await;
    open_gate(&cluster, &two).await;
    let said = live.end().await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let lines: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(lines.iter().all(|line| line["run"] == "web-1"), "{said:?}");
    let last = lines.last().expect("a line");
    assert_eq!((&last["kind"], &last["status"]["phase"]), (&json!("status"), &json!("Succeeded")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_has_ended_is_told_whole_and_one_that_is_not_there_with_a_hint() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let admin = user(&team, "admin");
    let quick = pipeline_with("quick", "- {name: a, set: {values: {x: 1}}}", "");
    team.home().apply(&format!("{quick}---\n{}", run("over", "quick")));
    team.succeeded("over").await;
    let said = sluice(&team, &admin, &["watch", "over"]).await;
    let lines = ["run Running", "stage only Running", "step only/a Succeeded", "stage only Succeeded", "run Succeeded"];
    assert_eq!((said.code, said.lines(), &*said.err), (Some(0), lines.to_vec(), ""));
    let said = sluice(&team, &admin, &["watch", "ovre"]).await;
    assert_eq!((said.code, &*said.out), (Some(1), ""), "{said:?}");
    assert!(said.err.contains("did you mean \"over\"?"), "{said:?}");
    let said = sluice(&team, &user(&team, "carol"), &["watch", "over"]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("ask for a role"), "{said:?}");
}
