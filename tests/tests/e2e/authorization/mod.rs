//! Who may ask what of a run: the admission policies and the roles of the chart, on the real API server. There is no controller,
//! so a run's status stays as a test has written it, in the controller's name.

mod absent;
mod applying;
mod forgeries;
mod matrix;
mod reports;
mod ways;

use std::cmp::Ordering;

use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use sluice_tests::{Cluster, TestNamespace, eventually};

use crate::PATIENCE;

/// The role of each person; bob has none.
const PEOPLE: [(&str, &str); 4] =
    [("alice", "view"), ("developer", "edit"), ("approver", "sluice-approver"), ("carol", "admin")];

/// A namespace with people, whose runs stand where a test wants them.
struct Place {
    test: TestNamespace,
    controller: Client,
}

impl Place {
    async fn open() -> Self {
        let cluster = Cluster::connect().await;
        let test = TestNamespace::with_policies(&cluster, "people").await;
        let mut roles: Vec<Value> =
            PEOPLE.iter().map(|(person, role)| binding(person, "ClusterRole", role, person)).collect();
        roles.extend(one_person_on_one_stage());
        let list = json!({"apiVersion": "v1", "kind": "List", "items": roles});
        test.apply(&list.to_string());
        let controller = cluster.service_account("sluice-system", "sluice-controller").await.expect("its account");
        let place = Self { test, controller };
        place.roles_count().await;
        place
    }

    /// The built-in roles have Sluice's a moment after those are made.
    async fn roles_count(&self) {
        let (cluster, namespace) = (self.test.cluster(), self.test.name());
        eventually("the roles are aggregated", PATIENCE, async || {
            let asked = ["auth", "can-i", "unlock", "pipelines.sluice.dev/web", "--as=carol", "-n", namespace];
            cluster.kubectl(&asked).map_err(|error| error.to_string())
        })
        .await;
    }

    /// The runs, as this person has them.
    async fn runs_as(&self, person: &str) -> Api<DynamicObject> {
        self.runs(self.test.cluster().user(person).await)
    }

    fn runs(&self, client: Client) -> Api<DynamicObject> {
        self.kind("PipelineRun", client)
    }

    fn kind(&self, kind: &str, client: Client) -> Api<DynamicObject> {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("sluice.dev", "v1alpha1", kind));
        Api::namespaced_with(client, self.test.name(), &kind)
    }

    /// A run of the pipeline `web` that stands as this status says.
    async fn run(&self, name: &str, status: &Value) -> DynamicObject {
        let run = serde_json::from_value(run(name)).expect("a run");
        let admin = self.runs(self.test.cluster().admin());
        admin.create(&PostParams::default(), &run).await.expect("a run");
        let status = Patch::Merge(json!({"status": status}));
        let runs = self.runs(self.controller.clone());
        runs.patch_status(name, &PatchParams::default(), &status).await.expect("the controller writes it")
    }

    /// What was asked of a run.
    async fn asked(&self, name: &str) -> Value {
        let run = self.runs(self.test.cluster().admin()).get(name).await.expect("the run");
        run.data["spec"]["actions"].clone()
    }
}

fn run(name: &str) -> Value {
    json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun", "metadata": {"name": name},
        "spec": {"pipelineRef": {"name": "web"}},
    })
}

/// Four stages, of which three wait: one that the pipeline guards, one of an environment, one that is restricted.
fn waiting() -> Value {
    let approval = json!({"required": 1, "since": "2026-05-04T12:00:00Z"});
    let stage = |name: &str, phase: &str, guard: Value| {
        let steps = json!([{"name": "deploy", "phase": "Pending"}]);
        let mut stage = json!({"name": name, "phase": phase, "attempt": 2, "steps": steps});
        if phase == "AwaitingApproval" {
            stage["approval"] = approval.clone();
        }
        if !guard.is_null() {
            stage["guard"] = guard;
        }
        stage
    };
    json!({"phase": "Running", "startedAt": "2026-05-04T12:00:00Z", "stages": [
        stage("dev", "Succeeded", Value::Null),
        stage("staging", "AwaitingApproval", Value::Null),
        stage("production", "AwaitingApproval", json!({"resource": "environments", "name": "production"})),
        stage("secret", "AwaitingApproval", json!({"resource": "stages", "name": "web.secret"})),
    ]})
}

/// The same, paused.
fn paused() -> Value {
    let mut status = waiting();
    status["paused"] = json!({"by": "carol", "since": "2026-05-04T12:00:00Z"});
    status
}

/// A run that has failed in `production`, which has to be named to be tried again, and keeps its lock.
fn failed() -> Value {
    failed_in(2)
}

/// A run that has failed in `staging`, which nothing but the pipeline guards.
fn failed_early() -> Value {
    failed_in(1)
}

fn failed_in(failed: usize) -> Value {
    let mut status = waiting();
    for place in 0..4 {
        let phase = match place.cmp(&failed) {
            Ordering::Less => "Succeeded",
            Ordering::Equal => "Failed",
            Ordering::Greater => "Omitted",
        };
        status["stages"][place]["phase"] = json!(phase);
    }
    status["stages"][failed]["steps"][0]["phase"] = json!("Failed");
    status["phase"] = json!("Failed");
    status["finishedAt"] = json!("2026-05-04T13:00:00Z");
    status["ending"] =
        json!({"phase": "Failed", "reason": "StepFailed", "message": "it broke", "at": "2026-05-04T13:00:00Z"});
    status["lock"] = json!({"group": "web", "since": "2026-05-04T12:00:00Z", "position": 0});
    let time = "2026-05-04T13:00:00Z";
    status["conditions"] = json!([
        {"type": "Succeeded", "status": "False", "reason": "StepFailed", "message": "it broke", "lastTransitionTime": time},
    ]);
    status
}

/// The Role of docs/access.md for one person and one restricted stage.
fn one_person_on_one_stage() -> [Value; 2] {
    let page = std::fs::read_to_string(sluice_tests::paths::workspace().join("docs/access.md")).expect("the page");
    let (_, rest) = page.split_once("```yaml\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("its end");
    let objects: Vec<Value> = serde_saphyr::from_multiple(example).expect("YAML");
    objects.try_into().expect("a Role and its binding")
}

fn binding(name: &str, kind: &str, role: &str, person: &str) -> Value {
    let group = "rbac.authorization.k8s.io";
    json!({
        "apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": {"name": name},
        "roleRef": {"apiGroup": group, "kind": kind, "name": role},
        "subjects": [{"apiGroup": group, "kind": "User", "name": person}],
    })
}

/// Appends as most clients do.
async fn append(runs: &Api<DynamicObject>, name: &str, entry: &Value) -> Result<(), String> {
    let patch = json!([{"op": "add", "path": "/spec/actions/-", "value": entry}]);
    let patch: Patch<()> = Patch::Json(serde_json::from_value(patch).expect("a patch"));
    told(runs.patch(name, &PatchParams::default(), &patch).await)
}

/// Why the API server refused something.
fn told<T>(answer: Result<T, kube::Error>) -> Result<(), String> {
    match answer {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) => Err(status.message.clone()),
        Err(error) => Err(error.to_string()),
    }
}
