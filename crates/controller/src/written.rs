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
struct Write {
    version: u64,
    at: Instant,
}

impl Written {
    /// We wrote the object, and this version came of it.
    pub(crate) fn note(&self, object: &impl ResourceExt, resource_version: &str) {
        self.note_at(object, resource_version, Instant::now());
    }

    fn note_at(&self, object: &impl ResourceExt, resource_version: &str, at: Instant) {
        if let (Some(uid), Some(version)) = (object.uid(), version(Some(resource_version))) {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() == known.capacity() {
                known.retain(|_, write| write.is_waited_for(at));
            }
            known.insert(uid, Write { version, at });
        }
    }

    /// Whether the object is from before our own last write of it.
    pub(crate) fn is_newer_than(&self, object: &impl ResourceExt) -> bool {
        self.is_newer_at(object, Instant::now())
    }

    fn is_newer_at(&self, object: &impl ResourceExt, now: Instant) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(uid) = object.uid() else { return false };
        let shown = version(object.resource_version().as_deref());
        let is_newer = |write: &Write| write.is_waited_for(now) && shown.is_some_and(|shown| shown < write.version);
        let is_newer = known.get(&uid).is_some_and(is_newer);
        if !is_newer {
            known.remove(&uid);
        }
        is_newer
    }
}

impl Write {
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
