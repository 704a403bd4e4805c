//! `sluice abort`: ends a run in a cluster.

use std::{path::Path, process::ExitCode, time::Duration};

use anyhow::Context;
use kube::ResourceExt;
use sluice_api::{ActionType, RunAction};

use crate::{
    actions::{self, Run, Runs},
    cluster::{self, RequestError},
    local::StateDirectory,
    output::{complain, write},
    printable,
};

/// End a run in a cluster.
///
/// What is under way is ended, its effects are taken back where the pipeline says so, and the Abortion hooks run. It appends
/// an entry `Abort` to the `spec.actions` of the PipelineRun, under your name, as `kubectl patch` could; it takes the rights
/// to get and to patch pipelineruns. To abort twice is to abort once.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Exit codes:
  0  the run was asked to end, or somebody else did that before;
     with --wait: it has ended as Aborted
  1  it was not: there is no such run, it has ended by itself
     before, or the API server refuses or does not answer
  2  the command is wrong

A run of the local mode (`sluice run`) is no object of a cluster:
Ctrl-C in its terminal aborts it.")]
pub(crate) struct Arguments {
    /// The run, such as web-1 or plr/web-1.
    #[arg(value_name = "RUN", value_parser = actions::run_name)]
    run: String,
    /// Why, for whoever reads the record.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Wait until the run has ended, its hooks included, and say how.
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    cluster: cluster::Options,
    /// What is printed: a line for people unless set.
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
}

/// How the run is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// The name, as kubectl writes it.
    Name,
    /// The whole object.
    Json,
    /// The whole object.
    Yaml,
}

/// How often a run is looked at that is waited for.
const INTERVAL: Duration = Duration::from_secs(1);

/// How many times in a row nobody may answer meanwhile.
const PATIENCE: u32 = 60;

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("failed to start the runtime")?.block_on(async {
        match abort(arguments).await {
            Ok(code) => Ok(code),
            Err(Failed::Print(error)) => Err(error),
            Err(Failed::Said(text)) => {
                complain(&format!("error: {}", printable::lines(&text)));
                Ok(ExitCode::FAILURE)
            }
        }
    })
}

/// Why a command came to its end early.
enum Failed {
    /// What is to be said to the person.
    Said(String),
    /// Nothing can be said any more.
    Print(anyhow::Error),
}

impl<E: std::error::Error> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Said(error.to_string())
    }
}

async fn abort(arguments: &Arguments) -> Result<ExitCode, Failed> {
    let Arguments { run: name, reason, wait, cluster, output } = arguments;
    let cluster = cluster.connect().await?;
    let runs = Runs::of(&cluster);
    let run = runs.get(name).await.map_err(|error| with_local(error, name))?;
    let (run, said) = match standing(&run) {
        Standing::Over(end) => return Err(Failed::Said(format!("{} has ended already: {end}", run.reference()))),
        Standing::Decided(end) => {
            return Err(Failed::Said(format!("{} only finishes its hooks: {end}", run.reference())));
        }
        Standing::Aborted(how) => (run, how),
        Standing::Open => {
            let by = actions::user(&cluster).await?;
            let action = RunAction::new(ActionType::Abort, by, reason.clone());
            (runs.append(name, &action).await?, "abort requested".to_owned())
        }
    };
    if output.is_none() {
        tell(&run, &said)?;
    }
    let (run, code) = if *wait { ended(&runs, run, output.is_none()).await? } else { (run, ExitCode::SUCCESS) };
    match output {
        None => {}
        Some(Format::Name) => print(&format!("{}\n", run.reference()))?,
        Some(Format::Json) => print(&format!("{:#}\n", run.to_value()?))?,
        Some(Format::Yaml) => print(&serde_saphyr::to_string(&run.to_value()?)?)?,
    }
    Ok(code)
}

/// Where a run stands that is to be aborted.
enum Standing {
    /// It can be.
    Open,
    /// It was, or is about to be.
    Aborted(String),
    /// It comes too late: its result is decided and nothing but hooks is left.
    Decided(String),
    /// It comes too late.
    Over(String),
}

fn standing(run: &Run) -> Standing {
    match (run.end(), run.decided()) {
        (Some(end), _) if end.is_aborted => return Standing::Aborted(format!("was aborted before: {}", end.text)),
        (Some(end), _) => return Standing::Over(end.text),
        (None, Some(end)) if end.is_aborted => return Standing::Aborted(format!("is being aborted: {}", end.text)),
        (None, Some(end)) => return Standing::Decided(end.text),
        (None, None) => {}
    }
    if let Some(entry) = run.asked("Abort").next() {
        let by = entry["by"].as_str().unwrap_or("somebody");
        return Standing::Aborted(format!("is being aborted: {by} asked for it"));
    }
    match run.is_being_deleted() {
        true => Standing::Aborted("is being deleted, which aborts it".to_owned()),
        false => Standing::Open,
    }
}

