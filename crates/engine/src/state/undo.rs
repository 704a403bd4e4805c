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
    /// Since when it fails. Absent while it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// The number of the attempt, from 1. What is on its way and has not failed is not counted.
    #[serde(default = "one")]
    pub attempt: i32,
    /// When it is tried or looked at again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
    /// Why the last attempt failed, or what is awaited, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// How far taking an effect back is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum UndoPhase {
    /// Not done yet. It is tried for 10 minutes while it fails, and awaited for 30 minutes altogether.
    #[default]
    Pending,
    /// There is nothing left of it, or there never was.
    Undone,
    /// Given up: a person has to look.
    Failed,
}

impl Undo {
    pub(crate) fn since(now: Timestamp) -> Self {
        Self { phase: UndoPhase::Pending, since: now, failing_since: None, attempt: 1, retry_at: None, message: None }
    }
}
