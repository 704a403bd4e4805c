//! The condition `Ready`.

use kube::api::{Patch, PatchParams};
use serde_json::json;
use sluice_tests::Cluster;
use sluice_tests::fixture::Team;

use super::{environment, environments, until};
use crate::short::condition;

#[tokio::test]
async fn an_environment_says_whether_stages_can_use_it_and_what_is_missing() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let namespace = team.namespace();
    let gone = format!(
        "there is no service account \"nobody\" in namespace \"{namespace}\": create it, or correct spec.serviceAccountName"
    );
    let name = "spec.allowedPipelines[0]: \"Deploy\" is no name of a Pipeline; use small letters, digits, `-` and `.`, with a \
                letter or digit at both ends, 253 at most";
    for (object, spec, expected) in [
        (
            "good",
            json!({"allowedPipelines": ["deploy"], "serviceAccountName": "deployer", "components": [{"name": "web"}]}),
            ("True", "Valid", "stages of the pipelines that it allows can be bound to it"),
        ),
        ("closed", json!({}), ("True", "Closed", "no pipeline may use it: spec.allowedPipelines names none")),
        ("homeless", json!({"serviceAccountName": "nobody"}), ("False", "ServiceAccountNotFound", &*gone)),
        ("misspelt", json!({"allowedPipelines": ["Deploy"]}), ("False", "Invalid", name)),
    ] {
        team.home().apply(&environment(object, &spec));
        let judged = until(&team, object, "is judged", |it| !it["status"]["observedGeneration"].is_null()).await;
        assert_eq!(condition(&judged), expected, "{object}");
        assert_eq!(judged["status"]["observedGeneration"], judged["metadata"]["generation"]);
    }
    let good = until(&team, "good", "lists its components", |it| it["status"]["components"][0]["name"] == "web").await;
    assert_eq!(good["status"]["components"], json!([{"name": "web"}]));

    // A change of the object has the account looked for at once, and not only at the interval.
    team.home().apply("{apiVersion: v1, kind: ServiceAccount, metadata: {name: nobody}}");
    team.home().apply(&environment("homeless", &json!({"serviceAccountName": "nobody", "allowedPipelines": ["*"]})));
    until(&team, "homeless", "is ready", |it| condition(it).1 == "Valid").await;
}

#[tokio::test]
async fn an_environment_that_cannot_be_read_says_so_and_stops_no_other() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    team.home().apply(&environment("odd", &json!({"allowedPipelines": ["deploy"], "components": [{"name": "web"}]})));
    // A time that the schema takes, and no type of ours.
    let status = json!({"status": {"components": [{"name": "web", "deployed": {"at": "9999-12-31T23:59:59Z", "runRef": {"name": "a"}}}]}});
    let patched = environments(&team).patch_status("odd", &PatchParams::default(), &Patch::Merge(status)).await;
    patched.expect("accepted");
    let _controller = team.controller().await;
    let odd = until(&team, "odd", "is judged", |it| condition(it).1 == "Malformed").await;
    let (status, _, message) = condition(&odd);
    assert_eq!(status, "False");
    assert!(message.starts_with("the object cannot be read, and is left alone until it is mended: "), "{message}");

    team.home().apply(&environment("even", &json!({"allowedPipelines": ["deploy"]})));
    until(&team, "even", "is judged", |it| condition(it).1 == "Valid").await;
    let status = json!({"status": {"components": null}});
    let patched = environments(&team).patch_status("odd", &PatchParams::default(), &Patch::Merge(status)).await;
    patched.expect("accepted");
    until(&team, "odd", "is judged again", |it| condition(it).1 == "Valid").await;
}
