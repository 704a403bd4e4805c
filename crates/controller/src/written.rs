//! The versions that our own last writes made: a watch lags, and what it shows from before them tells nothing new.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use kube::ResourceExt;

use crate::memories::version;

/// The versions that our own last writes made, by UID, until the watch shows them.
#[derive(Default)]
pub(crate) struct Written(Mutex<HashMap<String, u64>>);

impl Written {
    /// We wrote the object, and this version came of it.
    pub(crate) fn note(&self, object: &impl ResourceExt, resource_version: &str) {
        if let (Some(uid), Some(version)) = (object.uid(), version(Some(resource_version))) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(uid, version);
        }
    }

    /// Whether the object is from before our own last write of it.
    pub(crate) fn is_newer_than(&self, object: &impl ResourceExt) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(uid) = object.uid() else { return false };
        let shown = version(object.resource_version().as_deref());
        let is_newer = known.get(&uid).is_some_and(|written| shown.is_some_and(|shown| shown < *written));
        if !is_newer {
            known.remove(&uid);
        }
        is_newer
    }
}

#[cfg(test)]
mod tests {
    use kube::api::ObjectMeta;
    use sluice_api::{Environment, EnvironmentSpec};

    use super::*;

    #[test]
    fn what_the_watch_shows_counts_from_our_own_write_on() {
        let shown = |version: u64| {
            let mut environment = Environment::new("staging", EnvironmentSpec::default());
            environment.metadata = ObjectMeta {
                uid: Some("u".to_owned()),
                resource_version: Some(version.to_string()),
                ..Default::default()
            };
            environment
        };
        let written = Written::default();
        assert!(!written.is_newer_than(&shown(6)));
        written.note(&shown(6), "8");
        assert!(written.is_newer_than(&shown(6)) && written.is_newer_than(&shown(7)));
        assert!(!written.is_newer_than(&shown(9)) && !written.is_newer_than(&shown(6)));
    }
}
