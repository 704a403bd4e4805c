//! Numbers in outputs read back from an API server as they are in memory.

use proptest::prelude::*;
use serde_json::{Number, Value};
use sluice_engine::{Event, Nature, Plan, RunState, Stage, Step, StepAt, record};

use super::config;
use crate::support::START;

proptest! {
    #![proptest_config(config(2000))]

    #[test]
    fn what_is_recorded_equals_what_is_read_back(number in numbers()) {
        let steps = vec![Step { name: "one".to_owned(), nature: Nature::Pure, ..Step::default() }];
        let plan = Plan { stages: vec![Stage { steps, ..Stage::default() }], ..Plan::default() };
        let at = StepAt::Stage { stage: 0, step: 0 };
        let outputs = [("n".to_owned(), Value::Number(number.clone()))].into_iter().collect();
        let state = record(&plan, RunState::of(&plan), Event::StepStarted(at), START);
        let state = record(&plan, state, Event::Succeeded { at, outputs }, START);
        let kept = &state.stages[0].steps[0].outputs["n"];
        let read_back: Value = serde_json::from_str(&as_go_writes(kept)).unwrap();
        prop_assert_eq!(&read_back, kept, "from {}", number);
    }
}

fn numbers() -> impl Strategy<Value = Number> {
    let whole = prop_oneof![any::<i32>().prop_map(f64::from), (-1e22..1e22f64).prop_map(f64::trunc)];
    prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        whole.prop_filter_map("finite", Number::from_f64),
        any::<f64>().prop_filter_map("finite", Number::from_f64),
    ]
}

/// As an API server stores and returns it: an integer of 64 signed bits, else the shortest float, without
/// an exponent from 1e-6 up to 1e21 (Go's `encoding/json`).
fn as_go_writes(value: &Value) -> String {
    let text = value.to_string();
    if text.parse::<i64>().is_ok() {
        return text;
    }
    let float: f64 = text.parse().unwrap();
    let size = float.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) { format!("{float:e}") } else { format!("{float}") }
}
