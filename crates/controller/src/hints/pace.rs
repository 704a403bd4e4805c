//! How often hints make runs look: whatever is sent, and whoever sends it, a host is asked in measure.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

/// After a hint for a pull request, who still waits for it looks once more when so much time is over: a host may speak of what it
/// does not show yet.
const ONCE_MORE: Duration = Duration::from_secs(5);

/// Hints for one pull request wake at most this often.
const PULL_PACE: Duration = Duration::from_secs(1);

/// Hints for one repository wake at most this often: as often as runs look by themselves, unless their interval says otherwise.
const REPOSITORY_PACE: Duration = Duration::from_secs(30);

/// What somebody who waits was woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// One pull request.
    Pull,
    /// Every pull request of a repository.
    Repository,
}

impl Reach {
    fn pace(self) -> Duration {
        match self {
            Self::Pull => PULL_PACE,
            Self::Repository => REPOSITORY_PACE,
        }
    }
}

/// Namespace and address.
pub(super) type Key = (String, String);

/// When the hints for an address wake again.
struct Turn {
    last: Instant,
    reach: Reach,
    due: Option<Due>,
}

/// When to wake once more, and whether that is for a hint that nobody was woken for yet.
#[derive(Clone, Copy)]
struct Due {
    at: Instant,
    is_for_news: bool,
}

/// The addresses that somebody was woken for a short while ago.
#[derive(Default)]
pub(super) struct Pace(HashMap<Key, Turn>);

impl Pace {
    /// Whether a hint for this address, which came now, may wake at once. Otherwise it wakes when its time has come, and with it
    /// all others of that address that come until then.
    pub(super) fn is_free(&mut self, key: &Key, now: Instant) -> bool {
        let Some(turn) = self.0.get_mut(key) else { return true };
        let at = turn.last + turn.reach.pace();
        if at > now {
            turn.due = Some(Due { at, is_for_news: true });
        }
        at <= now
    }

    /// A hint for this address has woken somebody now.
    pub(super) fn woke(&mut self, key: Key, reach: Reach, now: Instant) {
        let due = (reach == Reach::Pull).then(|| Due { at: now + ONCE_MORE, is_for_news: false });
        self.0.insert(key, Turn { last: now, reach, due });
    }

    /// When there is something to do next.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.values().filter_map(|turn| turn.due).map(|due| due.at).min()
    }

    /// The addresses whose time has come, each with whether there was a hint for it meanwhile.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<(Key, bool)> {
        let mut due = Vec::new();
        for (key, turn) in &mut self.0 {
            if let Some(taken) = turn.due.take_if(|due| due.at <= now) {
                turn.last = now;
                due.push((key.clone(), taken.is_for_news));
            }
        }
        due
    }

    /// Forgets the addresses that hold nothing up any more.
    pub(super) fn forget(&mut self, now: Instant) {
        self.0.retain(|_, turn| turn.due.is_some() || turn.last + turn.reach.pace() > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At which milliseconds somebody looks who never stops waiting, when hints come at these.
    fn looks(reach: Reach, hints: &[u64]) -> Vec<u128> {
        let (begin, mut pace, mut looks) = (Instant::now(), Pace::default(), Vec::new());
        let key = || ("shop".to_owned(), "address".to_owned());
        let mut hints = hints.iter().map(|at| begin + Duration::from_millis(*at)).peekable();
        loop {
            let due = pace.next().filter(|due| hints.peek().is_none_or(|hint| due <= hint));
            let Some(now) = due.or_else(|| hints.next()) else { break };
            let woken: Vec<_> = match due {
                Some(_) => pace.take_due(now).into_iter().map(|(_, is_for_news)| is_for_news).collect(),
                None => pace.is_free(&key(), now).then_some(true).into_iter().collect(),
            };
            for is_for_news in woken {
                looks.push((now - begin).as_millis());
                if is_for_news {
                    pace.woke(key(), reach, now);
                }
            }
        }
        pace.forget(begin + Duration::from_secs(3600));
        assert!(pace.0.is_empty());
        looks
    }

    #[test]
    fn a_hint_for_a_pull_request_is_one_look_at_once_and_one_more() {
        assert_eq!(looks(Reach::Pull, &[0]), [0, 5000]);
        assert_eq!(looks(Reach::Pull, &[0, 20_000]), [0, 5000, 20_000, 25_000]);
    }

    #[test]
    fn many_hints_for_a_pull_request_are_one_look_a_second() {
        assert_eq!(looks(Reach::Pull, &[0, 10, 20, 900]), [0, 1000, 6000]);
        assert_eq!(looks(Reach::Pull, &[0, 4999, 5001]), [0, 4999, 5999, 10_999]);
    }

    #[test]
    fn many_hints_for_a_repository_are_one_look_in_half_a_minute() {
        let pushes: Vec<u64> = (0..600).map(|number| number * 100).collect();
        assert_eq!(looks(Reach::Repository, &pushes), [0, 30_000, 60_000]);
    }
}
