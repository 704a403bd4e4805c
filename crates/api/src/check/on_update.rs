//! What a pipeline needs so that a component's update can start it: `onUpdate.deploy.pipelineRef` of an Environment.

use crate::{LockPolicy, ParamType, PipelineSpec};

/// The parameters that the run of an update is given, as the update has them.
pub const UPDATE_PARAMS: [&str; 4] = ["environment", "component", "version", "sha"];

/// Those of them that every update has; of the others it has at least one.
const EVERY_UPDATE_HAS: [&str; 2] = ["environment", "component"];

/// Why updates cannot start runs of the pipeline: a clause for each reason, with the remedy.
pub fn unfit_for_updates(spec: &PipelineSpec) -> Vec<String> {
    let declared = |name: &str| spec.params.iter().find(|param| param.name == name);
    let missing: Vec<&str> = UPDATE_PARAMS.into_iter().filter(|name| declared(name).is_none()).collect();
    let mut reasons = Vec::new();
    if !missing.is_empty() {
        reasons.push(format!("it lacks the parameters {}: declare them in its spec.params", missing.join(", ")));
    }
    for name in UPDATE_PARAMS {
        if declared(name).is_some_and(|param| param.r#type != ParamType::String) {
            reasons.push(format!("its parameter {name} is no String: make it one"));
        }
    }
    for param in spec.params.iter().filter(|param| param.required && param.default.is_none()) {
        let name = param.name.as_str();
        match name {
            _ if EVERY_UPDATE_HAS.contains(&name) => {}
            _ if UPDATE_PARAMS.contains(&name) => reasons.push(format!(
                "it requires the parameter {name}, which an update may lack: give it a default, or do not require it"
            )),
            _ => reasons.push(format!("it requires the parameter {name}, which no update gives: give it a default")),
        }
    }
    if spec.concurrency.as_ref().is_some_and(|concurrency| concurrency.policy == LockPolicy::Forbid) {
        reasons.push(
            "its spec.concurrency.policy is Forbid, so that a run which meets another one is cancelled and its update \
             is not deployed: make it Queue"
                .to_owned(),
        );
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(params: &str, expected: &[&str]) {
        check_spec(&format!("{{serviceAccountName: a, stages: [], params: {params}}}"), expected);
    }

    fn check_spec(spec: &str, expected: &[&str]) {
        assert_eq!(unfit_for_updates(&serde_saphyr::from_str(spec).unwrap()), expected);
    }

    #[test]
    fn a_pipeline_takes_all_that_an_update_gives_and_asks_for_no_more() {
        check(
            "[{name: environment}, {name: component, required: true}, {name: version}, {name: sha}, {name: more}]",
            &[],
        );
        check(
            "[{name: environment}, {name: version, type: Integer}, {name: sha}, {name: who, required: true}]",
            &[
                "it lacks the parameters component: declare them in its spec.params",
                "its parameter version is no String: make it one",
                "it requires the parameter who, which no update gives: give it a default",
            ],
        );
        check("[]", &["it lacks the parameters environment, component, version, sha: declare them in its spec.params"]);
    }
    #[test]
    fn what_an_update_may_lack_is_not_required() {
        check(
            "[{name: environment, required: true}, {name: component, required: true}, \
             {name: version, required: true}, {name: sha, required: true, default: none}]",
            &["it requires the parameter version, which an update may lack: give it a default, or do not require it"],
        );
    }

    #[test]
    fn no_update_is_lost_to_a_lock_that_is_taken() {
        let with = |policy: &str, expected: &[&str]| {
            let params = "[{name: environment}, {name: component}, {name: version}, {name: sha}]";
            let concurrency = format!("{{group: web, policy: {policy}}}");
            check_spec(
                &format!("{{serviceAccountName: a, stages: [], params: {params}, concurrency: {concurrency}}}"),
                expected,
            );
        };
        with("Queue", &[]);
        with("Parallel", &[]);
        let why = "its spec.concurrency.policy is Forbid, so that a run which meets another one is cancelled and its \
                   update is not deployed: make it Queue";
        with("Forbid", &[why]);
    }
}
