//! The items of a stage: how its one entry becomes one for each of them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use super::stage;
use crate::{
    Approval, Failure, MAX_ITEMS, Plan, RunState, Stage, StagePhase, StageState, Subject,
    limits::{MAX_DEPTH, MAX_SIZE_OF_ITEMS, MAX_STEPS_OF_ITEMS, json_size, nests_at_most, normalize_value},
};

/// The longest text that labels an item.
const MAX_LABEL: usize = 63;

/// Replaces the stage's entry by one for each item, or fails it.
pub(super) fn list(plan: &Plan, run: &mut RunState, index: usize, items: Result<Vec<Value>, Failure>, now: Timestamp) {
    let Some(entry) = run.stages.get(index).filter(|entry| entry.item.is_none()).cloned() else { return };
    let Some(planned) = plan.stage(&entry.name).filter(|_| entry.phase == StagePhase::Running) else { return };
    let items = items.and_then(|mut items| {
        items.iter_mut().for_each(normalize_value);
        judge(plan, run, planned, &items).map(|()| items)
    });
    match items {
        Ok(items) => {
            let entries: Vec<_> = labels(&items)
                .into_iter()
                .zip(items)
                .map(|(label, value)| StageState {
                    item: Some(label),
                    // A null reads back as nothing.
                    value: Some(value).filter(|value| !value.is_null()),
                    phase: StagePhase::Pending,
                    started_at: None,
                    held_seconds: 0,
                    held_since: None,
                    approval: entry.approval.as_ref().map(Approval::without_reasons),
                    // What it is bound to, what of it is passed, and the epochs of its steps are those of the stage.
                    ..entry.clone()
                })
                .collect();
            run.stages.splice(index..=index, entries);
        }
        Err(Failure { reason, message, .. }) => {
            stage::end(plan, run, index, StagePhase::Failed, Some((reason, message)), now);
        }
    }
}

/// Whether so many items of that size can be kept.
fn judge(plan: &Plan, run: &RunState, stage: &Stage, items: &[Value]) -> Result<(), Failure> {
    const REMEDY: &str = "start a run for each with a `pipelineRun` step";
    let fail = |reason: &str, message: String| Err(Failure::definite(reason, message));
    let count = items.len();
    if count == 0 {
        let remedy = "say with `when` where there may be nothing to do";
        return fail("NoItems", format!("the list of its items is empty; {remedy}"));
    }
    if count > MAX_ITEMS {
        return fail("TooManyItems", format!("the list has {count} items; at most {MAX_ITEMS} are possible; {REMEDY}"));
    }
    let others = || run.stages.iter().filter(|entry| entry.item.is_some());
    let steps = steps_of_an_item(plan, stage);
    let before: usize =
        others().filter_map(|entry| plan.stage(&entry.name)).map(|stage| steps_of_an_item(plan, stage)).sum();
    if before + count * steps > MAX_STEPS_OF_ITEMS {
        let message = format!(
            "{count} items of {steps} steps each, those of hooks included, besides the {before} of other stages are more \
             than {MAX_STEPS_OF_ITEMS}; {REMEDY}"
        );
        return fail("TooManyItems", message);
    }
    if !items.iter().all(|item| nests_at_most(item, MAX_DEPTH)) {
        return fail("ItemTooDeep", format!("an item nests deeper than {MAX_DEPTH} levels"));
    }
    let size = json_size(&items);
    let before: usize = others().map(|entry| json_size(&entry.value)).sum();
    if before + size > MAX_SIZE_OF_ITEMS {
        let message = format!(
            "the items take {size} bytes besides the {before} of other stages; at most {MAX_SIZE_OF_ITEMS} are kept of a \
             run; list less of each"
        );
        return fail("ItemsTooLarge", message);
    }
    Ok(())
}

/// How many steps the status may hold for an item.
fn steps_of_an_item(plan: &Plan, stage: &Stage) -> usize {
    let is_for_it = |subject: &Subject| match subject {
        Subject::Pipeline => false,
        Subject::Stage(name) => *name == stage.name,
        Subject::Step(name) => stage.steps.iter().any(|step| step.name == *name),
    };
    let hooks = plan.hooks.iter().filter(|hook| is_for_it(&hook.subject));
    stage.steps.len() + hooks.map(|hook| hook.events.len() * hook.steps.len()).sum::<usize>()
}

/// What people, keys and actions call the items: what they are, where that tells them apart, else where they stand.
fn labels(items: &[Value]) -> Vec<String> {
    let own: Vec<Option<String>> = items.iter().map(label).collect();
    let different: BTreeSet<_> = own.iter().flatten().collect();
    if different.len() == items.len() {
        own.into_iter().flatten().collect()
    } else {
        (0..items.len()).map(|index| index.to_string()).collect()
    }
}

fn label(item: &Value) -> Option<String> {
    let text = match item {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Object(members) => members.get("name")?.as_str()?.to_owned(),
        Value::Null | Value::Bool(_) | Value::Array(_) => return None,
    };
    let is_plain = !text.trim().is_empty() && !text.chars().any(char::is_control);
    (text.chars().count() <= MAX_LABEL && is_plain).then_some(text)
}
