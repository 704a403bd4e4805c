//! Which good runs of a source have been dealt with. Pure.
//!
//! Good runs end, and are seen, in any order. So the cursor is a time and a list: what ended up to the time is over, and of what ended
//! later the list says which. It is bounded: the time rises to that of the oldest entry that has to go.

use jiff::{SignedDuration, Timestamp};
use sluice_api::{RunName, Source, SourceStatus, Start};

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

/// Where the source stands: as it did, or at the beginning when it is seen first, or is another one since.
///
/// A pipeline that nobody has changed yet begins with its creation: its first look may come late. One that was is not known to have had
/// the source before now.
pub(super) fn of(source: &Source, before: &[SourceStatus], created: Option<Timestamp>, now: Timestamp) -> SourceStatus {
    let known = before.iter().find(|known| known.name == source.name && known.of == source.of());
    known.cloned().unwrap_or_else(|| {
        let created = created.and_then(|created| created.checked_add(CREATED_WITHIN).ok());
        let since = created.map_or(now, |created| created.min(now));
        SourceStatus { name: source.name.clone(), of: source.of(), since, done: Vec::new(), last: None }
    })
}

/// Those that are to be dealt with, in order.
pub(super) fn open(status: &SourceStatus, good: &[Candidate]) -> Vec<Candidate> {
    let mut open: Vec<Candidate> =
        good.iter().filter(|good| is_open(status, good.at, &good.run.uid)).cloned().collect();
    open.sort_unstable_by(|a, b| (a.at, &a.run.uid).cmp(&(b.at, &b.run.uid)));
    open
}

/// Whether a good run is to be dealt with.
pub(super) fn is_open(status: &SourceStatus, at: Timestamp, uid: &str) -> bool {
    at > status.since && status.done.iter().all(|done| done != uid)
}

/// This one has been dealt with. `good` are all that there are: one that was deleted cannot come back.
pub(super) fn close(status: &mut SourceStatus, uid: &str, last: Start, good: &[Candidate]) {
    status.done.push(uid.to_owned());
    status.last = Some(last);
    while status.done.len() > MAX_DONE {
        let at = |uid: &String| good.iter().find(|good| good.run.uid == *uid).map(|good| good.at);
        // Nothing is older than something: who is gone, goes first.
        let oldest = status.done.iter().enumerate().map(|(place, uid)| (at(uid), place)).min();
        let Some((at, place)) = oldest else { return };
        status.done.remove(place);
        status.since = at.map_or(status.since, |at| at.max(status.since));
    }
}

#[cfg(test)]
mod tests {
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
        let mut status = of(&source(None), &[], None, time(10));
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
    fn a_new_pipeline_begins_with_its_creation_and_a_changed_source_now() {
        let since = |before: &[SourceStatus], stage, created: Option<i64>| {
            of(&source(stage), before, created.map(time), time(100)).since.as_second()
        };
        assert_eq!(since(&[], None, Some(50)), 51);
        assert_eq!(since(&[], None, Some(100)), 100, "not later than now");
        assert_eq!(since(&[], None, None), 100);
        let known = of(&source(None), &[], None, time(7));
        assert_eq!(since(std::slice::from_ref(&known), None, Some(50)), 7);
        assert_eq!(since(&[known], Some("publish"), None), 100);
    }

    #[test]
    fn what_leaves_the_list_is_over_by_its_time() {
        let mut status = of(&source(None), &[], None, time(0));
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
        let mut status = of(&source(None), &[], None, time(0));
        let all: Vec<Candidate> = (1..=100).map(|number| good(&format!("uid-{number}"), number)).collect();
        close(&mut status, "gone", started(1), &[]);
        all.iter().for_each(|one| close(&mut status, &one.run.uid, started(1), &all));
        assert_eq!((status.done.len(), status.since), (MAX_DONE, time(0)));
        assert!(!status.done.contains(&"gone".to_owned()));
    }
}
