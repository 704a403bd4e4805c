//! A run as a tree of lines: its stages, their steps, what they wait for and why they failed. Pure: of a status and a time
//! come lines, and nothing is printed here.
//!
//! [`of_run`] says what there is to show; [`Look::draw`] makes it fit a terminal.

mod commands;
mod look;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};
use sluice_api::{PipelineRunStatus, Summary, approvers, holds, missing_approval};
use sluice_engine::{
    HookState, RunPhase, RunState, StagePhase, StageState, StepPhase, StepState, Undo, UndoPhase, WaitKind, WaitingOn,
};

use crate::changes::subject;

pub(crate) use commands::Commands;
pub(crate) use look::{Look, width_of};

/// How something stands, as a symbol and a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Pending,
    Running,
    Waiting,
    Succeeded,
    Failed,
    Unknown,
    Skipped,
    Aborted,
    Omitted,
}

/// One thing to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// 0 is the run, 1 a stage or hook, 2 a step.
    pub(crate) depth: usize,
    pub(crate) sign: Sign,
    pub(crate) name: String,
    /// How long it has taken, or took.
    pub(crate) elapsed: Option<SignedDuration>,
    /// What it waits for, or why it ended like this.
    pub(crate) detail: Option<String>,
    /// What a person may type about it.
    pub(crate) command: Option<String>,
}

/// Everything there is to show of a run, with the `commands` that answer it, where there are such.
pub(crate) fn of_run(name: &str, status: &PipelineRunStatus, commands: Option<&Commands>, now: Timestamp) -> Vec<Row> {
    let state = &status.state;
    let mut rows = vec![Row {
        depth: 0,
        sign: run_sign(status),
        name: format!("{name}  {}", standing(state)),
        elapsed: elapsed(state.started_at, state.finished_at, now),
        detail: run_detail(status),
        command: commands.filter(|_| state.paused.is_some() && !state.is_finished()).map(Commands::resume),
    }];
    for stage in &state.stages {
        rows.push(stage_row(stage, commands, now));
        if stage.phase != StagePhase::Omitted && stage.phase != StagePhase::Skipped {
            rows.extend(stage.steps.iter().map(|step| step_row(step, now)));
        }
    }
    for hook in &state.hooks {
        rows.push(hook_row(hook, now));
        rows.extend(hook.steps.iter().map(|step| step_row(step, now)));
    }
    rows
}

/// Where the run stands, in a word or two.
fn standing(state: &RunState) -> String {
    let phase = match state.phase {
        RunPhase::Pending | RunPhase::Running if state.paused.is_some() => "Paused".to_owned(),
        RunPhase::Pending | RunPhase::Running if state.suspended.is_some() => "Suspended".to_owned(),
        RunPhase::Pending | RunPhase::Running if waits_for_lock(state) => "Queued".to_owned(),
        phase => format!("{phase:?}"),
    };
    if state.round > 1 { format!("{phase}, round {}", state.round) } else { phase }
}

fn waits_for_lock(state: &RunState) -> bool {
    state.lock.as_ref().is_some_and(|lock| !lock.is_held()) && !state.is_finished()
}

/// Why the run ended, or what holds it up as a whole.
fn run_detail(status: &PipelineRunStatus) -> Option<String> {
    let state = &status.state;
    // What keeps a run from being carried on at all is not part of its state.
    if state.stages.is_empty() || state.is_finished() || status.message != Summary::of(state).message {
        return status.message.clone();
    }
    let ending = state.ending.as_ref().and_then(|ending| ending.message.clone());
    joined(ending.into_iter().chain(holds(state)).map(Some), "; ")
}

fn run_sign(status: &PipelineRunStatus) -> Sign {
    match status.state.phase {
        RunPhase::Pending if status.state.is_paused() || waits_for_lock(&status.state) => Sign::Waiting,
        RunPhase::Pending => Sign::Pending,
        RunPhase::Running if status.waiting_on.is_some() => Sign::Waiting,
        RunPhase::Running => Sign::Running,
        RunPhase::Succeeded => Sign::Succeeded,
        RunPhase::Failed => Sign::Failed,
        RunPhase::Aborted | RunPhase::Cancelled => Sign::Aborted,
    }
}

