//! How an entry of `spec.actions` is told of, before and after its answer. Pure.

use sluice_api::{ActionType, RunAction};

use super::{Run, status::Status};

/// That it was asked: `approval of stage live requested`.
pub(crate) fn asked(action: &RunAction) -> String {
    format!("{} requested", subject(action))
}

/// That it was asked, and changed nothing: `approval of stage live was ignored: it waits for no approval`.
pub(crate) fn ignored(action: &RunAction, why: Option<&str>) -> String {
    format!("{} was ignored: {}", subject(action), why.unwrap_or("it is not said why"))
}

/// What was done, and what is left to be done where `run`, as it is now, says so: `stage live approved`.
pub(crate) fn done(action: &RunAction, run: &Run) -> String {
    let status = Status::of(run).unwrap_or_default();
    let place = place(action);
    let at = |word: &str| place.as_ref().map_or_else(|| word.to_owned(), |place| format!("{place} {word}"));
    match action.r#type {
        ActionType::Approve => at("approved") + &missing(action, &status),
        ActionType::Reject => at("rejected"),
        ActionType::Abort => "is being aborted".to_owned(),
        ActionType::Pause => "paused".to_owned(),
        ActionType::Resume => match status.suspended {
            Some(suspended) if suspended.reason.is_empty() => "resumed, but its pipeline is suspended".to_owned(),
            Some(suspended) => format!("resumed, but its pipeline is suspended: {}", suspended.reason),
            None => "resumed".to_owned(),
        },
        ActionType::Retry => at("retried"),
        ActionType::Skip => at("skipped"),
        ActionType::Unlock => "unlocked".to_owned(),
    }
}

/// How many more have to approve what is still waiting.
fn missing(action: &RunAction, status: &Status) -> String {
    let waiting = status.stages.iter().filter(|stage| {
        stage.awaits_approval()
            && Some(&stage.name) == action.stage.as_ref()
            && (action.item.is_none() || stage.item == action.item)
            && action.attempt.is_none_or(|attempt| attempt == stage.attempt)
    });
    let missing = waiting.filter_map(|stage| stage.approval.as_ref()).map(sluice_engine::Approval::missing).max();
    match missing {
        None | Some(0) => String::new(),
        Some(1) => "; one more person has to approve it".to_owned(),
        Some(many) => format!("; {many} more people have to approve it"),
    }
}

/// The request in words.
fn subject(action: &RunAction) -> String {
    let noun = match action.r#type {
        ActionType::Approve => "approval",
        ActionType::Reject => "rejection",
        ActionType::Abort => "abort",
        ActionType::Pause => "pause",
        ActionType::Resume => "resume",
        ActionType::Retry => "retry",
        ActionType::Skip => "skip",
        ActionType::Unlock => "unlock",
    };
    place(action).map_or_else(|| noun.to_owned(), |place| format!("{noun} of {place}"))
}

/// What it is about, where that is not the run as a whole: `stage live`, `step check of stage live[eu]`.
fn place(action: &RunAction) -> Option<String> {
    let stage = action.stage.as_ref()?;
    let item = action.item.as_ref().map(|item| format!("[{item}]")).unwrap_or_default();
    let step = action.step.as_ref().map(|step| format!("step {step} of ")).unwrap_or_default();
    Some(format!("{step}stage {stage}{item}"))
}
