//! What a pipeline's status keeps of its good runs. Pure.

use sluice_api::{GoodRun, PipelineSpec, size_of_outputs};

/// The most that the outputs of one entry may take, as JSON.
const MAX_OF_ONE: usize = 8 * 1024;

/// The most that the outputs of all entries may take together.
const MAX_OF_ALL: usize = 128 * 1024;

/// The last good run of the pipeline as a whole, and of each of its stages, of what the status has and what the book knows. What
/// a stage was that the pipeline no longer has is gone with it.
pub(crate) fn keep(spec: &PipelineSpec, before: &[GoodRun], known: &[GoodRun]) -> Vec<GoodRun> {
    let stages = spec.stages.iter().map(|stage| Some(&stage.name));
    let newest = std::iter::once(None).chain(stages).filter_map(|stage| {
        let all = before.iter().chain(known).filter(|good| good.stage.as_ref() == stage);
        GoodRun::newest(all.cloned())
    });
    let mut free = MAX_OF_ALL;
    let fit = |mut good: GoodRun| {
        let size = good.outputs.as_ref().map(size_of_outputs).unwrap_or_default();
        match size <= MAX_OF_ONE.min(free) {
            true => free -= size,
            false => good.outputs = None,
        }
        good
    };
    newest.map(fit).collect()
}

/// Whether a run with this UID is the last good one somewhere, and not all that a later run takes from it is in the status. What a
/// stage was that the pipeline no longer has never gets there, and nobody takes it.
pub(crate) fn lacks(spec: &PipelineSpec, status: &[GoodRun], known: &[GoodRun], uid: &str) -> bool {
    let is_kept = |stage: &Option<String>| match stage {
        Some(name) => spec.stages.iter().any(|stage| stage.name == *name),
        None => true,
    };
    known.iter().filter(|good| good.run.uid == uid && is_kept(&good.stage)).any(|good| {
        let kept = status.iter().find(|kept| kept.stage == good.stage);
        kept.is_none_or(|kept| good.is_newer_than(kept) || (kept.run.uid == uid && kept.outputs.is_none()))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn spec(stages: &[&str]) -> PipelineSpec {
        let stages: Vec<Value> = stages.iter().map(|name| json!({"name": name, "steps": []})).collect();
        serde_json::from_value(json!({"serviceAccountName": "a", "stages": stages})).unwrap()
    }

    fn good(stage: Option<&str>, name: &str, minute: i32, outputs: Value) -> GoodRun {
        let at = format!("2026-01-01T00:{minute:02}:00Z");
        let run = json!({"name": name, "uid": format!("uid-{name}")});
        serde_json::from_value(json!({"stage": stage, "run": run, "at": at, "outputs": outputs})).unwrap()
    }

    fn of_size(size: usize) -> Value {
        json!({"log": "x".repeat(size)})
    }

    /// `stage: run`, with a star where the outputs are kept.
    fn told(runs: &[GoodRun]) -> Vec<String> {
        let tell = |good: &GoodRun| {
            let kept = if good.outputs.is_some() { "*" } else { "" };
            format!("{}: {}{kept}", good.stage.as_deref().unwrap_or_default(), good.run.name)
        };
        runs.iter().map(tell).collect()
    }

    #[test]
    fn each_stage_and_the_whole_keep_their_newest_good_run() {
        let before = [
            good(None, "a", 1, json!({})),
            good(Some("build"), "c", 3, json!({})),
            good(Some("gone"), "a", 1, json!({})),
        ];
        let known = [
            good(Some("build"), "b", 2, json!({})),
            good(None, "b", 2, json!({})),
            good(Some("push"), "b", 2, json!({})),
        ];
        let kept = keep(&spec(&["build", "push", "test"]), &before, &known);
        assert_eq!(told(&kept), [": b*", "build: c*", "push: b*"]);
        assert_eq!(keep(&spec(&["build", "push", "test"]), &kept, &known), kept);
    }

    #[test]
    fn outputs_that_are_too_large_are_left_with_the_run_one_by_one_and_together() {
        let known = [good(None, "a", 1, of_size(9 * 1024)), good(Some("build"), "a", 1, of_size(8 * 1024 - 20))];
        assert_eq!(told(&keep(&spec(&["build"]), &[], &known)), [": a", "build: a*"]);
        let names: Vec<String> = (0..20).map(|number| format!("s{number}")).collect();
        let known: Vec<GoodRun> = names.iter().map(|name| good(Some(name), "a", 1, of_size(8 * 1024 - 20))).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let kept = keep(&spec(&names), &[], &known);
        assert_eq!(kept.iter().filter(|good| good.outputs.is_some()).count(), 16);
        assert_eq!(keep(&spec(&names), &kept, &known), kept);
    }

    #[test]
    fn a_run_is_needed_until_all_of_it_is_written_down() {
        let known = [good(None, "b", 2, json!({"image": "web"})), good(Some("build"), "b", 2, of_size(9 * 1024))];
        let lacks = |status: &[GoodRun]| lacks(&spec(&["build"]), status, &known, "uid-b");
        assert!(lacks(&[good(None, "a", 1, json!({}))]));
        let whole = good(None, "b", 2, json!({"image": "web"}));
        assert!(lacks(&[whole.clone(), good(Some("build"), "b", 2, Value::Null)]), "its outputs are nowhere else");
        assert!(!lacks(&[whole.clone(), good(Some("build"), "c", 3, Value::Null)]), "there is a newer one");
        assert!(!super::lacks(&spec(&["build"]), &[], &known, "uid-a"));
        assert!(!super::lacks(&spec(&["test"]), &[whole], &known, "uid-b"), "the pipeline has no such stage any more");
    }
}
