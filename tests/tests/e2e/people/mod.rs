//! What people ask of runs on the real API server, with the admission policies in force: it is done, answered, told and never
//! lost, and a controller that is killed changes nothing of it.

mod abort;
mod again;
mod answers;
mod budget;
mod clocks;
mod scenario;
mod skip;
mod suspended;

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::{Value, json};
use sluice_tests::fixture::Team;
use sluice_tests::{Cluster, TestNamespace, eventually};

use crate::PATIENCE;
use crate::short::answers;

/// Alice, Bob, Carol and Dave may ask for everything.
const RIGHTS: &str = "\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: people}
rules:
- {apiGroups: [sluice.dev], resources: ['*'], verbs: ['*']}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: people}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: people}
subjects: [{kind: User, name: alice}, {kind: User, name: bob}, {kind: User, name: carol}, {kind: User, name: dave}]
";

/// A namespace in which the policies are in force, and everybody may ask for everything.
pub(crate) async fn team(cluster: &Cluster) -> Team {
    let team = Team::open(cluster).await;
    enforce(&team).await;
    team
}

/// Puts the policies in force in a namespace that was made without, and gives everybody every right.
async fn enforce(team: &Team) {
    let cluster = team.cluster();
    // It waits until they are in force where they are meant to be.
    drop(TestNamespace::with_policies(cluster, "people").await);
    team.home().apply(RIGHTS);
    let namespace = team.namespace();
    cluster.kubectl(&["label", "namespace", namespace, "sluice-tests/policies=true"]).expect("a label");
    let probe = json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun", "metadata": {"generateName": "probe-"},
        "spec": {"pipelineRef": {"name": "none"}, "requestedBy": "nobody"},
    });
    let probe: DynamicObject = serde_json::from_value(probe).expect("a run");
    let dry = kube::api::PostParams { dry_run: true, ..Default::default() };
    eventually("the policies are in force", PATIENCE, async || match team.runs().create(&dry, &probe).await {
        Err(kube::Error::Api(status)) if status.message.contains("requestedBy") => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
}

/// Appends an entry as somebody.
pub(crate) async fn ask(team: &Team, who: &str, run: &str, kind: &str, more: Value) {
    let runs = runs_as(team, team.cluster().user(who).await);
    append(&runs, who, run, kind, more).await.unwrap_or_else(|error| panic!("{kind} by {who}: {error}"));
}

fn runs_as(team: &Team, client: kube::Client) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("sluice.dev", "v1alpha1", "PipelineRun"));
    Api::namespaced_with(client, team.namespace(), &kind)
}

async fn append(
    runs: &Api<DynamicObject>,
    by: &str,
    run: &str,
    kind: &str,
    mut entry: Value,
) -> Result<(), kube::Error> {
    entry["type"] = json!(kind);
    entry["by"] = json!(by);
    let patch = json!([{"op": "add", "path": "/spec/actions/-", "value": entry}]);
    let patch: Patch<()> = Patch::Json(serde_json::from_value(patch).expect("a patch"));
    runs.patch(run, &PatchParams::default(), &patch).await.map(drop)
}

/// The run once everything that was asked of it is answered.
async fn answered(team: &Team, run: &str) -> Value {
    eventually(&format!("run {run} answers"), PATIENCE, async || {
        let run = team.run(run).await?;
        let count = |list: &Value| list.as_array().map_or(0, Vec::len);
        let is_answered = count(&run["spec"]["actions"]) == count(&run["status"]["actions"]);
        if is_answered { Ok(run) } else { Err(format!("{:#}", run["status"])) }
    })
    .await
}

/// What became of each entry: `Applied`, or why it was ignored.
fn outcomes(run: &Value) -> Vec<String> {
    let answers = answers(run);
    let outcome =
        |answer: &Value| answer["message"].as_str().unwrap_or(answer["result"].as_str().expect("one")).to_owned();
    answers.as_array().into_iter().flatten().map(outcome).collect()
}

/// The run once one of its stages awaits approvals.
async fn awaiting(team: &Team, run: &str, stage: &str) -> Value {
    let awaits = |run: &Value| {
        let stages = run["status"]["stages"].as_array();
        stages.into_iter().flatten().any(|entry| entry["name"] == stage && entry["phase"] == "AwaitingApproval")
    };
    team.until(run, &format!("awaits the approval of {stage}"), awaits).await
}

/// A run that goes on although it has ended before: `until` alone would take its last end for this one's.
async fn in_round(team: &Team, run: &str, round: i64, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    eventually(&format!("run {run} in round {round} {what}"), PATIENCE, async || {
        let run = team.run(run).await?;
        if run["status"]["round"] == round && is(&run) { Ok(run) } else { Err(format!("{:#}", run["status"])) }
    })
    .await
}

fn phase_is(phase: &str) -> impl Fn(&Value) -> bool {
    move |run| run["status"]["phase"] == phase && (phase == "Running" || !run["status"]["finishedAt"].is_null())
}
