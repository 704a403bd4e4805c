//! What people are told: what they have to do, and what became of what they asked for.

use sluice_engine::ActionType;

use super::*;

fn asks(kind: ActionType, by: &str) -> RunAction {
    let stage = (kind == ActionType::Approve).then(|| "ship".to_owned());
    RunAction { stage, ..RunAction::new(kind, by, None) }
}

/// What was reported since the last call.
fn told(bench: &Bench) -> Vec<String> {
    let reports = std::mem::take(&mut *bench.world.reports.lock().unwrap());
    reports.into_iter().map(|report| format!("{}: {}", report.reason, report.message)).collect()
}

const NONE: [&str; 0] = [];

#[tokio::test]
async fn an_approval_is_asked_for_once_and_each_answer_is_told_once() {
    let mut bench = Bench::of("- {name: ship, approval: {required: 2}, steps: [{name: a, set: {values: {x: 1}}}]}");
    bench.drive().await.unwrap();
    let needed = "stage ship (attempt 1) waits for 2 approvals, by whoever has the verb approve on pipelines/deploy";
    assert_eq!(told(&bench), [format!("ApprovalNeeded: {needed}")]);
    bench.crash();
    bench.drive().await.unwrap();
    assert_eq!(told(&bench), NONE);

    bench.asked = vec![asks(ActionType::Approve, "alice"), asks(ActionType::Approve, "alice")];
    bench.drive().await.unwrap();
    let again = "ActionIgnored: Approve by alice changes nothing: alice has approved it before; somebody else has to";
    assert_eq!(told(&bench), ["Approved: stage ship, by alice", again]);
    let paused = RunAction { reason: Some("lunch".to_owned()), ..asks(ActionType::Pause, "bob") };
    bench.asked.extend([paused, asks(ActionType::Approve, "bob"), asks(ActionType::Resume, "bob")]);
    assert_eq!(bench.drive().await, Ok(Next::Finished));
    assert_eq!(
        told(&bench),
        ["Paused: the run, by bob: lunch", "Approved: stage ship, by bob", "Resumed: the run, by bob"]
    );
}

#[tokio::test]
async fn what_could_not_be_written_is_not_told() {
    let mut bench = Bench::of("- {name: ship, approval: {required: 1}, steps: [{name: a, set: {values: {x: 1}}}]}");
    bench.shelf.refuse = vec![1];
    assert_eq!(bench.drive().await, Err(Refused));
    assert_eq!(told(&bench), NONE);
    bench.drive().await.unwrap();
    assert_eq!(told(&bench).len(), 1);
}
