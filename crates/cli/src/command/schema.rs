//! `sluice schema`: prints the JSON Schema that editors check manifests against.

use std::process::ExitCode;

use anyhow::Context;
use sluice_api::json_schema;

use super::local::refuse;
use crate::output;

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

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let schema = match arguments.kind {
        None => json_schema::all(),
        Some(kind) => match json_schema::of(&kind) {
            Some(schema) => schema,
            None => return Ok(refuse([unknown(&kind)])),
        },
    };
    let text = json_schema::to_text(&schema).context("failed to write the schema as JSON")?;
    output::write(&text).context("failed to print")?;
    Ok(ExitCode::SUCCESS)
}

fn unknown(kind: &str) -> String {
    let known: Vec<String> = sluice_api::crds().into_iter().map(|crd| crd.spec.names.kind).collect();
    format!("there is no kind {kind:?}: name one of {}", known.join(", "))
}
