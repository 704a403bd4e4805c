//! The Job that a step makes. Pure.

use jiff::SignedDuration;
use serde_json::{Map, Value, json};
use sluice_api::{names, step::Job};

use crate::StepContext;

/// The Job of this name.
pub(super) fn of(config: &Job, context: &StepContext<'_>, name: &str) -> Value {
    let labels = labels(context);
    let mut metadata = json!({
        "name": name,
        "namespace": context.run.namespace,
        "labels": labels,
        "annotations": {names::KEY_ANNOTATION: context.key},
    });
    if let Some(owner) = context.world.owner() {
        metadata["ownerReferences"] = json!([owner]);
    }
    let mut spec = json!({"backoffLimit": config.backoff_limit(), "template": template(config, labels)});
    if let Some(timeout) = context.timeout {
        spec["activeDeadlineSeconds"] = json!(active_seconds(timeout));
    }
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec})
}

/// How much sooner than the step the Job ends that takes too long, at most: its pods end within 30 s unless they say.
const SOONER: SignedDuration = SignedDuration::from_mins(1);

/// The Job's own deadline, in whole seconds and never none. It comes before the step's, so that the end of the Job is seen,
/// and a further attempt is another one.
fn active_seconds(timeout: SignedDuration) -> i64 {
    (timeout - SOONER.min(timeout / 10)).as_secs().max(1)
}

fn labels(context: &StepContext<'_>) -> Map<String, Value> {
    let run = context.run;
    let labels = [
        (names::PIPELINE_LABEL, run.pipeline.as_str()),
        (names::RUN_LABEL, &run.name),
        (names::STEP_LABEL, context.step),
        names::MANAGED_BY,
    ];
    labels.into_iter().map(|(label, value)| (label.to_owned(), names::label_value(value).into())).collect()
}

/// The template as written, with our labels. What is not of the shape it must have is left to the API server to refuse.
fn template(config: &Job, labels: Map<String, Value>) -> Value {
    let mut template = config.template.clone();
    if let Some(metadata) = object(&mut template, "metadata") {
        for member in ["labels", "annotations"] {
            metadata.get_mut(member).into_iter().for_each(texts);
        }
        if let Some(own) = object(metadata, "labels") {
            own.extend(labels);
        }
    }
    if let Some(spec) = object(&mut template, "spec") {
        spec.entry("restartPolicy").or_insert_with(|| json!("Never"));
        for group in ["containers", "initContainers"] {
            let containers = spec.get_mut(group).and_then(Value::as_array_mut);
            containers.into_iter().flatten().for_each(container_texts);
        }
    }
    template.into()
}

/// The object of this name in another one, made if it is not there; `None` where something else is.
fn object<'a>(parent: &'a mut Map<String, Value>, name: &str) -> Option<&'a mut Map<String, Value>> {
    let member = parent.entry(name).or_insert_with(|| json!({}));
    if member.is_null() {
        *member = json!({});
    }
    member.as_object_mut()
}

/// A `${{ }}` keeps the type of its value, but a process only knows text.
fn container_texts(container: &mut Value) {
    for list in ["args", "command"] {
        container.get_mut(list).into_iter().for_each(texts);
    }
    let variables = container.get_mut("env").and_then(Value::as_array_mut);
    variables.into_iter().flatten().filter_map(|variable| variable.get_mut("value")).for_each(to_text);
}

fn texts(group: &mut Value) {
    match group {
        Value::Array(values) => values.iter_mut().for_each(to_text),
        Value::Object(values) => values.values_mut().for_each(to_text),
        _ => {}
    }
}

fn to_text(value: &mut Value) {
    if value.is_number() || value.is_boolean() {
        *value = Value::String(value.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_ends_before_its_step_times_out() {
        let seconds = [3600, 600, 90, 10, 1].map(|timeout| active_seconds(SignedDuration::from_secs(timeout)));
        assert_eq!(seconds, [3540, 540, 81, 9, 1]);
        assert_eq!(active_seconds(SignedDuration::from_millis(200)), 1);
    }
}
