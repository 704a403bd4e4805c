//! What this process remembers of each object between reconciles, by UID.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use sluice_steps::drive::Memory;

use crate::written::Write;

/// What is remembered of one run.
#[derive(Default)]
pub(crate) struct RunMemory {
    /// Claims, sights and outcomes that are not persisted yet.
    pub(crate) steps: Memory,
    /// Our own last write: a cached object older than it tells nothing new.
    pub(crate) written: Option<Write>,
}

/// What is remembered of all objects of a kind.
pub(crate) struct Memories<T>(Mutex<HashMap<String, T>>);

impl<T> Default for Memories<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Default> Memories<T> {
    /// Takes out what is remembered of an object, to be put back in its reconcile. The runtime never reconciles one object
    /// twice at a time.
    pub(crate) fn take(&self, uid: &str) -> T {
        self.all().remove(uid).unwrap_or_default()
    }

    pub(crate) fn put(&self, uid: &str, memory: T) {
        self.all().insert(uid.to_owned(), memory);
    }

    /// Forgets the objects that are gone.
    pub(crate) fn keep_only(&self, uids: &HashSet<String>) {
        self.all().retain(|uid, _| uids.contains(uid));
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A resourceVersion as a number: since Kubernetes 1.35 the API promises that it is one, and that it grows.
pub(crate) fn version(resource_version: Option<&str>) -> Option<u64> {
    resource_version?.parse().ok()
}
