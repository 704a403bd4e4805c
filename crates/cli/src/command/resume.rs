//! `sluice resume`: lets a paused run of a cluster go on, or carries on runs of the local mode that were left unfinished.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use kube::ResourceExt;
use sluice_api::{ActionType, PipelineRun, RunAction};
use sluice_engine::{ActionOutcome, RunPhase};

use super::{
    local::{
        EXIT_CODES, Shared, WRONG_INPUT, carry_on, exit_code, left, refuse, remember, remembered, resume_command,
        state_directory,
    },
    preflight::lacking,
    verb,
};
use crate::{
    actions::{self, Ask},
    cluster,
    local::{self, Error, NOBODY_TO_ASK, Objects, Refused, Remembered, Signals, StateDirectory},
    manifest::Manifests,
    output::{Format, Output, complain, print},
    shell,
};

/// The exit code when the state of a run cannot be kept.
const FAILED: u8 = 1;

/// Let a paused run go on, in a cluster; or carry on runs of the local mode that were left unfinished, or do again what failed.
///
/// RUN is a run of the cluster if it is written as plr/RUN, if any option is given that has to do with a cluster, or if there
/// is no run of that name in the state directory; as `kubectl sluice` it always is, unless an option of the local mode is
/// given. In the cluster an entry `Resume` is appended to the `spec.actions` of the PipelineRun, under your name, as
/// `kubectl patch` could; it takes the verb `pause` on its pipeline.
///
/// In the local mode every unfinished run of the state directory is carried on from the step it is at, one after the other,
/// or the one that is named. No effect is repeated. A run keeps to the version of its pipeline that it began with, whatever
/// became of the manifests; its ScmProviders and Secrets are read again from where they were. How it was started (--yes,
/// --allow-http-to) holds on. The hooks of a run that was aborted are finished, too. Once a signal has aborted or left one
/// run, no further one is begun.
///
/// With --retry a run that failed or was aborted goes on from the step that failed; what succeeded before is kept.
#[derive(Debug, clap::Args)]
#[command(after_long_help = help())]
pub(crate) struct Arguments {
    /// The run; every unfinished one of the local mode unless set.
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// What is printed. Of a run in a cluster: a line for people unless set. In the local mode: `tree` on a terminal and
    /// `plain` elsewhere, unless set.
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Printed>,
    #[command(flatten)]
    local: Local,
    #[command(flatten)]
    asking: Asking,
}

/// What only concerns the local mode.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options of the local mode")]
struct Local {
    /// Do again what failed or was aborted in the run that is named: from the step that failed on.
    #[arg(long, requires = "run")]
    retry: bool,
    /// Where the manifests are now, if they were moved: files, directories, `-` for standard input. May be repeated.
    #[arg(short, long = "filename", value_name = "PATH")]
    filename: Vec<PathBuf>,
    /// The directory with the states of runs; `.sluice` beside the manifests, or here, unless set.
    #[arg(long, value_name = "DIRECTORY")]
    state: Option<PathBuf>,
    #[command(flatten)]
    shared: Shared,
}

/// What only concerns a run in a cluster.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options of a cluster")]
struct Asking {
    /// Why, for whoever reads the record.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    waiting: verb::Waiting,
    #[command(flatten)]
    cluster: cluster::Options,
}

/// How a run is printed, here and there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Printed {
    /// A tree that is drawn over itself; local mode.
    Tree,
    /// A line for each thing that happens; local mode.
    Plain,
    /// One JSON object a line in the local mode, the whole object of a cluster.
    Json,
    /// The whole object; cluster.
    Yaml,
    /// The name, as kubectl writes it; cluster.
    Name,
}

/// Where the run is that is meant.
#[derive(Debug, PartialEq, Eq)]
enum Where {
    Local,
    Cluster(String),
    /// In the state directory, if there is one of this name, or no cluster; else in the cluster.
    Nearest(String),
}

fn help() -> String {
    let verb = verb::EXIT_CODES.replace("Exit codes:", "Exit codes for a run in a cluster:");
    format!("{verb}\n\n{}", EXIT_CODES.replace("Exit codes:", "Exit codes in the local mode:"))
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let place = match arguments.place(shell::plugin_command().is_some()) {
        Ok(place) => place,
        Err(problem) => return Ok(refuse([problem])),
    };
    let Arguments { run, output, local, asking } = arguments;
    let (name, is_local) = match place {
        Where::Local => (run, true),
        Where::Cluster(name) => (Some(name), false),
        Where::Nearest(name) => {
            let is_local = is_local(&name);
            (Some(name), is_local)
        }
    };
    match (name, is_local) {
        (Some(name), false) => in_cluster(&name, output, asking),
        (name, _) => in_directory(name, output, local),
    }
}

