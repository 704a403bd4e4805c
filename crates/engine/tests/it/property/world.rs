//! An outside world that knows effects by their keys: however often one is asked for, it happens once.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sluice_engine::{End, Event, Failure, Mode, Outcome, Plan, RunState};

use super::order;
use crate::support::{Call, World};

/// A world drawn from a seed. What becomes of an effect is a function of its key and of the time since it
/// was first asked for, so that asking more often changes nothing.
pub(super) struct Keyed {
    seed: u64,
    /// When each key was first asked for.
    since: BTreeMap<String, Timestamp>,
    /// Acts and looks of each key.
    calls: BTreeMap<String, usize>,
    /// The keys under which something was done, in the order of their first act.
    pub(super) effects: Vec<String>,
    /// The driver calls before which the process dies.
    crashes: BTreeSet<usize>,
    /// How many such calls there were.
    pub(super) moments: usize,
}

impl Keyed {
    pub(super) fn new(seed: u64, crashes: BTreeSet<usize>) -> Self {
        Self { seed, since: BTreeMap::new(), calls: BTreeMap::new(), effects: Vec::new(), crashes, moments: 0 }
    }

    fn draw(&self, key: &str, what: &str, choices: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.seed, key, what).hash(&mut hasher);
        hasher.finish() % choices
    }

    /// What becomes of the effect in the end.
    fn end_of(&self, key: &str) -> Outcome {
        match self.draw(key, "end", 16) {
            0 => Outcome::Failed(Failure::definite("Refused", "it was refused")),
            1 => Outcome::Failed(Failure::transient("Degraded", "it broke").with_end(End::Known)),
            2 => Outcome::Failed(Failure::transient("Reset", "nobody knows").with_end(End::Unresolved)),
            3 => Outcome::Succeeded([("blob".to_owned(), json!("x".repeat(20_000)))].into_iter().collect()),
            _ => Outcome::Succeeded(
                [("number".to_owned(), json!(self.draw(key, "output", 9) as f64))].into_iter().collect(),
            ),
        }
    }
}

impl World for Keyed {
    fn call(&mut self, call: &Call<'_>) -> (Outcome, SignedDuration) {
        let key = call.key;
        if call.mode == Some(Mode::Act) && !self.effects.iter().any(|effect| effect == key) {
            self.effects.push(key.to_owned());
        }
        let since = *self.since.entry(key.to_owned()).or_insert(call.now);
        *self.calls.entry(key.to_owned()).or_default() += 1;
        if self.draw(key, "away", 12) == 0 {
            return (Outcome::Failed(Failure::transient("Away", "no answer")), SignedDuration::ZERO);
        }
        let patience = [0, 0, 4, 12, 30][self.draw(key, "patience", 5) as usize];
        let is_done = call.now.duration_since(since).as_secs() >= patience;
        let outcome = if call.mode.is_none() || is_done {
            self.end_of(key)
        } else {
            let act_again = self.calls[key] == 1 && self.draw(key, "again", 6) == 0;
            let look_at = call.now + SignedDuration::from_secs(5);
            let progress = Some(json!({"ready": self.calls[key] as f64 / 2.0}));
            Outcome::Waiting { look_at, message: Some("not ready".to_owned()), progress, act_again }
        };
        (outcome, SignedDuration::ZERO)
    }

    fn judge(&self, failure: &Failure) -> bool {
        failure.transient
    }

    fn crashes(&mut self, _last: &str) -> bool {
        self.moments += 1;
        self.crashes.contains(&self.moments)
    }

    fn sees(&mut self, plan: &Plan, state: &RunState, event: &Event) {
        order::check(plan, state, event);
    }
}
