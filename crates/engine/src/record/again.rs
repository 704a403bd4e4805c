//! What a person has done again: the run goes on from what failed, and keeps what succeeded.

use std::collections::BTreeSet;

use crate::{Approval, Plan, RunAction, RunPhase, RunState, StagePhase, StageState, StepPhase, StepState};

use super::{asked::named, hook};

/// Has what failed done again, and the stage that is named.
pub(super) fn retry(plan: &Plan, run: &mut RunState, action: &RunAction) -> Result<(), String> {
    fits(plan, run)?;
    let named = match &action.stage {
        Some(_) => Some(Named::of(plan, run, action)?),
        None => None,
    };
    if named.is_none() {
        match &run.ending {
            Some(ending) if ending.phase == RunPhase::Succeeded => {
                return Err("the run has succeeded; name the stage that is to be done again".to_owned());
            }
            None if !run.stages.iter().any(StageState::has_failed) => return Err("nothing has failed".to_owned()),
            _ => {}
        }
    }
    resume(run);
    if let Some(named) = named {
        named.restart(plan, run, action.step.is_some());
    }
    hook::forget_past(plan, run);
    Ok(())
}

/// Whether the run's plan is still there.
pub(super) fn fits(plan: &Plan, run: &RunState) -> Result<(), String> {
    match run.fits(plan) {
        true => Ok(()),
        false => Err("the version of the pipeline that the run keeps to is gone".to_owned()),
    }
}

/// Has everything that failed, or was aborted, go on from there; a run that had ended begins another round.
pub(super) fn resume(run: &mut RunState) {
    for entry in &mut run.stages {
        let is_undone = entry.steps.iter().any(StepState::is_undone);
        match entry.phase {
            StagePhase::Failed | StagePhase::Aborted if entry.next.is_none() => again(entry, |_, step| !is_kept(step)),
            StagePhase::Omitted => again(entry, |_, step| !is_kept(step)),
            // The abort took something of it back.
            StagePhase::Succeeded if is_undone && run.ending.is_some() => again(entry, |_, step| !is_kept(step)),
            _ => {}
        }
    }
    if run.ending.take().is_some() {
        run.phase = RunPhase::Pending;
        run.round = run.round.saturating_add(1);
        run.started_at = None;
        run.finished_at = None;
        run.held_seconds = 0;
        run.held_since = None;
        run.outputs.clear();
    }
}

fn is_kept(step: &StepState) -> bool {
    matches!(step.phase, StepPhase::Succeeded | StepPhase::Skipped) && !step.is_undone()
}

/// Puts the stage, or this item of it, before its start; of its steps those that are to be done again.
fn again(entry: &mut StageState, is_again: impl Fn(usize, &StepState) -> bool) {
    let has_begun = !matches!(entry.phase, StagePhase::Pending | StagePhase::Omitted);
    for (number, step) in entry.steps.iter_mut().enumerate() {
        if is_again(number, step) {
            *step = step.done_again();
        } else {
            step.undo = None;
            step.kept = has_begun || step.kept;
        }
    }
    if has_begun {
        entry.attempt = entry.attempt.saturating_add(1);
        entry.approval.iter_mut().for_each(Approval::renew);
    }
    entry.phase = StagePhase::Pending;
    entry.next = None;
    entry.resume_at = None;
    entry.started_at = None;
    entry.finished_at = None;
    entry.held_seconds = 0;
    entry.held_since = None;
    entry.reason = None;
    entry.message = None;
}

/// The stage that a person names, and what needs it.
struct Named {
    name: String,
    item: Option<String>,
    /// The first step that is done again; all those that did not succeed unless set.
    step: Option<usize>,
    /// The names of the stages that need it, directly or through others.
    behind: BTreeSet<String>,
    /// Whether each of its entries had succeeded.
    had_succeeded: bool,
}

