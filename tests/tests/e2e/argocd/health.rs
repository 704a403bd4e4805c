//! The health that Argo CD gives to our kinds, in its real application controller with the Lua of `deploy/argocd/health`. An
//! Application is as healthy as the one object in it.

use serde_json::{Value, json};
use sluice_tests::fixture::Team;
use sluice_tests::gitea::Repo;
use sluice_tests::{Application, Cluster, namespace};

use crate::short::{gate, open_gate, pipeline, run};

/// An Application of one directory, which holds one manifest.
struct One {
    repo: Repo,
    application: Application,
}

impl One {
    async fn new(team: &Team, manifest: &str) -> Self {
        let repo = team.cluster().gitea().new_repo("health", &[("it/it.yaml", manifest)]).await.expect("a repository");
        let name = namespace::unique("health");
        let application = Application::create(team.home(), &name, &repo, "it", true).await.expect("an Application");
        Self { repo, application }
    }

    async fn becomes(&self, health: &str) {
        let head = self.repo.head("main").await.expect("a head");
        self.application.wait("Synced", health, &head).await;
    }

    async fn change(&self, manifest: &str) {
        self.repo.commit("main", "Change", &[("it/it.yaml", manifest)]).await.expect("a commit");
        self.application.refresh().await.expect("a refresh");
    }
}

#[tokio::test]
async fn a_pipeline_is_as_healthy_as_its_last_judgement_and_progressing_until_then() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let good = pipeline("web", "- {name: one, set: {values: {a: 1}}}");
    let one = One::new(&team, &good).await;
    one.becomes("Progressing").await;

    let controller = team.controller().await;
    one.becomes("Healthy").await;
    one.change(&pipeline("web", "- {name: one, set: {values: {a: '${{ params.nothing }}'}}}")).await;
    one.becomes("Degraded").await;

    // A judgement of an older version counts for nothing.
    controller.kill9();
    one.change(&good).await;
    one.becomes("Progressing").await;
    controller.restart().expect("another life");
    one.becomes("Healthy").await;
}

#[tokio::test]
async fn a_run_is_progressing_while_it_waits_and_healthy_once_it_has_succeeded() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let gate = gate(&cluster, team.namespace());
    team.home().apply(&pipeline("wait", &format!("- {{name: gate, {gate}}}")));
    let one = One::new(&team, &run("web", "wait")).await;
    team.at("web", "gate").await;
    one.becomes("Progressing").await;
    open_gate(&cluster, team.namespace()).await;
    one.becomes("Healthy").await;
    // Nothing of it is the controller's in the eyes of Argo CD: it stays as it is.
    team.succeeded("web").await;
}

#[tokio::test]
async fn a_run_that_has_failed_is_degraded() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    team.home().apply(&pipeline("stop", "- {name: refuse, fail: {message: not today}}"));
    One::new(&team, &run("web", "stop")).await.becomes("Degraded").await;
}

const RECEIVER: &str = "\
apiVersion: sluice.dev/v1alpha1
kind: Receiver
metadata: {name: hooks}
spec: {gitea: {}, serviceAccountName: receiver, secretRef: {name: hooks}}
";

const UPDATE: &str = "\
apiVersion: sluice.dev/v1alpha1
kind: ComponentUpdate
metadata: {name: web-17}
spec: {environment: staging, component: web, version: 1.4.2, sequence: 17, id: build-17}
";

/// Writes a status as whoever it is that writes it: here nobody checks.
fn write(team: &Team, object: &str, status: &Value) {
    let patch = json!({"status": status}).to_string();
    let patch = ["patch", object, "-n", team.namespace(), "--subresource=status", "--type=merge", "-p", &patch];
    team.cluster().kubectl(&patch).expect("a status");
}

/// A condition with its status.
fn said(kind: &str, status: &str) -> Value {
    let time = "2026-05-04T12:00:00Z";
    json!({"type": kind, "status": status, "reason": "Because", "message": "of it", "lastTransitionTime": time})
}

#[tokio::test]
async fn a_receiver_is_healthy_where_the_server_takes_requests_for_this_version_of_it() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let one = One::new(&team, RECEIVER).await;
    one.becomes("Progressing").await;
    let judged =
        |generation: i64, status| json!({"observedGeneration": generation, "conditions": [said("Ready", status)]});
    write(&team, "rcv/hooks", &judged(1, "True"));
    one.becomes("Healthy").await;
    one.change(&RECEIVER.replace("name: hooks}}", "name: none}}")).await;
    one.becomes("Progressing").await;
    write(&team, "rcv/hooks", &judged(2, "False"));
    one.becomes("Degraded").await;
}

#[tokio::test]
async fn a_report_is_healthy_once_it_is_recorded_and_deployed_where_it_is_to_be() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let one = One::new(&team, UPDATE).await;
    one.becomes("Progressing").await;
    for (conditions, health) in [
        (vec![said("Recorded", "True")], "Healthy"),
        (vec![said("Recorded", "True"), said("Deployed", "Unknown")], "Progressing"),
        (vec![said("Recorded", "True"), said("Deployed", "True")], "Healthy"),
        (vec![said("Deployed", "False"), said("Recorded", "True")], "Degraded"),
        (vec![said("Recorded", "Unknown")], "Progressing"),
        (vec![said("Recorded", "False")], "Degraded"),
    ] {
        write(&team, "cu/web-17", &json!({"conditions": conditions}));
        one.becomes(health).await;
    }
}
