//! The run of an update: only after the record, only its component, one at a time and in order, and followed to its end.

use kube::api::DeleteParams;
use serde_json::{Value, json};
use sluice_tests::Cluster;
use sluice_tests::fixture::{Team, step_of};

use super::{
    PARAMS, all, component, deploy, deployed_by, objects, said, staging, until, until_recorded, until_says, update,
};
use crate::flow::pipeline;
use crate::people::{ask, team};
use crate::short::{gate, open_gate};

#[tokio::test]
async fn an_update_is_recorded_and_then_deployed_alone_as_the_account_of_the_pipeline() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    team.home().apply(
        &[
            staging(&json!([deployed_by("web", "deploy"), deployed_by("db", "deploy"), {"name": "mail"}]), &json!({})),
            deploy("deploy"),
        ]
        .join("\n---\n"),
    );
    let _controller = team.controller().await;
    let mut object = update("one", "web", 1);
    object["spec"]["sha"] = "9fceb02".into();
    team.apply_value(&object);
    // What people write: one wait follows the record and the deployment.
    let wait = ["wait", "--for=condition=Deployed", "componentupdate/one", "--timeout=120s", "-n", team.namespace()];
    cluster.kubectl(&wait).expect("deployed");
    let one = until_says(&team, "one", "Deployed", "True Succeeded").await;
    assert_eq!(one["status"]["runRef"], json!({"name": "one"}));
    assert!(said(&one, "Recorded").starts_with("True Recorded"));
    let run = team.succeeded("one").await;
    let expected = json!({
        "pipelineRef": {"name": "deploy"}, "requestedBy": "ci", "actions": [],
        "params": {"environment": "staging", "component": "web", "version": "1.1", "sha": "9fceb02"},
        "trigger": {"componentUpdate": {"name": "one", "uid": one["metadata"]["uid"]}},
    });
    assert_eq!(run["spec"], expected);
    assert_eq!(run["metadata"]["labels"]["sluice.dev/pipeline"], "deploy");
    assert_eq!(step_of(&run, "it")["outputs"]["version"], "1.1");
    let environment =
        until(&team, "Environment", "staging", "knows what is there", |it| !component(it, "web")["deployed"].is_null())
            .await;
    let deployed = &component(&environment, "web")["deployed"];
    assert_eq!(
        (&deployed["version"], &deployed["sha"], &deployed["by"]),
        (&"1.1".into(), &"9fceb02".into(), &"ci".into())
    );
    assert_eq!(deployed["runRef"]["name"], "one");
    team.apply_value(&update("quiet", "mail", 1));
    until_says(&team, "quiet", "Recorded", "True Recorded").await;
    assert_eq!(all(&team, "PipelineRun").await.len(), 1);
}

#[tokio::test]
async fn of_a_component_one_run_is_under_way_and_others_do_not_wait_for_it() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let gated = gate(&cluster, team.namespace());
    let slow = pipeline(
        "slow",
        &format!(
            "- {{name: deploy, environment: staging, steps: [{{name: wait, when: params.version == '1.1', {gated}}}]}}"
        ),
        PARAMS,
    );
    team.home().apply(
        &[
            staging(&json!([deployed_by("web", "slow"), deployed_by("db", "deploy")]), &json!({})),
            slow,
            deploy("deploy"),
        ]
        .join("\n---\n"),
    );
    let _controller = team.controller().await;
    for sequence in 1..=3 {
        team.apply_value(&update(&format!("web-{sequence}"), "web", sequence));
    }
    team.apply_value(&update("db-1", "db", 1));
    until_recorded(&team, "web", "web-3").await;
    until_says(&team, "db-1", "Deployed", "True").await;
    until_says(&team, "web-1", "Deployed", "Unknown Running").await;
    for waiting in ["web-2", "web-3"] {
        until_says(&team, waiting, "Deployed", "Unknown Queued: its run waits for its turn").await;
        assert!(team.run(waiting).await.is_err(), "not started");
    }
    open_gate(&cluster, team.namespace()).await;
    let mut last = String::new();
    for name in ["web-1", "web-2", "web-3"] {
        until_says(&team, name, "Deployed", "True").await;
        let run = team.run(name).await.expect("its run");
        let text = |member: &str| run["status"][member].as_str().expect("a time").to_owned();
        assert!(last <= text("startedAt"), "one at a time");
        last = text("finishedAt");
    }
}

