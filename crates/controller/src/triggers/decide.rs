//! What becomes of a time of a schedule, as far as that follows from the pipeline and the clock. Pure.

use jiff::{SignedDuration, Timestamp};
use sluice_api::{
    CatchUp, Cron, Due, MOST_COUNTED, PinnedSource, PipelineTrigger, SourceRun, Suspend, Timetable, Took, TriggerStatus,
};

use crate::{clock, starts::Dropped};

/// A controller may be replaced: a time is not missed before this is over.
const REPLACED_WITHIN: SignedDuration = SignedDuration::from_mins(1);

/// A controller that was there may take so long to come to a time, where nobody wrote down how long: to be busy misses none. What is
/// later was kept from it by something else, such as an API server that was away, or a machine that was asleep.
const BUSY_WITHIN: SignedDuration = SignedDuration::from_mins(15);

/// What a look at the clock tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// The schedule has changed, or the clock was set back.
    Anew,
    /// Nothing is due.
    Nothing,
    /// These times have come.
    Due(Due),
}

/// What a trigger's schedule says, for the status.
pub(super) fn schedule(cron: &Cron) -> String {
    format!("{} {}", cron.schedule, cron.time_zone.as_deref().unwrap_or("UTC"))
}

/// Whether a time has come.
pub(super) fn look(trigger: &PipelineTrigger, table: &Timetable, before: &TriggerStatus, now: Timestamp) -> Look {
    if before.schedule != schedule(&trigger.cron) || was_set_back(before, now) {
        return Look::Anew;
    }
    table.due(before.since, now).map_or(Look::Nothing, Look::Due)
}

/// Whether the clock was set back, so that what the status says of times tells nothing. A time that was dealt with is not to come
/// again, unless that would take too long.
fn was_set_back(before: &TriggerStatus, now: Timestamp) -> bool {
    let is_dealt_with = before.last.as_ref().is_some_and(|last| last.at == before.since);
    match is_dealt_with {
        true => clock::was_set_back_far(before.since, now),
        false => clock::was_set_back(before.since, now),
    }
}

/// What people are told where the clock was set back, and a trigger begins anew.
pub(super) fn set_back(trigger: &PipelineTrigger, before: &TriggerStatus, now: Timestamp) -> Option<String> {
    (before.schedule == schedule(&trigger.cron)).then(|| {
        format!(
            "trigger {} was looked at up to {}, and now it is {now}: the clock was set back, so it begins anew",
            trigger.name, before.since
        )
    })
}

/// How the pipeline stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing<'a> {
    pub(super) is_ready: bool,
    pub(super) suspend: Option<&'a Suspend>,
    /// Whether it was suspended when it was looked at before.
    pub(super) was_suspended: bool,
}

/// What the clock says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub(super) now: Timestamp,
    /// When this process began to look.
    pub(super) began: Timestamp,
}

impl Clock {
    /// How long the time is over.
    fn waited(self, due: &Due) -> SignedDuration {
        self.now.duration_since(due.at)
    }

    /// How late the time is: what it waited for this process to come to it does not count.
    fn late(self, due: &Due) -> SignedDuration {
        let waited = self.waited(due);
        if waited > BUSY_WITHIN { waited } else { self.began.min(self.now).duration_since(due.at) }
    }

    /// Why it is that late.
    fn why(self, due: &Due) -> &'static str {
        if self.began > due.at {
            "no controller was there at that time"
        } else {
            "the controller could not come to it in time"
        }
    }
}

