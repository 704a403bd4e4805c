//! Conditions: what machines read of an object, by the conventions of the Kubernetes API.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta, Time};
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

/// The condition of an object that cannot be read because of `error`: whoever says it, and as often as it is said, it is the same.
/// Its time is the object's own, since nobody knows the conditions so far.
pub fn malformed(condition: &'static str, truth: Truth, metadata: &ObjectMeta, error: &str) -> Condition {
    let message = format!("the object cannot be read, and is left alone until it is mended: {error}");
    let verdict = Verdict { condition, truth, reason: "Malformed".to_owned(), message };
    let made = metadata.creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0);
    verdict.at(made, metadata.generation, &[])
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
    fn an_object_that_cannot_be_read_has_one_condition_for_ever() {
        let made = Timestamp::from_second(7).unwrap();
        let metadata =
            ObjectMeta { creation_timestamp: Some(Time(made)), generation: Some(3), ..ObjectMeta::default() };
        let say = || malformed(names::READY, Truth::False, &metadata, "spec.stages: expected a list");
        assert_eq!(say(), say());
        assert_eq!((say().last_transition_time.0, say().observed_generation), (made, Some(3)));
        let message = "the object cannot be read, and is left alone until it is mended: spec.stages: expected a list";
        assert_eq!((say().reason.as_str(), say().message.as_str()), ("Malformed", message));
    }

    #[test]
    fn a_condition_never_says_more_than_the_api_server_takes() {
        let long = at(1, Verdict::succeeded(Truth::False, "", "é".repeat(MESSAGE_LIMIT)), &[]);
        assert!(long.message.len() <= MESSAGE_LIMIT && long.message.ends_with('…'));
        assert_eq!(long.reason, "Unknown");
    }
}
