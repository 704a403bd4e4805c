//! Reads that many ask for at the same time, made once.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{sync::Mutex as AsyncMutex, time::Instant};

/// Outcomes by what was asked, each with when the asking began.
type Slot<T> = Arc<AsyncMutex<Option<(Instant, T)>>>;

/// One outcome answers everybody who asked *before* the work for it began, and nobody else: for each of them it is as fresh
/// as if they had worked for themselves. Nothing is kept once nobody asks.
pub(crate) struct Shared<K, T>(Mutex<HashMap<K, Slot<T>>>);

impl<K, T> Default for Shared<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash, T: Clone> Shared<K, T> {
    /// What comes of `work`, or of the same work of somebody else that began after this call did.
    pub(crate) async fn get(&self, key: &K, work: impl Future<Output = T>) -> T {
        let asked = Instant::now();
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key.clone()).or_default().clone();
        let outcome = outcome(&slot, asked, work).await;
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // This one and the map's own: nobody waits for it.
        if Arc::strong_count(&slot) == 2 {
            slots.remove(key);
        }
        outcome
    }
}

async fn outcome<T: Clone>(slot: &Slot<T>, asked: Instant, work: impl Future<Output = T>) -> T {
    let mut last = slot.lock().await;
    if let Some((began, outcome)) = &*last
        && *began > asked
    {
        return outcome.clone();
    }
    let began = Instant::now();
    let outcome = work.await;
    *last = Some((began, outcome.clone()));
    outcome
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;
    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn those_who_ask_during_the_work_share_the_next() {
        let (shared, works) = (Shared::default(), AtomicUsize::new(0));
        let ask = async || {
            let work = async {
                yield_now().await;
                works.fetch_add(1, Ordering::Relaxed)
            };
            shared.get(&"pipeline", work).await
        };
        assert_eq!(join_all([ask(), ask(), ask(), ask()]).await, [0, 1, 1, 1]);
        assert_eq!(ask().await, 2);
        assert!(shared.0.lock().unwrap().is_empty());
    }
}
