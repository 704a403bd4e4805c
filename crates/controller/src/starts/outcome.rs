//! What became of something that should start a run, for statuses.

use jiff::Timestamp;
use sluice_api::{LocalReference, Start, StartResult, Suspend, Unresolved};
use sluice_engine::cut_to;

/// As much of a message as a status takes.
const MESSAGE_LIMIT: usize = 1024;

/// Why no run was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dropped {
    /// In one word.
    pub(crate) reason: &'static str,
    /// For people.
    pub(crate) message: String,
}

impl Dropped {
    /// The pipeline is suspended, or was when it was looked at before: then what came in between came during the pause.
    pub(crate) fn suspended(suspend: Option<&Suspend>, was_suspended: bool) -> Option<Self> {
        let message = match suspend {
            Some(Suspend { reason: Some(why), .. }) => format!("the pipeline is suspended: {why}"),
            Some(Suspend { reason: None, .. }) => "the pipeline is suspended".to_owned(),
            None if was_suspended => "the pipeline was suspended when it was last looked at".to_owned(),
            None => return None,
        };
        Some(Self { reason: "Suspended", message })
    }

    /// The API server does not let the sources be read.
    pub(crate) fn source_refused(why: &str) -> Self {
        Self { reason: "SourceRefused", message: format!("the API server refused to show a source: {why}") }
    }
}

impl From<Unresolved> for Dropped {
    fn from(Unresolved { reason, message }: Unresolved) -> Self {
        Self { reason, message }
    }
}

/// What is written of a run that was started, and what there is to say of it.
pub(crate) fn started(at: Timestamp, run: String, message: Option<String>) -> Start {
    let message = message.map(|message| cut_to(MESSAGE_LIMIT, message));
    Start { at, result: StartResult::Started, reason: None, message, run_ref: Some(LocalReference { name: run }) }
}

/// What is written where none was.
pub(crate) fn dropped(at: Timestamp, Dropped { reason, message }: Dropped) -> Start {
    let message = Some(cut_to(MESSAGE_LIMIT, message));
    Start { at, result: StartResult::Dropped, reason: Some(reason.to_owned()), message, run_ref: None }
}
