//! What this process remembers of a run between two calls. Losing it costs a second look or a new claim, never an effect.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sluice_engine::{Held, Lock, Mode, Outcome, RunState, StepPhase, StepState, Task};

/// Progress of a step is written at most this often.
const PROGRESS_EVERY: SignedDuration = SignedDuration::from_secs(10);

/// A step that another process claimed after this one is not claimed back sooner: two would take it in turns.
const LEFT_TO_OTHERS: SignedDuration = SignedDuration::from_secs(60);

/// What the place in a queue is remembered under.
const QUEUE: &str = "queue";

/// What this process remembers of a run.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    pub(super) held: BTreeMap<String, Held>,
    pub(super) sights: BTreeMap<String, Sight>,
    /// When to ask for the lock, or a stage's Environment, again.
    pub(super) ask_at: Option<Timestamp>,
    /// Until when nothing wakes a step, by key: whoever it asks wants to be left alone.
    left_alone: BTreeMap<String, Timestamp>,
    /// What came of steps and is not persisted yet, with the claim it belongs to.
    ended: BTreeMap<String, (i32, Outcome)>,
}

/// What was seen of a waiting step last.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sight {
    pub(super) message: Option<String>,
    pub(super) progress: Option<Value>,
    /// Whether the status says so too.
    written: bool,
    /// When the step was last written about.
    written_at: Timestamp,
}

impl Memory {
    /// Makes every wait due, so that it is looked at with the next call, or as soon as whoever it asks lets it.
    pub fn wake(&mut self, now: Timestamp) {
        for (key, held) in &mut self.held {
            let soonest = self.left_alone.get(key).map_or(now, |until| now.max(*until));
            held.look_at = held.look_at.min(soonest);
        }
        self.ask_at = None;
    }

    /// Forgets steps that are no longer under way.
    pub(super) fn forget_all_but(&mut self, state: &RunState) {
        let running = state.steps().filter(|step| step.phase == StepPhase::Running);
        let keys: BTreeSet<&str> = running.filter_map(|step| step.key.as_deref()).collect();
        self.held.retain(|key, _| keys.contains(key.as_str()));
        self.sights.retain(|key, _| keys.contains(key.as_str()) || key == QUEUE && state.lock.is_some());
        self.left_alone.retain(|key, _| keys.contains(key.as_str()));
        self.ended.retain(|key, _| keys.contains(key.as_str()));
    }

    /// What came of the step under this claim, if that could not be persisted yet.
    pub(super) fn outcome(&self, key: &str, claims: i32) -> Option<&Outcome> {
        self.ended.get(key).filter(|(claim, _)| *claim == claims).map(|(_, outcome)| outcome)
    }

    /// Keeps what came of a task.
    pub(super) fn performed(&mut self, task: &Task, claims: i32, outcome: &Outcome, now: Timestamp) {
        self.left_alone.remove(&task.key);
        let (look_at, act_again) = match outcome {
            Outcome::Waiting { look_at, not_before, act_again, .. } => {
                self.left_alone.extend(not_before.map(|until| (task.key.clone(), until)));
                (*look_at, *act_again)
            }
            Outcome::Succeeded(_) | Outcome::Failed(_) => {
                self.ended.insert(task.key.clone(), (claims, outcome.clone()));
                (now, false)
            }
        };
        let held =
            self.held.entry(task.key.clone()).or_insert(Held { claims: 0, acted: false, looked_at: None, look_at });
        held.acted = (held.acted || task.mode == Mode::Act) && !act_again;
        held.looked_at = Some(now);
        held.look_at = look_at;
        if let Outcome::Waiting { message, progress, .. } = outcome {
            self.saw(&task.key, message, progress, now);
        }
    }

    fn saw(&mut self, key: &str, message: &Option<String>, progress: &Option<Value>, now: Timestamp) {
        let (message, progress) = (message.clone(), progress.clone());
        let before = self.sights.get(key);
        if before.is_some_and(|sight| (&sight.message, &sight.progress) == (&message, &progress)) {
            return;
        }
        let written_at = before.map_or(now - PROGRESS_EVERY, |sight| sight.written_at);
        self.sights.insert(key.to_owned(), Sight { message, progress, written: false, written_at });
    }

