//! What is taken back after an abort.

use sluice_api::{PipelineRun, PipelineRunStatus, names};
use sluice_engine::UndoPhase;

use super::*;

const ABORTION: &str = "hooks: [{name: end, events: [Abortion], steps: [{name: note, set: {values: {x: 1}}}]}]";

/// A run that waits for a child run; aborted.
async fn aborted() -> Bench {
    let mut bench =
        Bench::with("- {name: s, steps: [{name: child, pipelineRun: {pipelineRef: {name: web}}}]}", ABORTION);
    let child: PipelineSpec =
        serde_saphyr::from_str("serviceAccountName: a\nstages: [{name: s, steps: [{name: x, set: {values: {x: 1}}}]}]")
            .unwrap();
    bench.world.runs.pipelines.insert("web".to_owned(), child);
    assert!(matches!(bench.drive().await, Ok(Next::Wait(_))));
    assert_eq!(runs(&bench).len(), 1);
    bench.abort = Some(Abort { reason: AbortReason::Aborted, message: "aborted by alice".to_owned() });
    bench
}

fn runs(bench: &Bench) -> Vec<PipelineRun> {
    bench.world.runs.runs.lock().unwrap().values().cloned().collect()
}

fn child_ends(bench: &Bench) {
    let mut runs = bench.world.runs.runs.lock().unwrap();
    let state = RunState { phase: RunPhase::Aborted, finished_at: Some(now()), ..RunState::default() };
    runs.values_mut()
        .for_each(|run| run.status = Some(PipelineRunStatus { state: state.clone(), ..Default::default() }));
}

fn undo(bench: &Bench) -> (UndoPhase, i32) {
    let undo = bench.step(0, 0).undo.as_ref().unwrap();
    (undo.phase, undo.attempt)
}

#[tokio::test]
async fn it_is_tried_again_until_it_is_done_and_hooks_come_after_it() {
    let mut bench = aborted().await;
    let next = bench.drive().await.unwrap();
    assert!(matches!(next, Next::Wait(Some(until)) if until > now()), "{next:?}");
    assert_eq!((undo(&bench), bench.state().hooks.len()), ((UndoPhase::Pending, 1), 0));
    let actions = &runs(&bench)[0].spec.actions;
    assert_eq!((actions.len(), &actions[0].by), (1, &names::own_user()));
    child_ends(&bench);
    bench.elapsed = SignedDuration::from_secs(10);
    assert_eq!(bench.drive().await, Ok(Next::Finished));
    assert_eq!((undo(&bench), bench.state().hooks.len()), ((UndoPhase::Undone, 1), 1));
    assert_eq!(runs(&bench)[0].spec.actions.len(), 1, "asked for once");
}

#[tokio::test]
async fn it_goes_on_after_a_crash_and_after_a_refused_write() {
    let mut bench = aborted().await;
    // The abort is written, and its first attempt is not.
    bench.shelf.refuse = vec![bench.shelf.writes + 2];
    assert_eq!(bench.drive().await, Err(Refused));
    assert_eq!(undo(&bench), (UndoPhase::Pending, 1));
    bench.crash();
    child_ends(&bench);
    assert_eq!(bench.drive().await, Ok(Next::Finished));
    assert_eq!(undo(&bench), (UndoPhase::Undone, 1));
    assert_eq!(runs(&bench)[0].spec.actions.len(), 1);
}

#[tokio::test]
async fn after_half_an_hour_it_is_given_up_and_people_are_told() {
    let mut bench = aborted().await;
    bench.drive().await.unwrap();
    bench.elapsed = SignedDuration::from_mins(30);
    assert_eq!(bench.drive().await, Ok(Next::Finished));
    assert_eq!(undo(&bench).0, UndoPhase::Failed);
    let reports = bench.world.reports.lock().unwrap();
    let told: Vec<&str> = reports.iter().map(|report| report.reason.as_str()).collect();
    assert_eq!(told, ["UndoFailed"], "{reports:?}");
    assert_eq!(bench.state().phase, RunPhase::Aborted);
}
