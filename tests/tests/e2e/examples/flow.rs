//! Every example of the flow, of hooks and of Environments comes to the end that it tells of, in the cluster and, where it needs none, without
//! one.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use sluice_tests::fixture::{Plan, Shop, Team, step_of};
use sluice_tests::{Cluster, paths};

use super::apply;
use super::told::{Example, example, examples};

const DIRECTORIES: [&str; 3] = ["environments", "flow", "hooks"];

/// What teaches more than the end: a place in the status of a run, and what is there.
fn seen() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("diamond-1-10", "/stages/3/steps/0/outputs/report", json!("120 cases, 0 findings")),
        ("failing-branch", "/stages/0/phase", json!("Succeeded")),
        ("failing-branch", "/stages/2/phase", json!("Omitted")),
        ("failing-branch", "/stages/3/phase", json!("Omitted")),
        ("promote-staging", "/stages/1/phase", json!("Skipped")),
        ("promote-staging", "/stages/2/steps/1/outputs", json!({"replicas": 2, "ticket": "none"})),
        ("promote-production", "/stages/2/steps/1/outputs", json!({"replicas": 6, "ticket": "CHG-1047"})),
        ("warm-up-for-ever", "/stages/0/steps/0/attempt", json!(9)),
        ("deploy-latest", "/stages/0/attempt", json!(1)),
        ("drain", "/stages/0/iteration", json!(3)),
        ("regions-1-10", "/stages/1/item", json!("eu")),
        ("regions-1-10", "/stages/4/steps/0/outputs", json!({"regions": "eu, us, asia", "replicas": 12})),
        ("regions-one-by-one", "/stages/0/phase", json!("Skipped")),
        ("regions-one-by-one", "/stages/1/phase", json!("Succeeded")),
        ("regions-one-by-one", "/stages/3/phase", json!("Omitted")),
        ("build-and-sign-1-10", "/outputs/megabytes", json!(48)),
        ("build-and-sign-1-10", "/outputs/signedBy", json!("nobody")),
        ("release-everywhere-1-10", "/outputs/clusters", json!(9)),
        ("test-in-preview-8", "/hooks/0/steps/0/outputs/status", json!(200)),
        ("risky-release-1-11", "/hooks/0/steps/0/outputs/outputs/image", json!("registry.example/web:1.10.2")),
        ("risky-release-latest", "/hooks/0/steps/0/phase", json!("Skipped")),
        ("roll-out-1-10", "/stages/2/item", json!("asia")),
        ("roll-out-1-10", "/stages/3/steps/0/outputs/replicas", json!(12)),
        ("promote-to-staging", "/stages/0/item", json!("green")),
        ("promote-to-vault", "/stages/0/guard", json!({"resource": "environments", "name": "vault"})),
        ("settings", "/stages/0/steps/0/outputs/replicas", json!("6")),
    ]
}

/// Asserts what is told of all of an example's runs.
fn assert_all(example: &Example, runs: &[Value]) {
    for (told, run) in example.runs.iter().zip(runs) {
        told.assert(run);
        for (_, place, value) in seen().iter().filter(|(name, ..)| *name == told.run) {
            assert_eq!(run["status"].pointer(place), Some(value), "{} {place}: {:#}", told.run, run["status"]);
        }
    }
}

/// The example with the services of the test.
fn with_services(example: &Example, cluster: &Cluster) -> String {
    let services = &cluster.facts().services_url;
    let text = example.text.replace("https://chat.example/releases", &format!("{services}/alerts"));
    text.replace("https://previews.example/", &format!("{services}/echo?change="))
}

fn needs_git(example: &Example) -> bool {
    example.has("pullRequest") || example.has("commit")
}

#[test]
fn what_is_looked_at_in_the_status_is_of_runs_that_are_there() {
    let examples = examples(&DIRECTORIES);
    for (run, ..) in seen() {
        assert!(examples.iter().flat_map(|example| &example.runs).any(|told| told.run == run), "there is no run {run}");
    }
}

#[tokio::test]
async fn those_of_the_flow_and_of_hooks_end_as_they_say() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let mut examples = examples(&DIRECTORIES);
    examples.retain(|example| !needs_git(example) && !example.is_aborted());
    assert!(examples.len() > 10, "there are examples");
    apply(&team, &examples.iter().map(|example| with_services(example, &cluster)).collect::<Vec<_>>());
    for example in examples {
        let mut runs = Vec::new();
        for told in &example.runs {
            runs.push(team.ended(&told.run).await);
        }
        assert_all(&example, &runs);
    }
}