impl Arguments {
    /// Where the run is that is meant.
    ///
    /// # Errors
    /// What is given does not go together.
    fn place(&self, is_plugin: bool) -> Result<Where, String> {
        let Self { run, output, local, asking } = self;
        let is_local = local.is_any_given() || matches!(output, Some(Printed::Tree | Printed::Plain));
        let is_cluster = asking.is_any_given() || matches!(output, Some(Printed::Yaml | Printed::Name));
        let Some(name) = run else {
            return match is_cluster {
                true => Err("name the run of the cluster that is to go on".to_owned()),
                false => Ok(Where::Local),
            };
        };
        let has_kind = name.contains('/');
        match (is_local, is_cluster || has_kind) {
            (true, true) => Err(format!(
                "a run of the local mode is in no cluster: leave out what concerns the one or the other{}",
                if has_kind { ", such as the kind before the name" } else { "" }
            )),
            (true, false) => Ok(Where::Local),
            (false, is_cluster) => {
                let name = actions::run_name(name)?;
                Ok(if is_cluster || is_plugin { Where::Cluster(name) } else { Where::Nearest(name) })
            }
        }
    }
}

/// Whether the run of this name is one of the local mode. Where runs are kept that are not it, that is said.
fn is_local(name: &str) -> bool {
    let directory = state_directory(None, &[]);
    let is_here = directory.run_path(name).exists();
    let is_local = is_here || cluster::is_missing();
    if !is_local && directory.path().exists() {
        complain(&format!("note: there is no run {name:?} in {}; the cluster is asked", directory.path().display()));
    }
    is_local
}

impl Local {
    fn is_any_given(&self) -> bool {
        let Self { retry, filename, state, shared } = self;
        *retry || !filename.is_empty() || state.is_some() || shared.is_any_given()
    }
}

impl Asking {
    fn is_any_given(&self) -> bool {
        let Self { reason, waiting, cluster } = self;
        reason.is_some() || waiting.wait.is_some() || cluster.is_any_given()
    }
}

fn in_cluster(name: &str, output: Option<Printed>, asking: Asking) -> anyhow::Result<ExitCode> {
    let Asking { reason, waiting, cluster } = asking;
    let output = match output {
        Some(Printed::Json) => Some(verb::Format::Json),
        Some(Printed::Yaml) => Some(verb::Format::Yaml),
        Some(Printed::Name) => Some(verb::Format::Name),
        Some(Printed::Tree | Printed::Plain) | None => None,
    };
    let ask = Ask::of_run(ActionType::Resume, reason.clone());
    verb::run(name, ask, &verb::Options { reason, cluster, output }, waiting)
}

fn in_directory(run: Option<String>, output: Option<Printed>, local: Local) -> anyhow::Result<ExitCode> {
    let output = match output {
        Some(Printed::Json) => Some(Format::Json),
        Some(Printed::Tree) => Some(Format::Tree),
        Some(Printed::Plain) => Some(Format::Plain),
        Some(Printed::Yaml | Printed::Name) | None => None,
    };
    let runtime = local.shared.prepare()?;
    runtime.block_on(resume(run, output, local))
}

async fn resume(run: Option<String>, output: Option<Format>, local: Local) -> anyhow::Result<ExitCode> {
    let Local { retry, filename, state, shared } = local;
    let format = shared.format(output);
    let directory = state_directory(state.as_ref(), &filename);
    if let Some(path) = state.filter(|path| !path.is_dir()) {
        return Ok(refuse([format!("there is no directory {}: correct --state", path.display())]));
    }
    let runs = match run {
        Some(name) => directory.existing(&name).map(|run| (vec![run], Vec::new())),
        None => unfinished(&directory),
    };
    let (runs, unreadable) = match runs {
        Ok(runs) => runs,
        Err(error) => return Ok(refuse([local::describe(&error)])),
    };
    if runs.is_empty() && unreadable.is_empty() {
        let text = format!("no run in {} is unfinished", directory.path().display());
        match format {
            // There is no run that a line could be about.
            Format::Json => complain(&text),
            Format::Tree | Format::Plain => print(&format!("{text}\n")),
        }
    }
    let remembered = remember(&filename, &shared)?;
    // Once for all of them: standard input cannot be read twice.
    let given = match filename.is_empty() {
        true => None,
        false => match Manifests::read_whole(&filename, false) {
            Ok(manifests) => Some(manifests),
            Err(error) => return Ok(refuse([local::describe(&error)])),
        },
    };
    let mut signals = Signals::take().context("failed to listen for signals")?;
    // What is wrong with one run holds up no other.
    let mut worst = if unreadable.is_empty() { 0 } else { WRONG_INPUT };
    unreadable.iter().for_each(|error| complain(&format!("error: {}", local::describe(error))));
    let mut runs = runs.into_iter();
    let how = How { retry, now: remembered, given, format };
    while let Some(run) = runs.next() {
        let resumed = resume_one(&directory, &run, &how, &mut signals).await;
        let code = resumed.unwrap_or_else(|error| {
            complain(&format!("error: {error:#}"));
            FAILED
        });
        worst = graver(worst, code);
        // The person wants to leave, not to begin with the next one.
        if let Some(end) = signals.asked().await.filter(|_| !runs.as_slice().is_empty()) {
            runs.for_each(|run| left(&directory, &run.name_any()));
            return Ok(ExitCode::from(end.exit_code()));
        }
    }
    Ok(ExitCode::from(worst))
}

