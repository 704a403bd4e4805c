//! Compiled sources, kept for the next time.
//!
//! Parsing takes a thread and most of a millisecond, and the same few expressions are compiled at every look at a run.
//! Two generations approximate least recently used: what is used moves to the young one; when that is full, the old one
//! goes.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use crate::Diagnostic;
use crate::expression::Compiled;

/// Sources of one generation, and their bytes. A tree takes some fifty times the memory of its source.
const SOURCES: usize = 2_048;
const BYTES: usize = 256 * 1024;

type Outcome = Result<Arc<Compiled>, Diagnostic>;

#[derive(Default)]
struct Cache {
    young: HashMap<Arc<str>, Outcome>,
    young_bytes: usize,
    old: HashMap<Arc<str>, Outcome>,
}

static CACHE: LazyLock<Mutex<Cache>> = LazyLock::new(Mutex::default);

/// What `compile` makes of `source`, now or at an earlier time.
pub(crate) fn get_or(source: &str, compile: impl FnOnce(Arc<str>) -> Outcome) -> Outcome {
    let cache = || CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(outcome) = cache().get(source) {
        return outcome;
    }
    let source: Arc<str> = source.into();
    // Not under the lock: others go on, and two may compile the same.
    let outcome = compile(Arc::clone(&source));
    cache().insert(source, outcome.clone());
    outcome
}

impl Cache {
    fn get(&mut self, source: &str) -> Option<Outcome> {
        if let Some(outcome) = self.young.get(source) {
            return Some(outcome.clone());
        }
        let (source, outcome) = self.old.remove_entry(source)?;
        self.insert(source, outcome.clone());
        Some(outcome)
    }

    fn insert(&mut self, source: Arc<str>, outcome: Outcome) {
        if source.len() > crate::bounds::MAX_SOURCE_BYTES {
            return;
        }
        if self.young.len() >= SOURCES || self.young_bytes + source.len() > BYTES {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += source.len();
        self.young.insert(source, outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;

    fn refused(source: &str) -> Outcome {
        Err(Diagnostic::new(Code::Syntax, source, source, 0..0))
    }

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let mut cache = Cache::default();
        cache.insert("used".into(), refused("used"));
        cache.insert("unused".into(), refused("unused"));
        for n in 0..3 * SOURCES {
            let source = format!("{n}");
            cache.insert(source.as_str().into(), refused(&source));
            assert!(cache.get("used").is_some(), "lost after {n}");
        }
        assert!(cache.get("unused").is_none());
        assert!(cache.young.len() + cache.old.len() <= 2 * SOURCES);
    }
}
