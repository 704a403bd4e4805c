//! The largest pipeline there may be is checked while a person waits.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sluice_api::{PipelineSpec, check};

/// Fifty stages of fifty steps each, each of which reads the one before it, and fifty hooks.
fn largest(fill: impl Fn(usize) -> Value) -> PipelineSpec {
    let step = |stage: usize, step: usize| {
        let before = match (stage, step) {
            (0, 0) => json!(1),
            (_, 0) => json!(format!("${{{{ steps.s{}x49.outputs.x }}}}", stage - 1)),
            _ => json!(format!("${{{{ steps.s{stage}x{}.outputs.x }}}}", step - 1)),
        };
        json!({"name": format!("s{stage}x{step}"), "when": "params.version != ''", "set": {"values": {"x": before}}})
    };
    let stages = (0..50).map(|stage| {
        let mut object = fill(stage);
        object["name"] = json!(format!("stage{stage}"));
        object["steps"] = (0..50).map(|number| step(stage, number)).collect();
        object
    });
    let hooks = (0..50).map(|hook| {
        let steps: Value =
            (0..20).map(|number| json!({"name": format!("h{number}"), "set": {"values": {"x": "${{ steps.s0x0.outputs.x }}"}}})).collect();
        json!({"name": format!("hook{hook}"), "events": ["Failure"], "for": {"stage": format!("stage{hook}")}, "steps": steps})
    });
    let spec = json!({
        "serviceAccountName": "a",
        "params": [{"name": "version", "required": true}],
        "stages": stages.collect::<Value>(),
        "hooks": hooks.collect::<Value>(),
    });
    serde_json::from_value(spec).unwrap()
}

#[test]
fn the_largest_pipeline_is_checked_at_once() {
    for spec in [largest(|_| json!({})), largest(|_| json!({"until": {"condition": "true", "limit": 1}}))] {
        let start = Instant::now();
        check::pipeline(&spec);
        // It takes less than a second; what is quadratic in the steps takes a minute.
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    }
}
