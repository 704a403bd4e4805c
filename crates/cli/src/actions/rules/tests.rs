//! Which entry is made of what a person asks, and what is refused before it is sent.

use serde_json::{Value, json};

use super::*;

fn run(status: Value) -> Run {
    let mut object = json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun", "metadata": {"name": "web-1"},
        "spec": {"pipelineRef": {"name": "web"}, "actions": []}});
    object["status"] = status;
    Run(serde_json::from_value(object).unwrap())
}

fn ask(kind: ActionType) -> Ask {
    Ask::of_run(kind, None)
}

fn at(kind: ActionType, stage: &str) -> Ask {
    Ask { stage: Some(stage.to_owned()), ..ask(kind) }
}

/// The entry that ada would append to this run, or why she should not.
fn judged(ask: Ask, run: &Run) -> String {
    match ask.entry(run, "ada") {
        Ok(entry) => serde_json::to_string(&entry).unwrap().replace('"', ""),
        Err(refusal) => format!("refused: {refusal}").replace(&shell::own_command(), "sluice"),
    }
}

fn stage(name: &str, phase: &str) -> Value {
    json!({"name": name, "phase": phase, "attempt": 1, "steps": [{"name": "first", "phase": phase}]})
}

fn waiting(name: &str, attempt: i32, by: &[&str]) -> Value {
    let by: Vec<Value> = by.iter().map(|name| json!({"name": name, "at": "2026-05-04T12:00:00Z"})).collect();
    json!({"name": name, "phase": "AwaitingApproval", "attempt": attempt, "approval": {"required": 2, "by": by}})
}

fn running(stages: &[Value]) -> Run {
    run(json!({"phase": "Running", "stages": stages}))
}

/// A run with these stages that has ended, for a reason.
fn ended(phase: &str, stages: &[Value]) -> Run {
    let truth = if phase == "Succeeded" { "True" } else { "False" };
    run(
        json!({"phase": phase, "message": "why", "stages": stages, "conditions": [{"type": "Succeeded", "status": truth}]}),
    )
}

/// The same run with a request that nobody has answered.
fn unanswered(mut run: Run) -> Run {
    run.0.data["spec"]["actions"] = json!([{"type": "Pause", "by": "bob"}]);
    run
}

#[test]
fn the_one_stage_that_waits_is_meant_and_its_attempt_is_named() {
    let one = running(&[stage("build", "Succeeded"), waiting("live", 3, &["bob"])]);
    for (kind, word) in [(ActionType::Approve, "Approve"), (ActionType::Reject, "Reject")] {
        let entry = format!("{{type:{word},by:ada,stage:live,attempt:3}}");
        assert_eq!(judged(ask(kind), &one), entry);
        assert_eq!(judged(at(kind, "live"), &one), entry);
        assert_eq!(judged(Ask { attempt: Some(3), ..ask(kind) }, &one), entry);
    }
    let reasoned = Ask { reason: Some("fine".to_owned()), ..ask(ActionType::Approve) };
    assert_eq!(judged(reasoned, &one), "{type:Approve,by:ada,reason:fine,stage:live,attempt:3}");
}

#[test]
fn of_several_that_wait_one_has_to_be_named() {
    let two = running(&[waiting("eu", 1, &[]), waiting("us", 2, &[])]);
    assert_eq!(
        judged(ask(ActionType::Approve), &two),
        "refused: waits for the approval of several stages; name one of them: eu, us"
    );
    assert_eq!(judged(at(ActionType::Approve, "us"), &two), "{type:Approve,by:ada,stage:us,attempt:2}");
}

#[test]
fn of_several_items_one_is_meant_or_all_at_the_same_attempt() {
    let item = |label: &str, attempt| {
        let mut stage = waiting("live", attempt, &[]);
        stage["item"] = json!(label);
        stage
    };
    let approve = || ask(ActionType::Approve);
    let same = running(&[item("eu", 1), item("us", 1)]);
    assert_eq!(judged(approve(), &same), "{type:Approve,by:ada,stage:live,attempt:1}");
    let one = Ask { item: Some("us".to_owned()), ..at(ActionType::Approve, "live") };
    assert_eq!(judged(one.clone(), &same), "{type:Approve,by:ada,stage:live,item:us,attempt:1}");
    let different = running(&[item("eu", 1), item("us", 2)]);
    assert_eq!(
        judged(approve(), &different),
        "refused: waits for the approval of several attempts; name one with --attempt: live[eu] (attempt 1), live[us] (attempt 2)"
    );
    assert_eq!(judged(one, &different), "{type:Approve,by:ada,stage:live,item:us,attempt:2}");
    let unknown = Ask { item: Some("asia".to_owned()), ..at(ActionType::Approve, "live") };
    assert_eq!(judged(unknown, &same), "refused: has no item \"asia\" of stage live; there is eu, us");
}

