//! Stages and steps in order; success and failure.

use expect_test::expect;
use sluice_engine::{Action, Event, Observed, Plan, RunState, Stage, Step, decide, record};

use crate::support::{START, check};

#[test]
fn stages_and_their_steps_run_in_order() {
    check(
        "stage build
           acts compile
           reads inspect
         stage deploy
           pure render
           acts apply",
        "inspect: wait 10s not there yet; ok",
        expect![[r#"
            0s stage build starts
            0s claim compile under key 1
            0s write 1
            0s act compile
            0s compile Succeeded
            0s claim inspect under key 2
            0s write 2
            0s look inspect
            0s write 3 (progress)
            10s look inspect
            10s inspect Succeeded
            10s stage build Succeeded
            10s stage deploy starts
            10s compute render
            10s render Succeeded
            10s claim apply under key 3
            10s write 4
            10s act apply
            10s apply Succeeded
            10s stage deploy Succeeded
            10s ending Succeeded
            10s run Succeeded
            10s write 5
        "#]],
    );
}

#[test]
fn a_failed_step_fails_its_stage_and_the_run_and_nothing_after_it_runs() {
    check(
        "stage build
           acts compile
           acts publish
         stage deploy
           acts apply",
        "compile: fail SyntaxError line 7",
        expect![[r#"
            0s stage build starts
            0s claim compile under key 1
            0s write 1
            0s act compile
            0s compile Failed (SyntaxError: line 7)
            0s stage build Failed (SyntaxError: step compile: line 7)
            0s ending Failed (SyntaxError: stage build: step compile: line 7)
            0s stage deploy Omitted
            0s run Failed
            0s write 2
        "#]],
    );
}

#[test]
fn a_stage_without_steps_succeeds() {
    check(
        "stage empty",
        "",
        expect![[r#"
        0s stage empty starts
        0s stage empty Succeeded
        0s ending Succeeded
        0s run Succeeded
        0s write 1
    "#]],
    );
}

#[test]
fn a_plan_without_stages_succeeds() {
    check(
        "",
        "",
        expect![[r#"
        0s ending Succeeded
        0s run Succeeded
        0s write 1
    "#]],
    );
}

#[test]
fn a_change_wakes_a_waiting_step_before_its_time() {
    check(
        "stage deploy
           reads inspect",
        "inspect: wait 10m not there yet; ok
         wake 7s inspect",
        expect![[r#"
            0s stage deploy starts
            0s claim inspect under key 1
            0s write 1
            0s look inspect
            0s write 2 (progress)
            7s look inspect
            7s inspect Succeeded
            7s stage deploy Succeeded
            7s ending Succeeded
            7s run Succeeded
            7s write 3
        "#]],
    );
}

#[test]
fn a_step_that_has_to_act_again_does_so_under_the_claim_it_holds() {
    check(
        "stage deploy
           acts commit",
        "commit: again 1s; wait 5s not pushed yet; ok",
        expect![[r#"
            0s stage deploy starts
            0s claim commit under key 1
            0s write 1
            0s act commit
            1s act commit
            1s write 2 (progress)
            6s look commit
            6s commit Succeeded
            6s stage deploy Succeeded
            6s ending Succeeded
            6s run Succeeded
            6s write 3
        "#]],
    );
}

#[test]
fn a_state_of_another_plan_ends_the_run_before_anything_is_done() {
    let plan = |step: &str| Plan {
        stages: vec![Stage {
            name: "deploy".to_owned(),
            steps: vec![Step { name: step.to_owned(), ..Step::default() }],
            ..Stage::default()
        }],
        ..Plan::default()
    };
    let (before, now) = (RunState::of(&plan("apply")), plan("remove"));
    let state = record(&now, before, Event::RunStarted, START);
    let action = decide(&now, &state, &Observed::default(), START);
    assert!(matches!(action, Action::Record(Event::Ended { reason, .. }) if reason == "PlanMismatch"));
}
