//! How a subject's end reads as a hook's event.

use crate::{HookEvent, RunPhase, StagePhase, StepPhase};

/// The event of a step's end; `None` while it has not ended, or never ran.
pub(super) fn of_step(phase: StepPhase) -> Option<HookEvent> {
    match phase {
        StepPhase::Succeeded => Some(HookEvent::Success),
        StepPhase::Failed | StepPhase::Unknown => Some(HookEvent::Failure),
        StepPhase::Aborted => Some(HookEvent::Abortion),
        StepPhase::Pending | StepPhase::Starting | StepPhase::Running | StepPhase::Skipped | StepPhase::Omitted => None,
    }
}

/// The event of a stage's end.
pub(super) fn of_stage(phase: StagePhase) -> Option<HookEvent> {
    match phase {
        StagePhase::Succeeded => Some(HookEvent::Success),
        StagePhase::Failed => Some(HookEvent::Failure),
        StagePhase::Aborted => Some(HookEvent::Abortion),
        StagePhase::Pending
        | StagePhase::AwaitingApproval
        | StagePhase::Running
        | StagePhase::Skipped
        | StagePhase::Omitted => None,
    }
}

/// The event of a run's decided result.
pub(super) fn of_run(phase: RunPhase) -> Option<HookEvent> {
    match phase {
        RunPhase::Succeeded => Some(HookEvent::Success),
        RunPhase::Failed => Some(HookEvent::Failure),
        RunPhase::Aborted => Some(HookEvent::Abortion),
        RunPhase::Pending | RunPhase::Running | RunPhase::Cancelled => None,
    }
}
