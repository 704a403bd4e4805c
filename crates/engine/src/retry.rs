//! When a failed step is tried again.

use jiff::SignedDuration;

/// How often, and how far apart, a failed step is tried again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retry {
    /// Further attempts after the first; 0 is none.
    pub limit: i32,
    /// The pause before each further attempt.
    pub backoff: Backoff,
}

/// A pause that grows by a factor up to a maximum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first pause.
    pub initial: SignedDuration,
    /// Each pause is this many times the one before.
    pub factor: i32,
    /// No pause is longer.
    pub max: SignedDuration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { initial: SignedDuration::from_secs(1), factor: 2, max: SignedDuration::from_mins(1) }
    }
}

impl Backoff {
    /// The pause before the attempt of this number (the first further attempt is number 2).
    pub(crate) fn before(&self, attempt: i32) -> SignedDuration {
        let mut pause = self.initial;
        for _ in 2..attempt {
            let next = pause.checked_mul(self.factor.max(1)).unwrap_or(self.max);
            if next == pause || next >= self.max {
                pause = next;
                break;
            }
            pause = next;
        }
        pause.min(self.max).max(SignedDuration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_its_maximum() {
        let pauses: Vec<i64> = (2..10).map(|attempt| Backoff::default().before(attempt).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn a_huge_attempt_number_neither_overflows_nor_hangs() {
        let steep = Backoff { factor: i32::MAX, max: SignedDuration::MAX, ..Backoff::default() };
        assert_eq!(steep.before(i32::MAX), SignedDuration::MAX);
        let flat = Backoff { factor: 1, ..Backoff::default() };
        assert_eq!(flat.before(i32::MAX), SignedDuration::from_secs(1));
        let none = Backoff { initial: SignedDuration::ZERO, ..Backoff::default() };
        assert_eq!(none.before(i32::MAX), SignedDuration::ZERO);
    }
}
