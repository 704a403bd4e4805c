//! The times of a `cron` schedule: what it says, and when that is in a time zone.
//!
//! Pure but for the time zone database: the time is an argument.

mod field;
mod timetable;
mod zone;

use std::fmt;

use jiff::civil::{Date, Time, Weekday};

use self::field::{DAY, DAY_OF_WEEK, Field, HOUR, MINUTE, MONTH, Set};

pub use timetable::{Due, MOST_COUNTED, Timetable};
pub(crate) use zone::zone;

/// What is wrong with a schedule or a time zone, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl Unusable {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.message, self.help)
    }
}

/// A schedule as `crontab` has it (POSIX), with the names that are usual beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    minutes: Set,
    hours: Set,
    days: Set,
    months: Set,
    /// 0 is Sunday.
    weekdays: Set,
    /// Whether a day has to be one of both the days and the weekdays: where one of the two is `*`. Otherwise one of them is
    /// enough, as POSIX has it.
    wants_both: bool,
    /// Whether the times follow each other in real time, also while clocks change: every hour, or every so many minutes.
    pub(self) is_even: bool,
}

/// What the names stand for.
const NAMES: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// What to write.
const HELP: &str = "write minute, hour, day of the month, month and day of the week, such as `15 10 * * 1-5`, or one of @hourly, @daily, \
     @weekly, @monthly, @yearly";

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    /// When it is none, or one whose time never comes.
    pub fn parse(text: &str) -> Result<Self, Unusable> {
        let text = text.trim();
        let meant = NAMES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)).map_or(text, |(_, meant)| meant);
        let fields: Vec<&str> = meant.split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else { return Err(not_five(text, fields.len())) };
        let (days, weekdays) = (DAY.parse(day)?, DAY_OF_WEEK.parse(weekday)?);
        let hours = HOUR.parse(hour)?;
        let schedule = Self {
            minutes: MINUTE.parse(minute)?,
            days,
            months: MONTH.parse(month)?,
            weekdays,
            wants_both: Field::is_any(day) || Field::is_any(weekday),
            is_even: hours == HOUR.all() || Field::is_regular(minute),
            hours,
        };
        match schedule.comes() {
            true => Ok(schedule),
            false => Err(Unusable::new(
                format!("the time never comes: no month that it names has day {day}"),
                "name a day that there is, or another month",
            )),
        }
    }

    /// Whether there is a day in some year that it names.
    fn comes(&self) -> bool {
        // With days of the week beside, one of the two is enough.
        let longest = |month: u8| match month {
            2 => 29,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        !self.wants_both || (1..=12).any(|month| self.months.has(month) && self.days.lowest() <= longest(month))
    }

    /// Whether the day has any of the times.
    fn has_day(&self, date: Date) -> bool {
        let number = |number: i8| u8::try_from(number).unwrap_or_default();
        let is_day = self.days.has(number(date.day()));
        let is_weekday = self.weekdays.has(number(Weekday::to_sunday_zero_offset(date.weekday())));
        let is_named = if self.wants_both { is_day && is_weekday } else { is_day || is_weekday };
        self.months.has(number(date.month())) && is_named
    }

    /// The times of such a day.
    fn times(&self) -> impl Iterator<Item = Time> {
        let hours = (0..24).filter(|hour| self.hours.has(*hour));
        hours.flat_map(|hour| {
            (0..60).filter(|minute| self.minutes.has(*minute)).filter_map(move |minute| at(hour, minute))
        })
    }

    /// Whether it names this time of this day.
    fn has(&self, date: Date, time: Time) -> bool {
        let number = |number: i8| u8::try_from(number).unwrap_or_default();
        self.has_day(date) && self.hours.has(number(time.hour())) && self.minutes.has(number(time.minute()))
    }
}

fn at(hour: u8, minute: u8) -> Option<Time> {
    Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()
}