fn group_sign(phase: StagePhase) -> Sign {
    match phase {
        StagePhase::Pending => Sign::Pending,
        StagePhase::AwaitingApproval => Sign::Waiting,
        StagePhase::Running => Sign::Running,
        StagePhase::Succeeded => Sign::Succeeded,
        StagePhase::Failed => Sign::Failed,
        StagePhase::Skipped => Sign::Skipped,
        StagePhase::Aborted => Sign::Aborted,
        StagePhase::Omitted => Sign::Omitted,
    }
}

fn step_sign(step: &StepState) -> Sign {
    match step.phase {
        StepPhase::Pending => Sign::Pending,
        StepPhase::Starting if step.retry_at.is_some() => Sign::Waiting,
        StepPhase::Running if step.waiting_on.is_some() => Sign::Waiting,
        StepPhase::Starting | StepPhase::Running => Sign::Running,
        StepPhase::Succeeded => Sign::Succeeded,
        StepPhase::Failed => Sign::Failed,
        StepPhase::Unknown => Sign::Unknown,
        StepPhase::Skipped => Sign::Skipped,
        StepPhase::Aborted => Sign::Aborted,
        StepPhase::Omitted => Sign::Omitted,
    }
}

fn stage_row(stage: &StageState, commands: Option<&Commands>, now: Timestamp) -> Row {
    let sign = match stage.resume_at {
        Some(_) if stage.is_under_way() => Sign::Waiting,
        _ if stage.is_under_way() => Sign::Running,
        _ => group_sign(stage.phase),
    };
    Row {
        depth: 1,
        sign,
        name: stage.title(),
        elapsed: elapsed(stage.started_at.or(waits_since(stage)), stage.finished_at, now),
        detail: stage_detail(stage, now),
        command: commands.filter(|_| stage.awaits_approval()).map(|commands| commands.approve(stage)),
    }
}

/// Since when a stage waits for people that has not started.
fn waits_since(stage: &StageState) -> Option<Timestamp> {
    stage.approval.as_ref().filter(|_| stage.awaits_approval())?.since
}

fn stage_detail(stage: &StageState, now: Timestamp) -> Option<String> {
    let round = round(stage.attempt, stage.iteration);
    let said = match stage.phase {
        StagePhase::Omitted => return Some("never started".to_owned()),
        StagePhase::Skipped => {
            return stage.message.clone().or_else(|| Some("skipped: its condition is false".to_owned()));
        }
        StagePhase::AwaitingApproval => missing_approval(stage),
        StagePhase::Succeeded => approvers(stage),
        StagePhase::Running if stage.message.is_none() => approvers(stage),
        // A failed stage repeats what its step says.
        _ if stage.steps.iter().any(|step| step.phase.is_failed()) => None,
        _ => stage.message.clone(),
    };
    let Some(at) = stage.resume_at else {
        // What a stage that goes on says is about the attempt before.
        let by = match stage.phase {
            StagePhase::Running if stage.message.is_some() => ", after ",
            StagePhase::AwaitingApproval | StagePhase::Running | StagePhase::Succeeded => ", ",
            _ => ": ",
        };
        return joined([round, said], by);
    };
    let pause = short(at.duration_since(now).max(SignedDuration::ZERO));
    let round = round.map(|round| format!("{round} in {pause}"));
    joined([round, said], ": ")
}

/// Which attempt and which iteration it is, where it is not the only one.
fn round(attempt: i32, iteration: i32) -> Option<String> {
    let attempt = (attempt > 1).then(|| format!("attempt {attempt}"));
    let iteration = (iteration > 1).then(|| format!("iteration {iteration}"));
    joined([attempt, iteration], ", ")
}

fn joined(parts: impl IntoIterator<Item = Option<String>>, by: &str) -> Option<String> {
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(by))
}

fn hook_row(hook: &HookState, now: Timestamp) -> Row {
    let event = format!("{:?} of {}", hook.event, subject(hook));
    Row {
        depth: 1,
        sign: group_sign(hook.phase),
        name: format!("hook {}", hook.hook),
        elapsed: elapsed(hook.started_at, hook.finished_at, now),
        detail: joined([Some(event), round(hook.attempt, hook.iteration)], ", "),
        command: None,
    }
}

