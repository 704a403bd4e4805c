//! Every file under `examples/` is accepted as it is written, and what can run here runs. `deploy-v1.yaml` has tests of its
//! own.

mod approvals;
mod component_update;
mod flow;
mod qa_exploratory;
mod told;

use std::path::{Path, PathBuf};

use serde_json::Value;
use sluice_api::step::STEP_TYPES;
use sluice_tests::fixture::{Plan, Team, install, step_of};
use sluice_tests::{Cluster, TestNamespace, paths};

use crate::short::{condition, kubectl};

/// Every manifest file under `examples/`, sorted.
pub(crate) fn all() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![paths::workspace().join("examples")];
    while let Some(directory) = directories.pop() {
        let entries = std::fs::read_dir(&directory).expect("a directory").map(|entry| entry.expect("an entry").path());
        let (inner, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
        directories.extend(inner);
        found.extend(files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "yaml")));
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The example of this name.
pub(crate) fn of_file(name: &str) -> String {
    read(&paths::workspace().join(format!("examples/{name}.yaml")))
}

/// An example of a step type, with what belongs to the example replaced by what belongs to the test.
fn of_step(name: &str, replacements: &[(&str, &str)]) -> String {
    let text = of_file(&format!("steps/{name}"));
    replacements.iter().fold(text, |text, (old, new)| {
        assert!(text.contains(old), "steps/{name}.yaml has no {old:?} any more");
        text.replace(old, new)
    })
}

/// Applies examples of step types, behind what they have in common.
fn apply(team: &Team, examples: &[String]) {
    let gitea = team.cluster().facts().gitea_url.clone();
    let prerequisites = of_step("prerequisites", &[("https://gitea.example", &gitea)]);
    let text = [&[prerequisites], examples].concat().join("\n---\n");
    kubectl(team.cluster(), &["apply", "-n", team.namespace(), "-f", "-"], &text).expect("accepted");
}

#[test]
fn every_step_type_has_an_example() {
    for step_type in STEP_TYPES.iter() {
        let manifests: Vec<Value> = serde_saphyr::from_multiple(&of_step(step_type, &[])).expect("YAML");
        let of_kind = |kind: &str| manifests.iter().filter(|manifest| manifest["kind"] == kind).collect::<Vec<_>>();
        let pipelines = of_kind("Pipeline");
        let stages = pipelines.iter().flat_map(|pipeline| pipeline["spec"]["stages"].as_array().expect("stages"));
        let mut steps = stages.flat_map(|stage| stage["steps"].as_array().into_iter().flatten());
        assert!(steps.any(|step| step.get(step_type).is_some()), "steps/{step_type}.yaml shows no {step_type}");
        assert_eq!(of_kind("PipelineRun").len(), 1, "steps/{step_type}.yaml");
    }
}

#[tokio::test]
async fn every_example_is_accepted_without_a_warning() {
    let cluster = Cluster::connect().await;
    install(&cluster).await;
    let test = TestNamespace::new(&cluster, "examples").await;
    for path in all() {
        let text = read(&path).replace("namespace: shop}", &format!("namespace: {}}}", test.name()));
        let dry = ["apply", "--dry-run=server", "--validate=strict", "-n", test.name(), "-f", "-"];
        let said = kubectl(&cluster, &dry, &text).unwrap_or_else(|said| panic!("{}: {said}", path.display()));
        assert!(said.lines().all(|line| line.ends_with("(server dry run)")), "{}: {said}", path.display());
    }
}

#[tokio::test]
async fn hello_is_applied_without_a_warning_and_greets() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let text = read(&paths::workspace().join("examples/hello.yaml"));
    let said = kubectl(&cluster, &["apply", "-n", team.namespace(), "-f", "-"], &text).expect("accepted");
    assert!(said.lines().all(|line| line.ends_with(" created")), "{said}");

    let run = team.ended("hello").await;
    assert_eq!(run["status"]["conditions"][0]["type"], "Succeeded");
    assert_eq!(condition(&run).0, "True", "{:#}", run["status"]);
    let greeting = &step_of(&run, "greeting")["outputs"]["text"];
    let account = &step_of(&run, "account")["outputs"]["uid"];
    let uid = account.as_str().filter(|uid| !uid.is_empty()).expect("a UID");
    assert_eq!(*greeting, format!("Hello, Ada, from {uid}"));
}

