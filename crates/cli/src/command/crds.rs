//! `sluice crds`: prints the custom resource definitions, to be piped into `kubectl apply -f -`.

use anyhow::Context;

use crate::output;

/// Print the custom resource definitions.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: Arguments) -> anyhow::Result<()> {
    for crd in sluice_api::crds() {
        let text = sluice_api::crd_to_yaml(&crd).context("failed to write a definition as YAML")?;
        output::write(&format!("---\n{text}")).context("failed to print")?;
    }
    Ok(())
}
