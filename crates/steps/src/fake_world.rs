//! A [`World`] for tests: secrets and git hosts from a table, Kubernetes from canned answers.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use http::{Request, Response};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt;
use kube::client::Body;
use secrecy::SecretString;
use serde_json::{Value, json};
use sluice_api::{
    ActionType, EnvironmentSpec, PipelineRun, PipelineSpec, RunAction, RunIdentity, ScmProviderSpec, SecretKeyReference,
};
use sluice_engine::Failure;
use sluice_expr::Scope;

use crate::{HttpClient, Locks, Report, Runs, StepContext, Turn, World, allowed};

/// A world without a cluster, in which HTTP reaches only loopback addresses besides the usual ones.
#[derive(Debug)]
pub(crate) struct FakeWorld {
    pub(crate) http: HttpClient,
    pub(crate) run: RunIdentity,
    /// By name and key.
    pub(crate) secrets: BTreeMap<(String, String), String>,
    pub(crate) providers: BTreeMap<String, ScmProviderSpec>,
    /// Answers of the API server by `METHOD path?query`: a status and a body. `None`: there is no cluster.
    pub(crate) kubernetes: Option<BTreeMap<String, (u16, Value)>>,
    /// An API server to ask instead.
    pub(crate) api_server: Option<http::Uri>,
    /// What the run's objects belong to.
    pub(crate) owner: Option<OwnerReference>,
    /// Where the paths of local git hosts begin.
    pub(crate) local_root: Option<PathBuf>,
    /// The Environments, by name.
    pub(crate) environments: BTreeMap<String, EnvironmentSpec>,
    /// Who has the locks, and who came when: the answers, the next one first. Without one the lock is free.
    pub(crate) turns: Mutex<Vec<Turn>>,
    /// The runs beside the one that is carried on, and the pipelines, by name.
    pub(crate) runs: FakeRuns,
    /// What was reported.
    pub(crate) reports: Mutex<Vec<Report>>,
}

impl Default for FakeWorld {
    fn default() -> Self {
        Self {
            http: HttpClient::new(vec!["127.0.0.0/8".parse().unwrap()]).unwrap(),
            run: RunIdentity {
                name: "deploy-1".to_owned(),
                namespace: "shop".to_owned(),
                uid: "6f1c".to_owned(),
                requested_by: "alice".to_owned(),
                pipeline: "deploy".to_owned(),
                trigger: Default::default(),
            },
            secrets: BTreeMap::new(),
            providers: BTreeMap::new(),
            kubernetes: None,
            api_server: None,
            owner: None,
            local_root: None,
            environments: BTreeMap::new(),
            turns: Mutex::default(),
            runs: FakeRuns::default(),
            reports: Mutex::default(),
        }
    }
}

impl FakeWorld {
    /// The same and a secret with this key.
    pub(crate) fn with_secret(mut self, name: &str, key: &str, value: &str) -> Self {
        self.secrets.insert((name.to_owned(), key.to_owned()), value.to_owned());
        self
    }

    /// The same and a git host of this name.
    #[allow(dead_code, reason = "for the steps that use git hosts")]
    pub(crate) fn with_provider(mut self, name: &str, provider: ScmProviderSpec) -> Self {
        self.providers.insert(name.to_owned(), provider);
        self
    }

    /// The same with a cluster that answers `METHOD path?query` like this, and anything else with 404.
    pub(crate) fn with_kubernetes(mut self, request: &str, status: u16, answer: Value) -> Self {
        self.kubernetes.get_or_insert_default().insert(request.to_owned(), (status, answer));
        self
    }

    /// What a step of this world is performed with, at [`now`], just started, claimed once.
    pub(crate) fn context(&self) -> StepContext<'_> {
        StepContext {
            step: "example",
            run: &self.run,
            key: "sluice-key-1",
            claims: 1,
            started_at: now(),
            timeout: None,
            now: now(),
            progress: None,
            from: None,
            scope: Scope::new(),
            world: self,
        }
    }
}

/// Runs and pipelines in a table.
#[derive(Debug, Default)]
pub(crate) struct FakeRuns {
    pub(crate) runs: Mutex<BTreeMap<String, PipelineRun>>,
    pub(crate) pipelines: BTreeMap<String, PipelineSpec>,
    /// How often a run was created.
    pub(crate) created: AtomicUsize,
    /// Whether nothing answers now.
    pub(crate) is_away: AtomicBool,
    /// Whether a creation is carried out and its answer lost.
    pub(crate) loses_answers: AtomicBool,
}

