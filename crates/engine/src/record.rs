//! Records what happened: the only function that changes a state. Pure.

mod again;
mod asked;
mod end;
mod hook;
mod items;
mod lock;
mod skip;
mod stage;
mod step;
mod undo;

use jiff::Timestamp;

use crate::{
    Event, Plan, Question, RunPhase, RunState, Suspended, clock,
    limits::{cut_to, room_for_a_message},
};

/// The state that follows the event.
///
/// An event that does not fit the state (a step that is not there, or one that has ended) changes nothing:
/// what has ended stays as it is, unless a person has it done again ([`Event::Asked`]), and the state is always one that
/// [`crate::decide`] can go on from.
#[must_use]
pub fn record(plan: &Plan, mut state: RunState, mut event: Event, now: Timestamp) -> RunState {
    // A run that has ended goes on only when a person asks for it.
    if state.is_finished() && !matches!(event, Event::Asked { .. }) {
        return state;
    }
    if let Some(message) = event.message_mut() {
        *message = cut_to(room_for_a_message(&state), std::mem::take(message));
    }
    let run = &mut state;
    match event {
        Event::Asked { action, is_enforced, unsettled } => {
            asked::answer(plan, run, &action, is_enforced, &unsettled, now)
        }
        Event::Suspended(reason) => run.suspended = reason.map(|reason| Suspended { reason, since: now }),
        Event::Lock(answer) => lock::answer(plan, run, answer, now),
        Event::RunStarted => {
            run.phase = RunPhase::Running;
            run.started_at.get_or_insert(now);
        }
        Event::Answered(Question::StageWhen(index), answer) => stage::answer_when(plan, run, index, answer, now),
        Event::Answered(Question::StageUntil(index), answer) => stage::answer_until(plan, run, index, answer, now),
        Event::Answered(Question::StepWhen(at), answer) => step::answer(run, at, answer, now),
        Event::StageStarted(index) => stage::start(plan, run, index, now),
        Event::Bound { stage, approval } => stage::bind(plan, run, stage, approval, now),
        Event::StageEnded { stage, phase, why } => stage::end(plan, run, stage, phase, why, now),
        Event::StageTimedOut(index) => stage::time_out(plan, run, index, now),
        Event::Listed { stage, items } => items::list(plan, run, stage, items, now),
        Event::StageJudged { stage, retry } => stage::judge(plan, run, stage, retry, now),
        Event::StageGivenUp(index) => stage::give_up(run, index),
        Event::StageBegunAgain(index) => stage::begin_again(plan, run, index, now),
        Event::StageResumed(index) => stage::resume(plan, run, index, now),
        Event::StepStarted(at) => step::start(run, at),
        Event::Claimed { at, key, waiting_on } => step::claim(run, at, &key, waiting_on, now),
        Event::Progressed { at, message, progress } => step::progress(run, at, message, progress),
        Event::Succeeded { at, outputs } => step::succeed(run, at, outputs, now),
        Event::Failed { at, failure, retry } => step::fail(plan, run, at, failure, retry, now),
        Event::HookStarted { hook, event, subject, occasion } => {
            hook::start(plan, run, hook, event, subject, occasion, now)
        }
        Event::HookEnded { hook, phase } => hook::end(run, hook, phase, now),
        Event::Undone(at, result) => undo::record(run, at, result, now),
        Event::OutputsComputed(outputs) => end::compute_outputs(run, outputs, now),
        Event::Aborted { why, unsettled } => end::abort(plan, run, why, &unsettled, now),
        Event::Ended { phase, reason, message } => end::decide(run, phase, reason, message, now),
        Event::RunFinished => end::finish(plan, run, now),
    }
    clock::keep(run, now);
    state
}
