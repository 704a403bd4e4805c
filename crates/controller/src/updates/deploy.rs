//! Which run of an update is to be started or looked at, and what a run makes of its update. Pure.
//!
//! Of each component one run is under way, in the order of the updates.

use std::collections::{BTreeMap, HashMap};

use sluice_api::{
    ComponentUpdate, EnvironmentSpec, ParamValue, PipelineRun, Trigger, Truth, Verdict,
    check::{InVain, UPDATE_PARAMS},
    names,
};

use super::seen::{Deployment, deployment, name, order, says};
use crate::starts;

/// What gets a component deployed whose update is concluded: one that is not higher than what is recorded deploys nothing.
pub(crate) const REPORT_AGAIN: &str = "report again, with a new id and a higher sequence";

/// What there is of the pipeline that a component's `onUpdate` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Runs of it can be started.
    Fit,
    /// It is not there.
    Missing,
    /// Updates cannot start runs of it, for this reason.
    Unfit(String),
    /// Its runs come to nothing in the Environment.
    InVain(InVain),
}

/// What is to be done about the deployment of an update.
#[derive(Debug)]
pub(super) enum Next<'a> {
    /// The condition `Deployed` is to say this.
    Say(&'a ComponentUpdate, Verdict),
    /// Its run is to be started.
    Start(&'a ComponentUpdate, Box<PipelineRun>),
    /// Its run is to be read, since what is known of it is not what is written.
    Look(&'a ComponentUpdate, &'a str),
}

/// What is to be done for the updates of one component. `known` has the runs that the watch shows: those of an update, by name.
pub(super) fn next<'a>(
    updates: &[&'a ComponentUpdate],
    spec: Option<&EnvironmentSpec>,
    targets: &HashMap<String, Target>,
    known: &dyn Fn(&ComponentUpdate) -> Option<Verdict>,
) -> Vec<Next<'a>> {
    let mut updates = updates.to_vec();
    updates.sort_by(|one, other| order(one).cmp(&order(other)));
    let mut all = Vec::new();
    let mut is_busy = false;
    for update in &updates {
        if let Deployment::Over(Some(run)) = deployment(update) {
            // A person has it tried again.
            let Some(verdict) = known(update) else { continue };
            is_busy |= verdict.truth == Truth::Unknown;
            if !says(update, &verdict) {
                all.push(Next::Look(update, run));
            }
        }
    }
    for update in updates {
        match deployment(update) {
            Deployment::Running(run) => {
                if !known(update).is_some_and(|verdict| says(update, &verdict)) {
                    all.push(Next::Look(update, run));
                }
                return all;
            }
            Deployment::Queued => {
                if !is_busy {
                    all.extend(first(update, spec, targets));
                }
                return all;
            }
            Deployment::Unwanted | Deployment::Over(_) => {}
        }
    }
    all
}

/// What is to be done for the update whose turn it is.
fn first<'a>(
    update: &'a ComponentUpdate,
    spec: Option<&EnvironmentSpec>,
    targets: &HashMap<String, Target>,
) -> Option<Next<'a>> {
    let (environment, component) = (&update.spec.environment, &update.spec.component);
    let verdict = match spec.map(|spec| target(spec, component)) {
        None => Verdict::deployed(
            Truth::Unknown,
            "EnvironmentNotFound",
            format!("there is no Environment {environment:?} in this namespace: create it"),
        ),
        Some(None) => Verdict::deployed(
            Truth::False,
            "NoPipeline",
            format!(
                "component {component:?} of Environment {environment:?} has no onUpdate any more: no run was started"
            ),
        ),
        Some(Some(pipeline)) => match targets.get(pipeline)? {
            // The run says itself what the Environment does not allow.
            Target::Fit | Target::InVain(InVain::NotAllowed { .. }) => {
                return Some(Next::Start(update, Box::new(run(update, pipeline))));
            }
            Target::Missing => Verdict::deployed(
                Truth::Unknown,
                "PipelineNotFound",
                format!("there is no Pipeline {pipeline:?} in this namespace: create it, or correct onUpdate"),
            ),
            Target::Unfit(why) => Verdict::deployed(
                Truth::Unknown,
                "PipelineUnfit",
                format!("updates cannot start runs of Pipeline {pipeline:?}: {why}"),
            ),
            Target::InVain(why @ InVain::ByHand) => Verdict::deployed(
                Truth::False,
                why.reason(),
                format!("updates deploy nothing by Pipeline {pipeline:?}: {why}; then {REPORT_AGAIN}"),
            ),
        },
    };
    (!says(update, &verdict)).then_some(Next::Say(update, verdict))
}

/// The pipeline that deploys updates of a component.
pub(super) fn target<'a>(spec: &'a EnvironmentSpec, component: &str) -> Option<&'a str> {
    let declared = spec.components.iter().find(|declared| declared.name == component)?;
    Some(&declared.on_update.as_ref()?.deploy.pipeline_ref.name)
}

/// The run that deploys an update.
fn run(update: &ComponentUpdate, pipeline: &str) -> PipelineRun {
    let of = name(update);
    let trigger = Trigger { component_update: Some(of.clone()), ..Trigger::default() };
    let mut run = starts::run(&of.name, pipeline, trigger);
    run.spec.requested_by.clone_from(&update.spec.by);
    run.spec.params = params(update);
    run
}

/// The parameters of an update's run: what the update has.
fn params(update: &ComponentUpdate) -> BTreeMap<String, ParamValue> {
    let spec = &update.spec;
    let [environment, component, version, sha] = UPDATE_PARAMS;
    let given = [
        (environment, Some(&spec.environment)),
        (component, Some(&spec.component)),
        (version, spec.version.as_ref()),
        (sha, spec.sha.as_ref()),
    ];
    let given = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
    given.map(|(name, value)| (name.to_owned(), ParamValue::String(value.clone()))).collect()
}

/// Whether the run is this update's, by what only the controller may write.
pub(super) fn is_of(run: &PipelineRun, update: &ComponentUpdate) -> bool {
    let trigger = run.spec.trigger.as_ref().and_then(|trigger| trigger.component_update.as_ref());
    trigger == Some(&name(update))
}

/// What the run makes of its update.
pub(super) fn verdict(run: &PipelineRun) -> Verdict {
    let status = run.status.as_ref().filter(|status| status.state.is_finished());
    let succeeded = status.and_then(|status| status.conditions.iter().find(|it| it.type_ == names::SUCCEEDED));
    match succeeded.map(|condition| (condition.status.as_str(), condition)) {
        Some(("True", ended)) => Verdict::deployed(Truth::True, &*ended.reason, &*ended.message),
        Some(("False", ended)) => Verdict::deployed(Truth::False, &*ended.reason, &*ended.message),
        _ => Verdict::deployed(Truth::Unknown, "Running", "its run has not ended"),
    }
}

/// What is said when a run is gone that was under way.
pub(super) fn deleted(run: &str) -> Verdict {
    Verdict::deployed(Truth::False, "RunDeleted", format!("run {run:?} was deleted: {REPORT_AGAIN}"))
}
