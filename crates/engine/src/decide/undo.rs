//! Taking effects back: after an abort, and before a stage is tried again.

use super::{Scene, lanes::Lanes};
use crate::{Action, Mode, StepAt, StepState, Task, UndoPhase};

impl Scene<'_> {
    /// Everything that an abort takes back.
    pub(super) fn take_back_everything(&self, lanes: &mut Lanes) {
        for (stage, group) in self.state.stages.iter().enumerate() {
            self.take_back(group.steps.iter().enumerate(), |step| StepAt::Stage { stage, step }, lanes);
        }
        for (hook, group) in self.state.hooks.iter().enumerate() {
            self.take_back(group.steps.iter().enumerate(), |step| StepAt::Hook { hook, step }, lanes);
        }
    }

    /// What these steps still have to take back.
    pub(super) fn take_back<'s>(
        &self,
        steps: impl Iterator<Item = (usize, &'s StepState)>,
        at: impl Fn(usize) -> StepAt,
        lanes: &mut Lanes,
    ) {
        for (number, step) in steps {
            let (Some(undo), Some(key)) = (&step.undo, &step.key) else { continue };
            if undo.phase != UndoPhase::Pending {
                continue;
            }
            lanes.add(match undo.retry_at {
                _ if self.seen.under_way.contains(key) => Action::Wait { until: None },
                Some(retry_at) if self.now < retry_at => Action::Wait { until: Some(retry_at) },
                // A status that was changed by hand: what comes of it is recorded in the first place of the key.
                _ if self.state.place_of(key) != Some(at(number)) => continue,
                _ => Action::Perform(vec![Task { at: at(number), key: key.clone(), mode: Mode::Undo }]),
            });
        }
    }
}
