//! What happened to one stage, or to one item of it.

use jiff::{SignedDuration, Timestamp};

use super::{hook, step, undo};
use crate::{
    Approval, Backoff, Failure, Next, Plan, RunState, StagePhase, StageState, StepPhase, StepState,
    event::later,
    limits::{cut_to, room_for_a_message},
};

/// Why a stage ended: a reason word and a message.
type Why = (String, String);

/// The stage, if anything can still happen to it.
fn open(run: &mut RunState, stage: usize) -> Option<&mut StageState> {
    run.stages.get_mut(stage).filter(|stage| !stage.phase.is_ended())
}

pub(super) fn answer_when(
    plan: &Plan,
    run: &mut RunState,
    stage: usize,
    answer: Result<bool, Failure>,
    now: Timestamp,
) {
    match answer {
        Ok(true) => start(plan, run, stage, now),
        Ok(false) => {
            let why = ("ConditionFalse".to_owned(), "its condition `when` is false".to_owned());
            end(plan, run, stage, StagePhase::Skipped, Some(why), now);
        }
        Err(Failure { reason, message, .. }) => {
            end(plan, run, stage, StagePhase::Failed, Some((reason, message)), now);
        }
    }
}

/// Ends an iteration: it was the last one when the condition is true, or cannot be evaluated, or there may be no other.
pub(super) fn answer_until(
    plan: &Plan,
    run: &mut RunState,
    stage: usize,
    answer: Result<bool, Failure>,
    now: Timestamp,
) {
    let Some(entry) = open(run, stage) else { return };
    let limit = plan.stage(&entry.name).and_then(|plan| plan.until.as_ref()).map_or(0, |until| until.limit);
    let fail = |run: &mut RunState, why| end(plan, run, stage, StagePhase::Failed, Some(why), now);
    match answer {
        Ok(true) => end(plan, run, stage, StagePhase::Succeeded, None, now),
        Ok(false) if entry.iteration < limit => {
            entry.next = Some(Next::Repeat);
            end(plan, run, stage, StagePhase::Succeeded, None, now);
        }
        Ok(false) => {
            let message = format!("its condition `until` is false after {} iterations, the limit", entry.iteration);
            fail(run, (LOOP_LIMIT.to_owned(), message));
        }
        Err(Failure { reason, message, .. }) => fail(run, (reason, message)),
    }
}

/// The reason of a stage that was executed as often as it may be.
pub(super) const LOOP_LIMIT: &str = "LoopLimit";

/// Has the stage start, or wait for approvals.
pub(super) fn start(plan: &Plan, run: &mut RunState, stage: usize, now: Timestamp) {
    let Some(stage) = open(run, stage).filter(|stage| stage.phase == StagePhase::Pending) else { return };
    // Where it is bound to a place nothing starts unasked; for its items that was done.
    let is_to_be_bound = stage.item.is_none() && plan.stage(&stage.name).is_some_and(|plan| plan.is_bound);
    if !is_to_be_bound {
        enter(plan, stage, now);
    }
}

/// The same, once the place that the stage is bound to has said how many people have to approve it.
pub(super) fn bind(
    plan: &Plan,
    run: &mut RunState,
    index: usize,
    approval: Result<Option<i32>, Failure>,
    now: Timestamp,
) {
    let Some(stage) = open(run, index).filter(|stage| stage.phase == StagePhase::Pending) else { return };
    match approval {
        Ok(required) => {
            let own = plan.stage(&stage.name).and_then(|plan| plan.approval);
            stage.approval = own.or(required).map(Approval::by);
            enter(plan, stage, now);
        }
        Err(Failure { reason, message, .. }) => {
            end(plan, run, index, StagePhase::Failed, Some((reason, message)), now);
        }
    }
}

/// This attempt begins, unless people have to approve it first.
pub(super) fn enter(plan: &Plan, stage: &mut StageState, now: Timestamp) {
    let required = plan.stage(&stage.name).and_then(|plan| plan.approval);
    if let Some(required) = required {
        stage.approval.get_or_insert_with(|| Approval::by(required));
    }
    if let Some(approval) = stage.approval.as_mut().filter(|approval| approval.missing() > 0) {
        approval.since.get_or_insert(now);
        stage.phase = StagePhase::AwaitingApproval;
        return;
    }
    stage.phase = StagePhase::Running;
    stage.started_at.get_or_insert(now);
}

/// A person does not want the stage: it fails, and since it has not started it is not tried again.
pub(super) fn reject(plan: &Plan, run: &mut RunState, index: usize, message: String, now: Timestamp) {
    let message = cut_to(room_for_a_message(run), message);
    end(plan, run, index, StagePhase::Failed, Some((REJECTED.to_owned(), message)), now);
}

/// The reason of a stage that a person has rejected.
const REJECTED: &str = "Rejected";

pub(super) fn end(plan: &Plan, run: &mut RunState, stage: usize, phase: StagePhase, why: Option<Why>, now: Timestamp) {
    let Some(stage) = open(run, stage) else { return };
    stage.phase = phase;
    stage.finished_at = Some(now);
    stage.resume_at = None;
    let (reason, message) = why.unzip();
    stage.reason = reason;
    stage.message = message;
    let unused = if phase == StagePhase::Skipped { StepPhase::Skipped } else { StepPhase::Omitted };
    step::end_unstarted(&mut stage.steps, unused);
    if phase == StagePhase::Failed {
        stage.next = may_be_tried_again(plan, stage).then_some(Next::Undecided);
    }
}

