//! An outside world that knows effects by their keys: however often one is asked for, it happens once.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sluice_engine::{End, Event, Failure, LockAnswer, LockPlan, Mode, Outcome, Plan, RunState};

use super::{held, order};
use crate::support::{Call, World, place};

/// A world drawn from a seed. What becomes of an effect is a function of its key and of the time since it
/// was first asked for, so that asking more often changes nothing.
pub(super) struct Keyed {
    seed: u64,
    /// Whether its calls take time.
    is_slow: bool,
    /// Whether the state is one that a run of this plan reaches.
    is_sound: bool,
    /// When each key was first asked for.
    since: BTreeMap<String, Timestamp>,
    /// Acts and looks of each key.
    calls: BTreeMap<String, usize>,
    /// The keys under which something was done or taken back, in the order of their first act.
    pub(super) effects: Vec<Effect>,
    /// Where each key belongs.
    places: BTreeMap<String, String>,
    /// The driver calls before which the process dies.
    crashes: BTreeSet<usize>,
    /// How many such calls there were.
    pub(super) moments: usize,
    /// How often the lock was asked for, and the place of each stage.
    asked: BTreeMap<String, u64>,
}

/// Something was done under a key, or taken back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Effect {
    pub(super) key: String,
    pub(super) is_undone: bool,
    /// The stage, its item or the hook that it belongs to.
    pub(super) place: String,
}

impl Keyed {
    pub(super) fn new(seed: u64, crashes: BTreeSet<usize>) -> Self {
        Self {
            seed,
            is_slow: false,
            is_sound: true,
            since: BTreeMap::new(),
            calls: BTreeMap::new(),
            effects: Vec::new(),
            places: BTreeMap::new(),
            crashes,
            moments: 0,
            asked: BTreeMap::new(),
        }
    }

    pub(super) fn slow(self) -> Self {
        Self { is_slow: true, ..self }
    }

    /// A world in which nobody knows what has to come before what.
    pub(super) fn unsound(seed: u64) -> Self {
        Self { is_sound: false, ..Self::new(seed, BTreeSet::new()) }
    }

    /// Whether the effect of this key was made, and whether it was taken back.
    pub(super) fn fate(&self, key: &str) -> (bool, bool) {
        let has = |is_undone| self.effects.iter().any(|effect| effect.key == key && effect.is_undone == is_undone);
        (has(false), has(true))
    }

    fn draw(&self, key: &str, what: &str, choices: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.seed, key, what).hash(&mut hasher);
        hasher.finish() % choices
    }

    fn note(&mut self, key: &str, is_undone: bool) {
        let place = self.places.get(key).cloned().unwrap_or_default();
        let effect = Effect { key: key.to_owned(), is_undone, place };
        if !self.effects.contains(&effect) {
            self.effects.push(effect);
        }
    }

    /// What becomes of the effect in the end.
    fn end_of(&self, key: &str) -> Outcome {
        match self.draw(key, "end", 20) {
            0 => Outcome::Failed(Failure::definite("Refused", "it was refused")),
            1 => Outcome::Failed(Failure::transient("Degraded", "it broke").with_end(End::Known)),
            2 => Outcome::Failed(Failure::transient("Reset", "nobody knows").with_end(End::Unresolved)),
            3 => Outcome::Succeeded([("blob".to_owned(), json!("x".repeat(20_000)))].into_iter().collect()),
            _ => Outcome::Succeeded(
                [("number".to_owned(), json!(self.draw(key, "output", 9) as f64))].into_iter().collect(),
            ),
        }
    }

    fn undo(&mut self, key: &str, now: Timestamp) -> Outcome {
        let is_first = !self.fate(key).1;
        assert!(is_first || !self.crashes.is_empty() || !self.is_sound, "another process alone takes back twice");
        match self.draw(key, "undo", 16) {
            0 => return Outcome::Failed(Failure::definite("Forbidden", "it stays")),
            1 => return Outcome::Failed(Failure::transient("Busy", "for ever")),
            2..6 if self.draw(&format!("{key}{}", self.calls[key]), "undo", 2) == 0 => {
                return Outcome::Failed(Failure::transient("Busy", "for a while"));
            }
            6..9 if self.draw(&format!("{key}{}", self.calls[key]), "undo", 3) > 0 => {
                let message = Some("it is ending".to_owned());
                return Outcome::Waiting { look_at: now, not_before: None, message, progress: None, act_again: false };
            }
            _ => {}
        }
        self.note(key, true);
        Outcome::Succeeded(Default::default())
    }

    fn outcome(&mut self, call: &Call<'_>) -> Outcome {
        let key = call.key;
        *self.calls.entry(key.to_owned()).or_default() += 1;
        if call.mode == Some(Mode::Undo) {
            return self.undo(key, call.now);
        }
        if call.mode == Some(Mode::Act) {
            assert!(!self.fate(key).1 || !self.is_sound, "what was taken back is not made again");
            self.note(key, false);
        }
        let since = *self.since.entry(key.to_owned()).or_insert(call.now);
        if self.draw(key, "away", 12) == 0 {
            return Outcome::Failed(Failure::transient("Away", "no answer"));
        }
        let patience = [0, 0, 4, 12, 30][self.draw(key, "patience", 5) as usize];
        let is_done = call.now.duration_since(since).as_secs() >= patience;
        if call.mode.is_none() || is_done {
            return self.end_of(key);
        }
        let act_again = self.calls[key] == 1 && self.draw(key, "again", 6) == 0;
        let look_at = call.now + SignedDuration::from_secs(5);
        let progress = Some(json!({"ready": self.calls[key] as f64 / 2.0}));
        Outcome::Waiting { look_at, not_before: None, message: Some("not ready".to_owned()), progress, act_again }
    }
}

