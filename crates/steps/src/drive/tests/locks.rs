//! The lock that a run needs before it starts.

use std::sync::Mutex;

use sluice_engine::ActionType;

use super::*;
use crate::Turn;

const STAGE: &str = "- {name: s, steps: [{name: a, set: {values: {n: 1}}}]}";

fn other(holder: &str, position: i32) -> Turn {
    Turn::Other { holder: holder.to_owned(), position }
}

/// A run with a lock, and what it is told when it asks for it.
fn bench(stages: &str, concurrency: &str, turns: Vec<Turn>) -> Bench {
    let bench = Bench::with(stages, &format!("concurrency: {concurrency}"));
    *bench.world.turns.lock().unwrap() = turns;
    bench
}

impl Bench {
    /// So many seconds after the start somebody wakes it, or its time has come.
    async fn at(&mut self, second: i64) -> Next {
        self.elapsed = SignedDuration::from_secs(second);
        self.drive().await.unwrap()
    }

    fn place(&self) -> (i32, &str) {
        let lock = self.state().lock.as_ref().unwrap();
        (lock.position, lock.holder.as_deref().unwrap_or_default())
    }
}

#[tokio::test]
async fn a_free_lock_costs_the_status_nothing() {
    let mut bench = bench(STAGE, "{}", vec![Turn::Own]);
    assert_eq!(bench.drive().await, Ok(Next::Finished));
    assert_eq!((bench.shelf.writes, &bench.state().lock), (1, &None));
}

#[tokio::test]
async fn a_place_in_the_queue_is_written_at_once_and_then_only_when_it_has_changed() {
    let turns = vec![other("h", 3), other("h", 3), other("h", 2), other("i", 1), Turn::Own];
    let mut bench = bench(STAGE, "{}", turns);
    assert_eq!(bench.at(0).await, Next::Wait(Some(now() + SignedDuration::from_secs(10))));
    assert_eq!((bench.shelf.writes, bench.place()), (1, (3, "h")));
    bench.at(10).await;
    assert_eq!(bench.shelf.writes, 1, "nothing has changed");
    bench.at(60).await;
    assert_eq!((bench.shelf.writes, bench.place()), (2, (2, "h")));

    bench.memory.wake(now());
    assert_eq!(bench.at(65).await, Next::Wait(Some(now() + SignedDuration::from_secs(70))), "not sooner than 10 s");
    assert_eq!(bench.shelf.writes, 2);
    bench.at(70).await;
    assert_eq!((bench.shelf.writes, bench.place()), (3, (1, "i")));
    bench.memory.wake(now());
    assert_eq!(bench.at(71).await, Next::Finished);
    assert_eq!(bench.shelf.writes, 4);
}

#[tokio::test]
async fn a_run_that_had_ended_is_written_as_under_way_before_it_takes_its_lock_again() {
    let stage = "- {name: s, steps: [{name: a, fail: {message: no}}]}";
    let mut bench = bench(stage, "{}", vec![Turn::Own, other("h", 1)]);
    let seen: Arc<Mutex<Vec<(bool, bool)>>> = Arc::default();
    let told = seen.clone();
    let tell = move |state: &RunState| told.lock().unwrap().push((state.is_finished(), state.lock.is_some()));
    bench.shelf.told = Some(Box::new(tell));
    bench.drive().await.unwrap();
    bench.asked = vec![RunAction::new(ActionType::Retry, "alice", None)];
    bench.drive().await.unwrap();
    // It ended; it is under way again; and only then it has asked for the lock.
    assert_eq!(*seen.lock().unwrap(), [(true, false), (false, false), (false, true)]);
}

#[test]
fn who_is_far_behind_looks_more_seldom() {
    let seconds = |position| crate::drive::outside::look_again(position, false).as_secs();
    assert_eq!([1, 2, 101, 5000].map(seconds), [30, 31, 130, 300]);
}

#[tokio::test]
async fn the_group_is_a_text_a_number_or_a_flag() {
    let ends = async |group: &str| {
        let mut bench = bench(STAGE, &format!("{{group: \"{group}\"}}"), vec![other("h", 1)]);
        bench.drive().await.unwrap();
        let lock = bench.state().lock.as_ref().map(|lock| lock.group.clone());
        lock.unwrap_or_else(|| bench.state().ending.as_ref().unwrap().reason.clone())
    };
    assert_eq!(ends("web-${{ pipeline.name }}").await, format!("web-{}", FakeWorld::default().run.pipeline));
    assert_eq!(ends("${{ 1 + 1 }}").await, "2");
    assert_eq!(ends("${{ 1 == 1 }}").await, "true");
    assert_eq!(ends("${{ [1] }}").await, "LockGroupInvalid");
    assert_eq!(ends("${{ ' ' }}").await, "LockGroupInvalid");
}