/// Whether another attempt is left. What must not be repeated rules one out; so does what kept the stage from starting: its
/// condition, and the place that it is bound to, are not asked again before a further attempt.
fn may_be_tried_again(plan: &Plan, stage: &StageState) -> bool {
    let retry = plan.stage(&stage.name).and_then(|plan| plan.retry.as_ref());
    let is_unresolved = stage.steps.iter().any(|step| step.phase == StepPhase::Unknown);
    retry.is_some_and(|retry| stage.attempt <= retry.limit) && !is_unresolved && stage.started_at.is_some()
}

pub(super) fn time_out(plan: &Plan, run: &mut RunState, index: usize, now: Timestamp) {
    let room = room_for_a_message(run);
    let Some(stage) = open(run, index) else { return };
    let timeout = plan.stage(&stage.name).and_then(|plan| plan.timeout).unwrap_or_default();
    let late = format!("the stage took longer than its timeout of {timeout:#}");
    let mut message = late.clone();
    for step in stage.steps.iter_mut().filter(|step| step.phase.is_under_way()) {
        let last = step.message.take().map(|last| format!("; last seen: {last}")).unwrap_or_default();
        let open = format!("; step {} had not ended{last}", step.name);
        message.push_str(&open);
        step.effect_unknown |= step.phase == StepPhase::Running;
        step::end(step, StepPhase::Failed, now);
        step.reason = Some(STAGE_TIMEOUT.to_owned());
        step.message = Some(cut_to(room, late.clone() + &open));
        step.transient = true;
    }
    end(plan, run, index, StagePhase::Failed, Some((STAGE_TIMEOUT.to_owned(), cut_to(room, message))), now);
}

/// The reason of a stage that took too long, and of its steps.
const STAGE_TIMEOUT: &str = "StageTimeout";

/// Decides what follows a failed attempt. Before another one the effects of this one are taken back.
pub(super) fn judge(plan: &Plan, run: &mut RunState, index: usize, retry: bool, now: Timestamp) {
    let Some(stage) = run.stages.get_mut(index).filter(|stage| stage.next == Some(Next::Undecided)) else { return };
    stage.next = retry.then_some(Next::Retry);
    let Some(plan) = plan.stage(&stage.name).filter(|_| retry) else { return };
    // Now, while what the steps are rendered from is still there. That makes the end known also of what was not known.
    stage.steps.iter_mut().zip(&plan.steps).for_each(|(step, plan)| undo::ask(step, plan, now));
}

/// Another attempt would stand beside what is left of this one: the stage stays failed.
pub(super) fn give_up(run: &mut RunState, index: usize) {
    let room = room_for_a_message(run);
    let Some(stage) = run.stages.get_mut(index).filter(|stage| stage.next == Some(Next::Retry)) else { return };
    let Some(left) = stage.steps.iter().find(|step| step.has_failed_undo()) else { return };
    stage.next = None;
    let why = left.undo.as_ref().and_then(|undo| undo.message.as_deref()).unwrap_or_default();
    let left =
        format!("it is not tried again, because the effect of step {} could not be taken back: {why}", left.name);
    let message = stage.message.take().map_or_else(|| left.clone(), |failed| format!("{failed}; {left}"));
    stage.message = Some(cut_to(room, message));
}

/// Begins the next attempt or iteration: every step before its first attempt.
pub(super) fn begin_again(plan: &Plan, run: &mut RunState, index: usize, now: Timestamp) {
    let Some(stage) = run.stages.get_mut(index) else { return };
    let Some(planned) = plan.stage(&stage.name) else { return };
    let pause = match stage.next {
        Some(Next::Retry) => {
            stage.attempt = stage.attempt.saturating_add(1);
            stage.iteration = 1;
            stage.held_seconds = 0;
            stage.started_at = None;
            stage.approval.iter_mut().for_each(Approval::renew);
            let backoff = planned.retry.as_ref().map(|retry| &retry.backoff);
            backoff.map_or(SignedDuration::ZERO, |backoff| Backoff::before(backoff, stage.attempt))
        }
        Some(Next::Repeat) => {
            stage.iteration = stage.iteration.saturating_add(1);
            planned.until.as_ref().map_or(SignedDuration::ZERO, |until| until.interval)
        }
        Some(Next::Undecided) | None => return,
    };
    stage.next = None;
    stage.phase = StagePhase::Running;
    stage.finished_at = None;
    stage.resume_at = Some(later(now, pause));
    stage.steps = stage.steps.iter().map(StepState::anew).collect();
    hook::forget_past(plan, run);
}

/// Goes on after the pause.
pub(super) fn resume(plan: &Plan, run: &mut RunState, stage: usize, now: Timestamp) {
    let Some(stage) = open(run, stage).filter(|stage| stage.resume_at.is_some()) else { return };
    stage.resume_at = None;
    enter(plan, stage, now);
}
