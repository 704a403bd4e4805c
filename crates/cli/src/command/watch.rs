//! `sluice watch`: shows a run of a cluster while it goes on.

use std::process::ExitCode;

use anyhow::Context;
use kube::ResourceExt;

use super::local::exit_code;
use crate::{
    actions::{self, Run, Runs},
    cluster::{self, Cluster},
    local::Signals,
    output::{Format, Output, complain},
    printable,
    tree::Commands,
    watch::{FirstApproval, Followed, Watching, follow},
};

/// Show a run of a cluster until it ends: what goes on, who is waited for, and where to look.
///
/// On a terminal it is a tree that is redrawn in place, elsewhere a line for each change. It takes the rights to get, list and
/// watch pipelineruns. A connection that is lost is made again.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Exit codes:
  0         the run succeeded
  1         the run failed, was cancelled or deleted, or it cannot
            be watched
  2         the command is wrong
  3         the run was aborted
  130, 143  the run is left as it is, by SIGINT (Ctrl-C) or
            SIGTERM; nothing is aborted")]
pub(crate) struct Arguments {
    /// The run, such as web-1 or plr/web-1; the newest one of the namespace that has not ended, unless set.
    #[arg(value_name = "RUN", value_parser = actions::run_name)]
    run: Option<String>,
    #[command(flatten)]
    cluster: cluster::Options,
    /// How the run is shown: `tree` on a terminal and `plain` elsewhere, unless set.
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
}

/// Why a command came to its end early.
pub(super) enum Stopped {
    /// What is to be said to the person.
    Said(String),
    /// Something of this machine.
    Failed(anyhow::Error),
}

impl Stopped {
    /// Says why.
    pub(super) fn said(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Said(text) => {
                complain(&format!("error: {}", printable::lines(&text)));
                Ok(ExitCode::FAILURE)
            }
            Self::Failed(error) => Err(error),
        }
    }
}

impl From<cluster::Error> for Stopped {
    fn from(error: cluster::Error) -> Self {
        Self::Said(error.to_string())
    }
}

impl From<cluster::RequestError> for Stopped {
    fn from(error: cluster::RequestError) -> Self {
        Self::Said(error.to_string())
    }
}

impl From<anyhow::Error> for Stopped {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let watched = runtime.context("failed to start the runtime")?.block_on(watch(arguments));
    watched.or_else(Stopped::said)
}

async fn watch(arguments: &Arguments) -> Result<ExitCode, Stopped> {
    let Arguments { run, cluster: options, output } = arguments;
    let mut signals = Signals::take().context("failed to listen for signals")?;
    let cluster = options.connect().await?;
    let runs = Runs::of(&cluster);
    let run = match run {
        Some(name) => runs.get(name).await?,
        None => newest(&cluster, &runs).await?,
    };
    let name = run.0.name_any();
    let commands = Commands::of(&name, options);
    let output = Output::new(output.unwrap_or_else(Format::suitable), &name, None).with_commands(commands.clone());
    let mut watching = Watching::of(&cluster, &run)?;
    let nothing = FirstApproval::of(&runs, None, String::new(), &commands);
    let end = follow(&mut watching, &output, &mut signals, nothing).await;
    followed(end, &output, &run, &commands)
}

/// The run that is meant where none is named.
async fn newest(cluster: &Cluster, runs: &Runs) -> Result<Run, Stopped> {
    let newest = runs.newest_unfinished().await?;
    let namespace = &cluster.namespace;
    newest.ok_or_else(|| {
        Stopped::Said(format!(
            "no run in namespace {namespace:?} is unfinished: name one, or another namespace with -n"
        ))
    })
}

/// Says how it came out, and what there is to do about a run that is left: the exit code.
pub(super) fn followed(
    end: Result<Followed, String>,
    output: &Output,
    run: &Run,
    commands: &Commands,
) -> Result<ExitCode, Stopped> {
    output.end();
    match end {
        Ok(Followed::Ended(phase)) => Ok(ExitCode::from(exit_code(phase))),
        Ok(Followed::Deleted) => {
            complain(&format!("{} was deleted", run.reference()));
            Ok(ExitCode::FAILURE)
        }
        Ok(Followed::Left(signal)) => {
            let (watch, abort) = (commands.watch(), commands.abort());
            complain(&format!("{} goes on; watch it with: {watch}\nend it with: {abort}", run.reference()));
            Ok(ExitCode::from(signal.exit_code()))
        }
        Err(why) => Err(Stopped::Said(why)),
    }
}
