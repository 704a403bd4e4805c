//! What is recorded: every update, the highest sequence stands, and what cannot be recorded says why.

use kube::api::DeleteParams;
use serde_json::json;
use sluice_tests::controller::Options;
use sluice_tests::fixture::Team;
use sluice_tests::{Cluster, Controller, eventually};

use super::{all, component, objects, said, staging, until, until_recorded, until_says, update};
use crate::PATIENCE;

#[tokio::test]
async fn there_and_back_again_are_three_updates_and_an_older_one_changes_nothing() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    team.home().apply(&staging(&json!([{"name": "web"}, {"name": "db"}]), &json!({})));
    let _controller = team.controller().await;
    for (name, version, sequence) in [("one", "1", 1), ("two", "2", 2), ("three", "1", 3)] {
        let mut object = update(name, "web", sequence);
        object["spec"]["version"] = version.into();
        object["spec"]["sha"] = "9fceb02".into();
        team.apply_value(&object);
        until_says(&team, name, "Recorded", "True Recorded").await;
    }
    team.apply_value(&update("late", "web", 2));
    let late = until_says(&team, "late", "Recorded", "True Superseded").await;
    assert!(said(&late, "Recorded").contains("sequence 3 had been recorded before, by update \"three\""));
    let environment = until_recorded(&team, "web", "three").await;
    let three = objects(&team, "ComponentUpdate").get("three").await.expect("an update");
    let expected = json!({
        "version": "1", "sha": "9fceb02", "by": "ci", "sequence": 3,
        "at": three.metadata.creation_timestamp, "updateRef": {"name": "three", "uid": three.metadata.uid},
    });
    assert_eq!(component(&environment, "web"), &json!({"name": "web", "recorded": expected}));
    assert_eq!(component(&environment, "db"), &json!({"name": "db"}));
    for update in all(&team, "ComponentUpdate").await {
        assert_eq!(said(&update, "Deployed"), "", "record only: {update:#}");
    }
    assert!(all(&team, "PipelineRun").await.is_empty());
}

#[tokio::test]
async fn what_is_not_there_is_named_and_recorded_once_it_is() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.apply_value(&update("one", "web", 1));
    let one = until_says(&team, "one", "Recorded", "False EnvironmentNotFound").await;
    let why = "False EnvironmentNotFound: there is no Environment \"staging\" in this namespace: create it";
    assert_eq!(said(&one, "Recorded"), why);

    team.home().apply(&staging(&json!([{"name": "db"}]), &json!({})));
    let one = until_says(&team, "one", "Recorded", "False ComponentUnknown").await;
    let why = "Environment \"staging\" does not declare component \"web\": add it to its spec.components";
    assert_eq!(said(&one, "Recorded"), format!("False ComponentUnknown: {why}"));

    team.home().apply(&staging(&json!([{"name": "web"}]), &json!({})));
    until_says(&team, "one", "Recorded", "True Recorded").await;
    until_recorded(&team, "web", "one").await;
}

#[tokio::test]
async fn an_environment_that_is_made_again_knows_the_highest_update_there_is() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let manifest = staging(&json!([{"name": "web"}]), &json!({}));
    team.home().apply(&manifest);
    let _controller = team.controller().await;
    for sequence in [4, 7] {
        team.apply_value(&update(&format!("u{sequence}"), "web", sequence));
        until_says(&team, &format!("u{sequence}"), "Recorded", "True Recorded").await;
    }
    objects(&team, "Environment").delete("staging", &DeleteParams::default()).await.expect("its end");
    team.apply_value(&update("u5", "web", 5));
    until_says(&team, "u5", "Recorded", "False EnvironmentNotFound").await;
    team.home().apply(&manifest);
    until_says(&team, "u5", "Recorded", "True Superseded").await;
    until_recorded(&team, "web", "u7").await;
}

#[tokio::test]
async fn a_watch_of_a_kind_that_is_not_there_holds_up_nobody() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    // Who may not list a kind sees as much of it as where it is not served.
    team.home().apply(&rights_without_updates(team.namespace()));
    let account = (team.namespace().to_owned(), "no-updates".to_owned());
    let options = Options { account, ..team.controller_options() };
    let controller = Controller::start(&cluster, options).await.expect("a controller");
    team.home().apply(&staging(&json!([{"name": "web"}]), &json!({})));
    until(&team, "Environment", "staging", "is judged", |it| said(it, "Ready").starts_with("True")).await;
    eventually("the log says what cannot be watched", PATIENCE, async || {
        let log = controller.log();
        if log.contains("a watch broke off") { Ok(()) } else { Err(log) }
    })
    .await;
}

/// An account that may do what the controller does for Environments, and knows nothing of updates.
fn rights_without_updates(namespace: &str) -> String {
    format!(
        "\
{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: no-updates}}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: no-updates}}
rules:
- {{apiGroups: [sluice.dev], resources: [pipelines, pipelineruns, environments], verbs: [get, list, watch]}}
- {{apiGroups: [sluice.dev], resources: [environments/status], verbs: [patch]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: no-updates}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: no-updates}}
subjects: [{{kind: ServiceAccount, name: no-updates, namespace: {namespace}}}]
"
    )
}
