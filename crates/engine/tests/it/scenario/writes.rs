//! How often a run is persisted.

use crate::support::run;

fn writes(plan: &str, script: &str) -> usize {
    run(plan, script).stored.len()
}

#[test]
fn steps_that_read_or_act_cost_one_write_each_and_the_end_one_more() {
    for steps in 0..10 {
        let acting: String = (0..steps).map(|number| format!("acts a{number}\n")).collect();
        assert_eq!(writes(&format!("stage a\n{acting}"), ""), steps + 1);
        let reading: String = (0..steps).map(|number| format!("reads r{number}\n")).collect();
        assert_eq!(writes(&format!("stage a\n{reading}stage b\n{acting}"), ""), 2 * steps + 1);
    }
}

#[test]
fn pure_steps_conditions_and_stages_fold_into_a_neighbours_write() {
    let plan = "
        stage a when=true
          pure one
          acts two when=true
          pure three when=false
          acts four when=false
        stage b when=false
          acts five
        stage c
          pure six
          reads seven
          pure eight";
    assert_eq!(writes(plan, ""), 3);
}

#[test]
fn a_run_of_pure_steps_costs_one_write() {
    let pure: String = (0..20).map(|number| format!("pure p{number}\n")).collect();
    assert_eq!(writes(&format!("stage a\n{pure}"), ""), 1);
}

#[test]
fn hooks_cost_a_write_for_each_step_that_reads_or_acts() {
    let plan = "
        stage a
          acts one
        hook h on Started,Success for step/one
          acts post
          pure note";
    assert_eq!(writes(plan, ""), 4);
}

#[test]
fn a_wait_costs_a_write_only_when_what_was_seen_changed() {
    let plan = "stage a\n reads one";
    assert_eq!(writes(plan, "one: wait 10s; wait 10s; wait 10s; ok"), 2);
    assert_eq!(writes(plan, "one: wait 10s a; wait 10s a; wait 10s b; ok"), 4);
}

#[test]
fn a_retry_costs_the_write_of_its_pause_and_of_its_claim() {
    assert_eq!(writes("stage a\n acts one retry=1", "one: away A; ok"), 4);
}

#[test]
fn all_that_starts_together_costs_one_write() {
    let steps: String = (0..20).map(|number| format!("acts a{number}\n")).collect();
    assert_eq!(writes(&format!("stage all parallel\n{steps}"), ""), 2);
    let stages: String = (0..20).map(|number| format!("stage s{number} needs=\n reads a{number}\n")).collect();
    assert_eq!(writes(&stages, ""), 2);
    assert_eq!(writes("stage roll each=0,1,2,3,4,5,6,7,8,9\n acts apply", ""), 2);
}

#[test]
fn what_ends_at_another_time_than_its_siblings_costs_a_write_of_its_own() {
    assert_eq!(writes("stage all parallel\n acts a\n acts b\n acts c", "a: +1s ok\n b: +2s ok\n c: +2s ok"), 3);
}

#[test]
fn a_further_attempt_or_iteration_of_a_stage_costs_a_write_only_for_its_pause() {
    assert_eq!(writes("stage a until=3\n acts one", ""), 4);
    assert_eq!(writes("stage a until=3 every=1s\n acts one", ""), 6);
    assert_eq!(writes("stage a retry=1 backoff=0s\n acts one", "one: fail Refused"), 3);
    assert_eq!(writes("stage a retry=1\n acts one", "one: fail Refused"), 4);
}

#[test]
fn taking_effects_back_costs_the_write_of_the_abort_and_of_each_pause() {
    let plan = "stage a\n acts one undo\n acts two undo\n reads wait";
    assert_eq!(writes(plan, "wait: wait 1h\n abort 1s"), 5);
    assert_eq!(writes(plan, "wait: wait 1h\n abort 1s\n undo one: away Busy\n undo two: away Busy"), 6);
}

/// How many claims each write carries, when the outcomes of forty items are these.
fn claims_of_forty(outcomes: &str) -> Vec<usize> {
    let items: Vec<_> = (0..40).map(|number| number.to_string()).collect();
    let driver = run(&format!("stage roll each={}\n acts apply", items.join(",")), &format!("apply: {outcomes}"));
    let trace = driver.trace();
    trace.split(" write ").map(|part| part.matches(" claim ").count()).filter(|claims| *claims > 0).collect()
}

/// Four steps of ten items, all of which wait for ten seconds.
fn waits() -> String {
    ["a", "b", "c", "d"].map(|step| format!("{step}: {}\n", ["wait 10s"; 10].join(";"))).concat()
}

#[test]
fn no_more_is_claimed_than_can_begin_at_once() {
    assert_eq!(claims_of_forty(&["+1s ok"; 40].join(";")), [32, 8]);
    // What waits for something is not being performed.
    assert_eq!(claims_of_forty(&["wait 10s"; 40].join(";")), [32, 8]);
    assert_eq!(writes("stage roll each=0,1,2,3,4,5,6,7,8,9 parallel\n acts a\n acts b\n acts c\n acts d", &waits()), 3);
    // Of these, thirty take their time.
    assert_eq!(claims_of_forty(&["+10s ok"; 30].join(";")), [32, 2, 2, 2, 2]);
}
