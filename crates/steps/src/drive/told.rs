//! What people are told of a run in Events, beside its status.

use sluice_engine::{Event, StagePhase, StepAt, UndoPhase};

use super::{Drive, Run};
use crate::Report;

impl Drive<'_, '_> {
    /// What people are told of a hook that failed, which changes no result and would pass unseen.
    pub(super) fn failed_hook(&self, event: &Event) -> Option<Report> {
        let Event::HookEnded { hook, phase: StagePhase::Failed } = event else { return None };
        let hook = self.state.hooks.get(*hook)?;
        let failed = hook.steps.iter().find(|step| step.phase.is_failed());
        let why = failed.and_then(|step| step.message.as_deref()).unwrap_or("a step failed");
        let message = format!("hook {} ({:?} of {}) failed: {why}", hook.hook, hook.event, hook.subject);
        Some(Report { reason: "HookFailed".to_owned(), message, warning: true })
    }

    /// What people are told of an effect that could not be taken back.
    pub(super) fn failed_undo(&self, at: StepAt) -> Option<Report> {
        let step = at.of(&self.state)?;
        let undo = step.undo.as_ref().filter(|undo| undo.phase == UndoPhase::Failed)?;
        let why = undo.message.as_deref().unwrap_or_default();
        let message = format!("the effect of step {} could not be taken back: {why}", step.name);
        Some(Report { reason: "UndoFailed".to_owned(), message, warning: true })
    }
}

/// Tells it.
pub(super) async fn tell(run: &Run<'_>, report: Option<Report>) {
    if let Some(report) = report {
        run.world.report(report).await;
    }
}
