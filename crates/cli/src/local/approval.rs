//! A stage that waits for an approval. What the person here answers becomes an entry of the run's `spec.actions`, as in a
//! cluster, and the engine does the rest.
//!
//! There is one person: a stage that wants several approvals has to do with one here, and nobody's rights are checked.

use sluice_api::{ActionType, PipelineRun, Program, RunAction};
use sluice_engine::{RunState, StageState, StepPhase, WaitKind};

use super::{family::Family, world::LocalWorld};
use crate::printable;

/// The longest reason that the API server would take, in characters.
const MAX_REASON: usize = 1024;

/// What a reason says where nobody gave one.
const YES: &str = "--yes";

/// An attempt of a stage that waits for an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Approval {
    run: String,
    /// Whether the run is one that a step of another one has started.
    is_child: bool,
    stage: String,
    item: Option<String>,
    attempt: i32,
}

/// An entry for a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) run: String,
    pub(crate) action: RunAction,
}

impl Approval {
    /// Those that this run waits for. There are none where an answer is under way, or could change nothing any more.
    pub(crate) fn all(run: &PipelineRun, is_child: bool) -> Vec<Self> {
        let Some(status) = run.status.as_ref() else { return Vec::new() };
        let state = &status.state;
        if run.is_about_to_end() || !run.unanswered().is_empty() || state.stages.iter().any(StageState::has_failed) {
            return Vec::new();
        }
        let name = run.metadata.name.clone().unwrap_or_default();
        let waiting = state.stages.iter().filter(|stage| stage.awaits_approval());
        let of = |stage: &StageState| Self {
            run: name.clone(),
            is_child,
            stage: stage.name.clone(),
            item: stage.item.clone(),
            attempt: stage.attempt,
        };
        waiting.map(of).collect()
    }

    /// Which one it is, for people.
    fn title(&self) -> String {
        let Self { run, is_child, stage, item, attempt } = self;
        let item = item.as_ref().map(|item| format!("[{item}]")).unwrap_or_default();
        let attempt = if *attempt > 1 { format!("attempt {attempt} of ") } else { String::new() };
        let run = if *is_child { format!(" of run {run}") } else { String::new() };
        printable::line(&format!("{attempt}stage {stage}{item}{run}"))
    }

    pub(super) fn question(&self) -> String {
        format!("approve {}? [a]pprove [r]eject, with a reason behind it if you like, [q]uit-and-leave ", self.title())
    }

    /// What people do who are not asked.
    pub(super) fn remedy(&self) -> String {
        format!(
            "{} waits for an approval, and there is nobody to ask: resume the run at a terminal, or with --yes",
            self.title()
        )
    }

    /// What `--yes` says.
    pub(super) fn yes(&self, person: &str) -> Entry {
        self.entry(ActionType::Approve, person, YES)
    }

    /// What the person said, as an entry; `None` is something that is not understood.
    pub(super) fn answer(&self, said: &str, person: &str) -> Option<Entry> {
        let (word, reason) = said.trim().split_once(char::is_whitespace).unwrap_or((said.trim(), ""));
        match word.to_lowercase().as_str() {
            "a" | "approve" | "y" | "yes" => Some(self.entry(ActionType::Approve, person, reason)),
            "r" | "reject" => Some(self.entry(ActionType::Reject, person, reason)),
            _ => None,
        }
    }

    fn entry(&self, what: ActionType, person: &str, reason: &str) -> Entry {
        let reason: String = reason.trim().chars().take(MAX_REASON).collect();
        let action = RunAction {
            stage: Some(self.stage.clone()),
            item: self.item.clone(),
            attempt: Some(self.attempt),
            ..RunAction::new(what, person, Some(reason).filter(|reason| !reason.is_empty()))
        };
        Entry { run: self.run.clone(), action }
    }
}

/// Has every stage do with the approval of the one person who is here.
pub(super) fn by_one_person(program: &mut Program) {
    let approvals = program.plan.stages.iter_mut().filter_map(|stage| stage.approval.as_mut());
    approvals.for_each(|required| *required = 1);
}

/// What a cluster would want more, said of the stages that wait: `wanted` is how many approvals the pipeline wants of each.
pub(super) fn wanted_elsewhere(state: &RunState, wanted: &[(String, i32)], world: &LocalWorld) -> Vec<String> {
    let waiting = state.stages.iter().filter(|stage| stage.awaits_approval());
    let told = waiting.filter_map(|stage| {
        let own = wanted.iter().find(|(name, _)| *name == stage.name).map(|(_, required)| *required);
        let required = own.or_else(|| world.approvals_wanted_by(stage.environment.as_deref()?))?;
        let title = printable::line(&stage.title());
        (required > 1).then(|| {
            format!(
                "stage {title} wants {required} approvals in a cluster; here is one person, whose approval is enough"
            )
        })
    });
    told.collect()
}

/// Whether nothing but approvals is waited for, by this run or by those that its steps have started.
pub(super) fn waits_for_nothing_else(run: &PipelineRun, family: &Family) -> bool {
    let Some(state) = run.status.as_ref().map(|status| &status.state) else { return false };
    let is_moving = state.is_finished()
        || run.is_about_to_end()
        || !run.unanswered().is_empty()
        || state.hooks.iter().any(|hook| !hook.phase.is_ended())
        || state.stages.iter().any(|stage| stage.resume_at.is_some() || stage.next.is_some());
    if is_moving {
        return false;
    }
    let mut waits = state.stages.iter().filter(|stage| stage.awaits_approval()).count();
    for step in state.steps().filter(|step| step.phase.is_under_way()) {
        let on = step.waiting_on.as_ref().filter(|on| on.kind == WaitKind::PipelineRun);
        let on = on.filter(|_| step.phase == StepPhase::Running);
        let child = on.and_then(|on| family.member(on.key.rsplit_once('/').map_or(&*on.key, |(_, name)| name)));
        if !child.is_some_and(|child| waits_for_nothing_else(&child, family)) {
            return false;
        }
        waits += 1;
    }
    waits > 0
}
