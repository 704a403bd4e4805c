//! The runs that this process makes, until the watch shows them: whoever asks who is about to take a lock hears of them, too.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::queue::Group;

/// For how long the watch is waited for. Whether the request that got no answer made a run is told by then.
const PATIENCE: Duration = Duration::from_secs(60);

/// The runs that are being made, and the locks that they will take.
#[derive(Default)]
pub(crate) struct Making(Mutex<Vec<Claim>>);

struct Claim {
    group: Group,
    run: String,
    since: Instant,
    /// Whether it was made. The watch may not show it yet.
    is_made: bool,
}

/// What the watch of the runs shows at this moment of the runs of a lock.
pub(crate) trait Shown {
    /// Whether this run has the lock, or is to take it; `None` while it is not shown.
    fn takes(&self, run: &str) -> Option<bool>;

    /// Another run that has the lock, or is to take it.
    fn unfinished(&self) -> Option<String>;
}

/// Another run of the lock.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Other {
    /// It is there, and has not ended.
    There(String),
    /// Whether it comes about is not known yet: the request that was to make it may fail.
    Claimed(String),
}

impl Claim {
    fn is_of(&self, namespace: &str, run: &str) -> bool {
        self.run == run && self.group.namespace == namespace
    }
}

impl Making {
    /// A run that will take this lock is about to be made, unless another one is there, or is being made: then it returns which. Of two
    /// who ask at the same time one hears of the other.
    pub(crate) fn claim(&self, group: &Group, run: &str, shown: &impl Shown) -> Result<(), Other> {
        self.claim_at(group, run, shown, Instant::now())
    }

    fn claim_at(&self, group: &Group, run: &str, shown: &impl Shown, now: Instant) -> Result<(), Other> {
        // To look through all runs takes its time: nobody else is to wait for that. Who is made meanwhile has a claim, which outlasts that.
        if let Some(other) = shown.unfinished() {
            return Err(Other::There(other));
        }
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        claims.retain(|claim| now.saturating_duration_since(claim.since) < PATIENCE);
        let others = claims.iter().filter(|claim| claim.group == *group && claim.run != run);
        let mut claimed = None;
        for Claim { run: other, is_made, .. } in others {
            match shown.takes(other).or(is_made.then_some(true)) {
                Some(true) => return Err(Other::There(other.clone())),
                Some(false) => {}
                None => claimed = Some(Other::Claimed(other.clone())),
            }
        }
        if let Some(other) = claimed {
            return Err(other);
        }
        claims.retain(|claim| !claim.is_of(&group.namespace, run));
        claims.push(Claim { group: group.clone(), run: run.to_owned(), since: now, is_made: false });
        Ok(())
    }

    /// The run was made.
    pub(crate) fn made(&self, namespace: &str, run: &str) {
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        claims.iter_mut().filter(|claim| claim.is_of(namespace, run)).for_each(|claim| claim.is_made = true);
    }

    /// The run was not made, or is gone.
    pub(crate) fn forget(&self, namespace: &str, run: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|claim| !claim.is_of(namespace, run));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the watch shows: runs that have ended, and one that has not.
    #[derive(Default)]
    struct Watch(Vec<&'static str>, Option<&'static str>);

    impl Shown for Watch {
        fn takes(&self, run: &str) -> Option<bool> {
            (self.1 == Some(run)).then_some(true).or_else(|| self.0.contains(&run).then_some(false))
        }

        fn unfinished(&self) -> Option<String> {
            self.1.map(str::to_owned)
        }
    }

    fn group(name: &str) -> Group {
        Group { namespace: "shop".to_owned(), name: name.to_owned() }
    }

    fn claimed(run: &str) -> Other {
        Other::Claimed(run.to_owned())
    }

    fn there(run: &str) -> Other {
        Other::There(run.to_owned())
    }

    #[test]
    fn of_two_runs_of_a_lock_one_is_made() {
        let (making, nothing) = (Making::default(), Watch::default());
        assert_eq!(making.claim(&group("web"), "one", &nothing), Ok(()));
        assert_eq!(making.claim(&group("web"), "two", &nothing), Err(claimed("one")));
        assert_eq!(making.claim(&group("web"), "one", &nothing), Ok(()), "it is tried again");
        making.made("shop", "one");
        assert_eq!(making.claim(&group("web"), "two", &nothing), Err(there("one")));
        assert_eq!(making.claim(&group("db"), "two", &nothing), Ok(()));
        let elsewhere = Group { namespace: "other".to_owned(), ..group("web") };
        assert_eq!(making.claim(&elsewhere, "two", &nothing), Ok(()));
        making.forget("other", "one");
        assert!(making.claim(&group("web"), "three", &nothing).is_err());
        making.forget("shop", "one");
        assert_eq!(making.claim(&group("web"), "three", &nothing), Ok(()), "the first was refused");
    }

    #[test]
    fn a_run_that_the_watch_shows_counts_until_it_has_ended() {
        let making = Making::default();
        assert_eq!(making.claim(&group("web"), "one", &Watch::default()), Ok(()));
        let under_way = Watch(Vec::new(), Some("one"));
        assert_eq!(making.claim(&group("web"), "two", &under_way), Err(there("one")));
        let ended = Watch(vec!["one"], None);
        assert_eq!(making.claim(&group("web"), "three", &ended), Ok(()), "the second was not to be made");
    }

    #[test]
    fn a_run_that_is_shown_while_somebody_else_looks_is_not_overlooked() {
        /// It shows the run only after the look at all of them.
        struct Late;
        impl Shown for Late {
            fn takes(&self, _: &str) -> Option<bool> {
                Some(true)
            }

            fn unfinished(&self) -> Option<String> {
                None
            }
        }
        let making = Making::default();
        assert_eq!(making.claim(&group("web"), "one", &Watch::default()), Ok(()));
        assert_eq!(making.claim(&group("web"), "two", &Late), Err(there("one")));
    }

    #[test]
    fn a_run_that_never_shows_is_waited_for_no_longer_than_that() {
        let (making, nothing, then) = (Making::default(), Watch::default(), Instant::now());
        assert_eq!(making.claim_at(&group("web"), "one", &nothing, then), Ok(()));
        let before = then + PATIENCE - Duration::from_secs(1);
        assert!(making.claim_at(&group("web"), "two", &nothing, before).is_err());
        assert_eq!(making.claim_at(&group("web"), "two", &nothing, then + PATIENCE), Ok(()));
    }
}
