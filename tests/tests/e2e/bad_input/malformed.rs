//! Objects that the API server keeps and that our types, or parsers, cannot hold.

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use sluice_tests::fixture::Team;
use sluice_tests::{Cluster, eventually};

use super::expressions::{judged, pipelines};
use super::{Trouble, begin_beside, no_harm};
use crate::PATIENCE;
use crate::short::{condition, gate, kubectl, open_gate, pipeline, run};

/// A time that the schema allows and that is past the last one of the types.
const TOO_LATE: &str = "9999-12-31T23:59:59Z";

async fn patch_status(objects: &Api<DynamicObject>, name: &str, status: Value) {
    let patch = json!({"status": status});
    objects.patch_status(name, &PatchParams::default(), &Patch::Merge(patch)).await.expect("accepted");
}

/// Writes the time of a `managedFields` entry, as anybody may who may write the object.
async fn poison(team: &Team, kind: &str, name: &str) {
    eventually(&format!("{kind} {name} is written"), PATIENCE, async || {
        let get = ["get", kind, name, "-n", team.namespace(), "-o", "json", "--show-managed-fields"];
        let text = kubectl(team.cluster(), &get, "")?;
        let mut object: Value = serde_json::from_str(&text).expect("an object");
        object["metadata"]["managedFields"][0]["time"] = TOO_LATE.into();
        kubectl(team.cluster(), &["replace", "-f", "-"], &object.to_string()).map(|_| ())
    })
    .await;
}

#[tokio::test]
async fn a_run_that_cannot_be_read_says_so_and_goes_on_once_it_is_mended() {
    let trouble = Trouble::open().await;
    let (team, cluster) = (&trouble.team, trouble.team.cluster());
    trouble.apply(&pipeline("web", &format!("- {{name: wait, {}}}", gate(cluster, team.namespace()))));
    trouble.apply(&run("web", "web"));
    let started_at = team.at("web", "wait").await["status"]["startedAt"].clone();

    patch_status(&team.runs(), "web", json!({"startedAt": TOO_LATE})).await;
    let is_malformed = |run: &Value| condition(run).1 == "Malformed";
    let malformed = team.until("web", "says that it is malformed", is_malformed).await;
    let (status, _, message) = condition(&malformed);
    assert_eq!(status, "Unknown");
    let prefix = "the object cannot be read, and is left alone until it is mended: ";
    assert!(message.starts_with(prefix) && malformed["status"]["message"] == message, "{message}");

    open_gate(cluster, team.namespace()).await;
    trouble.no_harm().await;
    assert!(is_malformed(&team.run("web").await.expect("the run")), "it is left alone");
    patch_status(&team.runs(), "web", json!({"startedAt": started_at})).await;
    team.succeeded("web").await;
}

#[tokio::test]
async fn a_pipeline_whose_status_cannot_be_read_is_judged_again() {
    let trouble = Trouble::open().await;
    let team = &trouble.team;
    trouble.apply(&pipeline("web", "- {name: a, set: {values: {x: 1}}}"));
    let mut conditions = judged(team, "web").await["status"]["conditions"].clone();
    conditions[0]["lastTransitionTime"] = TOO_LATE.into();
    patch_status(&pipelines(team), "web", json!({"conditions": conditions})).await;
    eventually("the condition can be read again", PATIENCE, async || {
        let pipeline = judged(team, "web").await;
        let is_well =
            condition(&pipeline).0 == "True" && pipeline["status"]["conditions"][0]["lastTransitionTime"] != TOO_LATE;
        if is_well { Ok(()) } else { Err(pipeline["status"].to_string()) }
    })
    .await;
    trouble.apply(&run("web", "web"));
    team.succeeded("web").await;
    trouble.no_harm().await;
}

/// A pipeline with a value of this many levels, as text: no parser of ours takes it.
fn deep(name: &str, levels: usize) -> String {
    let value = format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    pipeline(name, &format!("- {{name: a, set: {{values: {{x: {value}}}}}}}"))
}

#[tokio::test]
async fn one_object_that_no_parser_takes_blinds_nobody() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let step = format!("- {{name: wait, {}}}", gate(&cluster, team.namespace()));
    team.home().apply(&format!("{}---\n{}\n---\n{}", pipeline("late", &step), run("late", "late"), deep("deep", 200)));
    poison(&team, "plr", "late").await;
    // It finds them at its start, and meets others while it watches.
    let controller = team.controller().await;
    begin_beside(&team);
    team.at("late", "wait").await;
    team.home().apply(&format!("{}\n---\n{}", deep("deeper", 900), run("deeper", "deeper")));
    poison(&team, "pl", "late").await;
    poison(&team, "plr", "late").await;

    let message =
        "spec.stages[0].steps[0].set: it nests deeper than 64 levels; flatten it, or write the inner part as a text";
    for name in ["deep", "deeper"] {
        eventually(&format!("pipeline {name} is judged"), PATIENCE, async || {
            let path = "jsonpath={.status.conditions[0].reason}|{.status.conditions[0].message}";
            let said = kubectl(&cluster, &["get", "pl", name, "-n", team.namespace(), "-o", path], "")?;
            if said == format!("Invalid|{message}") { Ok(()) } else { Err(said) }
        })
        .await;
    }
    let run = team.ended("deeper").await;
    assert_eq!(condition(&run), ("False", "PipelineInvalid", &*format!("Pipeline \"deeper\" cannot run: {message}")));
    open_gate(&cluster, team.namespace()).await;
    no_harm(&team, &controller).await;
}