fn step_row(step: &StepState, now: Timestamp) -> Row {
    let shows_time = !matches!(step.phase, StepPhase::Skipped | StepPhase::Omitted);
    Row {
        depth: 2,
        sign: step.undo.as_ref().map_or_else(|| step_sign(step), |undo| undo_sign(undo, step)),
        name: step.name.clone(),
        elapsed: elapsed(step.started_at, step.finished_at, now).filter(|_| shows_time),
        detail: step.undo.as_ref().map_or_else(|| step_detail(step, now), |undo| Some(undo_detail(undo, step, now))),
        command: None,
    }
}

fn undo_sign(undo: &Undo, step: &StepState) -> Sign {
    match undo.phase {
        UndoPhase::Pending if undo.retry_at.is_some() => Sign::Waiting,
        UndoPhase::Pending => Sign::Running,
        UndoPhase::Undone => step_sign(step),
        UndoPhase::Failed => Sign::Unknown,
    }
}

/// How far a step's effect is taken back, and where to look at it.
fn undo_detail(undo: &Undo, step: &StepState, now: Timestamp) -> String {
    let why = undo.message.as_deref().unwrap_or("the attempt failed");
    let said = match (undo.phase, undo.retry_at) {
        (UndoPhase::Pending, Some(at)) => {
            let pause = short(at.duration_since(now).max(SignedDuration::ZERO));
            format!("taken back: attempt {} in {pause}: {why}", undo.attempt)
        }
        (UndoPhase::Pending, None) => "is taken back".to_owned(),
        (UndoPhase::Undone, _) => "taken back".to_owned(),
        (UndoPhase::Failed, _) => format!("could not be taken back, look at it: {why}"),
    };
    joined([Some(said), url_of(step)], ": ").unwrap_or_default()
}

fn step_detail(step: &StepState, now: Timestamp) -> Option<String> {
    match step.phase {
        StepPhase::Starting => {
            let pause = step.retry_at?.duration_since(now).max(SignedDuration::ZERO);
            let why = step.message.as_deref().unwrap_or("the attempt failed");
            Some(format!("attempt {} in {}: {why}", step.attempt, short(pause)))
        }
        StepPhase::Running => running_detail(step),
        StepPhase::Skipped => step.message.clone().or_else(|| Some("skipped: its condition is false".to_owned())),
        StepPhase::Succeeded => url_of(step),
        StepPhase::Pending | StepPhase::Omitted => None,
        StepPhase::Failed | StepPhase::Unknown | StepPhase::Aborted => step.message.clone(),
    }
}

/// What a step says, and in any case what it waits for with its link.
fn running_detail(step: &StepState) -> Option<String> {
    let said = said_of_wait(step.waiting_on.as_ref(), step.message.as_deref());
    joined([round(step.attempt, 1), said], ", ")
}

/// Where to look at what a step did.
fn url_of(step: &StepState) -> Option<String> {
    step.outputs.get("url").and_then(|url| url.as_str()).map(str::to_owned)
}

/// What a step says, with what it waits for unless it says that, too.
pub(crate) fn said_of_wait(on: Option<&WaitingOn>, message: Option<&str>) -> Option<String> {
    let Some(WaitingOn { kind, key, .. }) = on else { return message.map(str::to_owned) };
    let what = match kind {
        WaitKind::PullRequest => "the pull request ",
        WaitKind::Application => "the application ",
        WaitKind::Job => "the job ",
        WaitKind::PipelineRun => "the run ",
        WaitKind::Approval => "the approval ",
        WaitKind::Lock => "the lock ",
        WaitKind::Resume => "the pause of ",
        WaitKind::Time | WaitKind::Condition => "",
    };
    let waits = if *kind == WaitKind::Condition { "waits until " } else { "waits for " };
    match message {
        Some(message) if message.contains(key) || *kind == WaitKind::Time => Some(message.to_owned()),
        Some(message) => Some(format!("{waits}{what}{key}: {message}")),
        None => Some(format!("{waits}{what}{key}")),
    }
}

fn elapsed(started: Option<Timestamp>, finished: Option<Timestamp>, now: Timestamp) -> Option<SignedDuration> {
    Some(finished.unwrap_or(now).duration_since(started?).max(SignedDuration::ZERO))
}

/// A length of time in a few characters: `0.4s`, `12s`, `3m05s`, `2h10m`, `3d04h`.
pub(crate) fn short(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        ..10 => format!("{}.{}s", seconds, duration.subsec_millis() / 100),
        10..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}