#[test]
fn what_waits_for_no_approval_is_not_approved() {
    let stages = || [stage("build", "Running"), stage("live", "Pending")];
    let none = running(&stages());
    assert_eq!(judged(ask(ActionType::Approve), &none), "refused: waits for no approval");
    assert_eq!(judged(at(ActionType::Reject, "live"), &none), "refused: waits for no approval; stage live is Pending");
    let other = running(&[waiting("stage", 1, &[]), stage("live", "Pending")]);
    assert_eq!(
        judged(at(ActionType::Approve, "live"), &other),
        "refused: waits for the approval of another stage: stage; stage live is Pending"
    );
    assert_eq!(
        judged(at(ActionType::Approve, "lvie"), &other),
        "refused: has no stage \"lvie\"; did you mean \"live\"?"
    );
    let past = Ask { attempt: Some(1), ..ask(ActionType::Approve) };
    assert_eq!(
        judged(past, &running(&[waiting("live", 2, &[])])),
        "refused: waits for no approval of attempt 1, but of live (attempt 2)"
    );
    assert_eq!(
        judged(at(ActionType::Approve, "live"), &run(Value::Null)),
        "refused: has not begun: no controller has listed its stages yet"
    );
    assert_eq!(judged(ask(ActionType::Approve), &run(Value::Null)), "refused: waits for no approval");
    let failed = running(&[waiting("eu", 1, &[]), stage("us", "Failed")]);
    assert_eq!(judged(ask(ActionType::Approve), &failed), "refused: is going to fail: stage us has failed");
    assert_eq!(judged(ask(ActionType::Reject), &failed), "{type:Reject,by:ada,stage:eu,attempt:1}");
}

#[test]
fn nobody_approves_twice() {
    let once = running(&[waiting("live", 1, &["ada"])]);
    assert_eq!(
        judged(ask(ActionType::Approve), &once),
        "refused: has your approval of stage live already (ada); somebody else has to give theirs"
    );
    assert_eq!(judged(ask(ActionType::Reject), &once), "{type:Reject,by:ada,stage:live,attempt:1}");
}

#[test]
fn a_run_that_is_over_only_goes_on_by_a_retry() {
    let failed = || ended("Failed", &[stage("live", "Failed")]);
    for kind in [ActionType::Approve, ActionType::Reject, ActionType::Pause, ActionType::Resume, ActionType::Abort] {
        assert_eq!(
            judged(ask(kind), &failed()),
            "refused: has ended already: Failed: why; what failed is done again with `sluice retry web-1`"
        );
    }
    assert_eq!(judged(ask(ActionType::Retry), &failed()), "{type:Retry,by:ada}");
    let succeeded = ended("Succeeded", &[stage("build", "Succeeded"), stage("live", "Succeeded")]);
    assert_eq!(judged(ask(ActionType::Pause), &succeeded), "refused: has ended already: Succeeded: why");
    assert_eq!(
        judged(ask(ActionType::Retry), &succeeded),
        "refused: has succeeded; name the stage that is to be done again, with all that needs it: build, live"
    );
    assert_eq!(judged(at(ActionType::Retry, "live"), &succeeded), "{type:Retry,by:ada,stage:live}");
    let winding = run(json!({"phase": "Running", "ending": {"phase": "Aborted", "message": "why"},
        "conditions": [{"type": "Succeeded", "status": "Unknown"}]}));
    assert_eq!(
        judged(ask(ActionType::Pause), &winding),
        "refused: only finishes its hooks: Aborted: why; what failed is done again with `sluice retry web-1`"
    );
    assert_eq!(judged(ask(ActionType::Retry), &winding), "{type:Retry,by:ada}");
}

#[test]
fn a_guarded_stage_is_named_to_be_done_again() {
    let mut guarded = stage("live", "Failed");
    guarded["guard"] = json!({"environment": "production"});
    let failed = || ended("Failed", &[stage("build", "Failed"), guarded.clone()]);
    assert_eq!(
        judged(ask(ActionType::Retry), &failed()),
        "refused: has a stage that is guarded, live, which has to be named: `sluice retry web-1 live`"
    );
    assert_eq!(
        judged(ask(ActionType::Abort), &failed()),
        "refused: has ended already: Failed: why; what failed is done again with `sluice retry web-1 live`"
    );
    assert_eq!(judged(at(ActionType::Retry, "live"), &failed()), "{type:Retry,by:ada,stage:live}");
}

#[test]
fn a_run_is_paused_once_and_resumed_once() {
    let paused = || {
        run(json!({"phase": "Running", "paused": {"by": "bob", "reason": "lunch", "since": "2026-05-04T12:00:00Z"}}))
    };
    let open = || running(&[stage("build", "Running")]);
    assert_eq!(judged(ask(ActionType::Pause), &open()), "{type:Pause,by:ada}");
    assert_eq!(
        judged(ask(ActionType::Pause), &paused()),
        "refused: was paused before, by bob: lunch; it goes on with `sluice resume web-1`"
    );
    assert_eq!(judged(ask(ActionType::Resume), &paused()), "{type:Resume,by:ada}");
    assert_eq!(judged(ask(ActionType::Resume), &open()), "refused: is not paused");
    let suspended = run(json!({"phase": "Pending", "suspended": {"since": "2026-05-04T12:00:00Z"}}));
    assert_eq!(
        judged(ask(ActionType::Resume), &suspended),
        "refused: is not paused, but its pipeline is suspended: its runs go on once spec.suspend of pl/web is removed"
    );
}