/// What keeps the last of these times from starting a run, without asking anybody.
pub(super) fn hindrance(due: &Due, cron: &Cron, standing: Standing<'_>, clock: Clock) -> Option<Dropped> {
    let dropped = |reason, message: String| Some(Dropped { reason, message });
    if !standing.is_ready {
        return dropped("PipelineInvalid", "no run of the pipeline can start: its condition Ready says why".to_owned());
    }
    if let Some(suspended) = Dropped::suspended(standing.suspend, standing.was_suspended) {
        return Some(suspended);
    }
    let why = clock.why(due);
    match (cron.catch_up, cron.starting_deadline) {
        (CatchUp::None, _) if clock.late(due) > REPLACED_WITHIN => {
            dropped("Missed", format!("{why}; to start such runs late, set catchUp to Latest"))
        }
        // What somebody wrote down is kept, whoever was busy.
        (CatchUp::Latest, Some(deadline)) if clock.waited(due) > deadline.get() => {
            dropped("Missed", format!("{why}; its startingDeadline of {deadline} is over"))
        }
        _ => None,
    }
}

/// What is said of the times before the last one.
pub(super) fn passed_over(due: &Due, cron: &Cron) -> Option<String> {
    let why = match cron.catch_up {
        // Or none that could.
        CatchUp::None => "no controller came to it in time",
        CatchUp::Latest => "only the last one is made up for",
    };
    match due.earlier {
        0 => None,
        1 => Some(format!("1 time before it started no run: {why}")),
        count if count > MOST_COUNTED => {
            Some(format!("more than {MOST_COUNTED} times before it started no run: {why}"))
        }
        count => Some(format!("{count} times before it started no run: {why}")),
    }
}

/// What the sources are at.
pub(super) fn took(sources: &[PinnedSource], now: Timestamp) -> Took {
    Took { at: now, sources: sources.iter().map(SourceRun::from).collect() }
}

