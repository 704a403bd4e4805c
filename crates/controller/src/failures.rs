//! How long a run whose reconciles fail is left alone: longer with each failure in a row.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::waits::RunRef;

const FIRST: Duration = Duration::from_secs(1);
const LAST: Duration = Duration::from_secs(60);

/// The failures in a row, by run.
#[derive(Default)]
pub(crate) struct Failures(Mutex<HashMap<RunRef, u32>>);

impl Failures {
    /// Counts one more, and says how long to wait.
    pub(crate) fn pause_after(&self, run: RunRef) -> Duration {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(run).or_default();
        let pause = FIRST.saturating_mul(2_u32.saturating_pow(*count)).min(LAST);
        *count = count.saturating_add(1);
        pause
    }

    /// Forgets the runs that are gone.
    pub(crate) fn keep_only(&self, runs: &HashSet<RunRef>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|run, _| runs.contains(run));
    }

    /// The run's reconcile succeeded.
    pub(crate) fn forget(&self, run: &RunRef) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_with_each_failure_and_starts_anew_after_a_success() {
        let (failures, run) = (Failures::default(), RunRef::new("a").within("shop"));
        let pauses: Vec<u64> = (0..8).map(|_| failures.pause_after(run.clone()).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        failures.forget(&run);
        assert_eq!(failures.pause_after(run), FIRST);
    }
}