#[tokio::test]
async fn a_failed_deployment_keeps_the_record_and_a_person_may_try_it_again() {
    let cluster = Cluster::connect().await;
    let team = team(&cluster).await;
    let flaky = |name: &str| {
        let services = &cluster.facts().services_url;
        let gate = format!("{{gate: {{http: {{url: '{services}/alerts?gate={}'}}}}}}", team.namespace());
        let check = "[{name: open, expr: size(gate.json) > 0}]";
        pipeline(
            name,
            &format!(
                "- {{name: deploy, environment: staging, steps: [{{name: check, validate: {{sources: {gate}, checks: {check}}}}}]}}"
            ),
            PARAMS,
        )
    };
    team.home().apply(&[staging(&json!([deployed_by("web", "flaky")]), &json!({})), flaky("flaky")].join("\n---\n"));
    let _controller = team.controller().await;
    let mut object = update("one", "web", 1);
    // In whose name a report is made by hand is told by the policies.
    object["spec"].as_object_mut().expect("a spec").remove("by");
    team.apply_value(&object);
    let one = until_says(&team, "one", "Deployed", "False").await;
    let run = team.ended("one").await;
    let ended = &run["status"]["conditions"][0];
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    assert_eq!(said(&one, "Deployed"), format!("False {}: {}", word(&ended["reason"]), word(&ended["message"])));
    let environment = until_recorded(&team, "web", "one").await;
    assert_eq!(component(&environment, "web")["deployed"], Value::Null);

    open_gate(&cluster, team.namespace()).await;
    ask(&team, "alice", "one", "Retry", json!({"stage": "deploy"})).await;
    until_says(&team, "one", "Deployed", "True").await;
    until(&team, "Environment", "staging", "knows what is there", |it| {
        component(it, "web")["deployed"]["version"] == "1.1"
    })
    .await;
}

#[tokio::test]
async fn what_is_missing_is_named_and_waited_for() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    team.home().apply(&staging(&json!([{"name": "db"}, deployed_by("web", "deploy")]), &json!({})));
    let _controller = team.controller().await;
    let path = "spec.components[1].onUpdate.deploy.pipelineRef.name";
    let environment =
        until(&team, "Environment", "staging", "misses it", |it| said(it, "Ready").contains("NotFound")).await;
    let why = "there is no Pipeline \"deploy\" in this namespace; create it, or name one that is there";
    assert_eq!(said(&environment, "Ready"), format!("False PipelineNotFound: {path}: {why}"));
    team.apply_value(&update("one", "web", 1));
    until_says(&team, "one", "Deployed", "Unknown PipelineNotFound").await;
    until_recorded(&team, "web", "one").await;

    let lacking = deploy("deploy").replace(", {name: sha}", "");
    team.home().apply(&lacking);
    let environment =
        until(&team, "Environment", "staging", "misses it", |it| said(it, "Ready").contains("Unfit")).await;
    let why = "updates cannot start runs of Pipeline \"deploy\": it lacks the parameters sha: declare them in its spec.params";
    assert_eq!(said(&environment, "Ready"), format!("False PipelineUnfit: {path}: {why}"));
    until_says(&team, "one", "Deployed", &format!("Unknown PipelineUnfit: {why}")).await;

    team.home().apply(&deploy("deploy"));
    until(&team, "Environment", "staging", "is ready", |it| said(it, "Ready").starts_with("True Valid")).await;
    until_says(&team, "one", "Deployed", "True").await;
}

