//! Which good runs of a source have been dealt with. Pure.
//!
//! Good runs end, and are seen, in any order. So the cursor is a place in the order of their ends, and a list: what comes up to the place is over,
//! and of what comes later the list says which. It is bounded: the place rises to that of the oldest entry that has to go, and never past one
//! that is still to be dealt with. Of several that ended in the same millisecond the UID says which comes first.

use jiff::{SignedDuration, Timestamp};
use sluice_api::{RunName, Source, SourceStatus, Start};

use crate::clock;

/// So many UIDs are kept.
const MAX_DONE: usize = 100;

/// A creation is told to the second.
const CREATED_WITHIN: SignedDuration = SignedDuration::from_secs(1);

/// A good run of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) at: Timestamp,
    pub(super) run: RunName,
}

impl Candidate {
    /// Where it comes among the others.
    fn place(&self) -> (Timestamp, &str) {
        (self.at, &self.run.uid)
    }
}

/// Where the source stands: as it did, or at the beginning when it is seen first, or is another one since.
///
/// `begins` is when the pipeline does, to the second.
pub(super) fn of(source: &Source, before: &[SourceStatus], begins: Timestamp, now: Timestamp) -> SourceStatus {
    let known = before.iter().find(|known| known.name == source.name && known.of == source.of());
    known.cloned().unwrap_or_else(|| {
        let since = begins.checked_add(CREATED_WITHIN).map_or(now, |since| since.min(now));
        let (name, of) = (source.name.clone(), source.of());
        SourceStatus { name, of, since, since_uid: None, done: Vec::new(), last: None }
    })
}

/// Those that are to be dealt with, in order.
pub(super) fn open(status: &SourceStatus, good: &[Candidate]) -> Vec<Candidate> {
    let mut open: Vec<Candidate> =
        good.iter().filter(|good| is_open(status, good.at, &good.run.uid)).cloned().collect();
    open.sort_unstable_by(|a, b| a.place().cmp(&b.place()));
    open
}

/// Whether a good run is to be dealt with.
pub(super) fn is_open(status: &SourceStatus, at: Timestamp, uid: &str) -> bool {
    is_behind(status, at, uid) && status.done.iter().all(|done| done != uid)
}

/// Whether a good run comes later than all of which the cursor knows that they are over.
fn is_behind(status: &SourceStatus, at: Timestamp, uid: &str) -> bool {
    match &status.since_uid {
        Some(since_uid) => (at, uid) > (status.since, since_uid),
        None => at > status.since,
    }
}

/// This one, the first that is open, has been dealt with. `good` are all that there are: one that was deleted cannot come back.
pub(super) fn close(status: &mut SourceStatus, uid: &str, last: Start, good: &[Candidate]) {
    status.done.push(uid.to_owned());
    status.last = Some(last);
    shorten(status, good);
}

/// Takes the oldest from a list that is too long.
fn shorten(status: &mut SourceStatus, good: &[Candidate]) {
    let first_open = open(status, good).into_iter().next();
    while status.done.len() > MAX_DONE {
        let known = |uid: &String| good.iter().find(|good| good.run.uid == *uid).map(Candidate::place);
        // Nothing is older than something: who is gone, goes first.
        let oldest = status.done.iter().map(known).enumerate().min_by(|(_, a), (_, b)| a.cmp(b));
        let Some((index, place)) = oldest else { return };
        if place.is_some_and(|place| first_open.as_ref().is_some_and(|open| open.place() < place)) {
            return;
        }
        let uid = status.done.remove(index);
        if let Some((at, _)) = place
            && is_behind(status, at, &uid)
        {
            (status.since, status.since_uid) = (at, Some(uid));
        }
    }
}

