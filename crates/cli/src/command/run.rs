//! `sluice run`: carries a run on to its end, with no cluster.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use anyhow::Context;
use sluice_api::Code;

use super::{
    local::{EXIT_CODES, Shared, carry_on, objects, refuse, remember, state_directory, use_of},
    preflight::lacking,
};
use crate::{
    lint::{self, Finding, Severity},
    local::{self, Held, Objects, Remembered, Signals, StateDirectory, Use, Wanted},
    manifest::Manifests,
    output::complain,
};

/// Run a pipeline here, with no cluster.
///
/// The manifests, the engine and the steps are those of the controller. Everything the run knows is kept in one JSON file,
/// `.sluice/runs/NAME.json` beside the manifests: killed at any moment, the run goes on with `sluice resume`.
///
/// Without --pipeline it is the PipelineRun among the manifests, or else a new run of the Pipeline among them. ScmProviders
/// and Secrets are taken from the manifests first, then from the cluster of the kubeconfig, if there is one. Steps reach that
/// cluster as the user of the kubeconfig: the pipeline's service account is not impersonated.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// Files and directories with manifests; `-` is standard input. May be repeated.
    #[arg(short, long = "filename", value_name = "PATH", required = true)]
    pub(crate) filename: Vec<PathBuf>,
    /// Make a new run of this pipeline, whatever runs there are among the manifests.
    #[arg(long, value_name = "NAME")]
    pub(crate) pipeline: Option<String>,
    /// A parameter; it goes over that of the run among the manifests. May be repeated.
    #[arg(short, long = "param", value_name = "NAME=VALUE", value_parser = param)]
    pub(crate) params: Vec<(String, String)>,
    /// The run's name, as Kubernetes has names, but 240 characters at most; of several runs among the manifests, the one that
    /// is meant.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The namespace of manifests that do not say one; that of the kubeconfig unless set.
    #[arg(short, long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    /// The directory for the states of runs; `.sluice` beside the manifests unless set.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) state: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) shared: Shared,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let runtime = arguments.shared.prepare()?;
    runtime.block_on(start(arguments))
}

async fn start(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { filename, pipeline, params, name, namespace, state, shared } = arguments;
    let manifests = match Manifests::read(&filename, false) {
        Ok(manifests) => manifests,
        Err(error) => return Ok(refuse([local::describe(&error)])),
    };
    let mistakes = mistakes(&manifests);
    if !mistakes.is_empty() {
        complain(lint::for_terminal(&mistakes, &std::io::stderr()).trim_end());
        return Ok(refuse(["the manifests have mistakes; nothing was started"]));
    }
    let objects = match objects(&manifests, namespace).await {
        Ok(objects) => objects,
        Err(error) => return Ok(refuse([local::describe(&error)])),
    };
    let wanted = Wanted { pipeline, name, params: params.into_iter().collect::<BTreeMap<_, _>>() };
    let directory = state_directory(state.as_ref(), &filename);
    let remembered = remember(&filename, &shared)?;
    let user = local::user();
    let mut signals = Signals::take().context("failed to listen for signals")?;
    let held = match begin(&directory, &objects, &wanted, &user, &remembered).await {
        Ok(held) => held,
        Err(problems) => return Ok(refuse(problems)),
    };
    match local::session(held, objects, &remembered, &user, shared.format()) {
        Ok(session) => Ok(ExitCode::from(carry_on(session, &directory, &mut signals).await?)),
        Err(refused) => {
            complain(&format!("error: {}", local::describe(&refused)));
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Begins the run that is meant. One whose name is only a number takes the next when another process was faster.
async fn begin(
    directory: &StateDirectory,
    objects: &Objects,
    wanted: &Wanted,
    user: &str,
    remembered: &Remembered,
) -> Result<Held, Vec<String>> {
    let mut lost = Vec::new();
    loop {
        let chosen = local::choose(objects, wanted, |name| match lost.iter().any(|lost| lost == name) {
            true => Use::Taken { resume: None },
            false => use_of(directory, name),
        })?;
        let lacking = lacking(&chosen.pipeline.spec, &chosen.namespace, objects).await;
        if !lacking.is_empty() {
            return Err(lacking);
        }
        let (name, is_numbered) = (chosen.name.clone(), chosen.is_numbered);
        match local::begin(directory.clone(), chosen, user, remembered) {
            Ok(held) => return Ok(held),
            Err(refused) if is_numbered && refused.is_taken() => lost.push(name),
            Err(refused) => return Err(vec![local::describe(&refused)]),
        }
    }
}

/// What stands in the way of a run. The parameters are judged with those of the command line.
fn mistakes(manifests: &Manifests) -> Vec<Finding> {
    let findings = lint::lint(manifests, lint::Options::default());
    let is_mistake = |it: &Finding| it.severity == Severity::Error && it.code != Code::WrongParameters;
    findings.into_iter().filter(is_mistake).collect()
}

/// Reads `name=value`.
fn param(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = parts.ok_or_else(|| "write it as NAME=VALUE".to_owned())?;
    Ok((name.to_owned(), value.to_owned()))
}
