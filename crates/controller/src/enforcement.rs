//! Whether the API server checks who asks for what: the admission policies are in force.
//!
//! Anybody who may patch a run could otherwise approve it in another's name. It is found out by trying: an entry in a name
//! that is not the controller's own, as a dry run, has to be refused.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use kube::{
    Api, Client,
    api::{ObjectMeta, Patch, PatchParams},
};
use serde_json::json;
use sluice_api::{ActionType, PipelineRun, RunAction, names};

use crate::guarded::Guarded;

/// What was found out holds for so long.
const TRUSTED_FOR: Duration = Duration::from_secs(30);

/// In whose name it is tried. Nobody is called that: names of users with a colon are the API server's own.
const NOBODY: &str = "sluice:nobody";

/// What was found out, by namespace, and when.
#[derive(Default)]
pub(crate) struct Enforcement(Mutex<HashMap<String, Instant>>);

impl Enforcement {
    /// Whether the policies are in force for this run.
    pub(crate) async fn is_in_force(&self, client: &Client, run: &ObjectMeta) -> Result<bool, kube::Error> {
        let namespace = run.namespace.as_deref().unwrap_or_default();
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(namespace).copied();
        if known.is_some_and(|at| at.elapsed() < TRUSTED_FOR) {
            return Ok(true);
        }
        let is_in_force = is_refused(client, namespace, run.name.as_deref().unwrap_or_default()).await?;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match is_in_force {
            true => known.insert(namespace.to_owned(), Instant::now()),
            false => known.remove(namespace),
        };
        Ok(is_in_force)
    }
}

async fn is_refused(client: &Client, namespace: &str, name: &str) -> Result<bool, kube::Error> {
    let runs: Api<Guarded<PipelineRun>> = Api::namespaced(client.clone(), namespace);
    let entry = RunAction::new(ActionType::Abort, NOBODY, None);
    let patch = json!([{"op": "add", "path": "/spec/actions/-", "value": entry}]);
    let patch = serde_json::from_value(patch).map_err(kube::Error::SerdeError)?;
    let params =
        PatchParams { dry_run: true, field_manager: Some(names::FIELD_MANAGER.to_owned()), ..Default::default() };
    match runs.patch(name, &params, &Patch::Json::<()>(patch)).await {
        Ok(_) => Ok(false),
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 422) => {
            Ok(status.message.contains("ValidatingAdmissionPolicy"))
        }
        Err(error) => Err(error),
    }
}
