//! Who belongs to an Environment and its components: so that nobody has to look through all updates, or all runs, of a cluster.
//!
//! It tells where to look. What counts is what the watches show of those that it names.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
    sync::{Mutex, PoisonError},
};

use kube::ResourceExt;
use sluice_api::{ComponentUpdate, ParamValue, PipelineRun, check::UPDATE_PARAMS};

/// Names in their order, by what they belong to.
pub(crate) struct Index<K>(Mutex<HashMap<K, BTreeSet<String>>>);

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Index<K> {
    pub(super) fn add(&self, key: K, name: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().insert(name);
    }

    pub(super) fn remove(&self, key: &K, name: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(names) = known.get_mut(key) {
            names.remove(name);
            if names.is_empty() {
                known.remove(key);
            }
        }
    }

    /// The watch began anew: these are all there are.
    pub(super) fn replace(&self, all: impl Iterator<Item = (K, String)>) {
        let mut known: HashMap<K, BTreeSet<String>> = HashMap::new();
        all.for_each(|(key, name)| {
            known.entry(key).or_default().insert(name);
        });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }

    pub(super) fn keys(&self) -> Vec<K>
    where
        K: Clone,
    {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// The first of them that is what is looked for.
    pub(super) fn first(&self, key: &K, is_it: impl Fn(&str) -> bool) -> Option<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key)?.iter().find(|name| is_it(name)).cloned()
    }

    pub(super) fn of(&self, key: &K) -> Vec<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key).into_iter().flatten().cloned().collect()
    }
}

/// A namespace, and an Environment in it.
pub(super) type OfEnvironment = (String, String);

/// A namespace, an Environment in it, and a component of that.
pub(super) type OfComponent = (String, String, String);

/// What an update belongs to.
pub(super) fn environment_of(update: &ComponentUpdate) -> OfEnvironment {
    (update.namespace().unwrap_or_default(), update.spec.environment.clone())
}

/// What the run of an update belongs to, whether the update is still there or not; `None` for every other run.
pub(super) fn component_of(run: &PipelineRun) -> Option<OfComponent> {
    run.spec.trigger.as_ref()?.component_update.as_ref()?;
    let text = |name: &str| match run.spec.params.get(name) {
        Some(ParamValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let [environment, component, ..] = UPDATE_PARAMS;
    Some((run.namespace().unwrap_or_default(), text(environment)?, text(component)?))
}

/// Whether the run has ended.
pub(super) fn has_ended(run: &PipelineRun) -> bool {
    run.status.as_ref().is_some_and(|status| status.state.is_finished())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_there_is_found_whatever_else_was_named() {
        let index = Index::default();
        for name in ["c", "a", "b"] {
            index.add("web", name.to_owned());
        }
        let first = |is_it: fn(&str) -> bool| index.first(&"web", is_it);
        assert_eq!(first(|_| true).as_deref(), Some("a"));
        assert_eq!(first(|name| name != "a").as_deref(), Some("b"));
        assert_eq!(first(|_| false), None);
        index.remove(&"web", "a");
        assert_eq!(index.first(&"web", |_| true).as_deref(), Some("b"));
        assert_eq!(index.first(&"db", |_| true), None);
    }
}
