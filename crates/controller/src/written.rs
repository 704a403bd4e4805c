//! The versions that our own last writes made: a watch lags, and what it shows from before them tells nothing new.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use kube::ResourceExt;

use crate::memories::version;

/// For how long a write is waited for. The watch of an object that is gone never shows it, nor does that of a cluster whose store
/// was set back; and no other watch is that late.
const PATIENCE: Duration = Duration::from_secs(60);

/// The versions that our own last writes made, by UID, until the watch shows them.
#[derive(Default)]
pub(crate) struct Written(Mutex<HashMap<String, Write>>);

/// The version that came of a write, and when that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Write {
    version: u64,
    at: Instant,
}

impl Written {
    /// We wrote the object, and this version came of it.
    pub(crate) fn note(&self, object: &impl ResourceExt, resource_version: &str) {
        self.note_at(object, resource_version, Instant::now());
    }

    fn note_at(&self, object: &impl ResourceExt, resource_version: &str, at: Instant) {
        if let (Some(uid), Some(write)) = (object.uid(), Write::at(resource_version, at)) {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() == known.capacity() {
                known.retain(|_, write| write.is_waited_for(at));
            }
            known.insert(uid, write);
        }
    }

    /// Whether the object is from before our own last write of it.
    pub(crate) fn is_newer_than(&self, object: &impl ResourceExt) -> bool {
        self.is_newer_at(object, Instant::now())
    }

    fn is_newer_at(&self, object: &impl ResourceExt, now: Instant) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(uid) = object.uid() else { return false };
        let shown = object.resource_version().unwrap_or_default();
        let is_newer = known.get(&uid).is_some_and(|write| write.is_newer_at(&shown, now));
        if !is_newer {
            known.remove(&uid);
        }
        is_newer
    }
}

impl Write {
    /// This version came of a write just now.
    pub(crate) fn now(resource_version: &str) -> Option<Self> {
        Self::at(resource_version, Instant::now())
    }

    fn at(resource_version: &str, at: Instant) -> Option<Self> {
        Some(Self { version: version(Some(resource_version))?, at })
    }

    /// Whether what is shown is from before it, while that may still come.
    pub(crate) fn is_newer_than(&self, shown: &str) -> bool {
        self.is_newer_at(shown, Instant::now())
    }

    fn is_newer_at(&self, shown: &str, now: Instant) -> bool {
        self.is_waited_for(now) && version(Some(shown)).is_some_and(|shown| shown < self.version)
    }

    fn is_waited_for(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) < PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use kube::api::ObjectMeta;
    use sluice_api::{Environment, EnvironmentSpec};

    use super::*;

    fn environment(uid: &str, version: u64) -> Environment {
        let mut environment = Environment::new("staging", EnvironmentSpec::default());
        environment.metadata =
            ObjectMeta { uid: Some(uid.to_owned()), resource_version: Some(version.to_string()), ..Default::default() };
        environment
    }

    fn shown(version: u64) -> Environment {
        environment("u", version)
    }

    #[test]
    fn what_the_watch_shows_counts_from_our_own_write_on() {
        let written = Written::default();
        assert!(!written.is_newer_than(&shown(6)));
        written.note(&shown(6), "8");
        assert!(written.is_newer_than(&shown(6)) && written.is_newer_than(&shown(7)));
        assert!(!written.is_newer_than(&shown(9)) && !written.is_newer_than(&shown(6)));
    }

    #[test]
    fn a_write_that_the_watch_never_shows_is_given_up_and_forgotten() {
        let (written, then) = (Written::default(), Instant::now());
        written.note_at(&shown(6), "8", then);
        let later = then + PATIENCE;
        assert!(written.is_newer_at(&shown(6), later - Duration::from_secs(1)));
        assert!(!written.is_newer_at(&shown(6), later));
        for number in 0..10_000 {
            written.note_at(&environment(&format!("gone-{number}"), 6), "8", then + Duration::from_secs(number));
        }
        assert!(written.0.lock().unwrap().len() < 1_000);
    }
}