#[test]
fn what_is_not_answered_yet_may_still_change_the_run() {
    let open = || unanswered(running(&[stage("build", "Running")]));
    assert_eq!(judged(ask(ActionType::Resume), &open()), "{type:Resume,by:ada}");
    assert_eq!(judged(ask(ActionType::Retry), &open()), "{type:Retry,by:ada}");
    assert_eq!(judged(ask(ActionType::Pause), &unanswered(ended("Failed", &[]))), "{type:Pause,by:ada}");
    assert_eq!(
        judged(at(ActionType::Skip, "built"), &open()),
        "refused: has no stage \"built\"; did you mean \"build\"?"
    );
}

#[test]
fn what_failed_is_done_again_and_what_is_named() {
    let failing = running(&[stage("eu", "Failed"), stage("us", "Running")]);
    assert_eq!(judged(ask(ActionType::Retry), &failing), "{type:Retry,by:ada}");
    // The run is about to end, and this stage with it.
    assert_eq!(judged(at(ActionType::Retry, "us"), &failing), "{type:Retry,by:ada,stage:us}");
    let fine = running(&[stage("build", "Succeeded"), stage("live", "Running")]);
    assert_eq!(judged(ask(ActionType::Retry), &fine), "refused: has not ended, and nothing in it has failed");
    assert_eq!(
        judged(at(ActionType::Retry, "live"), &fine),
        "refused: has not ended, and neither has stage live: it is Running"
    );
    assert_eq!(judged(at(ActionType::Retry, "build"), &fine), "{type:Retry,by:ada,stage:build}");
    let step = |name: &str| Ask { step: Some(name.to_owned()), ..at(ActionType::Retry, "build") };
    assert_eq!(judged(step("first"), &fine), "{type:Retry,by:ada,stage:build,step:first}");
    assert_eq!(judged(step("frist"), &fine), "refused: has no step \"frist\" in stage build; did you mean \"first\"?");
}

#[test]
fn what_is_left_is_skipped() {
    let skip = |stage| at(ActionType::Skip, stage);
    let step = |stage| Ask { step: Some("first".to_owned()), ..skip(stage) };
    let open = || running(&[stage("build", "Succeeded"), stage("live", "Running")]);
    assert_eq!(judged(skip("live"), &open()), "{type:Skip,by:ada,stage:live}");
    assert_eq!(judged(step("live"), &open()), "{type:Skip,by:ada,stage:live,step:first}");
    assert_eq!(
        judged(skip("build"), &open()),
        "refused: has nothing left of stage build to be skipped: it is Succeeded"
    );
    assert_eq!(
        judged(step("build"), &open()),
        "refused: has nothing left of step first of stage build to be skipped: it is Succeeded"
    );
    assert_eq!(judged(skip("live"), &ended("Failed", &[stage("live", "Failed")])), "{type:Skip,by:ada,stage:live}");
    assert_eq!(
        judged(skip("live"), &ended("Succeeded", &[stage("live", "Succeeded")])),
        "refused: has succeeded: nothing of it is left to be skipped"
    );
}

#[test]
fn a_lock_is_taken_from_a_run_that_has_ended_and_keeps_it() {
    let unlock = || ask(ActionType::Unlock);
    let lock = json!({"group": "web", "since": "2026-05-04T12:00:00Z", "position": 0});
    assert_eq!(
        judged(unlock(), &run(json!({"phase": "Running", "lock": lock.clone()}))),
        "refused: has not ended, and keeps its lock until then; `sluice abort web-1` ends it"
    );
    let mut over = ended("Failed", &[]);
    assert_eq!(judged(unlock(), &over), "refused: holds no lock");
    over.0.data["status"]["lock"] = lock;
    assert_eq!(judged(unlock(), &over), "{type:Unlock,by:ada}");
}

#[test]
fn nothing_is_asked_of_a_run_that_is_being_deleted() {
    let mut deleted = running(&[waiting("live", 1, &[])]);
    deleted.0.metadata.deletion_timestamp = serde_json::from_value(json!("2026-05-04T12:00:00Z")).unwrap();
    for kind in [ActionType::Approve, ActionType::Pause, ActionType::Retry] {
        assert_eq!(judged(ask(kind), &deleted), "refused: is being deleted");
    }
}

#[test]
fn a_status_that_cannot_be_read_is_nobodys_guess() {
    let refusal = judged(ask(ActionType::Pause), &run(json!({"stages": 3})));
    assert!(refusal.starts_with("refused: has a status that this version of sluice cannot read"), "{refusal}");
}
