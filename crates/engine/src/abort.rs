//! Why a run is aborted.

use std::fmt;

/// Why a run is aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Abort {
    /// In a word.
    pub reason: AbortReason,
    /// For people.
    pub message: String,
}

/// Why a run is aborted, in a word: the reason of its ending, and of the stages that it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbortReason {
    /// A person asked for it.
    Aborted,
    /// The run is being deleted.
    Deleted,
    /// The run took longer than it may.
    RunTimeout,
}

impl AbortReason {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aborted => "Aborted",
            Self::Deleted => "Deleted",
            Self::RunTimeout => "RunTimeout",
        }
    }
}

impl fmt::Display for AbortReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
