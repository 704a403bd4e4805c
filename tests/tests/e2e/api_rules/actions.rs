//! `spec.actions` only ever grows, one entry a request.

use futures::future::join_all;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use super::{change, create, message, namespace, runs};
use crate::short::run;

const APPEND_ONLY: &str = "actions are appended, one a request, and never changed or removed";

fn abort(by: &str) -> Value {
    json!({"type": "Abort", "by": by})
}

/// A run as JSON with these actions from its creation on.
fn run_with_actions(name: &str, actions: Value) -> Value {
    let mut run: Value = serde_json::from_str(&run(name, "any")).expect("a run");
    run["spec"]["actions"] = actions;
    run
}

async fn actions_of(runs: &Api<DynamicObject>, name: &str) -> Value {
    runs.get(name).await.expect("the run").data["spec"]["actions"].clone()
}

/// Appends as every client does.
async fn append(runs: &Api<DynamicObject>, name: &str, action: Value) -> Result<(), kube::Error> {
    let patch = json!([{"op": "add", "path": "/spec/actions/-", "value": action}]);
    let patch: Patch<()> = Patch::Json(serde_json::from_value(patch).expect("a patch"));
    runs.patch(name, &PatchParams::default(), &patch).await.map(|_| ())
}

#[tokio::test]
async fn a_run_is_created_without_them() {
    let test = namespace().await;
    let runs = runs(&test);
    let refusal = create(&runs, &run_with_actions("full", json!([abort("alice")]))).await.expect_err("refused");
    assert_eq!(
        refusal,
        "PipelineRun.sluice.dev \"full\" is invalid: spec.actions: Invalid value: a run is created without actions"
    );
    create(&runs, &run_with_actions("empty", json!([]))).await.expect("accepted");
    create(&runs, &serde_json::from_str(&run("absent", "any")).expect("a run")).await.expect("accepted");
    assert_eq!(actions_of(&runs, "absent").await, json!([]));
}

#[tokio::test]
async fn they_are_appended_one_a_request_and_stay() {
    let test = namespace().await;
    let runs = runs(&test);
    create(&runs, &run_with_actions("run", json!([]))).await.expect("accepted");
    let (alice, bob) = (abort("alice"), abort("bob"));
    let set = async |actions: &[&Value]| change(&runs, "run", &json!({"spec": {"actions": actions}})).await;
    set(&[&alice]).await.expect("one");
    set(&[&alice, &bob]).await.expect("one more");
    let third = abort("carol");
    for (what, actions) in [
        ("two at once", vec![&alice, &bob, &third, &third]),
        ("an edit", vec![&alice, &third]),
        ("another order", vec![&bob, &alice]),
        ("a removal", vec![&alice]),
        ("an insertion", vec![&third, &alice, &bob]),
        ("an end of all", vec![]),
    ] {
        let refusal = set(&actions).await.expect_err(what);
        let expected = format!("PipelineRun.sluice.dev \"run\" is invalid: spec.actions: Invalid value: {APPEND_ONLY}");
        assert_eq!(refusal, expected, "{what}");
    }
    assert_eq!(actions_of(&runs, "run").await, json!([alice, bob]));
}

#[tokio::test]
async fn an_entry_is_checked() {
    let test = namespace().await;
    let runs = runs(&test);
    create(&runs, &run_with_actions("run", json!([]))).await.expect("accepted");
    for (action, expected) in [
        (
            json!({"type": "Explode", "by": "alice"}),
            "spec.actions[0].type: Unsupported value: \"Explode\": supported values: \"Approve\", \"Reject\", \"Abort\", \"Pause\", \
             \"Resume\", \"Retry\", \"Skip\", \"Unlock\"",
        ),
        (json!({"type": "Abort"}), "spec.actions[0].by: Required value"),
        (json!({"type": "Abort", "by": ""}), "spec.actions[0].by in body should be at least 1 chars long"),
        (
            json!({"type": "Abort", "by": "alice", "reason": "x".repeat(1025)}),
            "spec.actions[0].reason: Too long: may not be more than 1024 bytes",
        ),
    ] {
        let refusal = append(&runs, "run", action).await.expect_err(expected);
        assert!(message(&refusal).contains(expected), "{refusal}");
    }
}

#[tokio::test]
async fn none_is_lost_when_twenty_clients_append_at_once() {
    let test = namespace().await;
    let runs = runs(&test);
    create(&runs, &run_with_actions("run", json!([]))).await.expect("accepted");
    join_all((0..20).map(async |number| {
        // The API server tries again by itself a few times; behind that it is the client's to do.
        while let Err(error) = append(&runs, "run", abort(&format!("user-{number:02}"))).await {
            let is_conflict = matches!(&error, kube::Error::Api(status) if status.code == 409);
            assert!(is_conflict, "{error}");
        }
    }))
    .await;
    let actions = actions_of(&runs, "run").await;
    let mut by: Vec<_> = actions.as_array().expect("a list").iter().map(|action| action["by"].clone()).collect();
    by.sort_by_key(ToString::to_string);
    assert_eq!(by, (0..20).map(|number| json!(format!("user-{number:02}"))).collect::<Vec<_>>());
}