impl Named {
    fn of(plan: &Plan, run: &RunState, action: &RunAction) -> Result<Self, String> {
        let places = named(run, action)?;
        let entries: Vec<&StageState> = places.iter().map(|place| &run.stages[*place]).collect();
        let name = entries[0].name.clone();
        if let Some(open) = entries.iter().find(|entry| !entry.is_final()) {
            return Err(format!("stage {} has not ended", open.title()));
        }
        let planned = plan.stage(&name);
        let step = match &action.step {
            None => None,
            Some(step) => {
                let found = planned.and_then(|stage| stage.steps.iter().position(|it| it.name == *step));
                Some(found.ok_or_else(|| format!("stage {name:?} has no step {step:?}"))?)
            }
        };
        let behind = behind(plan, &name);
        let is_under_way =
            |entry: &&StageState| behind.contains(&entry.name) && (entry.is_under_way() || entry.awaits_approval());
        if let Some(open) = run.stages.iter().find(is_under_way) {
            return Err(format!("stage {}, which needs it, is under way", open.title()));
        }
        let had_succeeded =
            entries.iter().all(|entry| !matches!(entry.phase, StagePhase::Failed | StagePhase::Aborted));
        Ok(Self { name, item: action.item.clone(), step, behind, had_succeeded })
    }

    /// Has it done again, and everything that needs it. What failed has been resumed already.
    fn restart(&self, plan: &Plan, run: &mut RunState, from_step: bool) {
        let is_parallel = plan.stage(&self.name).is_some_and(|stage| stage.parallel);
        for entry in run.stages.iter_mut().filter(|entry| self.is_meant(entry)) {
            let first = self.step.unwrap_or_default();
            match (from_step, is_parallel) {
                (true, true) => restart(entry, |number| number == first),
                (true, false) => restart(entry, |number| number >= first),
                (false, _) if self.had_succeeded => restart(entry, |_| true),
                (false, _) => {}
            }
        }
        for stage in plan.stages.iter().filter(|stage| self.behind.contains(&stage.name)) {
            collapse(run, &stage.name);
        }
    }

    fn is_meant(&self, entry: &StageState) -> bool {
        entry.name == self.name && self.item.as_ref().is_none_or(|item| entry.item.as_ref() == Some(item))
    }
}

/// Has these steps done again, whatever became of them; the others as far as they did not succeed.
fn restart(entry: &mut StageState, is_again: impl Fn(usize) -> bool) {
    match entry.phase {
        // It was resumed just now.
        StagePhase::Pending => {
            for (_, step) in entry.steps.iter_mut().enumerate().filter(|(number, _)| is_again(*number)) {
                if step.phase.is_ended() {
                    *step = step.done_again();
                }
            }
        }
        _ => again(entry, |number, step| is_again(number) || !is_kept(step)),
    }
}

/// Puts a stage before its start as a whole: its items, if it has any, are listed anew.
fn collapse(run: &mut RunState, name: &str) {
    let Some(first) = run.stages.iter().position(|entry| entry.name == name) else { return };
    let count = run.stages[first..].iter().take_while(|entry| entry.name == name).count();
    let mut entries: Vec<StageState> = run.stages.drain(first..first + count).collect();
    for entry in entries.iter_mut().filter(|entry| entry.phase != StagePhase::Pending) {
        again(entry, |_, _| true);
    }
    // No item's key is one of another item, so that only their epochs count.
    let next_epoch = |step: &StepState| step.epoch.saturating_add(i32::from(step.key.is_some()));
    let has_items = entries.iter().any(|entry| entry.item.is_some());
    let attempt = entries.iter().map(|entry| entry.attempt).max();
    let epochs: Vec<i32> = (0..entries.iter().map(|entry| entry.steps.len()).max().unwrap_or_default())
        .map(|step| entries.iter().filter_map(|entry| entry.steps.get(step)).map(next_epoch).max().unwrap_or(1))
        .collect();
    let Some(mut whole) = entries.pop() else { return };
    if has_items {
        whole.item = None;
        whole.value = None;
        whole.iteration = 1;
        whole.attempt = attempt.unwrap_or(whole.attempt);
        whole.steps =
            whole.steps.iter().zip(epochs).map(|(step, epoch)| StepState::before(&step.name, epoch)).collect();
    }
    run.stages.insert(first, whole);
}

/// The names of the stages that need this one, directly or through others.
fn behind(plan: &Plan, name: &str) -> BTreeSet<String> {
    let mut behind: BTreeSet<usize> = BTreeSet::new();
    let mut open: Vec<usize> = plan.stages.iter().position(|stage| stage.name == *name).into_iter().collect();
    while let Some(stage) = open.pop() {
        let needing = plan.stages.iter().enumerate().filter(|(_, other)| other.needs.contains(&stage));
        open.extend(needing.map(|(place, _)| place).filter(|place| behind.insert(*place)));
    }
    behind.into_iter().filter_map(|place| plan.stages.get(place)).map(|stage| stage.name.clone()).collect()
}
