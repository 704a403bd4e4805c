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
}

/// What the watch of the runs shows at this moment.
pub(crate) trait Shown {
    /// Whether it shows this run, however it stands.
    fn has(&self, namespace: &str, run: &str) -> bool;

    /// Another run that has the lock, or is to take it.
    fn unfinished(&self) -> Option<String>;
}

impl Claim {
    fn is_of(&self, namespace: &str, run: &str) -> bool {
        self.run == run && self.group.namespace == namespace
    }
}

impl Making {
    /// A run that will take this lock is about to be made, unless another one is there, or is being made: then it returns which. Of two
    /// who ask at the same time one hears of the other.
    pub(crate) fn claim(&self, group: &Group, run: &str, shown: &impl Shown) -> Result<(), String> {
        self.claim_at(group, run, shown, Instant::now())
    }

    fn claim_at(&self, group: &Group, run: &str, shown: &impl Shown, now: Instant) -> Result<(), String> {
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        claims.retain(|claim| {
            let age = now.saturating_duration_since(claim.since);
            age < PATIENCE && !shown.has(&claim.group.namespace, &claim.run)
        });
        let other =
            claims.iter().find(|claim| claim.group == *group && claim.run != run).map(|claim| claim.run.clone());
        if let Some(other) = other.or_else(|| shown.unfinished()) {
            return Err(other);
        }
        claims.retain(|claim| !claim.is_of(&group.namespace, run));
        claims.push(Claim { group: group.clone(), run: run.to_owned(), since: now });
        Ok(())
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
        fn has(&self, namespace: &str, run: &str) -> bool {
            namespace == "shop" && (self.0.contains(&run) || self.1 == Some(run))
        }

        fn unfinished(&self) -> Option<String> {
            self.1.map(str::to_owned)
        }
    }

    fn group(name: &str) -> Group {
        Group { namespace: "shop".to_owned(), name: name.to_owned() }
    }

    #[test]
    fn of_two_runs_of_a_lock_one_is_made() {
        let (making, nothing) = (Making::default(), Watch::default());
        assert_eq!(making.claim(&group("web"), "one", &nothing), Ok(()));
        assert_eq!(making.claim(&group("web"), "two", &nothing), Err("one".to_owned()));
        assert_eq!(making.claim(&group("web"), "one", &nothing), Ok(()), "it is tried again");
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
        assert_eq!(making.claim(&group("web"), "two", &under_way), Err("one".to_owned()));
        let ended = Watch(vec!["one"], None);
        assert_eq!(making.claim(&group("web"), "three", &ended), Ok(()), "the second was not to be made");
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
