//! What came of performing a step: data, so that the engine and not the step decides what follows.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

/// A step's results by name.
pub type Outputs = Map<String, Value>;

/// What came of performing or looking at a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The step is done.
    Succeeded(Outputs),
    /// Not yet; look again later, or when the awaited thing changes.
    Waiting {
        /// When to look again at the latest.
        look_at: Timestamp,
        /// Whoever was asked wants to be left alone until then: nothing that changes is a reason to look sooner.
        not_before: Option<Timestamp>,
        /// What is missing, for people.
        message: Option<String>,
        /// What was seen so far, for machines.
        progress: Option<Value>,
        /// At `look_at` the step must act again, under the claim it holds, instead of only looking. Only an effect that
        /// the other side makes idempotent may ask for this: another process may have claimed the step since.
        act_again: bool,
    },
    /// The step's attempt ended without success.
    Failed(Failure),
}

/// What came of taking an effect back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undone {
    /// There is nothing left of it, or there never was.
    Done,
    /// It is on its way, and nothing has failed: ask again later.
    NotYet {
        /// What is awaited, for people.
        message: String,
    },
}

/// Why an attempt ended without success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// For machines: a stable CamelCase word.
    pub reason: String,
    /// For people: what is wrong and what to do about it.
    pub message: String,
    /// Whether the same attempt may well succeed later (the host was away, a limit was hit).
    pub transient: bool,
    /// Whether it is known what became of the effect.
    pub end: End,
    /// The other side asked not to be called again sooner.
    pub retry_after: Option<SignedDuration>,
}

/// Whether it is known what became of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It certainly did not happen, or its end was seen: a further attempt is a new effect under a new key.
    Known,
    /// It may have happened: a further attempt looks for it first, under the same key.
    Unknown,
    /// It may have happened, cannot be looked for and must not be repeated: a person has to look.
    Unresolved,
}

impl Failure {
    /// A failure whose end is known and which would happen again.
    pub fn definite(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { reason: reason.into(), message: message.into(), transient: false, end: End::Known, retry_after: None }
    }

    /// A failure that may pass by itself; whether the effect happened is not known.
    pub fn transient(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { transient: true, end: End::Unknown, ..Self::definite(reason, message) }
    }

    /// The same failure with another end.
    #[must_use]
    pub fn with_end(self, end: End) -> Self {
        Self { end, ..self }
    }
}
