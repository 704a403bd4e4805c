//! One run through everything that people do, with the controller killed (`kill -9`) in each of its waits: it queues for its lock,
//! passes dev, waits in staging for two approvals, is paused and resumed, rejected, retried, approved, and fans out over the three
//! targets of its Environment. Whatever the wait, everything ends as if nothing had happened, and nothing is done twice.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use serde_json::{Value, json};
use sluice_tests::fixture::{Team, stage_of, step_of};
use sluice_tests::{Cluster, Controller};

use super::{ask, awaiting, in_round, phase_is, team};
use crate::flow::{entries, pipeline, server::Server};
use crate::short::{gate, open_gate, run};

/// In what the run waits, in the order in which it does.
const WAITS: [&str; 9] = [
    "in the queue for its lock",
    "for two approvals",
    "for the second approval",
    "for a step, while it is paused",
    "paused between two steps",
    "for an approval that is rejected",
    "for somebody to retry it",
    "for the approval of its second attempt",
    "for all three targets",
];

/// Plans at a time.
const AT_A_TIME: usize = 4;

/// When the controller is killed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kill {
    Never,
    In(&'static str),
    InEach,
}

struct World {
    team: Team,
    server: Server,
    controller: Controller,
    kill: Kill,
    kills: usize,
}

impl World {
    async fn new(cluster: &Cluster, kill: Kill) -> Self {
        let team = team(cluster).await;
        let controller = team.controller().await;
        let world = Self { server: Server::start().await, controller, kill, kills: 0, team };
        world.apply();
        world
    }

    /// A gate of this world's own.
    fn gate(&self, name: &str) -> String {
        format!("{}-{name}", self.team.namespace())
    }

    async fn open(&self, gate: &str) {
        open_gate(self.team.cluster(), &self.gate(gate)).await;
    }

    fn apply(&self) {
        let wait = |step: &str| format!("{{name: {step}, {}}}", gate(self.team.cluster(), &self.gate(step)));
        let tell = |step: &str| self.server.post(step, &format!("/tell/{step}"));
        let concurrency = "concurrency: {group: shop}";
        self.team.home().apply(&pipeline(
            "first",
            &format!("- {{name: only, steps: [{}]}}", wait("first")),
            concurrency,
        ));
        let target = self.server.post("roll", "/tell/${{ target.name }}");
        let stages = format!(
            "\
- {{name: dev, steps: [{}, {}]}}
- {{name: staging, approval: {{required: 2}}, steps: [{}, {}, {}]}}
- name: production
  environment: production
  forEach: {{in: environment.targets, as: target}}
  steps: [{target}, {}]",
            tell("build"),
            tell("test"),
            tell("ship"),
            wait("soak"),
            tell("check"),
            wait("rolled"),
        );
        let hooks = format!("{concurrency}\nhooks: [{{name: end, events: [Abortion], steps: [{}]}}]", tell("aborted"));
        self.team.apply_value(&json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "Environment", "metadata": {"name": "production"},
            "spec": {
                "allowedPipelines": ["web"], "approval": {"required": 1},
                "targets": [{"name": "eu"}, {"name": "us"}, {"name": "asia"}],
            },
        }));
        self.team.home().apply(&pipeline("web", &stages, &hooks));
    }

    /// The run waits: the controller is killed if it is to be, and another one takes over.
    async fn waits(&mut self, wait: &'static str) {
        assert!(WAITS.contains(&wait), "{wait}");
        if self.kill == Kill::InEach || self.kill == Kill::In(wait) {
            self.controller.kill9();
            self.kills += 1;
            self.controller.restart().expect("another life");
        }
    }

    async fn until(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        self.team.until("web", what, is).await
    }

    async fn ask(&self, who: &str, kind: &str, more: Value) {
        ask(&self.team, who, "web", kind, more).await;
    }

    /// The first run has the lock, the run queues for it.
    async fn queue(&mut self) {
        self.team.home().apply(&run("first", "first"));
        self.team.at("first", "first").await;
        self.team.home().apply(&run("web", "web"));
        let queued = self.until("queues", |run| run["status"]["lock"]["position"] == 1).await;
        assert_eq!(queued["status"]["lock"]["holder"], "first");
        self.waits(WAITS[0]).await;
        assert_eq!(self.server.names().len(), 0, "{:?}: it has not started", self.kill);
        self.open("first").await;
    }

    /// Dev passes; staging is approved by two, and paused in the middle.
    async fn dev_and_staging(&mut self) {
        awaiting(&self.team, "web", "staging").await;
        self.waits(WAITS[1]).await;
        self.ask("alice", "Approve", json!({"stage": "staging"})).await;
        let by = |run: &Value| stage_of(run, "staging")["approval"]["by"].as_array().map_or(0, Vec::len);
        self.until("is approved by one", |run| by(run) == 1).await;
        self.waits(WAITS[2]).await;
        self.ask("bob", "Approve", json!({"stage": "staging"})).await;
        self.until("soaks", |run| step_of(run, "soak")["phase"] == "Running").await;
        self.ask("carol", "Pause", json!({"reason": "lunch"})).await;
        self.until("is paused", |run| run["status"]["paused"]["by"] == "carol").await;
        self.waits(WAITS[3]).await;
        self.open("soak").await;
        self.until("is between two steps", |run| step_of(run, "soak")["phase"] == "Succeeded").await;
        self.waits(WAITS[4]).await;
        let paused = self.team.run("web").await.expect("the run");
        assert_eq!(step_of(&paused, "check")["phase"], "Pending", "{:?}", self.kill);
        self.ask("carol", "Resume", json!({})).await;
    }

    /// Production is rejected, retried, approved, and fans out.
    async fn production(&mut self) -> Value {
        awaiting(&self.team, "web", "production").await;
        self.waits(WAITS[5]).await;
        self.ask("dave", "Reject", json!({"stage": "production", "reason": "not on a Friday"})).await;
        let rejected = self.team.released("web").await;
        assert_eq!(rejected["status"]["phase"], "Failed", "{:?}", self.kill);
        assert_eq!(rejected["status"]["lock"], Value::Null, "{:?}", self.kill);
        self.waits(WAITS[6]).await;
        self.ask("dave", "Retry", json!({"stage": "production", "reason": "it is Monday"})).await;
        let awaits = |run: &Value| stage_of(run, "production")["phase"] == "AwaitingApproval";
        let retried = in_round(&self.team, "web", 2, "awaits production again", awaits).await;
        assert_eq!(stage_of(&retried, "production")["attempt"], 2, "{:?}", self.kill);
        self.waits(WAITS[7]).await;
        self.ask("alice", "Approve", json!({"stage": "production", "attempt": 2})).await;
        let rolls = |run: &Value| {
            let items = entries(run, "production");
            items.len() == 3 && items.iter().all(|item| item["steps"][1]["phase"] == "Running")
        };
        self.until("rolls to all targets", rolls).await;
        self.waits(WAITS[8]).await;
        self.open("rolled").await;
        in_round(&self.team, "web", 2, "has succeeded", phase_is("Succeeded")).await;
        self.team.released("web").await
    }
}

