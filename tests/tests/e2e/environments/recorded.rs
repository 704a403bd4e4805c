//! What successful runs leave in the status of their Environments, whatever happens to the controllers.

use std::sync::Arc;

use futures::{StreamExt, stream};
use jiff::Timestamp;
use kube::api::DeleteParams;
use serde_json::{Value, json};
use sluice_tests::faults::{Faults, Position};
use sluice_tests::fixture::{Team, stage_of};
use sluice_tests::{Cluster, Controller};

use super::{deployed, environment, environments, last, until};
use crate::flow::pipeline;
use crate::short::run_with;

/// Plans that run at the same time.
const AT_A_TIME: usize = 6;

/// An Environment that every pipeline may use, with these components.
fn place(name: &str, components: &[&str]) -> String {
    let components: Vec<Value> = components.iter().map(|name| json!({"name": name})).collect();
    environment(name, &json!({"allowedPipelines": ["*"], "components": components}))
}

/// A pipeline with a stage in `staging`, whose component is `web` unless a run says otherwise.
fn deploy(name: &str) -> String {
    pipeline(
        name,
        "\
- {name: skipped, environment: canary, when: 1 > 2, steps: [{name: zero, set: {values: {x: 1}}}]}
- {name: deploy, environment: staging, steps: [{name: one, set: {values: {x: 1}}}]}
- {name: check, steps: [{name: two, set: {values: {x: '${{ params.fails }}'}}}, {name: three, when: params.fails, fail: {message: not today}}]}
",
        "params: [{name: component, default: web}, {name: version}, {name: sha}, {name: fails, type: Boolean, default: 'false'}]",
    )
}

fn start(team: &Team, name: &str, pipeline: &str, params: Value) {
    let mut run: Value = serde_json::from_str(&run_with(name, pipeline, params)).expect("JSON");
    run["spec"]["requestedBy"] = "admin".into();
    team.apply_value(&run);
}

#[tokio::test]
async fn a_run_that_succeeds_is_written_down_and_one_that_fails_is_not() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    team.home().apply(
        &[place("staging", &["web", "db", "mail"]), place("canary", &[]), deploy("deploy"), deploy("hotfix")]
            .join("\n---\n"),
    );
    let _controller = team.controller().await;
    start(&team, "first", "deploy", json!({"version": "1.10", "sha": "9fceb02"}));
    let first = team.succeeded("first").await;
    let staging = until(&team, "staging", "knows the run", |it| last(it, "deploy")["name"] == "first").await;
    let at = &first["status"]["finishedAt"];
    let expected = json!({"pipeline": "deploy", "name": "first", "uid": first["metadata"]["uid"], "at": at});
    assert_eq!(last(&staging, "deploy"), &expected);
    let by = &first["spec"]["requestedBy"];
    let expected = json!({"version": "1.10", "sha": "9fceb02", "by": by, "at": at, "runRef": {"name": "first"}});
    assert_eq!(deployed(&staging, "web"), &expected);

    start(&team, "other", "hotfix", json!({"component": "db", "version": "7"}));
    start(&team, "bad", "deploy", json!({"version": "1.11", "fails": "true"}));
    team.succeeded("other").await;
    assert_eq!(stage_of(&team.ended("bad").await, "deploy")["phase"], "Succeeded");
    let staging = until(&team, "staging", "knows the other", |it| last(it, "hotfix")["name"] == "other").await;
    assert_eq!(last(&staging, "deploy")["name"], "first");
    assert_eq!(
        (&deployed(&staging, "web")["version"], &deployed(&staging, "db")["version"]),
        (&"1.10".into(), &"7".into())
    );
    assert_eq!(
        (&staging["status"]["components"][2], deployed(&staging, "mail")),
        (&json!({"name": "mail"}), &Value::Null)
    );
    // A stage that was skipped brought nothing there.
    let canary = until(&team, "canary", "is judged", |it| !it["status"]["conditions"].is_null()).await;
    assert_eq!(canary["status"]["lastSucceededRuns"], Value::Null);
}

#[tokio::test]
async fn a_component_that_is_not_declared_or_has_no_version_is_told_of_and_not_written() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    team.home().apply(&[place("staging", &["web"]), deploy("deploy")].join("\n---\n"));
    let _controller = team.controller().await;
    start(&team, "undeclared", "deploy", json!({"component": "db", "version": "7"}));
    let staging = until(&team, "staging", "knows the run", |it| last(it, "deploy")["name"] == "undeclared").await;
    assert_eq!(staging["status"]["components"], json!([{"name": "web"}]));
    start(&team, "unknown", "deploy", json!({}));
    let staging = until(&team, "staging", "knows the run", |it| last(it, "deploy")["name"] == "unknown").await;
    assert_eq!(staging["status"]["components"], json!([{"name": "web"}]));
    for (run, said) in [
        (
            "undeclared",
            "ComponentNotRecorded: Environment \"staging\" does not declare component \"db\", so it does not say what was deployed: \
             add it to spec.components",
        ),
        (
            "unknown",
            "ComponentNotRecorded: what was deployed of component \"web\" to Environment \"staging\" is not known: give the run a \
             parameter `version` or `sha`",
        ),
    ] {
        team.told(run, said, |event| event == said).await;
    }
}