    /// The run has this place in a queue now. To move up is progress, under a name that no key has: the message is who has the
    /// lock, the progress how many are before the run.
    pub(super) fn moved_up(&mut self, lock: &Lock, now: Timestamp) {
        self.saw(QUEUE, &lock.holder, &Some(lock.position.into()), now);
    }

    /// Brings back the place in a queue that was seen last, where the status does not say so yet.
    pub(super) fn recall_place(&mut self, state: &mut RunState, now: Timestamp) {
        let Some(lock) = state.lock.as_mut().filter(|lock| !lock.is_held()) else { return };
        let sight = self.sights.entry(QUEUE.to_owned()).or_insert_with(|| Sight {
            message: lock.holder.clone(),
            progress: Some(lock.position.into()),
            written: true,
            written_at: now,
        });
        let position = sight.progress.as_ref().and_then(Value::as_i64).and_then(|place| i32::try_from(place).ok());
        lock.position = position.unwrap_or(lock.position);
        lock.holder = sight.message.clone();
    }

    /// When the next progress may be written; `None` when the status says it all.
    pub(super) fn progress_due(&self) -> Option<Timestamp> {
        let unwritten = self.sights.values().filter(|sight| !sight.written);
        unwritten.map(|sight| sight.written_at + PROGRESS_EVERY).min()
    }

    /// Everything that was recorded is persisted.
    pub(super) fn persisted(&mut self, now: Timestamp) {
        self.ended.clear();
        for sight in self.sights.values_mut().filter(|sight| !sight.written) {
            sight.written = true;
            sight.written_at = now;
        }
    }

    /// A step is claimed, and with that written about. What was seen of it stays when it is claimed once more.
    pub(super) fn claim(&mut self, key: &str, claims: i32, is_again: bool, now: Timestamp) {
        self.held.insert(key.to_owned(), Held { claims, acted: false, looked_at: None, look_at: now });
        if !is_again {
            let written = Sight { message: None, progress: None, written: true, written_at: now };
            self.sights.insert(key.to_owned(), written);
        }
    }

    /// The claim gives no right to act any more.
    pub(super) fn unclaim(&mut self, key: &str) {
        self.held.remove(key);
    }

    /// What was seen last of a running step: by this process, or else as its status says. One that somebody else claimed
    /// since is left to them for a while.
    pub(super) fn recall(&mut self, key: &str, step: &StepState, now: Timestamp) -> (Option<String>, Option<Value>) {
        if let Some(held) = self.held.get_mut(key).filter(|held| held.claims != 0 && held.claims != step.claims) {
            *held = Held { claims: 0, acted: true, looked_at: held.looked_at, look_at: now + LEFT_TO_OTHERS };
        }
        let sight = self.sights.entry(key.to_owned()).or_insert_with(|| Sight {
            message: step.message.clone(),
            progress: step.progress.clone(),
            written: true,
            written_at: now - PROGRESS_EVERY,
        });
        (sight.message.clone(), sight.progress.clone())
    }
}

#[cfg(test)]
mod tests {
    use sluice_engine::StepAt;

    use super::*;

    #[test]
    fn who_asked_to_be_left_alone_is_not_asked_sooner_whatever_changes() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let task = Task { at: StepAt::Stage { stage: 0, step: 0 }, key: "key".to_owned(), mode: Mode::Look };
        let waiting = |not_before| Outcome::Waiting {
            look_at: at(600),
            not_before,
            message: None,
            progress: None,
            act_again: false,
        };
        let mut memory = Memory::default();
        let mut woken_to = |not_before, now| {
            memory.performed(&task, 1, &waiting(not_before), at(0));
            memory.wake(at(now));
            memory.held["key"].look_at
        };
        assert_eq!(woken_to(Some(at(90)), 10), at(90));
        assert_eq!(woken_to(Some(at(90)), 100), at(100));
        assert_eq!(woken_to(None, 10), at(10), "the last answer counts");
    }
}