impl World for Keyed {
    fn call(&mut self, call: &Call<'_>) -> (Outcome, SignedDuration) {
        let takes = if self.is_slow { [0, 0, 1, 4][self.draw(call.key, "takes", 4) as usize] } else { 0 };
        (self.outcome(call), SignedDuration::from_secs(takes))
    }

    /// Somebody else may have it for a while; for ever, where that ends the run.
    fn lock(&mut self, plan: &Plan) -> LockAnswer {
        let group = "group".to_owned();
        let times = self.asked.entry("lock".to_owned()).or_default();
        *times += 1;
        let (times, patience) = (*times, self.draw("lock", "patience", 5));
        let is_taken = match plan.lock {
            Some(LockPlan { ends_when_taken: true, .. }) => patience == 0,
            _ => times < patience,
        };
        match is_taken {
            true => LockAnswer::Taken { group, position: 1, holder: "other".to_owned() },
            false if self.draw("lock", "end", 12) == 0 => {
                LockAnswer::Failed(Failure::definite("GroupInvalid", "no such key: params"))
            }
            false => LockAnswer::Held { group },
        }
    }

    fn bind(&mut self, stage: &str) -> Option<Result<Option<i32>, Failure>> {
        let times = self.asked.entry(stage.to_owned()).or_default();
        *times += 1;
        if *times == 1 && self.draw(stage, "place is away", 3) == 0 {
            return None;
        }
        Some(match self.draw(stage, "place", 6) {
            0 => Err(Failure::definite("NotAllowed", "the environment allows other pipelines")),
            1 | 2 => Ok(Some(1 + self.draw(stage, "required", 2) as i32)),
            _ => Ok(None),
        })
    }

    fn is_generous(&self) -> bool {
        true
    }

    fn judge(&self, failure: &Failure) -> bool {
        failure.transient
    }

    fn judge_stage(&self, failure: &Failure) -> bool {
        failure.reason != "Refused"
    }

    fn is_sound(&self) -> bool {
        self.is_sound
    }

    fn crashes(&mut self, _last: &str) -> bool {
        self.moments += 1;
        self.crashes.contains(&self.moments)
    }

    fn sees(&mut self, plan: &Plan, state: &RunState, event: &Event) {
        if self.is_sound {
            order::check(plan, state, event);
        }
        if let Event::Claimed { at, key, .. } = event {
            let place = place(state, *at);
            let before = self.places.insert(key.as_str().to_owned(), place.clone());
            assert!(before.is_none_or(|before| before == place) || !self.is_sound, "a key is of one place for ever");
        }
    }

    fn saw(&mut self, plan: &Plan, before: &RunState, after: &RunState, event: &Event) {
        if self.is_sound {
            held::check(plan, before, after, event);
        }
    }
}
