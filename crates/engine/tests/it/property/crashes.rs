//! Random runs with crashes between any two driver calls.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::expect;
use proptest::{collection::btree_set, option, prelude::*, strategy::ValueTree, test_runner::TestRunner};
use serde_json::Value;
use sluice_engine::{Abort, AbortReason, Action, Observed, Plan, RunPhase, RunState, StageState, UndoPhase, decide};

use super::{
    config, order,
    plans::{plans, tangled_plans, timeless_plans},
    world::{Effect, Keyed},
};
use crate::support::{Driver, Happening, at};

fn crashes() -> impl Strategy<Value = BTreeSet<usize>> {
    btree_set(1..150usize, 0..12)
}

/// When someone aborts or deletes the run.
fn aborts() -> impl Strategy<Value = Option<(i64, bool)>> {
    option::weighted(0.5, (0..60i64, any::<bool>()))
}

fn ended(plan: Plan, world: Keyed, abort: Option<(i64, bool)>) -> Driver<Keyed> {
    let happenings = abort.into_iter().flat_map(|(time, is_deleted)| {
        let abort = if is_deleted { Happening::Delete } else { Happening::Abort };
        // A second one changes nothing.
        [(at(time), abort), (at(time + 1), Happening::Delete)]
    });
    let mut driver = Driver::new(plan, world, happenings.collect());
    driver.run();
    driver
}

fn calm(seed: u64) -> Keyed {
    Keyed::new(seed, BTreeSet::new())
}

proptest! {
    #![proptest_config(config(400))]

    /// The same effects in the same order, and the same end, however often the process dies.
    #[test]
    fn a_crash_changes_nothing_outside(plan in timeless_plans(), seed: u64, crashes in crashes()) {
        let calm = ended(plan.clone(), calm(seed), None);
        let crashed = ended(plan, Keyed::new(seed, crashes), None);
        prop_assert_eq!(in_order(&calm.world.effects), in_order(&crashed.world.effects), "{}\n---\n{}", calm.trace(), crashed.trace());
        prop_assert_eq!(lasting(&calm.state), lasting(&crashed.state), "{}\n---\n{}", calm.trace(), crashed.trace());
    }

    /// Where several things are under way, a crash may change which of them ends first, and so what is not started after
    /// a failure. It changes neither the result, nor what anything that started does, and in which order.
    #[test]
    fn a_crash_changes_nothing_that_is_done_side_by_side(plan in tangled_plans(), seed: u64, crashes in crashes()) {
        let calm = ended(plan.clone(), calm(seed), None);
        let crashed = ended(plan, Keyed::new(seed, crashes), None);
        let traces = || format!("{}\n---\n{}", calm.trace(), crashed.trace());
        prop_assert_eq!(calm.state.phase, crashed.state.phase, "{}", traces());
        let (before, after) = (by_place(&calm.world.effects), by_place(&crashed.world.effects));
        for (place, effects) in &after {
            prop_assert_eq!(before.get(place).unwrap_or(effects), effects, "{}: {}", place, traces());
        }
        if calm.state.phase == RunPhase::Succeeded {
            prop_assert_eq!(before, after, "{}", traces());
            prop_assert_eq!(lasting(&calm.state), lasting(&crashed.state), "{}", traces());
        }
    }

    /// Whatever happens, the run ends, in order, with everything told. The driver and the world check more
    /// on the way.
    #[test]
    fn every_run_ends(plan in plans(), seed: u64, crashes in crashes(), abort in aborts(), is_slow: bool) {
        let world = Keyed::new(seed, crashes);
        let driver = ended(plan.clone(), if is_slow { world.slow() } else { world }, abort);
        let state = &driver.state;
        order::check_end(&plan, state);
        for step in state.steps() {
            let is_undone = step.undo.as_ref().is_some_and(|undo| undo.phase == UndoPhase::Undone);
            let fate = step.key.as_ref().map_or((false, false), |key| driver.world.fate(key));
            prop_assert!(is_undone == fate.1, "{} is said to be taken back when it was:\n{}", step.name, driver.trace());
        }
        let seen = Observed { abort: Some(Abort { reason: AbortReason::Aborted, message: String::new() }), ..Observed::default() };
        prop_assert_eq!(decide(&plan, state, &seen, at(1_000_000)), Action::Finished);
    }

    /// N claims cost N + 1 writes; besides, each pause before a retry and each new sight costs one.
    #[test]
    fn writes_are_bounded(plan in timeless_plans(), seed: u64) {
        let driver = ended(plan, calm(seed), None);
        let bound = driver.claims + pauses(&driver) + driver.progress_writes + 1;
        prop_assert!(driver.stored.len() <= bound, "{} writes of {bound}:\n{}", driver.stored.len(), driver.trace());
    }

    /// Side by side, what ends at a time of its own costs a write of its own; so does an abort before effects are taken
    /// back.
    #[test]
    fn writes_are_bounded_side_by_side(plan in plans(), seed: u64, abort in aborts()) {
        let driver = ended(plan, calm(seed).slow(), abort);
        let bound = driver.claims + ends(&driver) + pauses(&driver) + driver.progress_writes + 2;
        prop_assert!(driver.stored.len() <= bound, "{} writes of {bound}:\n{}", driver.stored.len(), driver.trace());
    }

    /// What has ended never changes again, but by another attempt or iteration of its stage.
    #[test]
    fn what_has_ended_stays(plan in plans(), seed: u64, abort in aborts()) {
        let driver = ended(plan, calm(seed), abort);
        for pair in driver.stored.windows(2) {
            for before in pair[0].stages.iter().filter(|stage| stage.is_final()) {
                let after = pair[1].stages.iter().find(|after| after.title() == before.title());
                prop_assert_eq!(after.map(without_undo), Some(without_undo(before)));
            }
            prop_assert!(pair[0].ending.is_none() || pair[0].ending == pair[1].ending);
        }
    }
}

