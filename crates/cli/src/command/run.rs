//! `sluice run`: a run in a cluster, or, with manifests, one that is carried on to its end here.

mod in_cluster;

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use anyhow::Context;
use sluice_api::Code;

use super::{
    local::{EXIT_CODES, Shared, carry_on, objects, refuse, remember, state_directory, use_of},
    preflight::lacking,
};
use crate::{
    cluster,
    lint::{self, Finding, Severity},
    local::{self, Held, Objects, Remembered, Signals, StateDirectory, Use, Wanted},
    manifest::Manifests,
    output::{Format, complain},
};
use in_cluster::{Object, Shown};

/// Run a pipeline: in a cluster, or here with -f.
///
/// `sluice run PIPELINE` creates a PipelineRun of a Pipeline that is in the cluster, under your name, as `kubectl create` could.
/// Where the pipeline's first stage awaits an approval, you give it with the same command, as far as you have the right; with
/// --no-approve it waits. With --attach the run is followed to its end, as `sluice watch` does.
///
/// `sluice run -f DIR` is the local mode: the manifests, the engine and the steps are those of the controller, and there is no
/// cluster. Everything the run knows is kept in one JSON file, `.sluice/runs/NAME.json` beside the manifests: killed at any
/// moment, the run goes on with `sluice resume`. Without --pipeline it is the PipelineRun among the manifests, or else a new run
/// of the Pipeline among them. ScmProviders and Secrets are taken from the manifests first, then from the cluster of the
/// kubeconfig, if there is one. Steps reach that cluster as the user of the kubeconfig: the pipeline's service account is not
/// impersonated.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = exit_codes(),
    mut_arg("namespace", |arg| arg.help("The namespace of the run, or of manifests that do not say one; that of the context unless set")),
    mut_arg("kubeconfig", |arg| arg.conflicts_with("filename")),
    mut_arg("context", |arg| arg.conflicts_with("filename")),
    mut_arg("user", |arg| arg.conflicts_with("filename")),
    mut_arg("yes", |arg| arg.requires("filename")),
    mut_arg("allow_http_to", |arg| arg.requires("filename")),
    mut_arg("verbose", |arg| arg.requires("filename")),
)]
pub(crate) struct Arguments {
    /// The Pipeline in the cluster.
    #[arg(value_name = "PIPELINE", required_unless_present = "filename", conflicts_with = "filename")]
    cluster_pipeline: Option<String>,
    /// A parameter; it goes over that of the run among the manifests. May be repeated.
    #[arg(short, long = "param", value_name = "NAME=VALUE", value_parser = param)]
    params: Vec<(String, String)>,
    /// Take this run for a source of the pipeline, and not the newest good one. May be repeated.
    #[arg(long, value_name = "SOURCE=RUN", value_parser = source)]
    from: Vec<(String, String)>,
    /// The run's name, as Kubernetes has names; PIPELINE-xxxxx in a cluster, and a number here, unless set. Of several runs among
    /// the manifests, the one that is meant.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// In a cluster: follow the run to its end.
    #[arg(long, conflicts_with = "filename")]
    attach: bool,
    /// In a cluster: leave the approval of a first stage that awaits one to others.
    #[arg(long, conflicts_with = "filename")]
    no_approve: bool,
    #[command(flatten)]
    cluster: cluster::Options,
    /// The local mode, with these files and directories of manifests; `-` is standard input. May be repeated.
    #[arg(short, long = "filename", value_name = "PATH")]
    filename: Vec<PathBuf>,
    /// Local mode: make a new run of this pipeline, whatever runs there are among the manifests.
    #[arg(long, value_name = "NAME", requires = "filename")]
    pipeline: Option<String>,
    /// Local mode: the directory for the states of runs; `.sluice` beside the manifests unless set.
    #[arg(long, value_name = "DIRECTORY", requires = "filename")]
    state: Option<PathBuf>,
    /// How the run is shown: `tree` on a terminal and `plain` elsewhere, unless set. In a cluster, without --attach, how the new
    /// run is printed: a line for people unless set.
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Printed>,
    #[command(flatten)]
    shared: Shared,
}

