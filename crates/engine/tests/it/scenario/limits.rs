//! What a run keeps of its outputs.

use expect_test::expect;
use sluice_engine::{
    Event, Failure, HookEvent, MAX_DEPTH, MAX_OUTPUTS_OF_A_RUN, MAX_OUTPUTS_OF_A_STEP, Occasion, Plan, RunPhase,
    RunState, StagePhase, StepAt, record,
};

use crate::support::{START, check, driver, key, run};

/// A script's outcome whose outputs take that many bytes.
fn outputs_of(bytes: usize) -> String {
    let frame = r#"{"a":""}"#.len();
    format!(r#"ok {{"a":"{}"}}"#, "x".repeat(bytes - frame))
}

#[test]
fn a_step_may_keep_outputs_up_to_its_limit() {
    let driver = run("stage build\n acts compile", &format!("compile: {}", outputs_of(MAX_OUTPUTS_OF_A_STEP)));
    assert_eq!(driver.state.phase, RunPhase::Succeeded);
}

#[test]
fn a_step_may_nest_its_outputs_up_to_a_limit() {
    for (levels, phase) in [(MAX_DEPTH, RunPhase::Succeeded), (MAX_DEPTH + 1, RunPhase::Failed)] {
        let deep = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let driver = run("stage build\n acts compile", &format!(r#"compile: ok {{"a":{deep}}}"#));
        assert_eq!(driver.state.phase, phase, "{levels} levels");
        let failed = "step compile: the outputs nest deeper than 64 levels";
        let message = (phase == RunPhase::Failed).then(|| failed.to_owned());
        assert_eq!(driver.state.stages[0].message, message);
    }
}

#[test]
fn a_step_with_larger_outputs_fails_and_the_run_ends_cleanly() {
    check(
        "stage build
           acts compile retry=3
         hook tell on Failure for step/compile
           acts post",
        &format!("compile: {}", outputs_of(MAX_OUTPUTS_OF_A_STEP + 1)),
        expect![[r#"
            0s stage build starts
            0s claim compile under key 1
            0s write 1
            0s act compile
            0s compile Failed (OutputTooLarge: the outputs take 16385 bytes; at most 16384 are kept)
            0s hook tell starts (Failure step/compile)
            0s claim tell/post under key 2
            0s write 2
            0s act tell/post
            0s tell/post Succeeded
            0s hook tell Succeeded
            0s stage build Failed (OutputTooLarge: step compile: the outputs take 16385 bytes; at most 16384 are kept)
            0s ending Failed (OutputTooLarge: stage build: step compile: the outputs take 16385 bytes; at most 16384 are kept)
            0s run Failed
            0s write 3
        "#]],
    );
}

#[test]
fn a_run_keeps_outputs_up_to_its_limit_and_the_step_past_it_fails() {
    let full = MAX_OUTPUTS_OF_A_RUN / MAX_OUTPUTS_OF_A_STEP;
    let plan: String = (0..=full).map(|number| format!("pure s{number}\n")).collect();
    let script: String =
        (0..full).map(|number| format!("s{number}: {}\n", outputs_of(MAX_OUTPUTS_OF_A_STEP))).collect();
    check(
        &format!("stage build\n{plan}"),
        &format!("{script}s{full}: ok {{\"a\": 1}}"),
        expect![[r#"
            0s stage build starts
            0s compute s0
            0s s0 Succeeded
            0s compute s1
            0s s1 Succeeded
            0s compute s2
            0s s2 Succeeded
            0s compute s3
            0s s3 Succeeded
            0s compute s4
            0s s4 Succeeded
            0s compute s5
            0s s5 Succeeded
            0s compute s6
            0s s6 Succeeded
            0s compute s7
            0s s7 Succeeded
            0s compute s8
            0s s8 Succeeded
            0s compute s9
            0s s9 Succeeded
            0s compute s10
            0s s10 Succeeded
            0s compute s11
            0s s11 Succeeded
            0s compute s12
            0s s12 Failed (OutputTooLarge: the outputs take 7 bytes besides the 196608 of earlier steps; at most 196608 are kept of a run)
            0s stage build Failed (OutputTooLarge: step s12: the outputs take 7 bytes besides the 196608 of earlier steps; at most 196608 are kept of a run)
            0s ending Failed (OutputTooLarge: stage build: step s12: the outputs take 7 bytes besides the 196608 of earlier steps; at most 196608 are kept of a run)
            0s run Failed
            0s write 1
        "#]],
    );
}

#[test]
fn a_step_without_outputs_succeeds_in_a_full_run() {
    let full = MAX_OUTPUTS_OF_A_RUN / MAX_OUTPUTS_OF_A_STEP;
    let plan: String = (0..=full).map(|number| format!("pure s{number}\n")).collect();
    let script: String =
        (0..full).map(|number| format!("s{number}: {}\n", outputs_of(MAX_OUTPUTS_OF_A_STEP))).collect();
    let driver = run(&format!("stage build\n{plan}"), &script);
    assert_eq!(driver.state.phase, RunPhase::Succeeded);
}

#[test]
fn numbers_of_outputs_read_as_the_api_server_hands_them_back() {
    let driver = run("stage build\n pure compute", r#"compute: ok {"a": 3.0, "b": [1.5, {"c": -0.0}], "d": 1e2}"#);
    let outputs = &driver.state.stages[0].steps[0].outputs;
    expect![[r#"{"a":3,"b":[1.5,{"c":0}],"d":100}"#]].assert_eq(&serde_json::to_string(outputs).unwrap());
}

#[test]
fn a_long_message_is_cut() {
    let driver = run("stage build\n acts compile", &format!("compile: fail Loud {}", "x".repeat(5000)));
    let step = &driver.state.stages[0].steps[0];
    assert_eq!(step.message.as_ref().map(String::len), Some(2048));
    assert!(driver.state.ending.unwrap().message.unwrap().len() <= 2048);
}

#[test]
fn outputs_of_the_run_that_are_too_large_fail_it() {
    let driver =
        run("outputs\n stage build\n acts compile", &format!("outputs: {}", outputs_of(MAX_OUTPUTS_OF_A_STEP + 1)));
    let ending = driver.state.ending.unwrap();
    expect![
        "OutputsFailed: the outputs of the run cannot be computed: the outputs take 16385 bytes; at most 16384 are kept"
    ]
    .assert_eq(&format!("{}: {}", ending.reason, ending.message.unwrap()));
    let driver =
        run("outputs\n stage build\n acts compile", &format!("outputs: {}", outputs_of(MAX_OUTPUTS_OF_A_STEP)));
    assert_eq!((driver.state.phase, driver.state.outputs.len()), (RunPhase::Succeeded, 1));
}

/// Bytes of the state as it is stored.
fn size(state: &RunState) -> usize {
    serde_json::to_string(state).unwrap().len()
}

#[test]
fn dozens_of_failures_with_long_messages_do_not_fill_the_status() {
    let items: Vec<_> = (0..12).map(|number| number.to_string()).collect();
    let fail = format!("fail Loud {}", "x".repeat(5000));
    let script: String = (0..5).map(|step| format!("s{step}: {}\n", [fail.as_str(); 12].join(";"))).collect();
    let steps: String = (0..5).map(|step| format!("acts s{step}\n")).collect();
    let driver = run(&format!("stage roll parallel each={}\n{steps}", items.join(",")), &script);
    assert_eq!(driver.state.phase, RunPhase::Failed);
    assert!(size(&driver.state) < 128 * 1024, "{} bytes", size(&driver.state));
    let messages: Vec<_> = driver.state.steps().filter_map(|step| step.message.as_ref()).map(String::len).collect();
    assert_eq!((messages.first(), messages.last()), (Some(&2048), Some(&200)));
}

#[test]
fn dozens_of_late_steps_with_long_messages_do_not_fill_the_status() {
    let items: Vec<_> = (0..12).map(|number| number.to_string()).collect();
    let wait = format!("wait 1h {}", "x".repeat(5000));
    let script: String = (0..5).map(|step| format!("s{step}: {}\n", [wait.as_str(); 24].join(";"))).collect();
    let steps: String = (0..5).map(|step| format!("reads s{step}\n")).collect();
    let driver = run(&format!("stage roll timeout=10s parallel each={}\n{steps}", items.join(",")), &script);
    assert_eq!(driver.state.phase, RunPhase::Failed);
    assert!(size(&driver.state) < 128 * 1024, "{} bytes", size(&driver.state));
}

#[test]
fn of_a_long_loop_only_the_newest_hooks_are_kept() {
    let driver = run(
        "stage roll each=a,b until=30 retry=1
           pure poll
         hook tell on Started,Success for stage/roll
           pure post
         hook note on Success for step/poll
           pure post
         hook ofRun on Started
           pure post",
        "",
    );
    let state = &driver.state;
    assert_eq!(state.phase, RunPhase::Succeeded);
    let last = |item: &str| {
        state.hooks.iter().filter(|hook| hook.item.as_deref() == Some(item) && hook.iteration == 30).count()
    };
    // The newest fifty, those of the last iteration of both items, and that of the run.
    assert_eq!((state.hooks.len(), last("a"), last("b")), (50 + 3 + 3 + 1, 3, 3));
    let numbers: Vec<_> = state.hooks.iter().map(|hook| hook.iteration).collect();
    assert!(numbers.iter().all(|number| *number >= 13 || *number == 1), "{numbers:?}");
}

/// Everything of the plan under way at the same time, and failed.
fn everything_fails(plan: &Plan, items: usize) -> RunState {
    let mut state = RunState::of(plan);
    let mut happen = |event: Event| {
        state = record(plan, std::mem::take(&mut state), event, START);
        state.stages.len()
    };
    happen(Event::RunStarted);
    let items = (0..items).map(|number| serde_json::json!(format!("{number:0>63}"))).collect();
    let mut stages = happen(Event::StageStarted(0));
    if plan.stages[0].for_each.is_some() {
        stages = happen(Event::Listed { stage: 0, items: Ok(items) });
    }
    let why = |number: usize| format!("{number}{}", "x".repeat(5000));
    let fail = |at: StepAt, number: usize| {
        [
            Event::StepStarted(at),
            Event::Claimed { at, key: key(), waiting_on: None },
            Event::Failed { at, failure: Failure::transient("ThereWasNoAnswer", why(number)), retry: false },
        ]
    };
    for stage in 0..stages {
        happen(Event::StageStarted(stage));
        let steps = &plan.stages[(stage + plan.stages.len()).saturating_sub(stages)].steps;
        (0..steps.len()).flat_map(|step| fail(StepAt::Stage { stage, step }, step)).for_each(|event| {
            happen(event);
        });
        let why = Some(("ThereWasNoAnswer".to_owned(), why(stage)));
        happen(Event::StageEnded { stage, phase: StagePhase::Failed, why });
    }
    let events = [HookEvent::Started, HookEvent::Failure];
    let hooks = plan.hooks.iter().flat_map(|hook| events.map(|event| (hook, event))).enumerate();
    for (index, (hook, event)) in hooks {
        let occasion = Occasion { item: None, iteration: 1, attempt: 1, round: 1 };
        happen(Event::HookStarted { hook: hook.name.clone(), event, subject: hook.subject.to_string(), occasion });
        let steps = 0..hook.steps.len();
        steps.flat_map(|step| fail(StepAt::Hook { hook: index, step }, step)).for_each(|event| {
            happen(event);
        });
        happen(Event::HookEnded { hook: index, phase: StagePhase::Failed });
    }
    state
}

#[test]
fn a_run_with_as_many_steps_as_there_may_be_all_of_which_failed_is_stored_in_less_than_a_mebibyte() {
    let steps = |place: &str, count: usize| -> String {
        (0..count).map(|number| format!("acts {place}{number:x>40}\n")).collect()
    };
    let stages: String =
        (0..6).map(|number| format!("stage s{number} needs=\n{}", steps(&format!("s{number}"), 50))).collect();
    let hooks: String = (0..5)
        .map(|number| format!("hook h{number} on Started,Failure\n{}", steps(&format!("h{number}"), 20)))
        .collect();
    let plan = format!("stage roll each=a parallel\n{}{stages}{hooks}", steps("roll", 5));
    let state = everything_fails(&driver(&plan, "").plan, 100);
    assert_eq!(state.steps().count(), 500 + 300 + 200);
    assert!(size(&state) < 1024 * 1024, "{} bytes", size(&state));
}

#[test]
fn hooks_of_an_iteration_that_goes_on_are_not_forgotten_while_another_item_loops() {
    let driver = run(
        "stage roll each=a,b until=30
           reads poll
         hook tell on Started,Success for stage/roll
           pure post",
        "poll: ok; wait 1h",
    );
    let starts = |item: &str| driver.trace().matches(&format!("hook tell starts (Started stage/roll[{item}])")).count();
    assert_eq!((starts("a"), starts("b")), (30, 30));
    // The newest fifty, those of an iteration of each item, and what has just become one too many.
    let most = driver.stored.iter().map(|state| state.hooks.len()).max();
    assert!(most <= Some(50 + 2 + 2), "{most:?}");
}

/// How large what was seen last is, as each write had it.
fn sights(plan: &str, script: &str) -> Vec<String> {
    let stored = run(plan, script).stored;
    let sizes = |state: &RunState| -> Vec<_> {
        let sights = state.steps().filter_map(|step| step.progress.as_ref());
        sights.map(|sight| sight.to_string().len().to_string()).collect()
    };
    stored.iter().map(|state| sizes(state).join(" ")).collect()
}

/// A script's sight of that many bytes.
fn sight_of(bytes: usize) -> String {
    format!("see 10s \"{}\"", "x".repeat(bytes - 2))
}

#[test]
fn a_sight_is_kept_until_there_is_another_or_none() {
    assert_eq!(
        sights("stage a\n reads b", "b: see 10s [1.0]; see 10s [1.0]; see 10s [10]; see 10s null; ok"),
        ["", "3", "4", "", ""]
    );
}

#[test]
fn a_sight_too_large_or_too_deep_to_keep_leaves_the_last_one() {
    let (largest, larger) = (sight_of(MAX_OUTPUTS_OF_A_STEP), sight_of(MAX_OUTPUTS_OF_A_STEP + 1));
    assert_eq!(
        sights("stage a\n reads b", &format!("b: see 10s [1]; {larger}; {largest}; ok")),
        ["", "3", "16384", ""]
    );
    let nested = |levels| format!("see 10s {}{}", "[".repeat(levels), "]".repeat(levels));
    let script = format!("b: see 10s [1]; {}; {}; ok", nested(MAX_DEPTH + 1), nested(MAX_DEPTH));
    assert_eq!(sights("stage a\n reads b", &script), ["", "3", "128", ""]);
}

#[test]
fn sights_and_outputs_take_their_room_from_each_other() {
    let full = MAX_OUTPUTS_OF_A_RUN / MAX_OUTPUTS_OF_A_STEP;
    let steps = |count: usize| (0..count).map(|number| format!("pure s{number}\n")).collect::<String>();
    let script = |count: usize| -> String {
        (0..count).map(|number| format!("s{number}: {}\n", outputs_of(MAX_OUTPUTS_OF_A_STEP))).collect()
    };
    let plan = |count| format!("stage a\n{}stage b parallel\n reads one\n reads two", steps(count));
    let look = |sight: &str| format!("one: {sight}; ok\n two: {sight}; ok");
    let largest = sight_of(MAX_OUTPUTS_OF_A_STEP);
    let most = |count| sights(&plan(count), &(script(count) + &look(&largest))).iter().map(String::len).max();
    assert_eq!(most(full - 2), Some("16384 16384".len()));
    assert_eq!(most(full - 1), Some("16384".len()));
    assert_eq!(most(full), Some(0));
}

#[test]
fn what_many_steps_wait_for_or_say_while_they_are_taken_back_is_cut() {
    let items: Vec<String> = (0..100).map(|item| item.to_string()).collect();
    let ending = format!("undo child: {}", vec![format!("wait 1s {}", "x".repeat(3000)); 100].join("; "));
    let driver = run(
        &format!("stage deploy each={}\n acts child undo\n reads merged", items.join(",")),
        &format!("{ending}\n merged: {}\n abort 5s", vec!["wait 1h"; 100].join("; ")),
    );
    for state in &driver.stored {
        let size = serde_json::to_string(state).unwrap().len();
        assert!(size < 256 * 1024, "{size} bytes");
    }
}

/// A hundred items, each of which waits for two people in its second attempt.
const GUARDED: &str = "stage prepare
                         acts build
                       stage roll each=ITEMS approve=2
                         acts a
                         acts b
                         acts c";

#[test]
fn what_people_say_of_many_items_does_not_fill_the_status() {
    let items: Vec<String> = (0..100).map(|item| item.to_string()).collect();
    let plan = GUARDED.replace("ITEMS", &items.join(","));
    let failures = vec!["fail Refused"; 100].join("; ");
    let asks = "ask 1s Approve roll by=ada reason=WORDS
                ask 2s Approve roll by=bob reason=WORDS
                ask 10s Retry
                ask 11s Approve roll by=ada reason=WORDS
                ask 12s Reject roll by=ada reason=WORDS
                ask 20s Skip roll reason=WORDS";
    let most = |words: usize| {
        let script = format!("a: {failures}\n{}", asks.replace("WORDS", &"x".repeat(words)));
        let driver = run(&plan, &script);
        assert!(driver.state.actions.iter().all(|answer| answer.message.is_none()), "all of it was done");
        driver.stored.iter().map(size).max().unwrap()
    };
    let (few, many) = (most(1), most(1000));
    assert!(many - few < 96 * 1024, "{many} bytes instead of {few}");
}

#[test]
fn refusals_with_long_reasons_do_not_fill_the_status() {
    let (item, step) = ("i".repeat(250), "s".repeat(60));
    let asks: String = (0..127).map(|_| format!("ask 5s Retry deploy item={item} step={step}\n")).collect();
    let driver = run("stage deploy\n acts a", &format!("{asks}\na: wait 10s; ok"));
    assert_eq!(driver.state.actions.len(), 127);
    assert!(size(&driver.state) < 64 * 1024, "{} bytes", size(&driver.state));
}
