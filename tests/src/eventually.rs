//! Waiting for what becomes true by itself.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Calls `look` until it returns `Ok`, and returns that. `Err` is what was seen instead: the last of them is part of the
/// message when `timeout` is over.
///
/// # Panics
/// When it does not become true in time.
pub async fn eventually<T, S: Display>(
    what: &str,
    timeout: Duration,
    mut look: impl AsyncFnMut() -> Result<T, S>,
) -> T {
    let deadline = Instant::now() + timeout;
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) if Instant::now() >= deadline => panic!("{what}: not within {timeout:?}; last seen: {seen:#}"),
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}