/// Every unfinished run, the oldest first, and what is wrong with those that cannot be read.
fn unfinished(directory: &StateDirectory) -> Result<(Vec<PipelineRun>, Vec<Error>), Error> {
    let (mut runs, mut unreadable) = (Vec::new(), Vec::new());
    for name in directory.names()? {
        match directory.run(&name) {
            Ok(run) => runs.extend(run),
            Err(error) => unreadable.push(error),
        }
    }
    runs.retain(|run| !run.status.as_ref().is_some_and(|status| status.state.is_finished()));
    runs.sort_by_key(|run| run.creation_timestamp().map(|time| time.0));
    Ok((runs, unreadable))
}

/// How runs are carried on.
struct How {
    /// Whether what failed is done again.
    retry: bool,
    /// What is given now.
    now: Remembered,
    /// The manifests that are given now.
    given: Option<Manifests>,
    format: Format,
}

async fn resume_one(
    directory: &StateDirectory,
    run: &PipelineRun,
    how: &How,
    signals: &mut Signals,
) -> anyhow::Result<u8> {
    let How { retry, now, given, format } = how;
    let name = run.name_any();
    if let Some(code) = ended(directory, run, how) {
        return Ok(code);
    }
    let refused = |problem: String| {
        complain(&format!("error: {problem}"));
        Ok(WRONG_INPUT)
    };
    let remembered = match remembered(run, now, given.is_some()) {
        Ok(remembered) => remembered,
        Err(problem) => return refused(format!("run {name:?}: {problem}")),
    };
    let objects = match objects_of(run, &remembered, given.as_ref()) {
        Ok(objects) => objects,
        Err(problem) => {
            return refused(format!("the manifests of run {name:?}: {problem}; name where they are now with -f"));
        }
    };
    let mut held = match local::take_up(directory.clone(), &name, &objects) {
        Ok(held) => held,
        Err(error) => return refused(local::describe(&error)),
    };
    // Another process may have finished it until this one had the lock.
    if let Some(code) = ended(directory, &held.run, how) {
        return Ok(code);
    }
    let lacking = lacking(&held.spec, &held.run.namespace().unwrap_or_default(), &objects).await;
    if !lacking.is_empty() {
        return refused(format!("run {name:?}: {}; or name the manifests with -f", lacking.join("; ")));
    }
    let user = local::user();
    let asked = match retry {
        true => {
            let stage = guarded_failure(&held.run);
            Some(held.ask(RunAction { stage, ..RunAction::new(ActionType::Retry, &user, None) })?)
        }
        false => None,
    };
    match local::session(held, objects, &remembered, &user, *format) {
        Ok(session) => {
            let code = carry_on(session, directory, signals).await?;
            let refusal = asked.map_or(Ok(None), |position| refusal(directory, &name, position))?;
            refusal.map_or(Ok(code), |why| refused(format!("run {name:?} is not done again: {why}")))
        }
        Err(error @ (Refused::Program { .. } | Refused::Parameters { .. })) => refused(local::describe(&error)),
        Err(error) => Err(error.into()),
    }
}

/// Why the entry at this position of `spec.actions` changed nothing, if it did not.
fn refusal(directory: &StateDirectory, name: &str, position: usize) -> Result<Option<String>, Error> {
    let run = directory.existing(name)?;
    let result = run.status.as_ref().and_then(|status| status.state.actions.get(position));
    let ignored = result.filter(|result| result.result == ActionOutcome::Ignored);
    Ok(ignored.map(|result| result.message.clone().unwrap_or_default()))
}

