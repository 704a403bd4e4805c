//! Random runs with crashes between any two driver calls.

use std::collections::BTreeSet;

use proptest::{collection::btree_set, option, prelude::*, strategy::ValueTree, test_runner::TestRunner};
use serde_json::Value;
use sluice_engine::{Abort, AbortReason, Action, Observed, Plan, RunState, StepPhase, decide};

use super::{
    config, order,
    plans::{plans, timeless_plans},
    world::Keyed,
};
use crate::support::{Driver, Happening, at};

fn crashes() -> impl Strategy<Value = BTreeSet<usize>> {
    btree_set(1..150usize, 0..12)
}

fn ended(plan: Plan, seed: u64, crashes: BTreeSet<usize>, abort: Option<i64>) -> Driver<Keyed> {
    let happenings = abort.into_iter().map(|time| (at(time), Happening::Abort));
    let mut driver = Driver::new(plan, Keyed::new(seed, crashes), happenings.collect());
    driver.run();
    driver
}

proptest! {
    #![proptest_config(config(800))]

    /// The same effects in the same order, and the same end, however often the process dies.
    #[test]
    fn a_crash_changes_nothing_outside(plan in timeless_plans(), seed: u64, crashes in crashes()) {
        let calm = ended(plan.clone(), seed, BTreeSet::new(), None);
        let crashed = ended(plan, seed, crashes, None);
        prop_assert_eq!(&calm.world.effects, &crashed.world.effects, "{}\n---\n{}", calm.trace(), crashed.trace());
        prop_assert_eq!(lasting(&calm.state), lasting(&crashed.state), "{}\n---\n{}", calm.trace(), crashed.trace());
    }

    /// Whatever happens, the run ends, in order, with everything told. The driver and the world check more
    /// on the way.
    #[test]
    fn every_run_ends(plan in plans(), seed: u64, crashes in crashes(), abort in option::weighted(0.5, 0..60i64)) {
        let driver = ended(plan.clone(), seed, crashes, abort);
        let state = &driver.state;
        order::check_hooks(state);
        prop_assert!(state.stages.iter().all(|stage| stage.phase.is_ended()));
        prop_assert!(state.steps().all(|step| step.phase.is_ended()), "{}", driver.trace());
        let seen = Observed { abort: Some(Abort { reason: AbortReason::Aborted, message: String::new() }), ..Observed::default() };
        prop_assert_eq!(decide(&plan, state, &seen, at(1_000_000)), Action::Finished);
    }

    /// N claims cost N + 1 writes; besides, each pause before a retry and each new sight costs one.
    #[test]
    fn writes_are_bounded(plan in plans(), seed: u64, abort in option::weighted(0.5, 0..60i64)) {
        let driver = ended(plan, seed, BTreeSet::new(), abort);
        let pauses = driver.trace().lines().filter(|line| line.contains(" attempt ")).count();
        let bound = driver.claims + pauses + driver.progress_writes + 1;
        prop_assert!(driver.stored.len() <= bound, "{} writes of {bound}:\n{}", driver.stored.len(), driver.trace());
    }

    /// What has ended never changes again.
    #[test]
    fn what_has_ended_stays(plan in plans(), seed: u64, abort in option::weighted(0.5, 0..60i64)) {
        let driver = ended(plan, seed, BTreeSet::new(), abort);
        for pair in driver.stored.windows(2) {
            for (before, after) in pair[0].steps().zip(pair[1].steps()) {
                prop_assert!(!before.phase.is_ended() || before == after || before.name != after.name);
            }
            prop_assert!(pair[0].ending.is_none() || pair[0].ending == pair[1].ending);
        }
    }
}

/// The state without what depends on when and how often it was written.
fn lasting(state: &RunState) -> Value {
    let mut json = serde_json::to_value(state).unwrap();
    forget(&mut json);
    json
}

const PASSING: [&str; 8] = ["claims", "startedAt", "finishedAt", "at", "retryAt", "since", "progress", "waitingOn"];

fn forget(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !PASSING.contains(&name.as_str()));
            members.values_mut().for_each(forget);
        }
        Value::Array(items) => items.iter_mut().for_each(forget),
        _ => {}
    }
}

/// Not left to chance: one crash at each single moment of some runs.
#[test]
fn a_crash_at_any_moment_changes_nothing_outside() {
    let mut runner = TestRunner::deterministic();
    for seed in 0..20 {
        let plan = timeless_plans().new_tree(&mut runner).unwrap().current();
        let calm = ended(plan.clone(), seed, BTreeSet::new(), None);
        for moment in 1..=calm.world.moments {
            let crashed = ended(plan.clone(), seed, [moment].into(), None);
            assert_eq!(calm.world.effects, crashed.world.effects, "{}", crashed.trace());
            assert_eq!(lasting(&calm.state), lasting(&crashed.state), "{}", crashed.trace());
        }
    }
}

#[test]
fn the_random_runs_reach_every_phase() {
    let mut runner = TestRunner::deterministic();
    let mut phases = BTreeSet::new();
    for seed in 0..300 {
        let plan = plans().new_tree(&mut runner).unwrap().current();
        let driver = ended(plan, seed, BTreeSet::new(), (seed % 3 == 0).then_some(9));
        phases.extend(driver.state.steps().map(|step| format!("{:?}", step.phase)));
    }
    let all = [
        StepPhase::Succeeded,
        StepPhase::Failed,
        StepPhase::Unknown,
        StepPhase::Skipped,
        StepPhase::Aborted,
        StepPhase::Omitted,
    ];
    assert_eq!(phases, all.iter().map(|phase| format!("{phase:?}")).collect());
}
