//! `sluice graph`: a pipeline as a picture.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use kube::ResourceExt;
use sluice_api::Pipeline;

use super::local::refuse;
use crate::{
    cluster::{self, Objects},
    graph,
    local::describe,
    manifest::Manifests,
    output::{complain, write},
};

/// Print a pipeline as a Mermaid flowchart.
///
/// GitHub, GitLab and many editors draw it in a Markdown code block of the language `mermaid`; mermaid.live draws it
/// anywhere. Steps are boxes, waits are rounded, child runs have double sides, conditions are hexagons; stages and hooks are
/// frames. What happens only sometimes, a hook or another attempt, is dotted. Long texts are cut.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  sluice graph -f deploy.yaml          the one pipeline of a file
  sluice graph -f . deploy-web         one of several in a directory
  sluice graph deploy-web -n shop      a pipeline in the cluster

Exit codes:
  0  it is printed
  2  it is not: there is no such pipeline, or it cannot be read")]
pub(crate) struct Arguments {
    /// The pipeline; with -f the only one unless set.
    #[arg(value_name = "PIPELINE", required_unless_present = "filename")]
    pipeline: Option<String>,
    /// Files and directories of manifests, `-` for standard input; the cluster of the kubeconfig unless set. May be
    /// repeated.
    #[arg(short, long, value_name = "PATH")]
    filename: Vec<PathBuf>,
    /// Read the directories in directories, too.
    #[arg(short = 'R', long)]
    recursive: bool,
    #[command(flatten)]
    cluster: cluster::Options,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let read = match arguments.filename.is_empty() {
        true => of_cluster(arguments),
        false => of_files(arguments),
    };
    let pipeline = match read {
        Ok(pipeline) => pipeline,
        Err(problem) => return Ok(refuse([problem])),
    };
    let mistakes = sluice_steps::check::pipeline(&pipeline.name_any(), &pipeline.spec).len();
    if mistakes > 0 {
        complain(&format!("warning: the pipeline has mistakes ({mistakes}); `sluice lint` says which"));
    }
    let name = pipeline.metadata.name.as_deref().unwrap_or("pipeline");
    write(&graph::of(name, &pipeline.spec)).context("failed to print")?;
    Ok(ExitCode::SUCCESS)
}

fn of_files(arguments: &Arguments) -> Result<Pipeline, String> {
    if arguments.cluster.is_any_given() {
        return Err(
            "a cluster and a namespace are chosen without -f; files say theirs in metadata.namespace".to_owned()
        );
    }
    let manifests =
        Manifests::read_whole(&arguments.filename, arguments.recursive).map_err(|error| describe(&error))?;
    let documents = || manifests.documents.iter().filter(|document| document.is::<Pipeline>());
    let names: Vec<&str> = documents().map(|document| document.name()).collect();
    let chosen = match (&arguments.pipeline, &*names) {
        (_, []) => return Err("there is no Pipeline among the manifests".to_owned()),
        (None, [only]) => *only,
        (None, several) => return Err(format!("there are several pipelines: name one of {}", several.join(", "))),
        (Some(name), _) => name.as_str(),
    };
    let mut found = documents().filter(|document| document.name() == chosen);
    match (found.next(), found.next()) {
        (Some(one), None) => one.parse().map_err(|error| describe(&error)),
        (Some(one), Some(other)) => {
            Err(format!("there are two pipelines {chosen:?}: {} and {}", one.place(), other.place()))
        }
        (None, _) => {
            let hint = cluster::hint(chosen, &names);
            Err(format!("there is no pipeline {chosen:?} among the manifests{hint}"))
        }
    }
}

fn of_cluster(arguments: &Arguments) -> Result<Pipeline, String> {
    // clap has seen to it.
    let name = arguments.pipeline.as_deref().unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("failed to start the runtime: {error}"))?;
    let object = runtime.block_on(async {
        let cluster = arguments.cluster.connect().await.map_err(|error| error.to_string())?;
        let pipelines = Objects::of::<Pipeline>(&cluster, "pipeline");
        pipelines.get(name).await.map_err(|error| error.to_string())
    })?;
    let read = serde_json::to_value(object).and_then(serde_json::from_value);
    read.map_err(|error| format!("pipeline {name:?} cannot be read by this version of sluice: {error}"))
}