/// The run once it has ended, and what that means for this command.
async fn ended(runs: &Runs, asked: Run, tells: bool) -> Result<(Run, ExitCode), Failed> {
    let mut run = asked;
    let mut unanswered = 0;
    loop {
        if let Some(end) = run.end() {
            if tells {
                tell(&run, &end.text)?;
            }
            return Ok((run, if end.is_aborted { ExitCode::SUCCESS } else { ExitCode::FAILURE }));
        }
        tokio::time::sleep(INTERVAL).await;
        match runs.get(&run.0.name_any()).await {
            Ok(now) if now.0.metadata.uid == run.0.metadata.uid => (run, unanswered) = (now, 0),
            // Its deletion aborts a run, and it is gone once its hooks have run.
            Ok(_) | Err(RequestError::NoObject { .. }) => {
                if tells {
                    tell(&run, "was deleted")?;
                }
                return Ok((run, ExitCode::SUCCESS));
            }
            Err(error) if error.may_pass() && unanswered < PATIENCE => unanswered += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whoever means a run of the local mode is told how that one is ended.
fn with_local(error: RequestError, name: &str) -> Failed {
    let is_local = StateDirectory::beside(Path::new(".")).run_path(name).exists();
    Failed::Said(match matches!(error, RequestError::NoObject { .. }) && is_local {
        true => {
            format!("{error}\nThe run {name:?} in .sluice is one of the local mode: Ctrl-C in its terminal aborts it.")
        }
        false => error.to_string(),
    })
}

fn tell(run: &Run, text: &str) -> Result<(), Failed> {
    print(&format!("{} {}\n", run.reference(), printable::line(text)))
}

fn print(text: &str) -> Result<(), Failed> {
    write(text).context("failed to print").map_err(Failed::Print)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn run(spec: Value, status: Value) -> Run {
        let object = json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun", "metadata": {"name": "web-1"},
            "spec": spec, "status": status});
        Run(serde_json::from_value(object).unwrap())
    }

    fn stands(spec: Value, status: Value) -> String {
        match standing(&run(spec, status)) {
            Standing::Open => "open".to_owned(),
            Standing::Aborted(how) => how,
            Standing::Decided(end) => format!("decided: {end}"),
            Standing::Over(end) => format!("over: {end}"),
        }
    }

    fn condition(status: &str) -> Value {
        json!([{"type": "Succeeded", "status": status}])
    }

    #[test]
    fn a_run_can_be_aborted_until_its_result_is_decided_and_once() {
        let none = || json!({"actions": []});
        assert_eq!(stands(none(), json!(null)), "open");
        assert_eq!(stands(none(), json!({"phase": "Running", "conditions": condition("Unknown")})), "open");
        let asked = json!({"actions": [{"type": "Pause", "by": "ada"}, {"type": "Abort", "by": "bob"}]});
        assert_eq!(stands(asked, json!({"phase": "Running"})), "is being aborted: bob asked for it");
        let ending = |phase: &str| json!({"phase": phase, "message": "why"});
        let aborted = json!({"phase": "Running", "ending": ending("Aborted"), "conditions": condition("Unknown")});
        assert_eq!(stands(none(), aborted), "is being aborted: Aborted: why");
        let failed = json!({"phase": "Running", "ending": ending("Failed"), "conditions": condition("Unknown")});
        assert_eq!(stands(none(), failed), "decided: Failed: why");
    }

    #[test]
    fn a_run_that_has_ended_says_how() {
        let status =
            |phase: &str, truth: &str| json!({"phase": phase, "message": "why", "conditions": condition(truth)});
        assert_eq!(stands(json!({}), status("Aborted", "False")), "was aborted before: Aborted: why");
        assert_eq!(stands(json!({}), status("Failed", "False")), "over: Failed: why");
        let succeeded = json!({"phase": "Succeeded", "conditions": condition("True")});
        assert_eq!(stands(json!({}), succeeded), "over: Succeeded");
    }

    #[test]
    fn deletion_aborts() {
        let mut deleted = run(json!({}), json!({}));
        deleted.0.metadata.deletion_timestamp = serde_json::from_value(json!("2026-05-04T12:00:00Z")).unwrap();
        assert!(matches!(standing(&deleted), Standing::Aborted(how) if how.contains("being deleted")));
    }
}