/// Something is tried again, or people, a lock or a place are waited for.
const PAUSES: [&str; 7] =
    [" attempt ", " again at ", "undone", " gives ", " awaits ", " in the queue ", "ask the place "];

/// Pauses before something goes on.
fn pauses(driver: &Driver<Keyed>) -> usize {
    driver.trace().lines().filter(|line| PAUSES.iter().any(|pause| line.contains(pause))).count()
}

/// Ends of steps, and of taking them back.
fn ends(driver: &Driver<Keyed>) -> usize {
    let words = [" Succeeded", " Failed", " Unknown", "undone"];
    driver.trace().lines().filter(|line| words.iter().any(|word| line.contains(word))).count()
}

/// The stage without how far its effects are taken back, which makes their end known.
fn without_undo(stage: &StageState) -> StageState {
    let mut stage = stage.clone();
    for step in &mut stage.steps {
        step.undo = None;
        step.effect_unknown = false;
    }
    stage
}

/// What is done, in its order; what is taken back together is so in any order.
fn in_order(effects: &[Effect]) -> Vec<Effect> {
    let mut effects = effects.to_vec();
    let together = effects.chunk_by_mut(|effect, next| effect.is_undone && next.is_undone);
    together.for_each(|effects| effects.sort_by(|one, other| one.key.cmp(&other.key)));
    effects
}

/// What is done in each place, in its order.
fn by_place(effects: &[Effect]) -> BTreeMap<&str, Vec<Effect>> {
    let mut places: BTreeMap<&str, Vec<Effect>> = BTreeMap::new();
    for effect in effects {
        places.entry(&effect.place).or_default().push(effect.clone());
    }
    places.into_iter().map(|(place, effects)| (place, in_order(&effects))).collect()
}