/// What `-o` may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Printed {
    /// A tree that is redrawn in place; needs a terminal.
    Tree,
    /// One line for each thing that happens.
    Plain,
    /// One JSON object a line for each thing that happens, and at the end the whole status. In a cluster, without --attach: the
    /// whole object.
    Json,
    /// In a cluster, without --attach: the whole object.
    Yaml,
    /// In a cluster, without --attach: the name, as kubectl writes it.
    Name,
}

impl Printed {
    /// How a run is shown that is seen to its end.
    fn followed(self) -> Result<Format, String> {
        match self {
            Self::Tree => Ok(Format::Tree),
            Self::Plain => Ok(Format::Plain),
            Self::Json => Ok(Format::Json),
            Self::Yaml | Self::Name => {
                let name = if self == Self::Yaml { "yaml" } else { "name" };
                Err(format!("-o {name} prints a run that is new in a cluster: leave out --attach or -f, or the format"))
            }
        }
    }

    /// How a run is printed that is left to itself.
    fn created(self) -> Result<Object, String> {
        match self {
            Self::Json => Ok(Object::Json),
            Self::Yaml => Ok(Object::Yaml),
            Self::Name => Ok(Object::Name),
            Self::Tree => Err("-o tree shows a run that is followed: add --attach".to_owned()),
            Self::Plain => Err("-o plain shows a run that is followed: add --attach".to_owned()),
        }
    }
}

fn exit_codes() -> String {
    format!(
        "{EXIT_CODES}\n\n\
         In a cluster:\n  \
         Without --attach, 0 means that the run was created. With it, Ctrl-C\n  \
         leaves the run as it is and aborts nothing."
    )
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.cluster_pipeline.clone() {
        Some(pipeline) => run_in_cluster(pipeline, arguments),
        None => run_here(arguments),
    }
}

fn run_in_cluster(pipeline: String, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { params, from, name, attach, no_approve, cluster, output, .. } = arguments;
    let shown = match attach {
        true => output
            .map(Printed::followed)
            .transpose()
            .map(|format| Shown::Followed(format.unwrap_or_else(Format::suitable))),
        false => output.map(Printed::created).transpose().map(Shown::Created),
    };
    let shown = match shown {
        Ok(shown) => shown,
        Err(problem) => return Ok(refuse([problem])),
    };
    let params = params.into_iter().collect();
    let from = from.into_iter().collect();
    in_cluster::run(&in_cluster::Wanted { pipeline, params, from, name, approves: !no_approve, shown, cluster })
}

fn run_here(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let format = match arguments.output.map(Printed::followed).transpose() {
        Ok(format) => arguments.shared.format(format),
        Err(problem) => return Ok(refuse([problem])),
    };
    arguments.shared.prepare()?.block_on(start(arguments, format))
}

async fn start(arguments: Arguments, format: Format) -> anyhow::Result<ExitCode> {
    let Arguments { filename, pipeline, params, from, name, cluster, state, shared, .. } = arguments;
    let manifests = match Manifests::read(&filename, false) {
        Ok(manifests) => manifests,
        Err(error) => return Ok(refuse([local::describe(&error)])),
    };
    let mistakes = mistakes(&manifests);
    if !mistakes.is_empty() {
        complain(lint::for_terminal(&mistakes, &std::io::stderr()).trim_end());
        return Ok(refuse(["the manifests have mistakes; nothing was started"]));
    }
    let objects = match objects(&manifests, cluster.namespace).await {
        Ok(objects) => objects,
        Err(error) => return Ok(refuse([local::describe(&error)])),
    };
    let params = params.into_iter().collect::<BTreeMap<_, _>>();
    let wanted = Wanted { pipeline, name, params, from: from.into_iter().collect() };
    let directory = state_directory(state.as_ref(), &filename);
    let remembered = remember(&filename, &shared)?;
    let user = local::user();
    let mut signals = Signals::take().context("failed to listen for signals")?;
    let held = match begin(&directory, &objects, &wanted, &user, &remembered).await {
        Ok(held) => held,
        Err(problems) => return Ok(refuse(problems)),
    };
    match local::session(held, objects, &remembered, &user, format) {
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
        match local::begin(directory.clone(), chosen, objects, user, remembered) {
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

/// Reads `source=run`.
fn source(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(source, run)| !source.is_empty() && !run.is_empty());
    let (source, run) = parts.ok_or_else(|| "write it as SOURCE=RUN".to_owned())?;
    Ok((source.to_owned(), run.to_owned()))
}