/// Why a time starts no run where the sources were at the same.
pub(super) fn unchanged(now: &Took, before: &Took) -> Option<Dropped> {
    let is_same = |source: &SourceRun| before.sources.contains(source);
    let is_unchanged = now.sources.iter().all(is_same);
    let taken = now.sources.iter().map(|source| format!("{} is still at run {:?}", source.name, source.run.name));
    is_unchanged.then(|| Dropped { reason: "NoChanges", message: taken.collect::<Vec<_>>().join(", ") })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::starts;

    fn trigger(cron: Value) -> PipelineTrigger {
        serde_json::from_value(json!({"name": "morning", "cron": cron})).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        format!("2026-11-{text}Z").parse().unwrap()
    }

    fn status(trigger: &PipelineTrigger, since: &str) -> TriggerStatus {
        let (name, schedule) = (trigger.name.clone(), schedule(&trigger.cron));
        TriggerStatus { name, schedule, since: at(since), next: None, last: None, took: None }
    }

    fn look_at(trigger: &PipelineTrigger, before: &TriggerStatus, now: &str) -> Look {
        look(trigger, &Timetable::of(&trigger.cron).unwrap(), before, at(now))
    }

    fn ready() -> Standing<'static> {
        Standing { is_ready: true, ..Standing::default() }
    }

    /// What becomes of the time of 6 o'clock, of which nothing is known but the clock.
    #[track_caller]
    fn check(cron: Value, since: &str, now: &str, expected: Option<&str>) {
        let trigger = trigger(cron);
        let Look::Due(due) = look_at(&trigger, &status(&trigger, since), now) else { panic!("nothing is due") };
        let dropped = hindrance(&due, &trigger.cron, ready(), just_begun(now));
        assert_eq!(dropped.map(|dropped| dropped.reason), expected);
    }

    /// A process that looks for the first time.
    fn just_begun(now: &str) -> Clock {
        Clock { now: at(now), began: at(now) }
    }

    #[test]
    fn a_time_that_waits_for_a_busy_controller_is_not_missed() {
        let due = Due { at: at("23T06:00:00"), earlier: 0 };
        let missed = |cron: Value, began: &str, now: &str| {
            let clock = Clock { now: at(now), began: at(began) };
            hindrance(&due, &trigger(cron).cron, ready(), clock).map(|dropped| dropped.message)
        };
        let never = || json!({"schedule": "0 6 * * *"});
        assert_eq!(missed(never(), "22T00:00:00", "23T06:15:00"), None);
        assert_eq!(missed(never(), "23T06:00:59", "23T06:15:00"), None, "replaced, and busy then");
        assert!(missed(never(), "23T06:01:01", "23T06:15:00").unwrap().starts_with("no controller was there"));
        assert!(missed(never(), "22T00:00:00", "23T06:15:01").unwrap().starts_with("the controller could not come"));
        // The clock was ahead when the process began, and was set right since.
        assert_eq!(missed(never(), "23T09:00:00", "23T06:00:01"), None);
    }

    #[test]
    fn a_time_has_come_once_until_it_is_dealt_with() {
        let trigger = trigger(json!({"schedule": "0 6 * * *"}));
        let before = status(&trigger, "23T05:59:00");
        assert_eq!(look_at(&trigger, &before, "23T05:59:59.999"), Look::Nothing);
        let due = Due { at: at("23T06:00:00"), earlier: 0 };
        assert_eq!(look_at(&trigger, &before, "23T06:00:00"), Look::Due(due));
        assert_eq!(look_at(&trigger, &status(&trigger, "23T06:00:00"), "23T06:00:00"), Look::Nothing);
    }

    #[test]
    fn another_schedule_or_time_zone_begins_anew() {
        let known = trigger(json!({"schedule": "0 6 * * *"}));
        let before = status(&known, "20T00:00:00");
        let zone = json!({"schedule": "0 6 * * *", "timeZone": "Europe/Rome"});
        for other in [json!({"schedule": "0 7 * * *"}), zone] {
            assert_eq!(look_at(&trigger(other), &before, "23T08:00:00"), Look::Anew);
        }
        let same = json!({"schedule": "0 6 * * *", "timeZone": "UTC", "catchUp": "Latest"});
        assert!(matches!(look_at(&trigger(same), &before, "23T08:00:00"), Look::Due(_)));
    }

    #[test]
    fn a_clock_that_is_set_back_far_does_not_stop_a_trigger() {
        let trigger = trigger(json!({"schedule": "0 6 * * *"}));
        assert_eq!(look_at(&trigger, &status(&trigger, "23T06:00:00"), "23T05:59:58"), Look::Nothing);
        let seen_first = status(&trigger, "23T06:00:00");
        assert_eq!(look_at(&trigger, &seen_first, "23T05:59:49"), Look::Anew, "the time of 6 o'clock is still to come");
        let message = Some("it came".to_owned());
        let last = starts::started(seen_first.since, "qa-1".to_owned(), message);
        let dealt_with = TriggerStatus { last: Some(last), ..seen_first };
        assert_eq!(look_at(&trigger, &dealt_with, "23T05:59:49"), Look::Nothing, "it does not come again");
        assert_eq!(look_at(&trigger, &dealt_with, "23T05:00:01"), Look::Nothing);
        assert_eq!(look_at(&trigger, &dealt_with, "23T05:00:00"), Look::Anew);
        let ahead = status(&trigger, "29T06:00:00");
        assert_eq!(look_at(&trigger, &ahead, "23T05:59:58"), Look::Anew);
        let told = set_back(&trigger, &ahead, at("23T05:59:58")).unwrap();
        assert!(told.contains("up to 2026-11-29T06:00:00Z, and now it is 2026-11-23T05:59:58Z"), "{told}");
        let other = super::tests::trigger(json!({"schedule": "0 7 * * *"}));
        assert_eq!(set_back(&other, &ahead, at("23T05:59:58")), None, "it is the schedule that changed");
    }

    #[test]
    fn a_controller_that_is_replaced_misses_nothing_and_one_that_was_down_does() {
        check(json!({"schedule": "0 6 * * *"}), "22T06:00:00", "23T06:00:59", None);
        check(json!({"schedule": "0 6 * * *"}), "22T06:00:00", "23T06:01:01", Some("Missed"));
        check(json!({"schedule": "0 6 * * *"}), "12T06:00:00", "23T06:00:00", None);
    }

    #[test]
    fn a_deadline_counts_from_the_time_itself_also_where_the_controller_was_there() {
        let due = Due { at: at("23T06:00:00"), earlier: 0 };
        let cron = trigger(json!({"schedule": "0 6 * * *", "catchUp": "Latest", "startingDeadline": "2m"})).cron;
        let missed = |now: &str| {
            let clock = Clock { now: at(now), began: at("22T00:00:00") };
            hindrance(&due, &cron, ready(), clock).map(|dropped| dropped.message)
        };
        assert_eq!(missed("23T06:02:00"), None);
        let why = "the controller could not come to it in time; its startingDeadline of 2m is over";
        assert_eq!(missed("23T06:02:01").as_deref(), Some(why));
    }

    #[test]
    fn the_last_time_is_made_up_for_within_its_deadline() {
        let latest = json!({"schedule": "0 6 * * *", "catchUp": "Latest"});
        check(latest, "12T06:00:00", "24T05:59:00", None);
        let within = json!({"schedule": "0 6 * * *", "catchUp": "Latest", "startingDeadline": "6h"});
        check(within.clone(), "12T06:00:00", "23T12:00:00", None);
        check(within, "12T06:00:00", "23T12:00:01", Some("Missed"));
    }

    #[test]
    fn the_times_before_the_last_one_are_told_with_it() {
        let trigger = trigger(json!({"schedule": "0 6 * * *", "catchUp": "Latest"}));
        let Look::Due(due) = look_at(&trigger, &status(&trigger, "20T06:00:00"), "23T08:00:00") else { panic!() };
        assert_eq!(due, Due { at: at("23T06:00:00"), earlier: 2 });
        let told = passed_over(&due, &trigger.cron);
        assert_eq!(told.as_deref(), Some("2 times before it started no run: only the last one is made up for"));
        assert_eq!(passed_over(&Due { earlier: 0, ..due }, &trigger.cron), None);
        let told = passed_over(&Due { earlier: 1001, ..due }, &Cron::default());
        assert_eq!(
            told.as_deref(),
            Some("more than 1000 times before it started no run: no controller came to it in time")
        );
    }

    #[test]
    fn the_first_reason_counts_and_a_suspension_is_never_caught_up_with() {
        let cron = trigger(json!({"schedule": "0 6 * * *", "catchUp": "Latest"})).cron;
        let due = Due { at: at("23T06:00:00"), earlier: 0 };
        let suspend = Suspend { reason: Some("holidays".to_owned()) };
        let reason =
            |standing| hindrance(&due, &cron, standing, just_begun("23T06:00:00")).map(|dropped| dropped.message);
        let suspended = Standing { suspend: Some(&suspend), ..ready() };
        assert_eq!(reason(suspended).as_deref(), Some("the pipeline is suspended: holidays"));
        let resumed = Standing { was_suspended: true, ..ready() };
        assert_eq!(reason(resumed).as_deref(), Some("the pipeline was suspended when it was last looked at"));
        let invalid = Standing { is_ready: false, ..suspended };
        assert!(reason(invalid).unwrap().contains("Ready"));
        assert_eq!(reason(ready()), None);
    }

    #[test]
    fn sources_have_changed_when_any_of_them_is_at_another_run() {
        let took = |builds: [&str; 2]| {
            let [build, chart] =
                builds.map(|name| sluice_api::RunName { name: name.to_owned(), uid: format!("uid-{name}") });
            let named = |name: &str, run| SourceRun { name: name.to_owned(), run };
            Took { at: at("23T06:00:00"), sources: vec![named("build", build), named("chart", chart)] }
        };
        let dropped = unchanged(&took(["build-1", "chart-7"]), &took(["build-1", "chart-7"])).unwrap();
        let message = "build is still at run \"build-1\", chart is still at run \"chart-7\"";
        assert_eq!((dropped.reason, dropped.message.as_str()), ("NoChanges", message));
        assert_eq!(unchanged(&took(["build-1", "chart-8"]), &took(["build-1", "chart-7"])), None);
    }
}
