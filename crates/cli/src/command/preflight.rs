//! What a run needs of its surroundings, asked before it begins or goes on: what is missing would only make it fail, for good.

use std::collections::BTreeSet;

use sluice_api::PipelineSpec;

use crate::{
    lint,
    local::{self, Objects},
};

/// What of its steps cannot work here, and what to do. Whatever is not among the manifests may be in the cluster, if there is
/// one.
pub(crate) async fn lacking(spec: &PipelineSpec, namespace: &str, objects: &Objects) -> Vec<String> {
    let needs = lint::cluster_needs(spec).into_iter().map(|(_, why)| format!("{why}, which takes a cluster"));
    let mut problems: Vec<String> = needs.collect();
    let value = serde_json::to_value(spec).unwrap_or_default();
    let named: BTreeSet<String> = lint::literal_providers(&value).into_iter().map(|(name, _)| name).collect();
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
