//! Reads the status patches that a proxy has seen.

use serde_json::Value;
use sluice_tests::faults::Write;

/// Does a status patch tell nothing but what a waiting step saw?
pub(crate) fn is_progress(write: &Write, writes: &[Write]) -> bool {
    let Some(object) = write.patched_status_of() else { return false };
    let mut earlier = writes.iter().filter(|other| other.number < write.number);
    let before = earlier.rfind(|other| other.patched_status_of() == Some(object));
    before.is_some_and(|before| standing(before) == standing(write))
}

/// Where a patch says that the run and each step stand: names, phases and claims.
fn standing(write: &Write) -> Vec<[Value; 3]> {
    let operations = write.json();
    let patched = operations.as_array().into_iter().flatten().find(|operation| operation["path"] == "/status");
    let status = patched.map(|operation| &operation["value"]).unwrap_or(&Value::Null);
    let groups = ["stages", "hooks"].iter().flat_map(|group| status[group].as_array().into_iter().flatten());
    let steps = groups.flat_map(|group| group["steps"].as_array().into_iter().flatten());
    let of_steps = steps.map(|step| [&step["name"], &step["phase"], &step["claims"]].map(Value::clone));
    of_steps.chain([["run".into(), status["phase"].clone(), Value::Null]]).collect()
}
