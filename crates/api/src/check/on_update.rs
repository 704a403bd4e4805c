//! What a pipeline needs so that a component's update can start it: `onUpdate.deploy.pipelineRef` of an Environment.

use std::fmt;

use crate::{EnvironmentSpec, LockPolicy, ParamType, PipelineSpec, Stage};

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

/// Why nothing is deployed to an Environment by a pipeline that could take its updates. It reads as a clause, with the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InVain {
    /// Only people start its runs.
    ByHand,
    /// The Environment does not let this stage in, so every run fails there.
    NotAllowed {
        /// The stage.
        stage: String,
        /// Whether the pipeline names the Environment itself, and not by the parameter that an update gives.
        by_name: bool,
    },
}

impl InVain {
    /// The reason, in one CamelCase word.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::ByHand => "ManualFirstStage",
            Self::NotAllowed { .. } => "PipelineNotAllowed",
        }
    }
}

impl fmt::Display for InVain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByHand => f.write_str(
                "it begins with a stage that has to be approved, so only people start it: let it begin with one that needs no \
                 approval",
            ),
            Self::NotAllowed { stage, .. } => write!(
                f,
                "its stage {stage} is bound to this Environment, which does not allow it: add it to spec.allowedPipelines"
            ),
        }
    }
}

/// Why updates of an Environment's components, of its name, deploy nothing by this pipeline, of its name; `None` where they may. A
/// stage with a `when` may be left out, so it is not counted.
///
/// `wants_approval` says of an Environment whether its stages are approved unless they say so themselves.
pub fn in_vain(
    (environment, of): (&str, &EnvironmentSpec),
    (pipeline, spec): (&str, &PipelineSpec),
    wants_approval: impl Fn(&str) -> bool,
) -> Option<InVain> {
    if spec.begins_by_hand(wants_approval) {
        return Some(InVain::ByHand);
    }
    if of.allows(pipeline) {
        return None;
    }
    let bound = spec.stages.iter().filter(|stage| stage.when.is_none());
    let by_name = |stage: &Stage| match &stage.environment {
        Some(to) if to == environment => Some(true),
        Some(to) if is_own_parameter(to) => Some(false),
        _ => None,
    };
    let mut bound =
        bound.filter_map(|stage| Some(InVain::NotAllowed { stage: stage.name.clone(), by_name: by_name(stage)? }));
    bound.next()
}

/// Whether this is the Environment that the run of an update is given.
fn is_own_parameter(text: &str) -> bool {
    let inner = text.trim().strip_prefix("${{").and_then(|rest| rest.strip_suffix("}}"));
    inner.is_some_and(|expression| expression.trim() == "params.environment")
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

    /// Whether updates of Environment staging deploy nothing by pipeline roll of these stages; production wants approvals.
    #[track_caller]
    fn check_in_vain(allowed: &str, stages: &str, expected: Option<&str>) {
        let of: EnvironmentSpec = serde_saphyr::from_str(&format!("allowedPipelines: {allowed}")).unwrap();
        let spec = serde_saphyr::from_str(&format!("{{serviceAccountName: a, stages: {stages}}}")).unwrap();
        let found = in_vain(("staging", &of), ("roll", &spec), |environment| environment == "production");
        let said = found.map(|found| format!("{}: {found}", found.reason()));
        assert_eq!(said.as_deref(), expected, "{stages}");
    }

    #[test]
    fn no_update_starts_what_people_start() {
        let why = "ManualFirstStage: it begins with a stage that has to be approved, so only people start it: let it begin with \
                   one that needs no approval";
        check_in_vain(
            "['*']",
            "[{name: ask, approval: {required: 1}, steps: []}, {name: deploy, steps: []}]",
            Some(why),
        );
        check_in_vain("['*']", "[{name: deploy, environment: production, steps: []}]", Some(why));
        check_in_vain("['*']", "[{name: test, steps: []}, {name: ask, approval: {required: 1}, steps: []}]", None);
        // Its run waits for the approval that this Environment wants.
        check_in_vain("['*']", "[{name: deploy, environment: '${{ params.environment }}', steps: []}]", None);
    }

    #[test]
    fn a_pipeline_that_deploys_to_an_environment_is_allowed_there() {
        let why = "PipelineNotAllowed: its stage deploy is bound to this Environment, which does not allow it: add it to \
                   spec.allowedPipelines";
        for to in ["staging", "${{ params.environment }}", "${{params.environment}}"] {
            let stages = format!("[{{name: test, steps: []}}, {{name: deploy, environment: '{to}', steps: []}}]");
            check_in_vain("[]", &stages, Some(why));
            check_in_vain("[other]", &stages, Some(why));
            check_in_vain("[other, roll]", &stages, None);
            check_in_vain("['*']", &stages, None);
        }
    }

    #[test]
    fn what_may_go_well_is_not_called_a_mistake() {
        check_in_vain("[]", "[{name: deploy, steps: []}]", None);
        check_in_vain("[]", "[{name: deploy, environment: qa, steps: []}]", None);
        check_in_vain("[]", "[{name: deploy, environment: '${{ params.environment }}-eu', steps: []}]", None);
        let sometimes = "params.version != null";
        check_in_vain("[]", &format!("[{{name: deploy, environment: staging, when: {sometimes}, steps: []}}]"), None);
    }
}
