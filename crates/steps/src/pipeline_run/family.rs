//! What a child takes from its parent, and which children nobody may have. Pure.

use std::collections::BTreeMap;

use serde_json::Value;
use sluice_api::{MAX_DEPTH, ParamValue, ParentRun};
use sluice_engine::Failure;

use crate::StepContext;

/// The parent as its child of this pipeline names it; an error where runs would start runs without an end.
pub(super) fn parent(context: &StepContext<'_>, pipeline: &str) -> Result<ParentRun, Failure> {
    let run = context.run;
    let pipelines = run.trigger.below(&run.pipeline);
    let chain = || pipelines.iter().map(String::as_str).chain([pipeline]).collect::<Vec<_>>().join(" -> ");
    if pipelines.iter().any(|above| above == pipeline) {
        let message = format!("pipeline {pipeline:?} would start itself: {}; end the chain before it", chain());
        return Err(Failure::definite("Recursion", message));
    }
    if pipelines.len() > MAX_DEPTH {
        let message =
            format!("no more than {MAX_DEPTH} runs may be above another one: {}; make the chain shorter", chain());
        return Err(Failure::definite("TooDeep", message));
    }
    let (name, uid) = (run.name.clone(), run.uid.clone());
    Ok(ParentRun { name, uid, step: context.step.to_owned(), key: context.key.to_owned(), pipelines })
}

/// The parameters of the child. What the parent does not have is left to the defaults.
pub(super) fn params(rendered: &BTreeMap<String, Value>) -> Result<BTreeMap<String, ParamValue>, Failure> {
    let given = rendered.iter().filter(|(_, value)| !value.is_null());
    given.map(|(name, value)| Ok((name.clone(), param(name, value)?))).collect()
}

fn param(name: &str, value: &Value) -> Result<ParamValue, Failure> {
    let value = match value {
        Value::String(text) => Ok(ParamValue::String(text.clone())),
        Value::Bool(flag) => Ok(ParamValue::String(flag.to_string())),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Ok(ParamValue::Integer(whole)),
            None => Err(format!("the number {number}")),
        },
        Value::Array(_) => Err("a list".to_owned()),
        Value::Object(_) => Err("an object".to_owned()),
        Value::Null => Err("null".to_owned()),
    };
    value.map_err(|what| {
        let remedy = "a parameter is text, a whole number, true or false: write it as text";
        Failure::definite("InvalidConfiguration", format!("pipelineRun.params.{name} is {what}; {remedy}"))
    })
}
