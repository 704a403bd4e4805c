//! `sluice schema`: prints the JSON Schema that editors check manifests against.

use std::io::Write;

use anyhow::{Context, anyhow};
use sluice_api::json_schema;

/// Print the JSON Schema of the kinds, for editors.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
For an editor with the YAML language server:

  sluice schema > sluice.json

Its setting `yaml.schemas` then takes
  {\"./sluice.json\": \"deploy/*.yaml\"}
and checks every document of these files. Without the
setting, a document is checked that has the comment
  # yaml-language-server: $schema=sluice.json")]
pub(crate) struct Arguments {
    /// One kind, such as Pipeline or plr; unless set, one schema that takes any of them.
    kind: Option<String>,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let schema = match arguments.kind {
        None => json_schema::all(),
        Some(kind) => json_schema::of(&kind).ok_or_else(|| unknown(&kind))?,
    };
    let text = json_schema::to_text(&schema).context("failed to write the schema as JSON")?;
    std::io::stdout().lock().write_all(text.as_bytes()).context("failed to print")
}

fn unknown(kind: &str) -> anyhow::Error {
    let known: Vec<String> = sluice_api::crds().into_iter().map(|crd| crd.spec.names.kind).collect();
    anyhow!("there is no kind {kind:?}: name one of {}", known.join(", "))
}
