//! What a person has done again: the run goes on from what failed, and keeps what succeeded.

use std::collections::BTreeSet;

use crate::{
    Approval, Guard, Nature, Plan, RunAction, RunPhase, RunState, StagePhase, StageState, StepPhase, StepState,
};

use super::{asked::named, hook, stage::LOOP_LIMIT};

/// Has what failed done again, or the stage that is named. Whoever may have something done again, by what guards it, cannot
/// thereby have something else done again. Says what is still in the way of a run that has ended.
pub(super) fn retry(plan: &Plan, run: &mut RunState, action: &RunAction) -> Result<Option<String>, String> {
    fits(plan, run)?;
    let guard = match (&action.stage, &run.ending) {
        (Some(_), _) => Named::of(plan, run, action)?.restart(plan, run),
        _ if action.item.is_some() || action.step.is_some() => {
            return Err("it names an item or a step, but not the stage".to_owned());
        }
        (None, Some(ending)) if ending.phase == RunPhase::Succeeded => {
            return Err("the run has succeeded; name the stage that is to be done again".to_owned());
        }
        (None, None) if !run.stages.iter().any(StageState::has_failed) => return Err("nothing has failed".to_owned()),
        (None, _) => match run.stages.iter().find(|entry| entry.has_ended_badly() && entry.guard.is_some()) {
            Some(guarded) => {
                let (title, name) = (guarded.title(), &guarded.name);
                return Err(format!("stage {title} is guarded: name it, as in `sluice retry RUN {name}`"));
            }
            None => None,
        },
    };
    run.stages.iter_mut().filter(|entry| entry.has_ended_badly() && entry.guard == guard).for_each(go_on);
    let left = run.stages.iter().find(|entry| entry.has_ended_badly()).map(StageState::title);
    if run.ending.is_some() && left.is_none() {
        revive(run, guard.as_ref());
    }
    hook::forget_past(plan, run);
    Ok(left.map(|left| format!("the run goes on once stage {left}, which has failed, too, is done again or passed")))
}

/// Whether the run's plan is still there.
pub(super) fn fits(plan: &Plan, run: &RunState) -> Result<(), String> {
    match run.fits(plan) {
        true => Ok(()),
        false => Err("the version of the pipeline that the run keeps to is gone".to_owned()),
    }
}

/// Begins another round of a run that has ended, once nothing is left in it that failed. What an abort has taken back of what had
/// succeeded is done again, unless somebody else guards it.
pub(super) fn revive(run: &mut RunState, guard: Option<&Guard>) {
    for entry in &mut run.stages {
        let is_ours = entry.guard.is_none() || entry.guard.as_ref() == guard;
        let is_undone = entry.phase == StagePhase::Succeeded && entry.steps.iter().any(StepState::is_undone);
        if entry.phase == StagePhase::Omitted || (is_undone && is_ours) {
            go_on(entry);
        }
    }
    run.ending = None;
    run.phase = RunPhase::Pending;
    run.round = run.round.saturating_add(1);
    run.started_at = None;
    run.finished_at = None;
    run.held_seconds = 0;
    run.held_since = None;
    run.outputs.clear();
}

/// Has the stage go on from where it failed.
pub(super) fn go_on(entry: &mut StageState) {
    if entry.reason.as_deref() == Some(LOOP_LIMIT) {
        // Its steps have succeeded as often as they may: it is the loop that is done again.
        return from_the_start(entry);
    }
    again(entry, |_, step| !is_kept(step));
}

/// Has all of it done again, whatever became of it.
fn from_the_start(entry: &mut StageState) {
    again(entry, |_, _| true);
    entry.iteration = 1;
}

fn is_kept(step: &StepState) -> bool {
    matches!(step.phase, StepPhase::Succeeded | StepPhase::Skipped) && !step.is_undone()
}

