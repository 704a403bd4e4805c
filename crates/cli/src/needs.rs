//! What of a pipeline needs a cluster.

use sluice_api::{Pipeline, Step, step::Source};

/// The steps of a pipeline that need a cluster, as `stage/step`, each with why.
pub(crate) fn of(pipeline: &Pipeline) -> Vec<String> {
    let stages = pipeline.spec.stages.iter().map(|stage| (&stage.name, &stage.steps));
    let hooks = pipeline.spec.hooks.iter().map(|hook| (&hook.name, &hook.steps));
    let steps = stages.chain(hooks).flat_map(|(group, steps)| steps.iter().map(move |step| (group, step)));
    steps.filter_map(|(group, step)| Some(format!("step {group}/{} ({})", step.name, need(step)?))).collect()
}

fn need(step: &Step) -> Option<&'static str> {
    if step.resource.is_some() {
        return Some("resource");
    }
    if step.argocd_wait.is_some() {
        return Some("argocdWait");
    }
    let validated = step.validate.iter().flat_map(|validate| validate.sources.values());
    let awaited = step.wait_for.iter().flat_map(|wait| wait.sources.values());
    let reads = |source: &Source| source.resource.is_some();
    validated.chain(awaited).any(reads).then_some("a source of type resource")
}

/// Prints every mistake; whether there is none.
pub(crate) fn lint(manifests: &crate::manifest::Manifests) -> bool {
    let mut problems: Vec<String> = manifests.faults.iter().map(ToString::to_string).collect();
    match manifests.objects::<Pipeline>() {
        Ok(pipelines) => {
            for (document, pipeline) in pipelines {
                let mistakes = sluice_api::check::pipeline(&pipeline.spec);
                problems.extend(mistakes.iter().map(|mistake| format!("{}: {mistake}", document.place())));
            }
        }
        Err(error) => problems.push(error.to_string()),
    }
    problems.iter().for_each(|problem| crate::output::complain(problem));
    problems.is_empty()
}