/// The state without what depends on when and how often it was written, and on what ended first.
fn lasting(state: &RunState) -> Value {
    let mut state = state.clone();
    state.hooks.sort_by_key(|hook| {
        format!("{} {:?} {:?} {} {}", hook.hook, hook.event, hook.item, hook.attempt, hook.iteration)
    });
    let mut json = serde_json::to_value(state).unwrap();
    forget(&mut json);
    json
}

const PASSING: [&str; 12] = [
    // What was asked when: by the time it was missed.
    "actions",
    "claims",
    "startedAt",
    "finishedAt",
    "at",
    "retryAt",
    "resumeAt",
    "since",
    "progress",
    "waitingOn",
    "heldSeconds",
    "heldSince",
];

fn forget(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !PASSING.contains(&name.as_str()));
            // How often it was tried depends on when.
            if let Some(Value::Object(undo)) = members.get_mut("undo") {
                undo.retain(|name, _| ["phase", "message"].contains(&name.as_str()));
            }
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
    for seed in 0..12 {
        let plan = timeless_plans().new_tree(&mut runner).unwrap().current();
        let calm = ended(plan.clone(), calm(seed), None);
        for moment in 1..=calm.world.moments {
            let crashed = ended(plan.clone(), Keyed::new(seed, [moment].into()), None);
            assert_eq!(in_order(&calm.world.effects), in_order(&crashed.world.effects), "{}", crashed.trace());
            assert_eq!(lasting(&calm.state), lasting(&crashed.state), "{}", crashed.trace());
        }
    }
}

/// Otherwise the properties would say little.
#[test]
fn the_random_runs_reach_everything() {
    let mut runner = TestRunner::deterministic();
    let mut reached = BTreeSet::new();
    for seed in 0..400 {
        let plan = plans().new_tree(&mut runner).unwrap().current();
        let driver = ended(plan, calm(seed).slow(), (seed % 3 == 0).then_some((9, false)));
        let state = &driver.state;
        reached.extend(state.steps().map(|step| format!("{:?}", step.phase)));
        reached.extend(state.steps().filter_map(|step| Some(format!("undo {:?}", step.undo.as_ref()?.phase))));
        reached.extend(state.hooks.iter().map(|hook| format!("{:?} hook", hook.event)));
        reached.insert(format!("{} {:?}", state.ending.as_ref().unwrap().reason, state.phase));
        let has = |word: &str| driver.trace().contains(word);
        let words = ["attempt 3", "iteration 3", "is listed", "NoItems", "ListFailed", "LoopLimit", "StageTimeout"];
        reached.extend(words.iter().filter(|word| has(word)).map(|word| (*word).to_owned()));
        let most =
            driver.stored.iter().map(|state| state.stages.iter().filter(|stage| stage.is_under_way()).count()).max();
        reached.insert(format!("{} stages under way", most.unwrap_or_default().min(4)));
    }
    let reached: Vec<_> = reached.into_iter().collect();
    expect![[r#"
        0 stages under way
        1 stages under way
        2 stages under way
        3 stages under way
        4 stages under way
        Aborted
        Aborted Aborted
        Abortion hook
        Away Failed
        ConditionFailed Failed
        Degraded Failed
        Deleted Aborted
        Failed
        Failure hook
        GroupInvalid Failed
        ListFailed
        ListFailed Failed
        Locked Cancelled
        LoopLimit
        LoopLimit Failed
        NoItems
        NoItems Failed
        NotAllowed Failed
        Omitted
        OutputTooLarge Failed
        OutputsFailed Failed
        Refused Failed
        Reset Failed
        RunTimeout Aborted
        Skipped
        StageTimeout
        StageTimeout Failed
        Started hook
        Succeeded
        Succeeded Succeeded
        Success hook
        Timeout Failed
        Unknown
        attempt 3
        is listed
        iteration 3
        undo Failed
        undo Undone"#]]
    .assert_eq(&reached.join("\n"));
}