#[tokio::test]
async fn an_environment_that_is_made_later_learns_of_the_runs_when_the_controller_starts() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    team.home().apply(&[place("staging", &["web"]), deploy("deploy")].join("\n---\n"));
    let controller = team.controller().await;
    for (name, version) in [("first", "1"), ("second", "2")] {
        start(&team, name, "deploy", json!({"version": version}));
        team.succeeded(name).await;
        until(&team, "staging", "knows the run", |it| last(it, "deploy")["name"] == name).await;
    }
    controller.kill9();
    environments(&team).delete("staging", &DeleteParams::default()).await.expect("its end");
    team.home().apply(&place("staging", &["web"]));
    controller.restart().expect("another life");
    let staging = until(&team, "staging", "knows the newest run", |it| last(it, "deploy")["name"] == "second").await;
    assert_eq!(deployed(&staging, "web")["version"], "2");
}

/// Runs of several components, with or without a kill at a write from their start on. Returns how many writes there were.
async fn kept(cluster: &Cluster, kill: Option<(usize, Position)>) -> usize {
    let faults = Arc::new(Faults::new());
    let team = Team::open_through(cluster, faults.api(cluster).await.expect("a proxy")).await;
    let controller = Arc::new(team.controller().await);
    team.home().apply(&[place("staging", &["web", "db"]), deploy("deploy")].join("\n---\n"));
    team.pipeline_ready("deploy").await;
    until(&team, "staging", "is judged", |it| !it["status"]["conditions"].is_null()).await;
    faults.clear();
    if let Some((number, position)) = kill {
        faults.kill_at(number, position, controller.killer());
    }
    let resurrection = tokio::spawn(resurrect(faults.clone(), controller.clone()));
    for component in ["web", "db"] {
        start(&team, component, "deploy", json!({"component": component, "version": "1"}));
    }
    for component in ["web", "db"] {
        team.succeeded(component).await;
    }
    let staging = until(&team, "staging", "knows both", |it| {
        ["web", "db"].iter().all(|component| deployed(it, component)["version"] == "1")
    })
    .await;
    resurrection.abort();
    let mut ended = Vec::new();
    for component in ["web", "db"] {
        ended.push(end_of(&team.run(component).await.expect("the run")));
    }
    let newest = ended.into_iter().max().expect("two runs");
    assert_eq!(last(&staging, "deploy")["uid"], newest.1, "{kill:?}");
    faults.writes().len()
}

/// When a run ended, and its UID: the greatest is the newest.
fn end_of(run: &Value) -> (Timestamp, String) {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let at = text(&run["status"]["finishedAt"]).parse().expect("a time");
    (at, text(&run["metadata"]["uid"]))
}

async fn resurrect(faults: Arc<Faults>, controller: Arc<Controller>) {
    faults.kills(1).await;
    controller.restart().expect("another life");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the figures belong to the test's output")]
async fn a_kill_at_any_write_loses_nothing() {
    let cluster = Cluster::connect().await;
    let writes = kept(&cluster, None).await;
    let plans: Vec<_> = (1..=writes).flat_map(|number| Position::ALL.map(|position| (number, position))).collect();
    println!("two runs with an Environment write {writes} times; {} plans", plans.len());
    stream::iter(plans)
        .for_each_concurrent(AT_A_TIME, async |plan| {
            kept(&cluster, Some(plan)).await;
        })
        .await;
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the figures belong to the test's output")]
async fn two_controllers_write_down_every_component_of_many_runs() {
    const RUNS: usize = 40;
    let cluster = Cluster::connect().await;
    let faults = Faults::new();
    let team = Team::open_through(&cluster, faults.api(&cluster).await.expect("a proxy")).await;
    let components: Vec<String> = (0..RUNS).map(|number| format!("c{number}")).collect();
    let names: Vec<&str> = components.iter().map(String::as_str).collect();
    team.home().apply(&[place("staging", &names), deploy("deploy")].join("\n---\n"));
    let (_one, _other) = (team.controller().await, team.controller().await);
    for name in &names {
        start(&team, name, "deploy", json!({"component": name, "version": "1"}));
    }
    let mut ended = Vec::new();
    for name in &names {
        ended.push(end_of(&team.succeeded(name).await));
    }
    let newest = ended.into_iter().max().expect("runs");
    let staging = until(&team, "staging", "knows all", |it| {
        names.iter().all(|name| deployed(it, name)["runRef"]["name"] == **name)
    })
    .await;
    assert_eq!(last(&staging, "deploy")["uid"], newest.1);
    let path = format!("/apis/sluice.dev/v1alpha1/namespaces/{}/environments/staging", team.namespace());
    println!("{RUNS} runs of two controllers: {:?} writes of their Environment", faults.status_patches().get(&path));
}
