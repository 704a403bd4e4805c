//! How far the effect of a step is taken back.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::one;

/// Taking a step's effect back: a pull request is closed, a Job deleted, a child run aborted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct Undo {
    /// How far it is.
    #[serde(default)]
    pub phase: UndoPhase,
    /// Since when it is tried.
    pub since: Timestamp,
    /// The number of the attempt, from 1.
    #[serde(default = "one")]
    pub attempt: i32,
    /// When the next attempt starts, after one that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
    /// Why the last attempt failed, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// How far taking an effect back is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum UndoPhase {
    /// Not done yet; tried for 10 minutes.
    #[default]
    Pending,
    /// There is nothing left of it, or there never was.
    Undone,
    /// Given up: a person has to look.
    Failed,
}

impl Undo {
    pub(crate) fn since(now: Timestamp) -> Self {
        Self { phase: UndoPhase::Pending, since: now, attempt: 1, retry_at: None, message: None }
    }
}
