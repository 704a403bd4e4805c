//! The health that Argo CD gives to our kinds, in its real application controller with the Lua of `deploy/argocd/health`. An
//! Application is as healthy as the one object in it.

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
