//! `sluice demo`: a durable pipeline on this machine, with nothing but git beside it.

use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use kube::ResourceExt;
use sluice_api::PipelineRunStatus;
use sluice_engine::RunPhase;

use super::local::{EXIT_CODES, Shared, carry_on, objects, refuse, remember, use_of};
use crate::{
    demo::{Demo, Error},
    local::{self, Signals, Wanted},
    manifest::Manifests,
    output::{Format, print, whole_tree},
    shell::{own_command, quoted},
};

/// Show a pipeline at work, on this machine alone.
///
/// It makes a directory with manifests and a bare git repository, and runs the pipeline: it reads what is deployed, opens a
/// change, waits until that is merged (it asks, or with --yes merges it itself), and checks what was merged. A demo that was
/// killed goes on where it was.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// The directory to make. When a demo has ended in it, the next one is made beside it, with a number.
    #[arg(long, value_name = "DIRECTORY", default_value = "sluice-demo")]
    dir: PathBuf,
    /// Merge the change without asking; so it is, too, where there is no terminal.
    #[arg(short, long)]
    yes: bool,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { dir, yes } = arguments;
    let has_person = io::stdin().is_terminal() && io::stdout().is_terminal();
    let shared = Shared::only_yes(yes || !has_person);
    let runtime = shared.prepare()?;
    runtime.block_on(show(&dir, &shared))
}

async fn show(dir: &Path, shared: &Shared) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::take().context("failed to listen for signals")?;
    let demo = match Demo::find(dir, |demo| !matches!(progress(demo), Progress::Over)).await {
        Ok(demo) => demo,
        Err(error @ Error::NotOurs { .. }) => return Ok(refuse([error])),
        Err(error) => return Err(error.into()),
    };
    print(&introduction(&demo));
    let manifests = vec![demo.path().to_owned()];
    let remembered = remember(&manifests, shared)?;
    let read = Manifests::read_whole(&manifests, false).map_err(|error| anyhow::anyhow!("{error}"))?;
    let objects = objects(&read, None).await.map_err(|error| anyhow::anyhow!("{error}"))?;
    let user = local::user();
    let held = match progress(&demo) {
        Progress::Begun(name) => local::take_up(demo.state(), &name, &objects),
        Progress::Fresh | Progress::Over => {
            let chosen = local::choose(&objects, &Wanted::default(), |name| use_of(&demo.state(), name));
            let chosen = chosen.map_err(|problems| anyhow::anyhow!(problems.join("\n")))?;
            local::begin(demo.state(), chosen, &objects, &user, &remembered)
        }
    };
    let held = match held {
        Ok(held) => held,
        Err(refused) => return Ok(refuse([local::describe(&refused)])),
    };
    let name = held.run.name_any();
    let session = local::session(held, objects, &remembered, &user, shared.format(None))?;
    let code = carry_on(session, &demo.state(), &mut signals).await?;
    if code < 128 {
        print(&conclusion(&demo, &name, shared.format(None)).await?);
    }
    Ok(ExitCode::from(code))
}

/// How far a demo is.
enum Progress {
    /// No run was begun yet.
    Fresh,
    /// This run is to be carried on.
    Begun(String),
    /// Its runs have ended, or cannot be read.
    Over,
}

fn progress(demo: &Demo) -> Progress {
    let names = demo.state().names().unwrap_or_default();
    if names.is_empty() {
        return Progress::Fresh;
    }
    let runs = names.iter().filter_map(|name| demo.state().run(name).ok().flatten());
    let mut begun = runs.filter(|run| !run.status.as_ref().is_some_and(|status| status.state.is_finished()));
    begun.next().map_or(Progress::Over, |run| Progress::Begun(run.name_any()))
}

fn introduction(demo: &Demo) -> String {
    let (directory, repository) = (demo.path().display(), demo.repository());
    format!(
        "A version of `web` goes to staging, through git:\n\n\
         \x20 {directory}/pipeline.yaml     what is done\n\
         \x20 {directory}/providers.yaml    where git is\n\
         \x20 {}    the repository, with staging/web.yaml\n\n",
        repository.display()
    )
}

/// What came of it, where everything is, and what to try next.
async fn conclusion(demo: &Demo, run: &str, format: Format) -> anyhow::Result<String> {
    let kept = demo.state().existing(run)?;
    let status = kept.status.unwrap_or_default();
    let mut text = String::new();
    if format != Format::Tree {
        text += &format!("\n{}", whole_tree(run, &status));
    }
    if let Some(number) = change(&status) {
        let lines = demo.changed_lines(number).await?;
        let lines: String = lines.iter().map(|line| format!("  {line}\n")).collect();
        text += &match status.state.phase {
            RunPhase::Succeeded => {
                format!(
                    "\nThis is all that change {number} did to staging/web.yaml, and it is on `main` now:\n\n{lines}"
                )
            }
            _ => format!("\nThis is what change {number} is about:\n\n{lines}"),
        };
    }
    text += &format!("\nEverything the run knows is in {}\n", demo.state().run_path(run).display());
    if status.state.phase == RunPhase::Succeeded {
        text += &suggestions(demo);
    }
    Ok(text)
}

/// The number of the change that the run opened.
fn change(status: &PipelineRunStatus) -> Option<u64> {
    status.state.steps().find_map(|step| step.outputs.get("number")?.as_u64())
}

/// Each of these commands can be pasted, one after the other.
fn suggestions(demo: &Demo) -> String {
    let sluice = own_command();
    let word = |path: &Path| quoted(&path.display().to_string());
    let (dir, repository, state) = (word(demo.path()), word(&demo.repository()), word(demo.state().path()));
    format!(
        "\nTry next:\n\
         \n  See what git says now\n\
         \x20   git -C {repository} log --graph --oneline main\n\
         \n  Run it again: there is nothing to deploy, so it changes nothing\n\
         \x20   {sluice} run -f {dir}\n\
         \n  Deploy another version, and be the one who merges\n\
         \x20   {sluice} run -f {dir} --param version=1.6.0 {yes}\n\
         \n  Kill a run while it waits, and carry it on: one change, one commit\n\
         \x20   timeout --signal=KILL 2 {sluice} run -f {dir} --param version=1.7.0 --name killed </dev/null\n\
         \x20   {sluice} resume killed --state {state} --yes\n\
         \n  Break {dir}/pipeline.yaml, and be told where and how to mend it\n\
         \x20   {sluice} lint {dir}\n\
         \nIn a cluster, the same Pipeline is applied with kubectl, beside a ScmProvider of your git host.\n",
        yes = if io::stdin().is_terminal() { "" } else { "--yes" },
    )
}