#[tokio::test]
async fn those_that_need_only_a_cluster_run() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    apply(&team, &["set", "fail", "delay", "waitFor", "resource", "pipelineRun"].map(|name| of_step(name, &[])));

    let run = team.succeeded("compute-release-1-10").await;
    let release = &step_of(&run, "release")["outputs"];
    assert_eq!((&release["image"], &release["replicas"]), (&"registry.example/web:1.10".into(), &6.into()));

    let run = team.ended("guard-version-latest").await;
    let (truth, _, message) = condition(&run);
    assert_eq!(truth, "False");
    assert!(message.contains("latest names no version: give one such as 1.10.2"), "{message}");

    let run = team.succeeded("compare-release-1-10").await;
    assert_eq!(step_of(&run, "change")["outputs"]["text"], "from 1.9 to 1.10");

    // Where there is no node, the output is what the annotation says.
    let left = r#"metadata: {annotations: {kubelet.test/message: '{"rows": 3, "version": "${{ params.version }}"}'}}"#;
    let template = "        template:\n";
    apply(&team, &[of_step("job", &[(template, &format!("{template}          {left}\n"))])]);
    let run = team.succeeded("migrate-shop-1-10").await;
    assert_eq!(step_of(&run, "summary")["outputs"]["text"], "3 rows at 1.10");

    let run = team.succeeded("wait-for-pause").await;
    assert_eq!(step_of(&run, "available")["outputs"]["rollout"]["available"], 2);
    team.succeeded("soak-briefly").await;

    let run = team.succeeded("release-1-10").await;
    assert_eq!(step_of(&run, "build")["outputs"]["outputs"]["image"], "registry.example/web:1.10");
    let report = step_of(&run, "report")["outputs"]["run"]["name"].as_str().expect("a name");
    let line = "registry.example/web:1.10 was released by release-1-10";
    assert_eq!(step_of(&team.succeeded(report).await, "text")["outputs"]["line"], line);
}

#[tokio::test]
async fn those_that_call_a_service_run() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let facts = cluster.facts();
    let http = of_step("http", &[("https://collector.example", &facts.services_url)]);
    let validate = of_step("validate", &[("https://prometheus.example", &facts.prometheus_url)]);
    apply(&team, &[http, validate]);

    let run = team.succeeded("collect-state-web").await;
    let start = step_of(&run, "start");
    let key = start["key"].as_str().expect("a key");
    let collections = cluster.services(&format!("/collections?key={key}")).await.expect("the collections");
    assert_eq!((collections.len(), &collections[0]["id"]), (1, &start["outputs"]["json"]["id"]));

    let run = team.succeeded("validate-errors-web").await;
    assert_eq!(step_of(&run, "errorRate")["outputs"]["checks"]["next to no errors"], true);
}

#[tokio::test]
async fn those_that_commit_and_deploy_run() {
    let cluster = Cluster::connect().await;
    let shop = Plan::new().open(&cluster).await;
    let _controller = shop.controller().await;
    let _webhook = shop.let_argocd_know();
    let (file, repository) = (shop.file(), shop.repo.full_name());
    let in_shop = [("staging/web.yaml", &*file), ("shop/gitops", &*repository)];
    let image = async |branch: &str| {
        let text = shop.repo.read(&file, branch).await.expect("the file");
        let line = text.lines().find(|line| line.contains("bumped by pipelines")).expect("the line");
        line.split_whitespace().nth(1).expect("an image").to_owned()
    };

    apply(&shop, &[of_step("commit", &in_shop)]);
    let run = shop.succeeded("commit-version-1-1").await;
    assert_eq!(step_of(&run, "bump")["outputs"]["commit"]["sha"], shop.repo.head("main").await.expect("a head"));
    assert_eq!(image("main").await, "registry.example/web:1.1");

    apply(&shop, &[of_step("pullRequest", &in_shop)]);
    let run = shop.succeeded("propose-version-1-2").await;
    let branch = step_of(&run, "open")["outputs"]["branch"].as_str().expect("a branch");
    assert_eq!(image(branch).await, "registry.example/web:1.2");

    apply(&shop, &[of_step("pullRequestWait", &in_shop)]);
    let run = shop.succeeded("merge-version-1-3").await;
    assert!(step_of(&run, "merged")["outputs"]["commit"]["sha"].is_string(), "{:#}", run["status"]);
    assert_eq!(image("main").await, "registry.example/web:1.3");

    let application = format!("web-{}", shop.environment());
    apply(&shop, &[of_step("argocdWait", &[&in_shop[..], &[("web-staging", &*application)]].concat())]);
    let run = shop.succeeded("follow-rollout-1-4").await;
    assert_eq!(step_of(&run, "rolledOut")["outputs"]["images"][0], "registry.example/web:1.4");
}
