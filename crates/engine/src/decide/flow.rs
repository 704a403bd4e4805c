//! The flow: which stages start, and how the run ends.

use super::{Scene, lanes::Lanes};
use crate::{Action, Event, RunPhase, StagePhase, StageState, state::Group};

/// Where a stage with all its items stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Something of it has not started, or not ended.
    Open,
    /// All of it succeeded or was skipped.
    Done,
    /// Some of it failed for good.
    Failed,
}

impl Scene<'_> {
    /// The next action of the stages, once no hook is due.
    ///
    /// After a stage, or an item of one, has failed for good nothing starts any more; what is under way goes on to its
    /// own end.
    pub(super) fn flow(&self) -> Action {
        let groups = self.state.groups(self.plan);
        let standings: Vec<Standing> = groups.iter().map(|group| standing(self.entries(group))).collect();
        let has_failed = standings.contains(&Standing::Failed);
        let has_to_wait = waiting(&groups, &standings);
        let mut lanes = Lanes::default();
        for ((group, standing), has_to_wait) in groups.iter().zip(&standings).zip(has_to_wait) {
            if *standing == Standing::Done {
                continue;
            }
            self.advance(group, !has_failed && !has_to_wait, &mut lanes);
            if lanes.has_move() {
                return lanes.action();
            }
        }
        if lanes.is_empty() { self.conclude(&groups, &standings) } else { lanes.action() }
    }

    /// What goes on while a hook runs: the steps that are under way. Nothing else starts.
    pub(super) fn go_on_with_what_runs(&self, lanes: &mut Lanes) {
        for (index, stage) in
            self.state.stages.iter().enumerate().filter(|(_, stage)| stage.phase == StagePhase::Running)
        {
            if let Some(plan) = self.plan.stage(&stage.name) {
                self.go_on_with_steps(index, stage, plan, lanes);
            }
        }
    }

    fn entries(&self, group: &Group<'_>) -> &[StageState] {
        self.state.stages.get(group.entries.clone()).unwrap_or_default()
    }

    /// The next actions of one stage: those of what is under way in it, or the start of one more item.
    fn advance(&self, group: &Group<'_>, may_start: bool, lanes: &mut Lanes) {
        let entries = self.entries(group);
        let has_place = |entry: &&StageState| entry.is_under_way() || entry.awaits_approval();
        let places = entries.iter().filter(has_place).count();
        let most = group.plan.for_each.as_ref().and_then(|for_each| for_each.max_parallel).unwrap_or(usize::MAX);
        let has_room = may_start && places < most;
        for (index, entry) in group.entries.clone().zip(entries) {
            if entry.is_under_way() {
                self.run_stage(index, entry, group.plan, lanes);
            } else if entry.awaits_approval() && may_start {
                lanes.add(Action::Wait { until: None });
            } else if entry.phase == StagePhase::Pending && has_room {
                lanes.add(self.start_stage(index, entry, group.plan));
            }
            if lanes.has_move() {
                return;
            }
        }
    }

    /// Nothing is under way and nothing can start.
    fn conclude(&self, groups: &[Group<'_>], standings: &[Standing]) -> Action {
        let ended = |phase, reason: String, message| Action::Record(Event::Ended { phase, reason, message });
        let failed = self.state.stages.iter().filter(|stage| stage.has_failed());
        if let Some(stage) = failed.min_by_key(|stage| stage.finished_at) {
            let message = format!("stage {}: {}", stage.title(), stage.message.as_deref().unwrap_or_default());
            return ended(RunPhase::Failed, stage.reason.clone().unwrap_or_default(), Some(message));
        }
        if let Some((group, _)) = groups.iter().zip(standings).find(|(_, standing)| **standing != Standing::Done) {
            let message = format!("stage {} can never start: it needs itself through other stages", group.plan.name);
            return ended(RunPhase::Failed, "NeverStarts".to_owned(), Some(message));
        }
        match self.plan.has_outputs {
            true => Action::ComputeOutputs,
            false => ended(RunPhase::Succeeded, "Succeeded".to_owned(), None),
        }
    }
}

/// Whether each stage has to wait for another one that it needs, directly or through others: a person may have one done again
/// of those before what was kept, or passed.
fn waiting(groups: &[Group<'_>], standings: &[Standing]) -> Vec<bool> {
    let mut waiting = vec![false; groups.len()];
    loop {
        let is_done =
            |need: &usize| standings.get(*need) == Some(&Standing::Done) && waiting.get(*need) == Some(&false);
        let next: Vec<bool> = groups.iter().map(|group| !group.plan.needs.iter().all(is_done)).collect();
        if next == waiting {
            return waiting;
        }
        waiting = next;
    }
}

fn standing(entries: &[StageState]) -> Standing {
    if entries.iter().any(StageState::has_failed) {
        Standing::Failed
    } else if entries.iter().all(|entry| entry.is_final() && entry.phase != StagePhase::Aborted) {
        Standing::Done
    } else {
        Standing::Open
    }
}
