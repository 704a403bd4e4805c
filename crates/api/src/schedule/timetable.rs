//! When the times of a schedule are, in a time zone.
//!
//! A time is an instant: whatever clocks show, there is no other one of the same.
//!
//! When clocks change:
//! - A schedule that names hours names times of day. One that does not exist is made up for when the clocks have been put forward;
//!   one that comes twice counts the first time.
//! - A schedule of every hour, or of every so many minutes, goes on as time does: it counts a time that comes twice both times, and
//!   one that does not exist is made up for only if the clocks show none of its times at the moment at which it would have been.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime},
    tz::{AmbiguousOffset, TimeZone},
};

use super::{Schedule, Unusable, zone};
use crate::Cron;

/// More times than these are not counted.
pub const MOST_COUNTED: usize = 1000;

/// The longest that a time may be away: the 29 February, and one that is left out at the end of a century.
const DAYS_TO_SEARCH: usize = 9 * 366;

/// The times of a schedule in its time zone.
#[derive(Clone, Debug)]
pub struct Timetable {
    schedule: Schedule,
    zone: TimeZone,
}

/// Times that have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The last of them.
    pub at: Timestamp,
    /// How many came before it; more than [`MOST_COUNTED`] are not counted.
    pub earlier: usize,
}

impl Timetable {
    /// The times of a trigger.
    ///
    /// # Errors
    /// When the schedule or the time zone is none.
    pub fn of(cron: &Cron) -> Result<Self, Unusable> {
        let zone = cron.time_zone.as_deref().map_or(Ok(TimeZone::UTC), zone)?;
        Ok(Self { schedule: Schedule::parse(&cron.schedule)?, zone })
    }

    /// The first time after this moment.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let mut found: Option<Timestamp> = None;
        let mut date = self.date(after).yesterday().ok()?;
        for _ in 0..DAYS_TO_SEARCH {
            let of_day = self.times_of(date).into_iter().find(|time| *time > after);
            if let Some(found) = found {
                // Where clocks are put back over midnight, the next day begins before this one ends.
                return Some(of_day.map_or(found, |time| time.min(found)));
            }
            found = of_day;
            date = date.tomorrow().ok()?;
        }
        found
    }

    /// The times after the first moment, up to the second.
    pub fn due(&self, after: Timestamp, until: Timestamp) -> Option<Due> {
        let (first, mut date) = (self.date(after).yesterday().ok()?, self.date(until).tomorrow().ok()?);
        let mut due: Option<Due> = None;
        while date >= first && due.is_none_or(|due| due.earlier <= MOST_COUNTED) {
            for time in self.times_of(date).into_iter().filter(|time| *time > after && *time <= until) {
                let (at, earlier) = due.map_or((time, 0), |due| (due.at.max(time), due.earlier + 1));
                due = Some(Due { at, earlier });
            }
            let Ok(before) = date.yesterday() else { break };
            date = before;
        }
        due
    }

    fn date(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at).date()
    }

    /// The times that this day has, in order.
    fn times_of(&self, date: Date) -> Vec<Timestamp> {
        if !self.schedule.has_day(date) {
            return Vec::new();
        }
        let times = self.schedule.times().flat_map(|time| self.instants(date.to_datetime(time)));
        let mut times: Vec<Timestamp> = times.flatten().collect();
        times.sort_unstable();
        times.dedup();
        times
    }

    /// When clocks show this, or what counts for it.
    fn instants(&self, shown: DateTime) -> [Option<Timestamp>; 2] {
        let ambiguous = self.zone.to_ambiguous_timestamp(shown);
        let with = |offset: jiff::tz::Offset| offset.to_timestamp(shown).ok();
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { offset } => [with(offset), None],
            AmbiguousOffset::Fold { before, after } => [with(before), with(after).filter(|_| self.schedule.is_even)],
            AmbiguousOffset::Gap { before, .. } => [with(before).and_then(|would_be| self.instead(would_be)), None],
        }
    }

    /// What counts for a time that clocks leave out, which would have been at this moment: the moment at which they were put
    /// forward.
    fn instead(&self, would_be: Timestamp) -> Option<Timestamp> {
        let shown = self.zone.to_datetime(would_be);
        if self.schedule.is_even && self.schedule.has(shown.date(), shown.time()) {
            return None;
        }
        // It may be that moment itself.
        let after = would_be.checked_add(SignedDuration::from_secs(1)).ok()?;
        self.zone.preceding(after).next().map(|change| change.timestamp())
    }
}

#[cfg(test)]
mod tests;
