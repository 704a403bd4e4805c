//! The Helm chart, installed by the real Helm.

mod documents;
mod life;
mod namespaced;
mod policies;
mod server;
mod values;

use anyhow::Result;
use serde_json::Value;
use sluice_tests::{Cluster, helm};

/// Installs, upgrades or renders the chart: `helm VERB RELEASE charts/sluice -n NAMESPACE ARGUMENTS...`.
fn helm_chart(cluster: &Cluster, verb: &str, release: &str, namespace: &str, more: &[&str]) -> Result<String> {
    let chart = helm::chart().display().to_string();
    let arguments = [&[verb, release, &chart, "--namespace", namespace], more].concat();
    cluster.helm(&arguments)
}

/// What the chart makes with these arguments, without a cluster.
fn rendered(more: &[&str]) -> Result<Vec<Value>> {
    let chart = helm::chart().display().to_string();
    let arguments = [&["template", "sluice", &chart, "--namespace=sluice-system"], more].concat();
    Ok(serde_saphyr::from_multiple(&helm::run(&arguments)?)?)
}

/// The object of a kind and a name in a list of them.
fn object<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found = objects.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name}"))
}
