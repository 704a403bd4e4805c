//! Both changes of the clocks in three time zones, and who looks when.

use expect_test::{Expect, expect};
use jiff::SignedDuration;

use super::*;

fn timetable(schedule: &str, zone: &str) -> Timetable {
    let cron = Cron { schedule: schedule.to_owned(), time_zone: Some(zone.to_owned()), ..Cron::default() };
    Timetable::of(&cron).unwrap()
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// All times of a while, one after the other.
fn times(table: &Timetable, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    let next = |at: &Timestamp| table.next_after(*at);
    std::iter::successors(next(&from), next).take_while(|at| *at <= until).collect()
}

/// What clocks show in the hours around a change, at the times of the schedule.
#[track_caller]
fn check(schedule: &str, zone: &str, from: &str, hours: i64, expected: Expect) {
    let table = timetable(schedule, zone);
    let from = instant(from);
    let until = from + SignedDuration::from_hours(hours);
    let times = times(&table, from, until);
    let shown = times.iter().map(|at| at.to_zoned(table.zone.clone()).strftime("%d %H:%M %:z").to_string());
    expected.assert_eq(&shown.collect::<Vec<_>>().join("\n"));
    whoever_looks_finds_each_once(&table, from, until, &times);
}

/// Looks at odd moments, some of them far apart, as a controller does whose timers are late or that was down.
#[track_caller]
fn whoever_looks_finds_each_once(table: &Timetable, from: Timestamp, until: Timestamp, times: &[Timestamp]) {
    for pause in [47, 61, 600, 1801, 3600, 10_007] {
        let (mut since, mut now, mut found, mut passed) = (from, from, Vec::new(), 0);
        while now < until {
            now = (now + SignedDuration::from_secs(pause)).min(until);
            if let Some(due) = table.due(since, now) {
                since = due.at;
                passed += due.earlier;
                found.push(due.at);
            }
        }
        assert_eq!(found.len() + passed, times.len(), "every {pause} s");
        assert!(found.iter().all(|at| times.contains(at)), "every {pause} s");
        // Nothing but the first look after a time finds that, however rarely anybody looks.
        assert!(found.is_sorted_by(|a, b| a < b), "every {pause} s");
    }
}

const ROME: &str = "Europe/Rome";
const NEW_YORK: &str = "America/New_York";
const LORD_HOWE: &str = "Australia/Lord_Howe";

// Clocks go from 02:00 to 03:00.
const ROME_SPRING: &str = "2026-03-28T23:30:00Z";
const NEW_YORK_SPRING: &str = "2026-03-08T05:30:00Z";
// From 02:00 to 02:30.
const LORD_HOWE_SPRING: &str = "2026-10-03T13:45:00Z";
// From 03:00 to 02:00, from 02:00 to 01:00, and from 02:00 to 01:30.
const ROME_AUTUMN: &str = "2026-10-24T22:30:00Z";
const NEW_YORK_AUTUMN: &str = "2026-11-01T04:30:00Z";
const LORD_HOWE_AUTUMN: &str = "2026-04-04T13:15:00Z";

#[test]
fn a_time_of_day_that_does_not_exist_comes_when_clocks_are_put_forward() {
    check(
        "30 2 * * *",
        ROME,
        ROME_SPRING,
        30,
        expect![[r#"
        29 03:00 +02:00
        30 02:30 +02:00"#]],
    );
    check(
        "30 2 * * *",
        NEW_YORK,
        NEW_YORK_SPRING,
        30,
        expect![[r#"
        08 03:00 -04:00
        09 02:30 -04:00"#]],
    );
    check(
        "15 2 * * *",
        LORD_HOWE,
        LORD_HOWE_SPRING,
        30,
        expect![[r#"
        04 02:30 +11:00
        05 02:15 +11:00"#]],
    );
}

#[test]
fn several_that_do_not_exist_are_one_and_one_that_does_is_not_told_twice() {
    check("0,30 2 * * *", ROME, ROME_SPRING, 20, expect!["29 03:00 +02:00"]);
    check("0 2,3 * * *", NEW_YORK, NEW_YORK_SPRING, 20, expect!["08 03:00 -04:00"]);
    check("*/15 2 * * *", ROME, ROME_SPRING, 20, expect!["29 03:00 +02:00"]);
}

#[test]
fn a_time_of_day_that_comes_twice_counts_the_first_time() {
    check(
        "30 2 * * *",
        ROME,
        ROME_AUTUMN,
        30,
        expect![[r#"
        25 02:30 +02:00
        26 02:30 +01:00"#]],
    );
    check(
        "30 1 * * *",
        NEW_YORK,
        NEW_YORK_AUTUMN,
        30,
        expect![[r#"
        01 01:30 -04:00
        02 01:30 -05:00"#]],
    );
    check(
        "45 1 * * *",
        LORD_HOWE,
        LORD_HOWE_AUTUMN,
        30,
        expect![[r#"
        05 01:45 +11:00
        06 01:45 +10:30"#]],
    );
}

#[test]
fn every_hour_goes_on_while_clocks_are_put_forward() {
    check(
        "15 * * * *",
        ROME,
        ROME_SPRING,
        4,
        expect![[r#"
        29 01:15 +01:00
        29 03:15 +02:00
        29 04:15 +02:00
        29 05:15 +02:00"#]],
    );
    check(
        "15 * * * *",
        NEW_YORK,
        NEW_YORK_SPRING,
        4,
        expect![[r#"
        08 01:15 -05:00
        08 03:15 -04:00
        08 04:15 -04:00
        08 05:15 -04:00"#]],
    );
    // The hour from 2 to 3 has but its second half: it is not left out.
    check(
        "15 * * * *",
        LORD_HOWE,
        LORD_HOWE_SPRING,
        4,
        expect![[r#"
        04 01:15 +10:30
        04 02:30 +11:00
        04 03:15 +11:00
        04 04:15 +11:00"#]],
    );
}

#[test]
fn every_hour_goes_on_while_clocks_are_put_back() {
    check(
        "15 * * * *",
        ROME,
        ROME_AUTUMN,
        4,
        expect![[r#"
        25 01:15 +02:00
        25 02:15 +02:00
        25 02:15 +01:00
        25 03:15 +01:00"#]],
    );
    check(
        "15 * * * *",
        NEW_YORK,
        NEW_YORK_AUTUMN,
        4,
        expect![[r#"
        01 01:15 -04:00
        01 01:15 -05:00
        01 02:15 -05:00
        01 03:15 -05:00"#]],
    );
    check(
        "45 * * * *",
        LORD_HOWE,
        LORD_HOWE_AUTUMN,
        4,
        expect![[r#"
        05 00:45 +11:00
        05 01:45 +11:00
        05 01:45 +10:30
        05 02:45 +10:30
        05 03:45 +10:30"#]],
    );
}

#[test]
fn every_15_minutes_goes_on_while_clocks_change() {
    check(
        "*/15 * * * *",
        ROME,
        ROME_SPRING,
        2,
        expect![[r#"
        29 00:45 +01:00
        29 01:00 +01:00
        29 01:15 +01:00
        29 01:30 +01:00
        29 01:45 +01:00
        29 03:00 +02:00
        29 03:15 +02:00
        29 03:30 +02:00"#]],
    );
    check(
        "*/15 * * * *",
        ROME,
        ROME_AUTUMN,
        3,
        expect![[r#"
        25 00:45 +02:00
        25 01:00 +02:00
        25 01:15 +02:00
        25 01:30 +02:00
        25 01:45 +02:00
        25 02:00 +02:00
        25 02:15 +02:00
        25 02:30 +02:00
        25 02:45 +02:00
        25 02:00 +01:00
        25 02:15 +01:00
        25 02:30 +01:00"#]],
    );
    check(
        "*/15 * * * *",
        NEW_YORK,
        NEW_YORK_SPRING,
        2,
        expect![[r#"
        08 00:45 -05:00
        08 01:00 -05:00
        08 01:15 -05:00
        08 01:30 -05:00
        08 01:45 -05:00
        08 03:00 -04:00
        08 03:15 -04:00
        08 03:30 -04:00"#]],
    );
    check(
        "*/15 * * * *",
        NEW_YORK,
        NEW_YORK_AUTUMN,
        3,
        expect![[r#"
        01 00:45 -04:00
        01 01:00 -04:00
        01 01:15 -04:00
        01 01:30 -04:00
        01 01:45 -04:00
        01 01:00 -05:00
        01 01:15 -05:00
        01 01:30 -05:00
        01 01:45 -05:00
        01 02:00 -05:00
        01 02:15 -05:00
        01 02:30 -05:00"#]],
    );
    check(
        "*/15 * * * *",
        LORD_HOWE,
        LORD_HOWE_SPRING,
        3,
        expect![[r#"
        04 00:30 +10:30
        04 00:45 +10:30
        04 01:00 +10:30
        04 01:15 +10:30
        04 01:30 +10:30
        04 01:45 +10:30
        04 02:30 +11:00
        04 02:45 +11:00
        04 03:00 +11:00
        04 03:15 +11:00
        04 03:30 +11:00
        04 03:45 +11:00"#]],
    );
    check(
        "*/15 * * * *",
        LORD_HOWE,
        LORD_HOWE_AUTUMN,
        3,
        expect![[r#"
        05 00:30 +11:00
        05 00:45 +11:00
        05 01:00 +11:00
        05 01:15 +11:00
        05 01:30 +11:00
        05 01:45 +11:00
        05 01:30 +10:30
        05 01:45 +10:30
        05 02:00 +10:30
        05 02:15 +10:30
        05 02:30 +10:30
        05 02:45 +10:30"#]],
    );
}

#[test]
fn every_20_minutes_goes_on_while_clocks_change() {
    check(
        "*/20 * * * *",
        ROME,
        ROME_SPRING,
        2,
        expect![[r#"
        29 00:40 +01:00
        29 01:00 +01:00
        29 01:20 +01:00
        29 01:40 +01:00
        29 03:00 +02:00
        29 03:20 +02:00"#]],
    );
    check(
        "*/20 * * * *",
        ROME,
        ROME_AUTUMN,
        3,
        expect![[r#"
        25 00:40 +02:00
        25 01:00 +02:00
        25 01:20 +02:00
        25 01:40 +02:00
        25 02:00 +02:00
        25 02:20 +02:00
        25 02:40 +02:00
        25 02:00 +01:00
        25 02:20 +01:00"#]],
    );
    check(
        "*/20 * * * *",
        NEW_YORK,
        NEW_YORK_SPRING,
        2,
        expect![[r#"
        08 00:40 -05:00
        08 01:00 -05:00
        08 01:20 -05:00
        08 01:40 -05:00
        08 03:00 -04:00
        08 03:20 -04:00"#]],
    );
    check(
        "*/20 * * * *",
        NEW_YORK,
        NEW_YORK_AUTUMN,
        3,
        expect![[r#"
        01 00:40 -04:00
        01 01:00 -04:00
        01 01:20 -04:00
        01 01:40 -04:00
        01 01:00 -05:00
        01 01:20 -05:00
        01 01:40 -05:00
        01 02:00 -05:00
        01 02:20 -05:00"#]],
    );
    // Half an hour is no multiple of 20 minutes: the time that is left out is made up for.
    check(
        "*/20 * * * *",
        LORD_HOWE,
        LORD_HOWE_SPRING,
        3,
        expect![[r#"
        04 00:20 +10:30
        04 00:40 +10:30
        04 01:00 +10:30
        04 01:20 +10:30
        04 01:40 +10:30
        04 02:30 +11:00
        04 02:40 +11:00
        04 03:00 +11:00
        04 03:20 +11:00
        04 03:40 +11:00"#]],
    );
    check(
        "*/20 * * * *",
        LORD_HOWE,
        LORD_HOWE_AUTUMN,
        3,
        expect![[r#"
        05 00:20 +11:00
        05 00:40 +11:00
        05 01:00 +11:00
        05 01:20 +11:00
        05 01:40 +11:00
        05 01:40 +10:30
        05 02:00 +10:30
        05 02:20 +10:30
        05 02:40 +10:30"#]],
    );
}

#[test]
fn a_change_at_midnight_leaves_no_day_out() {
    check(
        "0 0 * * *",
        "Africa/Cairo",
        "2026-04-23T00:00:00Z",
        48,
        expect![[r#"
        24 01:00 +03:00
        25 00:00 +03:00"#]],
    );
    check(
        "0 0 * * *",
        "America/Havana",
        "2026-10-31T12:00:00Z",
        48,
        expect![[r#"
        01 00:00 -04:00
        02 00:00 -05:00"#]],
    );
    check("30 23 * * *", "America/Santiago", "2026-04-04T12:00:00Z", 36, expect!["04 23:30 -03:00"]);
    check(
        "45 * * * *",
        "America/Santiago",
        "2026-04-05T00:50:00Z",
        5,
        expect![[r#"
        04 22:45 -03:00
        04 23:45 -03:00
        04 23:45 -04:00
        05 00:45 -04:00
        05 01:45 -04:00"#]],
    );
}

#[test]
fn a_whole_year_has_all_its_times_in_every_zone() {
    for zone in [ROME, NEW_YORK, LORD_HOWE, "UTC", "Asia/Kathmandu"] {
        let (from, until) = (instant("2026-01-10T00:00:00Z"), instant("2027-01-10T00:00:00Z"));
        for (schedule, expected) in
            [("30 1 * * *", 365), ("15 2 * * *", 365), ("30 2 * * *", 365), ("0 */2 * * *", 365 * 12)]
        {
            assert_eq!(times(&timetable(schedule, zone), from, until).len(), expected, "{schedule} in {zone}");
        }
    }
}

#[test]
fn a_rare_time_is_found_quickly_and_so_is_the_last_of_many() {
    let began = std::time::Instant::now();
    let table = timetable("0 0 29 2 *", ROME);
    assert_eq!(table.next_after(instant("2096-03-01T00:00:00Z")), Some(instant("2104-02-28T23:00:00Z")));
    assert_eq!(table.due(instant("1970-01-01T00:00:00Z"), instant("2026-01-01T00:00:00Z")).unwrap().earlier, 13);
    let table = timetable("* * * * *", ROME);
    let (long_ago, now) = (instant("1990-01-01T00:00:00Z"), instant("2026-01-01T12:00:30Z"));
    let due = table.due(long_ago, now).unwrap();
    assert_eq!(due.at, instant("2026-01-01T12:00:00Z"));
    assert!(due.earlier > MOST_COUNTED);
    assert!(began.elapsed().as_secs() < 2, "{:?}", began.elapsed());
}

#[test]
fn the_end_of_time_is_no_time() {
    let table = timetable("* * * * *", ROME);
    assert_eq!(table.next_after(Timestamp::MAX), None);
    assert_eq!(table.due(Timestamp::MAX, Timestamp::MIN), None);
    assert_eq!(table.due(Timestamp::MIN, Timestamp::MIN), None);
}
