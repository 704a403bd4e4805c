//! Which runs others are still to take. Pure.

use std::collections::HashSet;

use sluice_api::PipelineRun;

/// Namespace and name of each run that another one names which has taken nothing yet: it finds it only while it is there.
pub(super) fn still_to_take<'a>(runs: impl Iterator<Item = &'a PipelineRun>) -> HashSet<(&'a str, &'a str)> {
    runs.filter(|run| is_yet_to_take(run)).flat_map(named).collect()
}

/// What a run takes is written with the version of its pipeline.
fn is_yet_to_take(run: &PipelineRun) -> bool {
    run.status.as_ref().is_none_or(|status| status.pipeline_revision.is_none() && !status.state.is_finished())
}

fn named(run: &PipelineRun) -> impl Iterator<Item = (&str, &str)> {
    let namespace = run.metadata.namespace.as_deref().unwrap_or_default();
    let cause = run.spec.trigger.as_ref().and_then(|trigger| trigger.source.as_ref());
    let from = run.spec.from.iter().map(|from| from.run_ref.name.as_str());
    from.chain(cause.map(|cause| cause.run.name.as_str())).map(move |name| (namespace, name))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn takes(spec: Value, status: Value, expected: &[&str]) {
        let mut run = json!({"metadata": {"name": "deploy-1", "namespace": "shop"}, "spec": spec, "status": status});
        run["spec"]["pipelineRef"] = json!({"name": "deploy"});
        let run: PipelineRun = serde_json::from_value(run).unwrap();
        let expected = expected.iter().map(|name| ("shop", *name)).collect();
        assert_eq!(still_to_take([&run].into_iter()), expected);
    }

    #[test]
    fn a_run_that_has_taken_nothing_yet_needs_what_it_names() {
        let from = json!({"from": [{"source": "build", "runRef": {"name": "build-1"}}]});
        takes(from.clone(), Value::Null, &["build-1"]);
        takes(from.clone(), json!({"phase": "Pending"}), &["build-1"]);
        takes(from.clone(), json!({"phase": "Running", "pipelineRevision": "deploy-abc"}), &[]);
        takes(from, json!({"phase": "Failed", "finishedAt": "2026-11-22T12:00:00Z"}), &[]);
    }

    #[test]
    fn so_does_one_that_a_good_run_has_started() {
        let cause = json!({"name": "build", "run": {"name": "build-1", "uid": "uid-1"}, "pipelines": ["build"]});
        takes(json!({"trigger": {"source": cause}}), Value::Null, &["build-1"]);
        takes(json!({}), Value::Null, &[]);
    }
}
