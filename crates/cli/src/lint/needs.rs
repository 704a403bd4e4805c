//! What of a pipeline needs a cluster: the local mode uses the kubeconfig for it when there is one.

use sluice_api::{PipelineSpec, Step, step::Sources};

use super::path;

/// The steps that need a cluster: the path of each, and why.
pub(crate) fn cluster_needs(spec: &PipelineSpec) -> Vec<(String, String)> {
    let stages = spec.stages.iter().map(|stage| (&stage.name, &stage.steps));
    let hooks = spec.hooks.iter().map(|hook| (&hook.name, &hook.steps));
    let mut needs = Vec::new();
    for (path, groups) in [("spec.stages", stages.collect::<Vec<_>>()), ("spec.hooks", hooks.collect())] {
        for (at, (group, steps)) in groups.into_iter().enumerate() {
            let path = path::member(&path::item(path, at), "steps");
            for (index, step) in steps.iter().enumerate() {
                of_step(group, step, &path::item(&path, index), &mut needs);
            }
        }
    }
    needs
}

fn of_step(group: &str, step: &Step, path: &str, needs: &mut Vec<(String, String)>) {
    let mut need = |member: String, why: &str| needs.push((member, format!("step `{group}/{}` {why}", step.name)));
    if step.resource.is_some() {
        need(path::member(path, "resource"), "reads Kubernetes objects");
    }
    if step.job.is_some() {
        need(path::member(path, "job"), "runs a Kubernetes Job");
    }
    if step.argocd_wait.is_some() {
        need(path::member(path, "argocdWait"), "follows an Application of Argo CD");
    }
    let validated = step.validate.iter().map(|validate| ("validate", &validate.sources));
    let awaited = step.wait_for.iter().map(|wait| ("waitFor", &wait.sources));
    for (member, sources) in validated.chain(awaited) {
        let path = path::member(&path::member(path, member), "sources");
        for name in reading(sources) {
            need(path::member(&path, name), "has a source that reads Kubernetes objects");
        }
    }
}

fn reading(sources: &Sources) -> impl Iterator<Item = &String> {
    sources.iter().filter(|(_, source)| source.resource.is_some()).map(|(name, _)| name)
}