/// How everything ended.
#[derive(Debug, PartialEq)]
struct End {
    status: Value,
    finalizers: Value,
    /// How many effects of each name there were.
    effects: BTreeMap<String, usize>,
}

async fn play(cluster: &Cluster, kill: Kill) -> (End, usize) {
    let mut world = World::new(cluster, kill).await;
    world.queue().await;
    world.dev_and_staging().await;
    let run = world.production().await;
    let mut effects = BTreeMap::new();
    world.server.names().into_iter().for_each(|name| *effects.entry(name).or_default() += 1);
    let status = run["status"].to_string().replace(world.team.namespace(), "NAMESPACE");
    let mut status: Value = serde_json::from_str(&status).expect("JSON");
    without_what_varies(&mut status);
    told_once(&world.team, kill).await;
    (End { status, finalizers: run["metadata"]["finalizers"].clone(), effects }, world.kills)
}

/// What people do is told once, whoever was killed behind it.
async fn told_once(team: &Team, kill: Kill) {
    let mut told = team.events("web").await;
    told.retain(|event| ["ApprovalNeeded", "Approved", "Paused", "Retried"].iter().any(|it| event.starts_with(it)));
    let count = told.len();
    told.sort();
    told.dedup();
    assert_eq!(told.len(), count, "{kill:?}: {told:#?}");
}

/// Times, keys and claims differ from one world to the next.
fn without_what_varies(value: &mut Value) {
    const VARIES: [&str; 13] = [
        "claims",
        "key",
        "startedAt",
        "finishedAt",
        "at",
        "since",
        "heldSeconds",
        "heldSince",
        "lastTransitionTime",
        "headers",
        "pipelineRevision",
        "lookedAt",
        "observedGeneration",
    ];
    match value {
        Value::Object(members) => {
            VARIES.iter().for_each(|name| drop(members.remove(*name)));
            members.values_mut().for_each(without_what_varies);
        }
        Value::Array(items) => items.iter_mut().for_each(without_what_varies),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the figures belong to the test's output")]
async fn a_kill_in_any_of_the_waits_changes_nothing() {
    let cluster = Cluster::connect().await;
    let (expected, _) = play(&cluster, Kill::Never).await;
    let once = ["build", "test", "ship", "check", "eu", "us", "asia"].map(|name| (name.to_owned(), 1));
    assert_eq!(expected.effects, BTreeMap::from(once), "each effect once, and no hook");
    assert_eq!(expected.status["phase"], "Succeeded");
    assert_eq!(expected.finalizers, Value::Null);
    let answers = outcomes_of(&expected.status);
    assert_eq!(answers, vec!["Applied"; 7], "{:#}", expected.status["actions"]);

    let plans = WAITS.map(Kill::In).into_iter().chain([Kill::InEach]);
    let ends: Vec<_> = stream::iter(plans)
        .map(async |kill| (kill, play(&cluster, kill).await))
        .buffer_unordered(AT_A_TIME)
        .collect()
        .await;
    let kills: usize = ends.iter().map(|(_, (_, kills))| kills).sum();
    println!("{} plans, {kills} kills in {} waits", ends.len(), WAITS.len());
    for (kill, (end, _)) in &ends {
        assert_eq!(end, &expected, "{kill:?}: {:#}\ninstead of {:#}", end.status, expected.status);
    }
    assert_eq!(kills, 2 * WAITS.len());
}

fn outcomes_of(status: &Value) -> Vec<&str> {
    let answers = status["actions"].as_array().into_iter().flatten();
    answers.map(|answer| answer["message"].as_str().or(answer["result"].as_str()).expect("an answer")).collect()
}
