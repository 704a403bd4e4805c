//! What a run may keep, and how numbers are kept.
//!
//! etcd refuses requests over 1.5 MiB. These bounds keep a status far below, so that a step which produces
//! too much fails by itself instead of blocking its run for ever.

use serde_json::{Map, Number, Value};

use crate::{RunState, StageState, StepState};

/// The most that the outputs of one step may take, as JSON.
pub const MAX_OUTPUTS_OF_A_STEP: usize = 16 * 1024;

/// The most that all outputs of a run may take, as JSON: three quarters of the 256 KiB that a status may
/// take, so that phases and messages always fit.
pub const MAX_OUTPUTS_OF_A_RUN: usize = 192 * 1024;

/// The most items of a `forEach`.
pub const MAX_ITEMS: usize = 100;

/// The most that the items of all stages with a `forEach` may take together, as JSON.
pub(crate) const MAX_SIZE_OF_ITEMS: usize = 32 * 1024;

/// The most steps, those of their hooks included, that the items of all stages with a `forEach` may have together.
pub(crate) const MAX_STEPS_OF_ITEMS: usize = 500;

/// The most hooks that a run keeps of the executions of stages that were followed by another one.
pub(crate) const MAX_PAST_HOOKS: usize = 50;

/// How many steps of a run are performed at the same time. No more are claimed than can begin at once: what was claimed
/// long before it is sent could not be told, after a crash, from what was sent.
pub const MAX_AT_ONCE: usize = 32;

/// How deep a value may nest in an output, or in a step's configuration: parsers of JSON give up at 128 levels, and what is
/// around the value takes some of them.
pub const MAX_DEPTH: usize = 64;

/// The most that a message may take; longer ones are cut.
pub(crate) const MAX_MESSAGE: usize = 2048;

/// When the messages of a run, and what its steps wait for, take this much, further ones are cut to [`SHORT_MESSAGE`]:
/// items that all fail must not fill the status.
const MANY_MESSAGES: usize = 64 * 1024;

/// What a message may take when there are many.
pub(crate) const SHORT_MESSAGE: usize = 200;

/// Bytes of the value as JSON.
pub(crate) fn json_size(value: &impl serde::Serialize) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // What cannot be written as JSON is larger than any limit.
    serde_json::to_writer(&mut count, value).map_or(usize::MAX, |()| count.0)
}

/// Whether the value nests at most this many levels; the first is its own, if it is a list or an object.
pub fn nests_at_most(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels > 0 && items.iter().all(|item| nests_at_most(item, levels - 1)),
        Value::Object(members) => levels > 0 && members.values().all(|member| nests_at_most(member, levels - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// Writes numbers as an API server hands them back, so that memory equals what is read again: a whole
/// float becomes an integer, an integer past 64 signed bits the nearest float.
pub(crate) fn normalize(map: &mut Map<String, Value>) {
    map.values_mut().for_each(normalize_value);
}

pub(crate) fn normalize_value(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(normal) = normal_number(number) {
                *number = normal;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(normalize_value),
        Value::Object(members) => normalize(members),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

fn normal_number(number: &Number) -> Option<Number> {
    if number.is_i64() {
        return None;
    }
    let float = number.as_f64()?;
    if float.fract() == 0.0 {
        // Go writes a whole float below 1e21 with its shortest digits, filled up with zeros: so does Rust.
        let digits = format!("{}", float + 0.0);
        let whole = digits.parse::<i64>().map(Number::from).or_else(|_| digits.parse::<u64>().map(Number::from));
        if let Ok(whole) = whole {
            return Some(whole);
        }
    }
    Number::from_f64(float)
}

/// Cuts a message to what a state holds.
pub(crate) fn cut(message: String) -> String {
    cut_to(MAX_MESSAGE, message)
}

/// What another message of the run may take, or another expression that it waits for.
pub(crate) fn room_for_a_message(run: &RunState) -> usize {
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let of_approvals = |stage: &StageState| -> usize {
        let by = stage.approval.iter().flat_map(|approval| &approval.by);
        by.map(|approver| approver.name.len() + length(&approver.reason)).sum()
    };
    let of_stages: usize = run.stages.iter().map(|stage| length(&stage.message) + of_approvals(stage)).sum();
    let of_actions: usize = run.actions.iter().map(|action| length(&action.message)).sum();
    let of_step = |step: &StepState| {
        let undo = step.undo.as_ref().map_or(0, |undo| length(&undo.message));
        let awaited = step.waiting_on.as_ref().map_or(0, |on| on.key.len());
        length(&step.message) + undo + awaited
    };
    let of_steps: usize = run.steps().map(of_step).sum();
    if of_stages + of_steps + of_actions > MANY_MESSAGES { SHORT_MESSAGE } else { MAX_MESSAGE }
}

/// Cuts a text to so many bytes, on a character boundary; an ellipsis says that more was there.
pub fn cut_to(limit: usize, mut text: String) -> String {
    const ELLIPSIS: char = '…';
    if text.len() > limit {
        let room = limit.saturating_sub(ELLIPSIS.len_utf8());
        let end = (0..=room).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
        text.push(ELLIPSIS);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_kept_as_the_api_server_hands_them_back() {
        let mut value = json!({"whole": 3.0, "part": 1.5, "int": 7, "huge": u64::MAX, "list": [-0.0, 1e300]});
        normalize_value(&mut value);
        assert_eq!(
            value.to_string(),
            r#"{"huge":1.8446744073709552e+19,"int":7,"list":[0,1e+300],"part":1.5,"whole":3}"#
        );
    }

    #[test]
    fn depth_is_counted_in_lists_and_objects() {
        assert!(nests_at_most(&json!("flat"), 0) && !nests_at_most(&json!([]), 0));
        let value = json!({"a": [1, {"b": []}]});
        assert!(nests_at_most(&value, 4) && !nests_at_most(&value, 3));
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let cut = cut("é".repeat(5000));
        assert!(cut.len() <= MAX_MESSAGE && cut.ends_with('…'));
    }
}