/// What is wrong with a text that has not five fields.
fn not_five(text: &str, fields: usize) -> Unusable {
    let lower = text.to_ascii_lowercase();
    if lower.starts_with("tz=") || lower.starts_with("cron_tz=") {
        return Unusable::new("a schedule has no time zone", "name it in timeZone");
    }
    if lower.starts_with("@every") {
        return Unusable::new(
            "there is no @every",
            "write `*/5 * * * *` for every 5 minutes, `0 */2 * * *` for every 2 hours",
        );
    }
    if lower.starts_with('@') {
        let known = NAMES.iter().map(|(name, _)| *name);
        let help =
            sluice_expr::closest(&lower, known).map_or(HELP.to_owned(), |meant| format!("did you mean {meant:?}?"));
        return Unusable::new(format!("there is no {text:?}"), help);
    }
    let help = match fields {
        6 => "there are no seconds: leave the first field out",
        _ => HELP,
    };
    Unusable::new(format!("a schedule has 5 fields, this one has {fields}"), help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn bad(text: &str, expected: &str) {
        assert_eq!(Schedule::parse(text).unwrap_err().to_string(), expected, "{text}");
    }

    #[test]
    fn schedules_are_read_as_cron_reads_them() {
        for text in [
            "* * * * *",
            "*/15 8-18 * * mon-fri",
            "0,30 0-23/2 1,15 JAN-MAR 0",
            "  5 4\t* * Sun ",
            "0 0 29 2 *",
            "0 0 31 2 1",
            "0 0 * * 7",
            "@daily",
            "@Yearly",
        ] {
            assert!(Schedule::parse(text).is_ok(), "{text}: {:?}", Schedule::parse(text));
        }
        assert_eq!(Schedule::parse("0 0 * * 7"), Schedule::parse("@weekly"));
        assert_eq!(Schedule::parse("0 0 * * 5-7"), Schedule::parse("0 0 * * FRI,6,Sun"));
    }

    #[test]
    fn a_schedule_that_is_none_says_what_to_write() {
        let help = format!("; {HELP}");
        bad("0 9 * *", &format!("a schedule has 5 fields, this one has 4{help}"));
        bad("", &format!("a schedule has 5 fields, this one has 0{help}"));
        bad("0 0 9 * * 1", "a schedule has 5 fields, this one has 6; there are no seconds: leave the first field out");
        bad("60 9 * * *", "60 is no minute; use 0 to 59");
        bad("0 24 * * *", "24 is no hour; use 0 to 23");
        bad("0 9 0 * *", "0 is no day of the month; use 1 to 31");
        bad("0 9 * febr *", "\"febr\" is no month; use 1 to 12, or jan to dec");
        bad("0 9 * * 8", "8 is no day of the week; use 0 to 7 with 0 and 7 for Sunday, or sun to sat");
        bad("0 9 * * fri-mon", "the range \"fri-mon\" goes backwards; write two, such as `22-23,0-5`");
        bad("*/0 * * * *", "the step of \"*/0\" is no number from 1 to 59; write `*/15` for every 15th minute");
        bad("5/15 * * * *", "\"5/15\" has a step without a range; write `5-59/15`");
        bad("0 9 L * *", "\"L\" is no day of the month; use 1 to 31");
        bad("0 9 1, * *", "\"\" is no day of the month; use 1 to 31");
        bad("0 9 99999999999999999999 * *", "\"99999999999999999999\" is no day of the month; use 1 to 31");
        bad("@dayly", "there is no \"@dayly\"; did you mean \"@daily\"?");
        bad(
            "@every 5m",
            "there is no @every; write `*/5 * * * *` for every 5 minutes, `0 */2 * * *` for every 2 hours",
        );
        bad("TZ=Europe/Rome 0 9 * * *", "a schedule has no time zone; name it in timeZone");
    }

    #[test]
    fn a_time_that_never_comes_is_found_at_once() {
        let help = "name a day that there is, or another month";
        bad("0 0 30 2 *", &format!("the time never comes: no month that it names has day 30; {help}"));
        bad("0 0 31 2,4,6,9,11 *", &format!("the time never comes: no month that it names has day 31; {help}"));
        // By the day of the week it comes all the same.
        assert!(Schedule::parse("0 0 30 2 mon").is_ok());
    }
}
