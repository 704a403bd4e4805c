//! What people are told of a run in Events, beside its status: what somebody has to do, what somebody did, and what would
//! pass unseen.
//!
//! It follows from what was recorded, and is told once that is written: a write that is refused tells nothing, and one whose
//! process ends right behind it may never be told. The status has all of it.

use sluice_engine::{
    ActionOutcome, ActionType, Approval, Event, LockAnswer, RunAction, RunState, StagePhase, StageState, StepAt,
    UndoPhase,
};

use super::Drive;
use crate::Report;

/// The reason of the report that people have to approve a stage, and who may.
pub const APPROVAL_NEEDED: &str = "ApprovalNeeded";

/// What an event may change that people are told about.
pub(super) struct Before {
    subject: Subject,
    /// The entries that waited for approvals, with their attempt: by name and item, as places move.
    awaiting: Vec<(String, i32)>,
    was_queued: bool,
}

/// What an event is about, as far as people are told of it.
enum Subject {
    Asked(RunAction),
    Taken { group: String, holder: String },
    FailedHook(usize),
    Undone(StepAt),
    Other,
}

impl Before {
    pub(super) fn of(state: &RunState, event: &Event) -> Self {
        let awaiting = state.stages.iter().filter(|stage| stage.awaits_approval());
        let subject = match event {
            Event::Asked { action, .. } => Subject::Asked(action.clone()),
            Event::Lock(LockAnswer::Taken { group, holder, .. }) => {
                Subject::Taken { group: group.clone(), holder: holder.clone() }
            }
            Event::HookEnded { hook, phase: StagePhase::Failed } => Subject::FailedHook(*hook),
            Event::Undone(at, _) => Subject::Undone(*at),
            _ => Subject::Other,
        };
        Self {
            subject,
            awaiting: awaiting.map(|stage| (stage.title(), stage.attempt)).collect(),
            was_queued: state.lock.is_some(),
        }
    }
}

impl Drive<'_, '_> {
    /// Keeps what people are to be told of the event that was just recorded.
    pub(super) fn tell_of(&mut self, before: &Before) {
        let report = match &before.subject {
            Subject::Asked(action) => self.answered(action),
            Subject::Taken { group, holder } if !before.was_queued => self.queued(group, holder),
            Subject::FailedHook(hook) => self.failed_hook(*hook),
            Subject::Undone(at) => self.failed_undo(*at),
            Subject::Taken { .. } | Subject::Other => None,
        };
        self.untold.extend(report);
        let is_new =
            |stage: &&StageState| stage.awaits_approval() && !before.awaiting.contains(&(stage.title(), stage.attempt));
        let awaiting = self.state.stages.iter().filter(is_new);
        self.untold.extend(awaiting.map(|stage| approval_needed(stage, &self.run.identity.pipeline)));
    }

    /// Tells what was written.
    pub(super) async fn tell(&mut self) {
        for report in std::mem::take(&mut self.untold) {
            self.run.world.report(report).await;
        }
    }

    /// What became of what a person asked for. An abort is told with the end of the run.
    fn answered(&self, action: &RunAction) -> Option<Report> {
        let answer = self.state.actions.last()?;
        if answer.result == ActionOutcome::Ignored {
            let why = answer.message.as_deref().unwrap_or_default();
            let message = format!("{:?} by {} changes nothing: {why}", action.r#type, action.by);
            return Some(warning("ActionIgnored", message));
        }
        let done = match action.r#type {
            ActionType::Approve => "Approved",
            ActionType::Reject => "Rejected",
            ActionType::Pause => "Paused",
            ActionType::Resume => "Resumed",
            ActionType::Retry => "Retried",
            ActionType::Skip => "Skipped",
            ActionType::Unlock => "Unlocked",
            ActionType::Abort => return None,
        };
        let stage = action.stage.as_ref().map(|stage| match &action.item {
            Some(item) => format!("stage {stage}[{item}]"),
            None => format!("stage {stage}"),
        });
        let step = action.step.as_ref().map(|step| format!("step {step}"));
        let what: Vec<String> = stage.into_iter().chain(step).collect();
        let what = if what.is_empty() { "the run".to_owned() } else { what.join(", ") };
        let reason = action.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        Some(Report { reason: done.to_owned(), message: format!("{what}, by {}{reason}", action.by), warning: false })
    }

    /// That the run waits for another one. One that ends instead says so with its end.
    fn queued(&self, group: &str, holder: &str) -> Option<Report> {
        let message = format!("waits for the lock {group:?}, which run {holder} holds");
        self.state.lock.as_ref().map(|_| Report { reason: "Queued".to_owned(), message, warning: false })
    }

    /// A hook that failed, which changes no result.
    fn failed_hook(&self, hook: usize) -> Option<Report> {
        let hook = self.state.hooks.get(hook)?;
        let failed = hook.steps.iter().find(|step| step.phase.is_failed());
        let why = failed.and_then(|step| step.message.as_deref()).unwrap_or("a step failed");
        let message = format!("hook {} ({:?} of {}) failed: {why}", hook.hook, hook.event, hook.subject);
        Some(warning("HookFailed", message))
    }

    /// An effect that could not be taken back.
    fn failed_undo(&self, at: StepAt) -> Option<Report> {
        let step = at.of(&self.state)?;
        let undo = step.undo.as_ref().filter(|undo| undo.phase == UndoPhase::Failed)?;
        let why = undo.message.as_deref().unwrap_or_default();
        Some(warning("UndoFailed", format!("the effect of step {} could not be taken back: {why}", step.name)))
    }
}

/// That people have to approve a stage, and who may.
fn approval_needed(stage: &StageState, pipeline: &str) -> Report {
    let missing = stage.approval.as_ref().map_or(1, Approval::missing);
    let approvals = if missing == 1 { "an approval".to_owned() } else { format!("{missing} approvals") };
    let (title, attempt) = (stage.title(), stage.attempt);
    let (resource, name) = match &stage.guard {
        Some(guard) => (guard.resource.as_str(), guard.name.as_str()),
        None => ("pipelines", pipeline),
    };
    let message = format!(
        "stage {title} (attempt {attempt}) waits for {approvals}, by whoever has the verb approve on {resource}/{name}"
    );
    Report { reason: APPROVAL_NEEDED.to_owned(), message, warning: false }
}

fn warning(reason: &str, message: String) -> Report {
    Report { reason: reason.to_owned(), message, warning: true }
}
