//! Conditions: what machines read of an object, by the conventions of the Kubernetes API.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use sluice_engine::cut_to;

use crate::names;

/// The API server refuses a condition with a longer message.
const MESSAGE_LIMIT: usize = 32 * 1024;

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It is not known yet.
    Unknown,
}

impl Truth {
    fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// What a condition is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Which condition: [`names::SUCCEEDED`], [`names::READY`], [`names::RECORDED`] or [`names::DEPLOYED`].
    pub condition: &'static str,
    /// Whether it holds.
    pub truth: Truth,
    /// Why, in one CamelCase word.
    pub reason: String,
    /// Why, for people.
    pub message: String,
}

impl Verdict {
    /// Of a run: whether it succeeded.
    pub fn succeeded(truth: Truth, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { condition: names::SUCCEEDED, truth, reason: reason.into(), message: message.into() }
    }

    /// Of a definition: whether it can be used.
    pub fn ready(truth: Truth, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { condition: names::READY, truth, reason: reason.into(), message: message.into() }
    }

    /// Of a ComponentUpdate: whether its Environment knows of it.
    pub fn recorded(truth: Truth, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { condition: names::RECORDED, truth, reason: reason.into(), message: message.into() }
    }

    /// Of a ComponentUpdate: whether its run has deployed it.
    pub fn deployed(truth: Truth, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { condition: names::DEPLOYED, truth, reason: reason.into(), message: message.into() }
    }

    /// The condition of the object's `generation`; `before` are the object's conditions so far. The time of the transition
    /// moves only with the status.
    pub fn at(self, now: Timestamp, generation: Option<i64>, before: &[Condition]) -> Condition {
        let Self { condition, truth, reason, message } = self;
        let same = before.iter().find(|before| before.type_ == condition && before.status == truth.as_str());
        Condition {
            type_: condition.to_owned(),
            status: truth.as_str().to_owned(),
            // A condition needs a reason.
            reason: if reason.is_empty() { "Unknown".to_owned() } else { reason },
            message: cut_to(MESSAGE_LIMIT, message),
            last_transition_time: same.map_or(Time(now), |before| before.last_transition_time.clone()),
            observed_generation: generation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64, verdict: Verdict, before: &[Condition]) -> Condition {
        verdict.at(Timestamp::from_second(second).unwrap(), Some(1), before)
    }

    #[test]
    fn the_time_of_the_transition_moves_only_with_the_status() {
        let first = at(1, Verdict::ready(Truth::False, "Invalid", "a"), &[]);
        let same = at(2, Verdict::ready(Truth::False, "Malformed", "b"), std::slice::from_ref(&first));
        assert_eq!((same.reason.as_str(), &same.last_transition_time), ("Malformed", &first.last_transition_time));
        let other = at(3, Verdict::ready(Truth::True, "Valid", ""), &[same]);
        assert_eq!(other.last_transition_time.0, Timestamp::from_second(3).unwrap());
    }

    #[test]
    fn a_condition_never_says_more_than_the_api_server_takes() {
        let long = at(1, Verdict::succeeded(Truth::False, "", "é".repeat(MESSAGE_LIMIT)), &[]);
        assert!(long.message.len() <= MESSAGE_LIMIT && long.message.ends_with('…'));
        assert_eq!(long.reason, "Unknown");
    }
}
