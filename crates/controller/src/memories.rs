//! What this process remembers of each run between reconciles, by UID.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
};

use sluice_steps::drive::Memory;

/// What is remembered of one run.
#[derive(Default)]
pub(crate) struct RunMemory {
    /// Claims, sights and outcomes that are not persisted yet.
    pub(crate) steps: Memory,
    /// The resourceVersion that our own last write made: a cached object older than it tells nothing new.
    pub(crate) written: Option<u64>,
}

/// What is remembered of all runs.
#[derive(Default)]
pub(crate) struct Memories(Mutex<HashMap<String, RunMemory>>);

impl Memories {
    /// Takes out what is remembered of a run, to be put back after its reconcile. The runtime never reconciles one object
    /// twice at a time.
    pub(crate) fn take(&self, uid: &str) -> RunMemory {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uid).unwrap_or_default()
    }

    pub(crate) fn put(&self, uid: &str, memory: RunMemory) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(uid.to_owned(), memory);
    }

    /// Forgets the runs that are gone.
    pub(crate) fn keep_only(&self, uids: &HashSet<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|uid, _| uids.contains(uid));
    }
}

/// A resourceVersion as a number: since Kubernetes 1.35 the API promises that it is one, and that it grows.
pub(crate) fn version(resource_version: Option<&str>) -> Option<u64> {
    resource_version?.parse().ok()
}
