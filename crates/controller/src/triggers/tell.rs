//! What people are told of a time that has come.

use sluice_api::{Due, PipelineTrigger, Start, StartResult, TriggerStatus};
use sluice_steps::Report;

/// The Events on the pipeline.
pub(super) fn reports(trigger: &PipelineTrigger, due: &Due, status: &TriggerStatus) -> Vec<Report> {
    let Some(Start { at, result, reason, message, run_ref }) = &status.last else { return Vec::new() };
    let name = &trigger.name;
    let report = |reason: &str, message| Report { reason: reason.to_owned(), message, warning: false };
    let message = message.clone().unwrap_or_default();
    match result {
        StartResult::Started => {
            let run = run_ref.as_ref().map(|run| run.name.as_str()).unwrap_or_default();
            let started = report("RunStarted", format!("trigger {name} started run {run} for {at}"));
            let passed_over =
                (due.earlier > 0).then(|| report("TickDropped", format!("trigger {name}, {at}: {message}")));
            [started].into_iter().chain(passed_over).collect()
        }
        StartResult::Dropped => {
            let reason = reason.as_deref().unwrap_or_default();
            vec![report("TickDropped", format!("trigger {name} started no run for {at}: {reason}: {message}"))]
        }
    }
}
