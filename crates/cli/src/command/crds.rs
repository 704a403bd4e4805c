//! `sluice crds`: prints the custom resource definitions, to be piped into `kubectl apply -f -`.

use std::io::Write;

use anyhow::Context;

/// Print the custom resource definitions.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: Arguments) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for crd in sluice_api::crds() {
        let text = sluice_api::crd_to_yaml(&crd).context("failed to write a definition as YAML")?;
        write!(out, "---\n{text}").context("failed to print")?;
    }
    Ok(())
}
