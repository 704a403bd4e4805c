//! Whether the run that a Lease names still holds the lock, read live.

use kube::{Api, Client, Resource};
use sluice_api::PipelineRun;
use sluice_engine::{RunState, StepPhase, WaitKind};

use super::lease::Held;
use crate::guarded::Guarded;

/// What became of the run that a Lease names.
#[derive(Debug)]
pub(super) enum Holder {
    /// It holds the lock.
    Holds,
    /// It is gone, or has let the lock go: whoever is next may have it.
    Gone,
}

/// Reads the run that the Lease names. `is_alive` is what the watch knows, for a Lease that does not tell the run's name.
pub(super) async fn holder(client: &Client, lease: &Held, is_alive: bool) -> Result<Holder, kube::Error> {
    let Some(name) = lease.run.as_ref().filter(|_| !lease.uid.is_empty()) else {
        return Ok(if is_alive { Holder::Holds } else { Holder::Gone });
    };
    let runs: Api<Guarded<PipelineRun>> = Api::namespaced(client.clone(), &lease.namespace);
    Ok(judge(runs.get_opt(name).await?.as_ref(), &lease.uid))
}

/// Whether the run of that UID, found like this under its name, holds the lock that a Lease says it has.
fn judge(found: Option<&Guarded<PipelineRun>>, uid: &str) -> Holder {
    let Some(run) = found.filter(|run| run.meta().uid.as_deref() == Some(uid)) else { return Holder::Gone };
    match &run.0 {
        Ok(run) if run.status.as_ref().is_some_and(|status| has_let_go(&status.state)) => Holder::Gone,
        // One that cannot be read may be under way.
        Ok(_) | Err(_) => Holder::Holds,
    }
}

/// Whether a run in this state has let its lock go. One that has not ended is the holder if a Lease says so, even where its
/// status does not yet.
fn has_let_go(state: &RunState) -> bool {
    state.is_finished() && state.lock.is_none()
}

/// Whether the run waits for the child that it started under this key.
pub(super) fn waits_for_child(run: &PipelineRun, key: &str) -> bool {
    let Some(status) = &run.status else { return false };
    let mut steps = status.state.steps().filter(|step| step.key.as_deref() == Some(key));
    steps.any(|step| {
        let waits_for_run = step.waiting_on.as_ref().is_some_and(|on| on.kind == WaitKind::PipelineRun);
        step.phase == StepPhase::Running && waits_for_run
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(status: Value, uid: &str, expected: bool) {
        let run = json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun", "metadata": {"name": "a", "uid": "own"},
            "spec": {"pipelineRef": {"name": "p"}}, "status": status,
        });
        let run: Guarded<PipelineRun> = serde_json::from_value(run).unwrap();
        assert_eq!(matches!(judge(Some(&run), uid), Holder::Gone), expected, "{run:?}");
    }

    #[test]
    fn a_lock_may_be_taken_over_only_from_a_run_that_is_gone_or_has_let_it_go() {
        let lock = json!({"group": "g", "since": "2026-01-01T00:00:00Z", "position": 0});
        let end = "2026-01-01T00:00:01Z";
        check(json!({"finishedAt": end}), "own", true);
        check(json!({"finishedAt": end, "lock": lock}), "own", false);
        check(json!({"lock": lock}), "own", false);
        check(json!({}), "own", false);
        // It was made anew under the name.
        check(json!({}), "another", true);
        // What cannot be read may be under way.
        check(json!({"finishedAt": 7}), "own", false);
        assert!(matches!(judge(None, "own"), Holder::Gone));
    }

    #[test]
    fn a_run_waits_for_the_child_of_an_attached_step_that_is_under_way() {
        let step = |phase: &str, waiting_on: Value| {
            let step = json!({"name": "call", "phase": phase, "key": "k", "waitingOn": waiting_on});
            let run = json!({
                "apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun", "metadata": {"name": "a"},
                "spec": {"pipelineRef": {"name": "p"}},
                "status": {"stages": [{"name": "only", "phase": "Running", "steps": [step]}]},
            });
            serde_json::from_value::<PipelineRun>(run).unwrap()
        };
        let on = json!({"kind": "PipelineRun", "key": "shop/child", "since": "2026-01-01T00:00:00Z"});
        assert!(waits_for_child(&step("Running", on.clone()), "k"));
        assert!(!waits_for_child(&step("Running", on.clone()), "another"));
        assert!(!waits_for_child(&step("Succeeded", on), "k"));
        assert!(!waits_for_child(&step("Running", Value::Null), "k"));
    }
}
