//! What people are told of a time that has come.

use jiff::Timestamp;
use sluice_api::{Due, PipelineTrigger, Start, StartResult, TriggerStatus};
use sluice_steps::Report;

use super::decide;

/// The Event where the clock was set back so far that a trigger begins anew.
pub(super) fn set_back(trigger: &PipelineTrigger, before: &TriggerStatus, now: Timestamp) -> Option<Report> {
    let message = decide::set_back(trigger, before, now)?;
    Some(Report { reason: "ClockSetBack".to_owned(), message, warning: true })
}

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
