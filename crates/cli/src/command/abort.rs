//! `sluice abort`: ends a run in a cluster.

use std::process::ExitCode;

use sluice_api::ActionType;
use sluice_engine::RunPhase;

use super::verb::{self, Desk, Failed};
use crate::actions::{self, Ask, Run};

/// End a run in a cluster.
///
/// What is under way is ended, its effects are taken back where the pipeline says so, and the Abortion hooks run. It appends
/// an entry `Abort` to the `spec.actions` of the PipelineRun, under your name, as `kubectl patch` could; it takes the verb
/// `abort` on its pipeline. To abort twice is to abort once.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Exit codes:
  0  the run is being aborted, or somebody else asked for that
     before, or nobody has answered within 5 seconds, which is said;
     with --wait: it has ended as Aborted
  1  it is not: there is no such run, it has ended by itself
     before, or the API server refuses or does not answer
  2  the command is wrong

A run of the local mode (`sluice run`) is no object of a cluster:
Ctrl-C in its terminal aborts it.")]
pub(crate) struct Arguments {
    /// The run, such as web-1 or plr/web-1.
    #[arg(value_name = "RUN", value_parser = actions::run_name)]
    run: String,
    /// Wait until the run has ended, its hooks included, and say how; with =false do not even wait for the answer. For that
    /// 5 seconds unless set.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    wait: Option<bool>,
    #[command(flatten)]
    options: verb::Options,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    verb::block_on(abort(arguments))
}

async fn abort(arguments: &Arguments) -> Result<ExitCode, Failed> {
    let Arguments { run: name, wait, options } = arguments;
    let desk = Desk::open(options).await?;
    let run = desk.get(name).await?;
    let waits = *wait == Some(true);
    let run = match standing(&run) {
        Standing::Over(end) => return Err(Failed::Said(format!("{} has ended already: {end}", run.reference()))),
        Standing::Decided(end) => {
            return Err(Failed::Said(format!("{} only finishes its hooks: {end}", run.reference())));
        }
        Standing::Aborted(how) => {
            desk.tell(&run, &how)?;
            run
        }
        Standing::Open => {
            let request = desk.send(Ask::of_run(ActionType::Abort, options.reason.clone()), &run).await?;
            match waits {
                // Its end is the answer.
                true => {
                    desk.tell(&request.run, &actions::asked(&request.action))?;
                    request.run
                }
                false => desk.settle(request, verb::Waiting { wait: *wait }).await?,
            }
        }
    };
    let (run, code) = if waits { ended(&desk, run).await? } else { (run, ExitCode::SUCCESS) };
    desk.print(&run)?;
    Ok(code)
}

/// The run once it has ended, and what that means for this command.
async fn ended(desk: &Desk, asked: Run) -> Result<(Run, ExitCode), Failed> {
    let (run, end) = desk.ended(asked).await?;
    // Its deletion aborts a run, and it is gone once its hooks have run.
    let (is_aborted, text) = end.map_or((true, "was deleted".to_owned()), |end| (end.is(RunPhase::Aborted), end.text));
    desk.tell(&run, &text)?;
    Ok((run, if is_aborted { ExitCode::SUCCESS } else { ExitCode::FAILURE }))
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
        (Some(end), _) if end.is(RunPhase::Aborted) => {
            return Standing::Aborted(format!("was aborted before: {}", end.text));
        }
        (Some(end), _) => return Standing::Over(end.text),
        (None, Some(end)) if end.is(RunPhase::Aborted) => {
            return Standing::Aborted(format!("is being aborted: {}", end.text));
        }
        (None, Some(end)) => return Standing::Decided(end.text),
        (None, None) => {}
    }
    // One that was answered has ended the run, or an earlier round of it.
    if let Some(entry) = run.unanswered().iter().find(|entry| entry["type"] == "Abort") {
        let by = entry["by"].as_str().unwrap_or("somebody");
        return Standing::Aborted(format!("is being aborted: {by} asked for it"));
    }
    match run.is_being_deleted() {
        true => Standing::Aborted("is being deleted, which aborts it".to_owned()),
        false => Standing::Open,
    }
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
