//! Who may use an Environment.

use sluice_api::EnvironmentSpec;
use sluice_engine::Failure;

/// The word that allows every pipeline.
const EVERY: &str = "*";

/// Whether runs of this pipeline may use the Environment of that name.
pub fn allowed(name: &str, environment: &EnvironmentSpec, pipeline: &str) -> Result<(), Failure> {
    let allowed = &environment.allowed_pipelines;
    if allowed.iter().any(|allowed| allowed == pipeline || allowed == EVERY) {
        return Ok(());
    }
    let message = format!(
        "Environment {name:?} does not allow pipeline {pipeline:?}: whoever may change the Environment adds it to \
         spec.allowedPipelines"
    );
    Err(Failure::definite("EnvironmentNotAllowed", message))
}