/// Aborts a run as a person does.
fn abort(team: &Team, run: &str) {
    let kubeconfig = team.cluster().facts().kubeconfig("admin");
    let mut command = Command::new(paths::sluice());
    command.args(["abort", run, "-n", team.namespace(), "--reason", "found a leak"]).env("KUBECONFIG", kubeconfig);
    let output = command.output().expect("sluice");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn one_that_waits_for_a_day_is_aborted() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let example = example("flow/abort.yaml");
    apply(&team, std::slice::from_ref(&example.text));
    team.at("soak-for-a-day", "wait").await;
    abort(&team, "soak-for-a-day");
    let run = team.ended("soak-for-a-day").await;
    assert_all(&example, std::slice::from_ref(&run));
    let why = step_of(&run, "stopped")["outputs"]["why"].as_str().expect("a text").to_owned();
    assert!(why.ends_with("found a leak"), "{why}");
}

/// An example with what the test's repository calls the same.
fn in_shop(shop: &Shop, example: &Example) -> String {
    let canary = shop.file().replace(".yaml", "-canary.yaml");
    let text = example.text.replace("staging/canary.yaml", &canary).replace("staging/web.yaml", &shop.file());
    text.replace("shop/gitops", &shop.repo.full_name())
}

#[tokio::test]
async fn a_canary_is_widened_by_a_commit_in_each_iteration() {
    let cluster = Cluster::connect().await;
    let shop = Plan::new().open(&cluster).await;
    let _controller = shop.controller().await;
    let canary = shop.file().replace(".yaml", "-canary.yaml");
    shop.repo.commit("main", "A canary", &[(&*canary, "weight: 25   # percent\n")]).await.expect("a commit");
    let example = example("flow/until.yaml");
    apply(&shop, &[in_shop(&shop, &example)]);
    let run = shop.ended("widen-canary").await;
    assert_all(&example, std::slice::from_ref(&run));
    assert_eq!(run["status"]["stages"][0]["iteration"], 3);
    assert_eq!(shop.repo.read(&canary, "main").await.expect("the file"), "weight: 100   # percent\n");
}

#[tokio::test]
async fn an_abort_closes_the_pull_request_that_is_not_to_be_kept() {
    let cluster = Cluster::connect().await;
    let shop = Plan::new().open(&cluster).await;
    let _controller = shop.controller().await;
    let example = example("flow/undo.yaml");
    apply(&shop, &[in_shop(&shop, &example)]);
    shop.at("propose-both", "merged").await;
    abort(&shop, "propose-both");
    let run = shop.ended("propose-both").await;
    assert_all(&example, std::slice::from_ref(&run));
    let open = shop.repo.pulls("open").await.expect("the pull requests");
    let titles: Vec<_> = open.iter().map(|pull| pull["title"].as_str().unwrap_or_default()).collect();
    assert_eq!(titles, ["Give web three replicas in staging"]);
    assert_eq!(step_of(&run, "image")["undo"]["phase"], "Undone");
    assert_eq!(step_of(&run, "scale")["undo"], Value::Null);
}

/// A run of an example without a cluster: its state at its end.
fn run_here(state: &Path, file: &Path, run: &str) -> Value {
    let mut command = Command::new(paths::sluice());
    command.args(["run", "--allow-http-to=127.0.0.0/8", "--name", run, "-f"]).arg(file).arg("--state").arg(state);
    let output = command.env("KUBECONFIG", state.join("none")).output().expect("the program");
    let text = std::fs::read(state.join(format!("runs/{run}.json"))).unwrap_or_else(|error| {
        panic!("{run}: {error}: {}", String::from_utf8_lossy(&output.stderr));
    });
    serde_json::from_slice(&text).expect("a run")
}

#[tokio::test(flavor = "multi_thread")]
async fn those_that_need_no_cluster_end_without_one_in_the_same_way() {
    let cluster = Cluster::connect().await;
    let place = tempfile::tempdir().expect("a directory");
    let mut examples = examples(&DIRECTORIES);
    let needs_cluster = |example: &Example| example.has("job") || example.has("resource");
    examples.retain(|example| !needs_git(example) && !needs_cluster(example) && !example.is_aborted());
    assert!(examples.len() > 10, "there are examples");
    std::thread::scope(|scope| {
        for example in &examples {
            let file = place.path().join(example.file.file_name().expect("a name"));
            std::fs::write(&file, with_services(example, &cluster)).expect("a file");
            let place = place.path();
            scope.spawn(move || {
                let runs: Vec<Value> = std::thread::scope(|scope| {
                    let runs: Vec<_> = example
                        .runs
                        .iter()
                        .map(|told| scope.spawn(|| run_here(&place.join("state"), &file, &told.run)))
                        .collect();
                    runs.into_iter().map(|run| run.join().expect("a run")).collect()
                });
                assert_all(example, &runs);
            });
        }
    });
}
