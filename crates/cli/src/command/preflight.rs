//! What a run needs of its surroundings, asked before it begins or goes on: what is missing would only make it fail, for good.

use std::collections::BTreeSet;

use sluice_api::{Pipeline, PipelineSpec};

use crate::{
    lint,
    local::{self, Objects},
};

/// What of its steps cannot work here, and what to do. Whatever is not among the manifests may be in the cluster, if there is
/// one.
pub(crate) async fn lacking(spec: &PipelineSpec, namespace: &str, objects: &Objects) -> Vec<String> {
    let specs = with_children(spec, namespace, objects);
    let needs = specs.iter().flat_map(|spec| lint::cluster_needs(spec));
    let mut problems: Vec<String> = needs.map(|(_, why)| format!("{why}, which takes a cluster")).collect();
    let values = specs.iter().map(|spec| serde_json::to_value(spec).unwrap_or_default());
    let named: BTreeSet<String> =
        values.flat_map(|value| lint::literal_providers(&value)).map(|(name, _)| name).collect();
    let is_missing = |name: &&String| !objects.providers(namespace).any(|it| it.metadata.name.as_ref() == Some(*name));
    problems.extend(named.iter().filter(is_missing).map(|name| local::no_provider(name, "")));
    if problems.is_empty() {
        return problems;
    }
    match local::no_cluster().await {
        Some(why) => problems.into_iter().chain([why]).collect(),
        None => Vec::new(),
    }
}

/// The pipeline, and those that its steps start by name, as far as they are among the manifests.
fn with_children<'a>(spec: &'a PipelineSpec, namespace: &str, objects: &'a Objects) -> Vec<&'a PipelineSpec> {
    let mut specs = vec![spec];
    let mut known = BTreeSet::new();
    let mut next = 0;
    while let Some(spec) = specs.get(next) {
        next += 1;
        let groups = spec.stages.iter().map(|stage| &stage.steps).chain(spec.hooks.iter().map(|hook| &hook.steps));
        let names = groups.flatten().filter_map(|step| Some(&step.pipeline_run.as_ref()?.pipeline_ref.name));
        let new: Vec<&String> = names.filter(|name| known.insert((*name).clone())).collect();
        let found = new.into_iter().filter_map(|name| {
            let is_it =
                |it: &&Pipeline| it.metadata.name.as_ref() == Some(name) && objects.namespace_of(*it) == namespace;
            objects.pipelines.iter().find(is_it)
        });
        let found: Vec<&PipelineSpec> = found.map(|pipeline| &pipeline.spec).collect();
        specs.extend(found);
    }
    specs
}
