//! `sluice watch`: shows a run of a cluster while it goes on.

use std::process::ExitCode;

use anyhow::Context;
use kube::{ResourceExt, api::DynamicObject};
use sluice_api::ComponentUpdate;

use super::local::exit_code;
use crate::{
    actions::{self, Run, Runs},
    cluster::{self, Cluster, Objects},
    local::Signals,
    output::{Format, Output, complain},
    printable,
    tree::Commands,
    watch::{Awaited, FirstApproval, Followed, Watching, follow, run_of_update},
};

/// Show a run of a cluster until it ends: what goes on, who is waited for, and where to look.
///
/// On a terminal it is a tree that is redrawn in place, elsewhere a line for each change. It takes the rights to get, list and
/// watch pipelineruns. A connection that is lost is made again.
///
/// By the name of a ComponentUpdate it is the run that deploys it. While there is none yet it waits, and says what for, such as the update
/// before it; if there will be none, it ends and says why. That takes the same rights for componentupdates.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Exit codes:
  0         the run succeeded
  1         the run failed, was cancelled or deleted, it cannot be
            watched, or the ComponentUpdate will have none
  2         the command is wrong
  3         the run was aborted
  130, 143  the run is left as it is, by SIGINT (Ctrl-C) or
            SIGTERM; nothing is aborted")]
pub(crate) struct Arguments {
    /// The run, such as web-1 or plr/web-1, or the ComponentUpdate, such as cu/web-1, that it deploys; the newest one of the namespace that
    /// has not ended, unless set.
    #[arg(value_name = "RUN", value_parser = named)]
    run: Option<Named>,
    #[command(flatten)]
    cluster: cluster::Options,
    /// How the run is shown: `tree` on a terminal and `plain` elsewhere, unless set.
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
}

/// What is watched.
#[derive(Clone, Debug)]
enum Named {
    /// The run of this name; where there is none, that of the update of this name.
    Run(String),
    /// The run of the update of this name.
    Update(String),
}

fn named(text: &str) -> Result<Named, String> {
    match actions::update_name(text) {
        Some(name) => name.map(Named::Update),
        None => actions::run_name(text).map(Named::Run),
    }
}

/// Why a command came to its end early.
pub(crate) enum Stopped {
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
    let format = output.unwrap_or_else(Format::suitable);
    let updates = Objects::of::<ComponentUpdate>(&cluster, "ComponentUpdate");
    let found = match run {
        None => Ok(newest(&cluster, &runs).await?),
        Some(Named::Update(name)) => match updates.get(name).await {
            Ok(update) => Err(update),
            // What is too old is deleted, the run later than its update.
            Err(absent) if absent.is_absence() => Ok(run_of(&runs, name).await.ok_or(absent)?),
            Err(error) => return Err(error.into()),
        },
        Some(Named::Run(name)) => match runs.get(name).await {
            Ok(run) => Ok(run),
            Err(absent) if absent.is_absence() => Err(updates.get(name).await.map_err(|_| absent)?),
            Err(error) => return Err(error.into()),
        },
    };
    let run = match found {
        Ok(run) => run,
        Err(update) => match awaited(&cluster, &runs, &update, format, &mut signals, options).await? {
            Ok(run) => run,
            Err(code) => return Ok(code),
        },
    };
    let name = run.0.name_any();
    let commands = Commands::of(&name, options);
    let output = Output::new(format, &name, None).with_commands(commands.clone());
    let mut watching = Watching::of(&cluster, &run)?;
    let nothing = FirstApproval::of(&runs, None, String::new(), &commands);
    let end = follow(&mut watching, &output, &mut signals, nothing).await;
    followed(end, &output, &run, &commands)
}

/// The run of an update, once it is there, or the exit code if none is followed.
async fn awaited(
    cluster: &Cluster,
    runs: &Runs,
    update: &DynamicObject,
    format: Format,
    signals: &mut Signals,
    options: &cluster::Options,
) -> Result<Result<Run, ExitCode>, Stopped> {
    let name = update.name_any();
    let reference = super::trigger::reference(&name);
    // There is nothing to draw a tree of.
    let output = Output::new(if format == Format::Tree { Format::Plain } else { format }, &name, None);
    let awaited = run_of_update(cluster, runs, update, &reference, &output, signals).await?;
    Ok(match awaited {
        Awaited::Run(run) => Ok(*run),
        Awaited::Over { is_deployed: true, why } => {
            output.note(&format!("{reference} is deployed, and its run is not there any more: {why}"));
            Err(ExitCode::SUCCESS)
        }
        Awaited::Over { is_deployed: false, why } => return Err(Stopped::Said(format!("{reference} {why}"))),
        Awaited::Deleted => match run_of(runs, &name).await {
            Some(run) => Ok(run),
            None => return Err(Stopped::Said(format!("{reference} was deleted, and there is no run of it"))),
        },
        Awaited::Left(signal) => {
            let watch = Commands::of(&name, options).watch();
            complain(&format!("{reference} goes on; watch it with: {watch}"));
            Err(ExitCode::from(signal.exit_code()))
        }
    })
}

/// The run of an update that is not there any more.
async fn run_of(runs: &Runs, update: &str) -> Option<Run> {
    let run = runs.get(update).await.ok()?;
    (run.0.data["spec"]["trigger"]["componentUpdate"]["name"] == update).then_some(run)
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