/// Puts the stage, or this item of it, before its start; of its steps those that are to be done again.
fn again(entry: &mut StageState, is_again: impl Fn(usize, &StepState) -> bool) {
    // Nobody's approval is for another attempt than that which waited for it. An item that has not begun has that of its list.
    let has_waited = entry.approval.as_ref().is_some_and(|approval| approval.since.is_some());
    let has_begun = has_waited || !matches!(entry.phase, StagePhase::Pending | StagePhase::Omitted);
    for (number, step) in entry.steps.iter_mut().enumerate() {
        if is_again(number, step) {
            *step = step.done_again();
        } else {
            step.undo = None;
            step.kept |= has_begun;
        }
    }
    if has_begun {
        entry.attempt = entry.attempt.saturating_add(1);
        entry.approval.iter_mut().for_each(Approval::renew);
    } else if entry.item.is_none() {
        // Whoever started the run approved its first round alone.
        entry.approval = None;
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
    /// The places of its entries that are meant.
    places: Vec<usize>,
    /// The first step that is done again; all those that did not succeed unless set.
    step: Option<usize>,
    /// The names of the stages that need it, directly or through others.
    behind: BTreeSet<String>,
}

impl Named {
    fn of(plan: &Plan, run: &RunState, action: &RunAction) -> Result<Self, String> {
        let places = named(run, action)?;
        let name = run.stages[places[0]].name.clone();
        if let Some(open) = places.iter().map(|place| &run.stages[*place]).find(|entry| !entry.is_final()) {
            return Err(format!("stage {} has not ended", open.title()));
        }
        let number = |step: &String| {
            let number = plan.stage(&name).and_then(|stage| stage.steps.iter().position(|it| it.name == *step));
            number.ok_or_else(|| format!("stage {name:?} has no step {step:?}"))
        };
        let step = action.step.as_ref().map(number).transpose()?;
        let behind = behind(plan, &name);
        let is_under_way =
            |entry: &&StageState| behind.contains(&entry.name) && (entry.is_under_way() || entry.awaits_approval());
        if let Some(open) = run.stages.iter().find(is_under_way) {
            return Err(format!("stage {}, which needs it, is under way", open.title()));
        }
        // The items of a list that is made anew are others: nobody would look for what these may still be doing.
        let may_go_on = |entry: &&StageState| {
            let planned = plan.stage(&entry.name).into_iter().flat_map(|stage| &stage.steps);
            let mut acts = entry.steps.iter().zip(planned).filter(|(_, planned)| planned.nature == Nature::Acts);
            behind.contains(&entry.name) && entry.item.is_some() && acts.any(|(step, _)| step.may_go_on())
        };
        match run.stages.iter().find(may_go_on) {
            Some(open) => {
                let (title, name) = (open.title(), &open.name);
                Err(format!("stage {title}, which needs it, may still be doing something; retry stage {name} first"))
            }
            None => Ok(Self { places, step, behind }),
        }
    }

    /// Has it done again, and everything that needs it. Returns what guards it.
    fn restart(&self, plan: &Plan, run: &mut RunState) -> Option<Guard> {
        let guard = self.places.first().and_then(|place| run.stages[*place].guard.clone());
        let had_succeeded = !self.places.iter().any(|place| run.stages[*place].has_ended_badly());
        for place in &self.places {
            let entry = &mut run.stages[*place];
            let is_parallel = plan.stage(&entry.name).is_some_and(|stage| stage.parallel);
            let is_named = |first: usize, number: usize| number == first || (number > first && !is_parallel);
            match self.step {
                Some(first) => again(entry, |number, step| is_named(first, number) || !is_kept(step)),
                None if had_succeeded => from_the_start(entry),
                None if entry.has_ended_badly() => go_on(entry),
                None => {}
            }
        }
        self.behind.iter().for_each(|name| collapse(run, name));
        guard
    }
}

/// Puts a stage before its start as a whole: its items, if it has any, are listed anew.
fn collapse(run: &mut RunState, name: &str) {
    let Some(first) = run.stages.iter().position(|entry| entry.name == name) else { return };
    let count = run.stages[first..].iter().take_while(|entry| entry.name == name).count();
    let mut entries: Vec<StageState> = run.stages.drain(first..first + count).collect();
    entries.iter_mut().for_each(from_the_start);
    let attempt = entries.iter().map(|entry| entry.attempt).max();
    // The epochs are above those of every item's effects: no label, if it comes again, brings a key again.
    let next_epoch = |step: &StepState| step.epoch.saturating_add(i32::from(step.key.is_some()));
    let epoch = |number: usize| {
        let steps = entries.iter().filter_map(|entry| entry.steps.get(number));
        steps.map(next_epoch).max().unwrap_or(1)
    };
    let epochs: Vec<i32> = (0..entries.first().map_or(0, |entry| entry.steps.len())).map(epoch).collect();
    let Some(mut whole) = entries.pop() else { return };
    if whole.item.take().is_some() {
        whole.value = None;
        whole.attempt = attempt.unwrap_or(whole.attempt);
        let steps = whole.steps.iter().zip(epochs);
        whole.steps = steps.map(|(step, epoch)| StepState::before(&step.name, epoch)).collect();
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
