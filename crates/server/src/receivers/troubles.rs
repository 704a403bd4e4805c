//! What keeps Receivers from being served, for the log: once for each Receiver and change, however many requests strangers send.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::answer::Answer;

/// What was last said of the Receivers (UID) that are in trouble: of which generation, and what.
#[derive(Default)]
pub(crate) struct Troubles(Mutex<HashMap<String, (Option<i64>, &'static str)>>);

impl Troubles {
    /// Logs how a request to this Receiver ended, if that is news: with a trouble, or well after one.
    pub(crate) fn note(&self, receiver: &ObjectMeta, answer: &Result<Answer, Answer>) {
        let (namespace, name) = (receiver.namespace.as_deref(), receiver.name.as_deref());
        match answer {
            Ok(_) if self.is_over(receiver) => tracing::info!(namespace, receiver = name, "served again"),
            Err(Answer { trouble: Some(trouble), .. }) if self.is_news(receiver, trouble.what) => {
                tracing::warn!(namespace, receiver = name, why = trouble.why, "{}", trouble.what);
            }
            // Who is refused tells nothing of what the others are answered.
            _ => {}
        }
    }

    fn is_news(&self, receiver: &ObjectMeta, what: &'static str) -> bool {
        let said = (receiver.generation, what);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(receiver.uid.clone().unwrap_or_default(), said) != Some(said)
    }

    fn is_over(&self, receiver: &ObjectMeta) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(receiver.uid.as_deref().unwrap_or_default()).is_some()
    }

    /// Forgets the Receivers that are gone.
    pub(crate) fn keep_only(&self, uids: &HashSet<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|uid, _| uids.contains(uid));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_told_once_for_each_receiver_and_change() {
        let troubles = Troubles::default();
        let receiver = |uid: &str, generation| ObjectMeta {
            uid: Some(uid.to_owned()),
            generation: Some(generation),
            ..ObjectMeta::default()
        };
        let (a, b) = (receiver("a", 1), receiver("b", 1));
        assert!(!troubles.is_over(&a));
        assert!(troubles.is_news(&a, "closed") && troubles.is_news(&b, "closed"));
        assert!(!troubles.is_news(&a, "closed"));
        assert!(troubles.is_news(&a, "away"));
        assert!(troubles.is_news(&receiver("a", 2), "away"));
        assert!(troubles.is_over(&a) && !troubles.is_over(&a));
        assert!(troubles.is_news(&a, "away"));
        troubles.keep_only(&HashSet::new());
        assert!(troubles.0.lock().unwrap().is_empty());
    }
}