#[tokio::test]
async fn an_environment_says_which_pipelines_deploy_nothing_to_it() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let to_production = pipeline(
        "both",
        "- {name: first, environment: production, steps: [{name: a, set: {values: {x: 1}}}]}\n\
         - {name: second, environment: staging, steps: [{name: a, set: {values: {x: 1}}}]}",
        PARAMS,
    );
    let production = |more: &str| {
        format!(
            "{{apiVersion: sluice.dev/v1alpha1, kind: Environment, metadata: {{name: production}}, \
             spec: {{allowedPipelines: ['*'], {more}}}}}"
        )
    };
    let components = json!([deployed_by("web", "deploy"), deployed_by("db", "both")]);
    let closed_to = |allowed: &[&str]| staging(&components, &json!({"allowedPipelines": allowed}));
    let all = [closed_to(&[]), deploy("deploy"), to_production, production("approval: {required: 1}")];
    team.home().apply(&all.join("\n---\n"));
    let _controller = team.controller().await;
    let until_ready = async |expected: &str| {
        until(&team, "Environment", "staging", expected, |it| said(it, "Ready") == expected).await;
    };
    let path = |index: usize| format!("spec.components[{index}].onUpdate.deploy.pipelineRef.name");
    let not_allowed = |pipeline: &str, stage: &str| {
        format!(
            "updates deploy nothing by Pipeline {pipeline:?}: its stage {stage} is bound to this Environment, which does not allow \
             it: add it to spec.allowedPipelines"
        )
    };
    let by_hand = "updates deploy nothing by Pipeline \"both\": it begins with a stage that has to be approved, so only people \
                   start it: let it begin with one that needs no approval";
    let (web, db) = (path(0), path(1));
    let closed = not_allowed("deploy", "deploy");
    until_ready(&format!("False PipelineNotAllowed: {web}: {closed}\n{db}: {by_hand}")).await;
    team.home().apply(&closed_to(&["deploy"]));
    until_ready(&format!("False ManualFirstStage: {db}: {by_hand}")).await;
    team.home().apply(&production(""));
    until_ready(&format!("False PipelineNotAllowed: {db}: {}", not_allowed("both", "second"))).await;
    team.home().apply(&closed_to(&["deploy", "both"]));
    until(&team, "Environment", "staging", "is ready", |it| said(it, "Ready").starts_with("True Valid")).await;
}

#[tokio::test]
async fn what_cannot_be_deployed_is_concluded_with_the_reason() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let by_hand = pipeline(
        "manual",
        "- {name: first, approval: {required: 1}, steps: [{name: a, set: {values: {x: 1}}}]}",
        PARAMS,
    );
    let gated = gate(&cluster, team.namespace());
    let slow = pipeline("slow", &format!("- {{name: deploy, steps: [{{name: wait, {gated}}}]}}"), PARAMS);
    let components = [deployed_by("manual", "manual"), deployed_by("taken", "deploy"), deployed_by("deleted", "slow")];
    team.home().apply(&[staging(&json!(components), &json!({})), by_hand, slow, deploy("deploy")].join("\n---\n"));
    team.home().apply(&crate::short::run_with("taken-1", "deploy", json!({"environment": "staging"})));
    let _controller = team.controller().await;
    for name in ["manual", "taken", "deleted"] {
        team.apply_value(&update(&format!("{name}-1"), name, 1));
    }
    until_says(&team, "manual-1", "Deployed", "False ManualFirstStage").await;
    until_says(&team, "taken-1", "Deployed", "False NameTaken").await;
    until_says(&team, "deleted-1", "Deployed", "Unknown Running").await;
    team.runs().delete("deleted-1", &DeleteParams::default()).await.expect("its end");
    until_says(&team, "deleted-1", "Deployed", "False RunDeleted").await;
    team.apply_value(&update("deleted-2", "deleted", 2));
    until_says(&team, "deleted-2", "Deployed", "Unknown Running").await;
    // Whoever takes `onUpdate` away wants none of the runs that have not begun.
    team.apply_value(&update("deleted-3", "deleted", 3));
    until_says(&team, "deleted-3", "Deployed", "Unknown Queued").await;
    team.home().apply(&staging(&json!([{"name": "deleted"}]), &json!({})));
    open_gate(&cluster, team.namespace()).await;
    until_says(&team, "deleted-2", "Deployed", "True").await;
    until_says(&team, "deleted-3", "Deployed", "False NoPipeline").await;
    for update in objects(&team, "ComponentUpdate").list(&Default::default()).await.expect("a list") {
        let update = serde_json::to_value(update).expect("JSON");
        assert!(said(&update, "Recorded").starts_with("True Recorded"), "{update:#}");
    }
}
