//! Who may use an Environment.

use sluice_api::EnvironmentSpec;
use sluice_engine::Failure;

/// Whether runs of this pipeline may use the Environment of that name.
pub fn allowed(name: &str, environment: &EnvironmentSpec, pipeline: &str) -> Result<(), Failure> {
    if environment.allows(pipeline) {
        return Ok(());
    }
    let message = format!(
        "Environment {name:?} does not allow pipeline {pipeline:?}: whoever may change the Environment adds it to \
         spec.allowedPipelines"
    );
    Err(Failure::definite("EnvironmentNotAllowed", message))
}