impl FakeRuns {
    fn answers(&self) -> Result<(), Failure> {
        match self.is_away.load(Ordering::Relaxed) {
            true => Err(Failure::transient("KubernetesUnavailable", "nobody answers")),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Runs for FakeRuns {
    async fn run(&self, name: &str) -> Result<Option<PipelineRun>, Failure> {
        self.answers()?;
        Ok(self.runs.lock().unwrap().get(name).cloned())
    }

    async fn pipeline(&self, name: &str) -> Result<Option<PipelineSpec>, Failure> {
        self.answers()?;
        Ok(self.pipelines.get(name).cloned())
    }

    async fn create(&self, run: &PipelineRun) -> Result<bool, Failure> {
        self.answers()?;
        let mut runs = self.runs.lock().unwrap();
        if runs.contains_key(&run.name_any()) {
            return Ok(false);
        }
        let number = self.created.fetch_add(1, Ordering::Relaxed) + 1;
        let mut run = run.clone();
        run.metadata.uid = Some(format!("uid-{number}"));
        runs.insert(run.name_any(), run);
        match self.loses_answers.load(Ordering::Relaxed) {
            true => Err(Failure::transient("KubernetesUnavailable", "no answer")),
            false => Ok(true),
        }
    }

    async fn abort(&self, run: &PipelineRun, reason: &str) -> Result<(), Failure> {
        self.answers()?;
        let (by, reason) = (sluice_api::names::own_user(), Some(reason.to_owned()));
        let mut runs = self.runs.lock().unwrap();
        let run = runs.get_mut(&run.name_any()).unwrap();
        run.spec.actions.push(RunAction::new(ActionType::Abort, by, reason));
        Ok(())
    }
}

/// When tests take place.
pub(crate) fn now() -> Timestamp {
    "2026-05-04T12:00:00Z".parse().unwrap()
}

#[async_trait]
impl World for FakeWorld {
    async fn kubernetes(&self) -> Result<kube::Client, Failure> {
        if let Some(api_server) = self.api_server.clone() {
            let mut config = kube::Config::new(api_server);
            config.default_retry = false;
            return Ok(config.try_into().unwrap());
        }
        let Some(answers) = self.kubernetes.clone() else {
            return Err(Failure::definite("NoCluster", "there is no cluster"));
        };
        let service = tower::service_fn(move |request: Request<Body>| {
            let asked = format!("{} {}", request.method(), request.uri());
            let (status, body) = answers.get(&asked).cloned().unwrap_or_else(|| (404, not_found(&asked)));
            let response = Response::builder().status(status).body(Body::from(body.to_string().into_bytes()));
            async move { Ok::<_, Infallible>(response.unwrap()) }
        });
        Ok(kube::Client::new(service, self.run.namespace.clone()))
    }

    fn owner(&self) -> Option<OwnerReference> {
        self.owner.clone()
    }

    fn http(&self) -> &HttpClient {
        &self.http
    }

    fn runs(&self) -> &dyn Runs {
        &self.runs
    }

    fn locks(&self) -> &dyn Locks {
        self
    }

    async fn environment(&self, name: &str) -> Result<EnvironmentSpec, Failure> {
        let missing = || Failure::definite("EnvironmentNotFound", format!("there is no Environment {name:?}"));
        let environment = self.environments.get(name).cloned().ok_or_else(missing)?;
        allowed(name, &environment, &self.run.pipeline).map(|()| environment)
    }

    fn within(&self, _: &str) -> Option<Arc<dyn World>> {
        None
    }

    async fn scm_provider(&self, name: &str) -> Result<ScmProviderSpec, Failure> {
        let found = self.providers.get(name).cloned();
        found.ok_or_else(|| Failure::definite("ScmProviderNotFound", format!("there is no ScmProvider {name:?}")))
    }

    async fn secret(&self, _: &str, reference: &SecretKeyReference) -> Result<SecretString, Failure> {
        let found = self.secrets.get(&(reference.name.clone(), reference.key.clone()));
        let missing = || Failure::definite("SecretNotFound", format!("there is no secret {:?}", reference.name));
        found.map(|value| SecretString::from(value.clone())).ok_or_else(missing)
    }

    fn local_root(&self) -> Option<&Path> {
        self.local_root.as_deref()
    }

    async fn report(&self, report: Report) {
        self.reports.lock().unwrap().push(report);
    }
}

#[async_trait]
impl Locks for FakeWorld {
    async fn take(&self, _: &str, _: &RunIdentity, _: Option<Timestamp>) -> Result<Turn, Failure> {
        let mut turns = self.turns.lock().unwrap();
        Ok(if turns.is_empty() { Turn::Own } else { turns.remove(0) })
    }
}

/// An API server's answer for an object that does not exist.
fn not_found(asked: &str) -> Value {
    status(404, "NotFound", &format!("{asked}: not found"))
}

/// The API server's refusal of what an account has no right to.
pub(crate) fn forbidden(kind: &str, group: &str, message: &str) -> Value {
    let mut forbidden = status(403, "Forbidden", message);
    forbidden["details"] = json!({"kind": kind, "group": group});
    forbidden
}

/// An API server's answer for a request that failed.
pub(crate) fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message, "code": code})
}