/// Where the clock was set back, the cursor lies ahead of it: what ends now would start nothing. Then it goes back to now, and says what it was;
/// what was over stays over, as far as the list has room.
pub(super) fn set_back(status: &mut SourceStatus, good: &[Candidate], now: Timestamp) -> Option<Timestamp> {
    if !clock::was_set_back(status.since, now) {
        return None;
    }
    let before = status.clone();
    let mut over: Vec<&Candidate> =
        good.iter().filter(|good| good.at > now && !is_behind(&before, good.at, &good.run.uid)).collect();
    over.sort_unstable_by_key(|good| good.place());
    for good in over {
        if !status.done.contains(&good.run.uid) {
            status.done.push(good.run.uid.clone());
        }
    }
    (status.since, status.since_uid) = (now, None);
    shorten(status, good);
    if (status.since, &status.since_uid) == (before.since, &before.since_uid) {
        // There is no room for more.
        *status = before;
        return None;
    }
    Some(before.since)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};
    use serde_json::json;
    use sluice_api::StartResult;

    use super::*;

    fn time(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn good(uid: &str, second: i64) -> Candidate {
        Candidate { at: time(second), run: RunName { name: format!("run-{uid}"), uid: uid.to_owned() } }
    }

    fn source(stage: Option<&str>) -> Source {
        serde_json::from_value(
            json!({"name": "build", "pipelineRef": {"name": "build"}, "stage": stage, "start": true}),
        )
        .unwrap()
    }

    fn started(second: i64) -> Start {
        Start { at: time(second), result: StartResult::Started, reason: None, message: None, run_ref: None }
    }

    fn uids(open: &[Candidate]) -> Vec<&str> {
        open.iter().map(|good| good.run.uid.as_str()).collect()
    }

    #[test]
    fn good_runs_from_before_start_nothing_and_later_ones_each_once_in_whatever_order_they_are_seen() {
        let mut status = of(&source(None), &[], time(10), time(10));
        let mut all = vec![good("old", 9), good("now", 10), good("b", 12)];
        assert_eq!(uids(&open(&status, &all)), ["b"]);
        close(&mut status, "b", started(12), &all);
        // It ended before, and was written down after.
        all.extend([good("z", 11), good("a", 11)]);
        assert_eq!(uids(&open(&status, &all)), ["a", "z"]);
        close(&mut status, "a", started(11), &all);
        assert_eq!(uids(&open(&status, &all)), ["z"]);
    }

    #[test]
    fn a_source_begins_with_its_pipeline_until_it_was_looked_at() {
        let since = |before: &[SourceStatus], stage, begins: i64| {
            of(&source(stage), before, time(begins), time(100)).since.as_second()
        };
        assert_eq!(since(&[], None, 50), 51);
        assert_eq!(since(&[], None, 100), 100, "not later than now");
        let known = of(&source(None), &[], time(7), time(7));
        assert_eq!(since(std::slice::from_ref(&known), None, 50), 7);
        assert_eq!(since(&[known], Some("publish"), 100), 100);
    }

    #[test]
    fn of_good_runs_of_the_same_millisecond_those_up_to_the_uid_are_over() {
        let mut status = of(&source(None), &[], time(0), time(0));
        let all: Vec<Candidate> = (0..=MAX_DONE).map(|number| good(&format!("uid-{number:03}"), 7)).collect();
        for one in &all {
            close(&mut status, &one.run.uid, started(7), &all);
        }
        assert_eq!((status.since, status.since_uid.as_deref()), (time(7), Some("uid-000")));
        assert!(open(&status, &all).is_empty());
        let late = [good("uid-", 7), good("uid-7", 7), good("a", 8)];
        assert_eq!(uids(&open(&status, &late)), ["uid-7", "a"]);
    }

    #[test]
    fn nothing_leaves_the_list_past_one_that_is_still_open() {
        let mut status = of(&source(None), &[], time(0), time(0));
        let all: Vec<Candidate> = (1..=200).map(|number| good(&format!("uid-{number:03}"), number)).collect();
        for one in &all[1..=MAX_DONE + 1] {
            close(&mut status, &one.run.uid, started(1), &all);
        }
        assert_eq!((status.done.len(), status.since), (MAX_DONE + 1, time(0)));
        assert_eq!(open(&status, &all)[0], all[0]);
        close(&mut status, &all[0].run.uid, started(1), &all);
        assert_eq!((status.done.len(), status.since), (MAX_DONE, time(2)));
    }

    #[test]
    fn where_the_clock_was_set_back_what_ends_from_now_on_starts_something_and_what_was_over_stays_over() {
        let mut status = of(&source(None), &[], time(1000), time(1000));
        let mut all = vec![good("before", 300), good("over", 900), good("done", 1001)];
        close(&mut status, "done", started(1001), &all);
        assert_eq!(set_back(&mut status.clone(), &all, time(990)), None, "clocks of two machines are that far apart");
        assert_eq!(set_back(&mut status, &all, time(400)), Some(time(1000)));
        assert_eq!((status.since, status.since_uid.as_deref()), (time(400), None));
        all.extend([good("new", 401), good("newer", 1200)]);
        assert_eq!(uids(&open(&status, &all)), ["new", "newer"]);
        assert_eq!(set_back(&mut status, &all, time(400)), None, "it is told once");
    }

    #[test]
    fn what_has_no_room_stays_over_until_the_clock_is_there() {
        let all: Vec<Candidate> = (1..=250).map(|number| good(&format!("uid-{number:03}"), 1000 + number)).collect();
        let mut status = of(&source(None), &[], time(2000), time(2000));
        assert_eq!(set_back(&mut status, &all, time(100)), Some(time(2000)));
        assert_eq!((status.done.len(), status.since), (MAX_DONE, time(1150)));
        assert!(open(&status, &all).is_empty());
        let before = status.clone();
        assert_eq!((set_back(&mut status, &all, time(101)), &status), (None, &before));
    }

    proptest! {
        /// The good runs end in a few milliseconds, are seen in another order than they ended, and are dealt with as many at a time as
        /// there are.
        #[test]
        fn every_good_run_is_dealt_with_exactly_once(
            runs in vec((0..4_i64, any::<u16>()), 0..400),
            lateness in vec(0..MAX_DONE, 400),
            batches in vec(1..60_usize, 400),
        ) {
            let uid = |number: usize, text: u16| format!("{text:04x}-{number:03}");
            let numbered = runs.iter().enumerate();
            let mut all: Vec<Candidate> = numbered.map(|(number, (at, text))| good(&uid(number, *text), *at + 1)).collect();
            all.sort_by(|a, b| a.place().cmp(&b.place()));
            // Each is seen behind fewer than so many that come after it.
            let mut seen: Vec<(usize, &Candidate)> =
                all.iter().enumerate().map(|(place, one)| (place + lateness[place], one)).collect();
            seen.sort_by_key(|(place, _)| *place);
            let mut status = of(&source(None), &[], time(0), time(0));
            let (mut shown, mut dealt) = (Vec::new(), Vec::new());
            let mut coming = seen.into_iter().map(|(_, one)| one.clone());
            for size in batches {
                shown.extend(coming.by_ref().take(size));
                for one in open(&status, &shown) {
                    close(&mut status, &one.run.uid, started(1), &shown);
                    dealt.push(one.run.uid);
                }
                prop_assert!(status.done.len() <= MAX_DONE && open(&status, &shown).is_empty());
            }
            dealt.sort();
            let mut expected: Vec<String> = shown.iter().map(|one| one.run.uid.clone()).collect();
            expected.sort();
            prop_assert_eq!(dealt, expected);
        }
    }

    #[test]
    fn what_leaves_the_list_is_over_by_its_time() {
        let mut status = of(&source(None), &[], time(0), time(0));
        let uid = |number: i64| format!("uid-{number:03}");
        let all: Vec<Candidate> = (1..=250).map(|number| good(&uid(number), number)).collect();
        for number in 1..=250 {
            assert_eq!(open(&status, &all[..usize::try_from(number).unwrap()]).len(), 1);
            close(&mut status, &uid(number), started(number), &all);
        }
        assert_eq!((status.done.len(), status.since), (MAX_DONE, time(150)));
        assert!(open(&status, &all).is_empty());
    }

    #[test]
    fn what_was_deleted_leaves_the_list_first_and_moves_no_time() {
        let mut status = of(&source(None), &[], time(0), time(0));
        let all: Vec<Candidate> = (1..=100).map(|number| good(&format!("uid-{number}"), number)).collect();
        close(&mut status, "gone", started(1), &[]);
        all.iter().for_each(|one| close(&mut status, &one.run.uid, started(1), &all));
        assert_eq!((status.done.len(), status.since), (MAX_DONE, time(0)));
        assert!(!status.done.contains(&"gone".to_owned()));
    }
}
