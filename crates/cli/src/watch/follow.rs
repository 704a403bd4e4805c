//! Shows a run of a cluster until it has ended, is deleted or is left.

use std::time::Duration;

use serde_json::Value;
use sluice_api::PipelineRunStatus;
use sluice_engine::RunPhase;
use tokio::time::sleep;

use super::{FirstApproval, Seen, Turn, Watching, status_of};
use crate::{
    actions::Run,
    changes,
    cluster::RequestError,
    local::{End, Signals},
    output::Output,
};

/// How often the time that passes is shown.
const TICK: Duration = Duration::from_millis(500);

/// What is said when there is a connection again.
pub(super) const BACK: &str = "the API server answers again";

/// How it came out.
#[derive(Debug)]
pub(crate) enum Followed {
    /// The run has ended.
    Ended(RunPhase),
    /// It was deleted.
    Deleted,
    /// It is left as it is.
    Left(End),
}

/// Shows a run until it has ended or is left. What `first` has to do is done meanwhile.
///
/// # Errors
/// The run cannot be watched any more.
pub(crate) async fn follow(
    watching: &mut Watching,
    output: &Output,
    signals: &mut Signals,
    mut first: FirstApproval<'_>,
) -> Result<Followed, String> {
    let mut shown = PipelineRunStatus::default();
    loop {
        let seen = tokio::select! {
            biased;
            signal = signals.next() => match signal {
                Some(end) => return Ok(Followed::Left(end)),
                None => {
                    output.refresh();
                    continue;
                }
            },
            seen = watching.next() => seen,
            () = sleep(TICK) => {
                output.refresh();
                continue;
            }
        };
        let run = match seen {
            Seen::Run(run) => run,
            Seen::Gone => return Ok(Followed::Deleted),
            Seen::Lost(error) => {
                output.note(&lost(&error));
                continue;
            }
            Seen::Back => {
                output.note(BACK);
                continue;
            }
            Seen::Refused(error) => return Err(error.to_string()),
        };
        let status = status_of(&run)?;
        show(output, &run, &shown, &status);
        shown = status;
        if shown.state.is_finished() && !is_to_go_on(&run) {
            return Ok(Followed::Ended(shown.state.phase));
        }
        // The answer is among those that are shown.
        if let Turn::NotGiven(text) = first.consider(&run, &shown).await {
            output.note(&text);
        }
    }
}

/// What is said while there is no connection.
pub(super) fn lost(error: &RequestError) -> String {
    format!("{error}; tried again until it can be")
}

/// What is new, and what people were answered.
fn show(output: &Output, run: &Run, before: &PipelineRunStatus, after: &PipelineRunStatus) {
    let told = before.state.actions.len();
    output.answered(&changes::answers(run.entries(), &after.state.actions, told));
    output.changed(before, after);
}

/// Whether somebody has asked for more of a run that has ended, and was not answered yet.
fn is_to_go_on(run: &Run) -> bool {
    let is_for_more = |entry: &Value| entry["type"] == "Retry" || entry["type"] == "Skip";
    run.unanswered().iter().any(is_for_more)
}
