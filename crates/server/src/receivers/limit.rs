//! How many requests a minute each Receiver takes: so many that are signed, so that no stranger uses up what is for those who have
//! the secret. Apart from them as many long bodies are read, whoever sends them. Every replica of the server counts for itself.

use std::{
    collections::{HashMap, HashSet},
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};

/// What is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Counted {
    /// Requests of those who have the secret.
    Signed,
    /// Bodies of more than one piece, before all of them is there to be proved.
    Long,
}

/// A Receiver (UID), how many it takes, and of what.
type Key = (String, NonZeroU32, Counted);

/// The counts.
#[derive(Default)]
pub(crate) struct Limits(Mutex<HashMap<Key, Arc<DefaultDirectRateLimiter>>>);

impl Limits {
    /// Counts one more: `Err` says when there is room again.
    pub(crate) fn take(&self, receiver_uid: &str, per_minute: i32, what: Counted) -> Result<(), Duration> {
        let per_minute = u32::try_from(per_minute).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
        let key = (receiver_uid.to_owned(), per_minute, what);
        let limiter = {
            let mut limiters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            limiters.entry(key).or_insert_with(|| Arc::new(RateLimiter::direct(Quota::per_minute(per_minute)))).clone()
        };
        limiter.check().map_err(|not_until| not_until.wait_time_from(DefaultClock::default().now()))
    }

    /// Forgets the Receivers that are gone.
    pub(crate) fn keep_only(&self, uids: &HashSet<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(uid, ..), _| uids.contains(uid));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_receiver_takes_so_many_a_minute_and_says_when_it_takes_more() {
        let limits = Limits::default();
        for _ in 0..3 {
            limits.take("a", 3, Counted::Long).unwrap();
        }
        let wait = limits.take("a", 3, Counted::Long).unwrap_err();
        assert!(wait > Duration::from_secs(15) && wait <= Duration::from_secs(20), "{wait:?}");
        limits.take("a", 3, Counted::Signed).unwrap();
        limits.take("b", 3, Counted::Long).unwrap();
        limits.take("a", 600, Counted::Long).unwrap();
        limits.keep_only(&HashSet::new());
        assert!(limits.0.lock().unwrap().is_empty());
    }
}
