//! Whether a run that something is to start would end at once, since another one has its lock, or is about to take it.
//!
//! A run takes its lock after it was made. So whoever is there and has not ended counts, of whichever pipeline, and so does what this
//! process has just made and the watch does not show yet. Only of two that two controllers, or a controller and a person, make in the
//! same moment the second one ends by itself.

use kube::ResourceExt;
use kube_runtime::reflector::ObjectRef;
use sluice_api::{
    LockPolicy, PinnedSource, Pipeline, PipelineRun, PipelineSpec, Program, RunIdentity, resolve_params,
    variables::RunVariables,
};
use sluice_steps::lock_group;

use super::Dropped;
use crate::{
    context::{Context, is_listed},
    locks::{self, Group, Other, Shown},
};

/// No answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the runs are not listed yet")]
    NotListed,
    #[error("whether run {run:?} is made, which would take the lock, is not known yet")]
    Claimed { run: String },
    #[error("failed to read the lock of the run that is to be started")]
    Read(#[source] kube::Error),
}

/// Why the run would end at once, where it would not wait for the lock that another run has. If nothing is in its way, it has to be made
/// now, by [`super::start`]: others of its lock are told of it from here on.
pub(crate) async fn locked(
    context: &Context,
    pipeline: &Pipeline,
    run: &PipelineRun,
    sources: &[PinnedSource],
) -> Result<Option<Dropped>, Error> {
    if policy(&pipeline.spec) != Some(LockPolicy::Forbid) {
        return Ok(None);
    }
    let (own, namespace) = (run.name_any(), pipeline.namespace().unwrap_or_default());
    // What cannot be rendered ends the run, and says why.
    let identity = RunIdentity { namespace: namespace.clone(), ..identity(run) };
    let Some(name) = group(&pipeline.spec, run, &identity, sources) else { return Ok(None) };
    let group = Group { namespace, name };
    if !is_listed(&context.runs) {
        return Err(Error::NotListed);
    }
    let holder = locks::held_by(context, &group).await.map_err(Error::Read)?;
    if let Some(holder) = holder.filter(|holder| *holder != own) {
        let message = format!("run {holder:?} has the lock {:?}", group.name);
        return Ok(Some(Dropped { reason: "Locked", message }));
    }
    let watch = Watch { context, pipeline, group: &group, own: &own };
    match context.locks.making.claim(&group, &own, &watch) {
        Ok(()) => Ok(None),
        Err(Other::There(other)) => {
            let message = format!("run {other:?} was made before, and takes the lock {:?}", group.name);
            Ok(Some(Dropped { reason: "Locked", message }))
        }
        // It is no reason to start nothing: neither of them may come about.
        Err(Other::Claimed(run)) => Err(Error::Claimed { run }),
    }
}

/// What the watch shows of the runs that share a lock with one that is to be made.
struct Watch<'a> {
    context: &'a Context,
    pipeline: &'a Pipeline,
    group: &'a Group,
    own: &'a str,
}

impl Shown for Watch<'_> {
    fn takes(&self, run: &str) -> Option<bool> {
        let run = self.context.runs.get(&ObjectRef::new(run).within(&self.group.namespace))?;
        Some(run.0.as_ref().is_ok_and(|run| self.is_to_take(run)))
    }

    fn unfinished(&self) -> Option<String> {
        let runs = self.context.runs.state();
        let mut runs = runs.iter().filter_map(|run| run.0.as_ref().ok());
        let found = runs.find(|run| {
            run.metadata.namespace.as_ref() == Some(&self.group.namespace)
                && run.metadata.name.as_deref() != Some(self.own)
                && self.is_to_take(run)
        });
        found.map(ResourceExt::name_any)
    }
}

impl Watch<'_> {
    fn is_to_take(&self, run: &PipelineRun) -> bool {
        let (of, lock) = (&run.spec.pipeline_ref.name, &self.group.name);
        if *of == self.pipeline.name_any() {
            return takes(run, &self.pipeline.spec, lock);
        }
        let other = self.context.updates.pipelines.get(&ObjectRef::new(of).within(&self.group.namespace));
        // Of one that is not there, or cannot be read, nothing starts.
        other.is_some_and(|other| other.0.as_ref().is_ok_and(|other| takes(run, &other.spec, lock)))
    }
}

/// Whether a run has, waits for or will ask for the lock of this name. `spec` is that of its pipeline.
fn takes(run: &PipelineRun, spec: &PipelineSpec, name: &str) -> bool {
    let state = run.status.as_ref().map(|status| &status.state);
    if let Some(lock) = state.and_then(|state| state.lock.as_ref()) {
        return lock.group == name;
    }
    // It takes its lock before it starts, and asks for none after that.
    if state.is_some_and(|state| state.is_finished() || state.started_at.is_some()) {
        return false;
    }
    let sources = run.status.as_ref().map(|status| status.sources.as_slice()).unwrap_or_default();
    let is_locked = !matches!(policy(spec), None | Some(LockPolicy::Parallel));
    let pipeline = &run.spec.pipeline_ref.name;
    is_locked
        && may_be_named(spec, pipeline, name)
        && group(spec, run, &identity(run), sources).as_deref() == Some(name)
}