/// Says that a run has ended, if it has and is not to be done again: its exit code.
fn ended(directory: &StateDirectory, run: &PipelineRun, how: &How) -> Option<u8> {
    let status = run.status.as_ref().filter(|status| status.state.is_finished() && !how.retry)?;
    let (name, phase) = (run.name_any(), status.state.phase);
    let again = match phase {
        RunPhase::Succeeded => String::new(),
        _ => format!("; do again what failed with: {} --retry", resume_command(directory, &name)),
    };
    let text = format!("run {name:?} has ended already: {phase:?}{again}");
    match how.format {
        Format::Json => {
            let output = Output::new(how.format, &name, Some(status));
            output.note(&text);
            output.end();
        }
        Format::Tree | Format::Plain => print(&format!("{text}\n")),
    }
    Some(exit_code(phase))
}

/// What of the manifests this run uses: of the `given` ones, or else of those that it began with. Those that do not say a
/// namespace are in the run's.
fn objects_of(run: &PipelineRun, remembered: &Remembered, given: Option<&Manifests>) -> Result<Objects, String> {
    let namespace = run.namespace().unwrap_or_default();
    let of = |manifests: &Manifests| Objects::of(manifests, namespace).map_err(|error| local::describe(&error));
    if let Some(manifests) = given {
        return of(manifests);
    }
    if remembered.standard_input {
        return Err("they came from standard input, which cannot be read again".to_owned());
    }
    of(&Manifests::read_whole(&remembered.manifests, false).map_err(|error| local::describe(&error))?)
}

/// Of two exit codes the one that says more of what went wrong: wrong input, failed, aborted, waits, succeeded.
fn graver(one: u8, other: u8) -> u8 {
    const ORDER: [u8; 5] = [0, NOBODY_TO_ASK, 3, FAILED, WRONG_INPUT];
    let rank = |code: u8| ORDER.iter().position(|known| *known == code).unwrap_or(ORDER.len());
    if rank(one) >= rank(other) { one } else { other }
}

/// The stage that failed and has to be named, since in a cluster somebody would guard it.
fn guarded_failure(run: &PipelineRun) -> Option<String> {
    let mut stages = run.status.iter().flat_map(|status| &status.state.stages);
    stages.find(|stage| stage.has_ended_badly() && stage.guard.is_some()).map(|stage| stage.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(line: &str, is_plugin: bool) -> Result<Where, String> {
        let words = line.split_whitespace();
        let command = <Arguments as clap::Args>::augment_args(clap::Command::new("resume").no_binary_name(true));
        let matches = command.try_get_matches_from(words).unwrap();
        <Arguments as clap::FromArgMatches>::from_arg_matches(&matches).unwrap().place(is_plugin)
    }

    #[test]
    fn a_run_is_in_the_cluster_or_in_a_directory_by_how_it_is_asked_for() {
        let cluster = || Ok(Where::Cluster("web-1".to_owned()));
        let nearest = || Ok(Where::Nearest("web-1".to_owned()));
        for (line, expected, as_plugin) in [
            ("", Ok(Where::Local), Ok(Where::Local)),
            ("web-1", nearest(), cluster()),
            ("web-1 -o json", nearest(), cluster()),
            ("plr/web-1", cluster(), cluster()),
            ("web-1 -n shop", cluster(), cluster()),
            ("web-1 --as ada", cluster(), cluster()),
            ("web-1 --wait", cluster(), cluster()),
            ("web-1 --reason enough", cluster(), cluster()),
            ("web-1 -o name", cluster(), cluster()),
            ("web-1 -o plain", Ok(Where::Local), Ok(Where::Local)),
            ("web-1 --state here", Ok(Where::Local), Ok(Where::Local)),
            ("web-1 -f p.yaml", Ok(Where::Local), Ok(Where::Local)),
            ("web-1 --yes", Ok(Where::Local), Ok(Where::Local)),
        ] {
            assert_eq!(place(line, false), expected, "{line}");
            assert_eq!(place(line, true), as_plugin, "{line}");
        }
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        for (line, expected) in [
            ("-n shop", "name the run"),
            ("web-1 --yes -n shop", "is in no cluster"),
            ("plr/web-1 -f p.yaml", "the kind before the name"),
            ("web-1 -o plain --wait", "is in no cluster"),
            ("pl/web", "no kind of run"),
        ] {
            let refusal = place(line, false).unwrap_err();
            assert!(refusal.contains(expected), "{line}: {refusal}");
        }
    }

    #[test]
    fn of_several_runs_the_worst_end_counts() {
        assert_eq!([graver(0, 3), graver(3, 1), graver(1, 0), graver(2, 1)], [3, 1, 1, 2]);
    }
}
