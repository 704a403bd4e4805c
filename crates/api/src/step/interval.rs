//! The pause between two looks of a step that waits.

use crate::Duration;

/// The shortest: a step must not ask as fast as it can.
const SHORTEST: Duration = Duration::from_secs(1);

/// The pause of a step in whose configuration `set` stands, and which has this one unless set.
pub(super) fn interval(set: Option<Duration>, unless_set: Duration) -> Duration {
    set.unwrap_or(unless_set).max(SHORTEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_the_steps_and_never_nothing() {
        let every = |text: &str| interval(text.parse().ok(), Duration::from_secs(30));
        assert_eq!(every("5m"), Duration::from_mins(5));
        assert_eq!(every("0s"), Duration::from_secs(1));
        assert_eq!(interval(None, Duration::from_secs(30)), Duration::from_secs(30));
    }
}