/// Whether a lock of the pipeline's runs may have this name, as far as that can be told without rendering it for each of them.
fn may_be_named(spec: &PipelineSpec, pipeline: &str, name: &str) -> bool {
    let Some(template) = template(spec) else { return name == pipeline };
    // What comes before the first `${{`, or more of it.
    match template.split_once('$') {
        Some((literal, _)) => literal.trim().is_empty() || name.starts_with(literal),
        None => name == template,
    }
}

fn template(spec: &PipelineSpec) -> Option<&str> {
    spec.concurrency.as_ref()?.group.as_deref()
}

fn policy(spec: &PipelineSpec) -> Option<LockPolicy> {
    spec.concurrency.as_ref().map(|concurrency| concurrency.policy)
}

/// Who a run is, which may not have been made.
fn identity(run: &PipelineRun) -> RunIdentity {
    RunIdentity {
        name: run.name_any(),
        namespace: run.namespace().unwrap_or_default(),
        uid: run.uid().unwrap_or_default(),
        pipeline: run.spec.pipeline_ref.name.clone(),
        requested_by: run.spec.requested_by.clone().unwrap_or_default(),
        trigger: run.spec.trigger.clone().unwrap_or_default(),
    }
}

/// The name of the lock of a run.
fn group(spec: &PipelineSpec, run: &PipelineRun, identity: &RunIdentity, sources: &[PinnedSource]) -> Option<String> {
    let params = resolve_params(&spec.params, &run.spec.params).ok()?;
    if template(spec).is_none() {
        return Some(identity.pipeline.clone());
    }
    let variables = RunVariables::new(identity, params, sources);
    lock_group(&Program::of(spec).ok()?, &identity.pipeline, &variables).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn spec(concurrency: Value) -> PipelineSpec {
        serde_json::from_value(json!({
            "serviceAccountName": "deployer", "params": [{"name": "place", "default": "eu"}], "concurrency": concurrency,
            "stages": [{"name": "only", "steps": [{"name": "a", "set": {"values": {}}}]}],
        }))
        .unwrap()
    }

    fn run(params: Value, status: Value) -> PipelineRun {
        serde_json::from_value(json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun", "metadata": {"name": "a", "namespace": "shop"},
            "spec": {"pipelineRef": {"name": "web"}, "params": params}, "status": status,
        }))
        .unwrap()
    }

    #[track_caller]
    fn check(concurrency: Value, status: Value, expected: bool) {
        let run = run(json!({}), status);
        assert_eq!(takes(&run, &spec(concurrency), "web"), expected, "{run:?}");
    }

    #[test]
    fn a_run_that_has_not_started_will_take_the_lock_of_its_pipeline() {
        for policy in ["Forbid", "Queue"] {
            check(json!({"policy": policy}), Value::Null, true);
            check(json!({"policy": policy}), json!({"phase": "Pending"}), true);
        }
        check(json!({"policy": "Parallel"}), Value::Null, false);
        check(Value::Null, Value::Null, false);
    }

    #[test]
    fn a_run_that_waits_for_the_lock_or_keeps_it_counts_and_one_that_has_let_it_go_does_not() {
        let (at, forbid) = ("2026-01-01T00:00:00Z", || json!({"policy": "Forbid"}));
        let lock = |group: &str, position: i32| json!({"group": group, "since": at, "position": position});
        check(forbid(), json!({"startedAt": at, "lock": lock("web", 0)}), true);
        check(forbid(), json!({"lock": lock("web", 1)}), true);
        check(forbid(), json!({"finishedAt": at, "phase": "Failed", "lock": lock("web", 0)}), true);
        check(forbid(), json!({"startedAt": at, "lock": lock("other", 0)}), false);
        check(forbid(), json!({"startedAt": at}), false);
        check(forbid(), json!({"finishedAt": at, "phase": "Succeeded"}), false);
    }

    #[test]
    fn the_name_of_the_lock_may_be_the_runs_own() {
        let of_place = spec(json!({"policy": "Forbid", "group": "${{ params.place }}-web"}));
        assert!(takes(&run(json!({}), Value::Null), &of_place, "eu-web"));
        assert!(!takes(&run(json!({"place": "us"}), Value::Null), &of_place, "eu-web"));
        assert!(!takes(&run(json!({"nothing": "1"}), Value::Null), &of_place, "eu-web"), "it will not start");
        let unset = spec(json!({"policy": "Forbid"}));
        assert!(!takes(&run(json!({"nothing": "1"}), Value::Null), &unset, "web"), "nor will this one");
    }

    #[test]
    fn a_name_that_no_run_of_the_pipeline_can_have_is_told_without_rendering() {
        let may =
            |group: &str, name: &str| may_be_named(&spec(json!({"policy": "Forbid", "group": group})), "web", name);
        for (group, name) in [
            ("eu-${{ params.place }}", "eu-1"),
            ("${{ params.place }}", "anything"),
            (" ${{ params.place }} ", "anything"),
            (" eu-${{ params.place }}", " eu-1"),
            ("$${{-${{ params.place }}", "${{-eu"),
            ("shared", "shared"),
        ] {
            assert!(may(group, name), "{group}");
        }
        for (group, name) in [("eu-${{ params.place }}", "us-1"), ("shared", "shared-1"), ("shared", "web")] {
            assert!(!may(group, name), "{group}");
        }
        let unset = spec(json!({"policy": "Forbid"}));
        assert!(may_be_named(&unset, "web", "web") && !may_be_named(&unset, "web", "db"));
    }
}
