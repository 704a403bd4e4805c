//! The first state of a run: its stages, each with the Environment that it is bound to and what guards it.

use serde_json::Value;
use sluice_api::{Program, Reader, RunIdentity, names, variables::RunVariables};
use sluice_engine::{Failure, RunState};

use crate::render;

/// The state of a run before its first move. An error is one of its pipeline or its parameters.
pub fn begin(program: &Program, identity: &RunIdentity, variables: &RunVariables) -> Result<RunState, Failure> {
    let mut state = RunState::of(&program.plan);
    let nothing = RunState::default();
    let scope = variables.scope(program, &nothing, Reader::Run);
    for stage in &mut state.stages {
        if let Some(template) = program.stage(&stage.name).and_then(|stage| stage.environment.as_ref()) {
            let field = format!("environment of stage {}", stage.name);
            let invalid = |why: String| Failure::definite("EnvironmentInvalid", format!("{field}: {why}"));
            match render::value(template, &field, &scope)? {
                Value::String(name) if names::is_object_name(&name) => stage.environment = Some(name),
                Value::String(name) => return Err(invalid(format!("{name:?} is no name of an Environment"))),
                other => return Err(invalid(format!("it yields {other}, which is no text"))),
            }
        }
        stage.guard = program.guard(&identity.pipeline, &stage.name, stage.environment.as_deref());
    }
    Ok(state)
}
