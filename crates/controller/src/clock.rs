//! What a clock that was set tells: times that are written down may lie ahead of it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// The clock of the machine may be set: nobody sleeps longer than this before looking at it again.
pub(crate) const LOOK_AT_CLOCK: Duration = Duration::from_secs(60);

/// The clocks of two machines, one of which takes over from the other, are no further apart.
const APART: SignedDuration = SignedDuration::from_secs(10);

/// The clock is not set back by more than this without a mistake.
pub(crate) const SET_BACK_BY: SignedDuration = SignedDuration::from_hours(1);

/// Whether the clock was set back, if it was this time already when somebody looked.
pub(crate) fn was_set_back(looked_at: Timestamp, now: Timestamp) -> bool {
    looked_at.duration_since(now) > APART
}

/// Whether it was set back so far that what comes again up to this time, which was dealt with, has to count as something new.
pub(crate) fn was_set_back_far(dealt_with: Timestamp, now: Timestamp) -> bool {
    dealt_with.duration_since(now) >= SET_BACK_BY
}
