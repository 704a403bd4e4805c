//! Random runs of which people ask random things, sensible and not, at random times, while processes die.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::expect;
use proptest::{
    collection::{btree_set, vec},
    option,
    prelude::*,
    sample::select,
    strategy::ValueTree,
    test_runner::TestRunner,
};
use sluice_engine::{
    Action, ActionType, HookState, Observed, RunAction, RunState, StepPhase, StepState, UndoPhase, decide,
};

use super::{config, order, plans::plans, world::Keyed};
use crate::support::{Driver, Happening, at, place};

const KINDS: [ActionType; 12] = [
    ActionType::Approve,
    ActionType::Approve,
    ActionType::Reject,
    ActionType::Abort,
    ActionType::Pause,
    ActionType::Resume,
    ActionType::Retry,
    ActionType::Retry,
    ActionType::Retry,
    ActionType::Skip,
    ActionType::Skip,
    ActionType::Unlock,
];

/// Anything that somebody may ask for, about things that may be there.
pub(super) fn asked() -> impl Strategy<Value = RunAction> {
    let of = |names: &[&'static str]| select(names.to_vec()).prop_map(str::to_owned);
    let stages = of(&["stage0", "stage0", "stage1", "stage1", "stage2", "stage3", "nowhere"]);
    let items = of(&["a", "b", "0", "1", "nothing"]);
    let steps = (0..4usize, 0..3usize).prop_map(|(stage, step)| format!("stage{stage}step{step}"));
    let names =
        (option::weighted(0.7, stages), option::weighted(0.1, items), option::weighted(0.3, steps), any::<bool>());
    let attempt = option::weighted(0.2, 1..4i32);
    (select(KINDS.to_vec()), of(&["ada", "bob", "cid"]), names, attempt).prop_map(
        |(r#type, by, (stage, item, step, is_of_stage), attempt)| {
            // Most of the time the step is one of the stage.
            let of_stage = |step: String| {
                let stage = stage.as_ref().filter(|_| is_of_stage);
                stage.map_or(step.clone(), |stage| format!("{stage}{}", &step["stageN".len()..]))
            };
            let step = step.map(of_stage);
            RunAction { r#type, by, reason: None, stage, item, step, attempt }
        },
    )
}

/// What happens to a run, and when.
fn happenings() -> impl Strategy<Value = Vec<(i64, Happening)>> {
    let happening = prop_oneof![
        12 => asked().prop_map(Happening::Ask),
        1 => Just(Happening::Suspend(Some("holidays".to_owned()))),
        1 => Just(Happening::Suspend(None)),
        1 => Just(Happening::Unenforced),
    ];
    vec((0..120i64, happening), 0..14)
}

fn run(plan: sluice_engine::Plan, world: Keyed, happenings: &[(i64, Happening)]) -> Driver<Keyed> {
    let happenings = happenings.iter().map(|(time, happening)| (at(*time), happening.clone())).collect();
    let mut driver = Driver::new(plan, world, happenings);
    driver.run();
    driver
}

proptest! {
    #![proptest_config(config(600))]

    /// Whatever is asked for, each entry has its answer, the run ends, and all is as it has to be. The driver and the world
    /// check more on the way.
    #[test]
    fn every_run_ends_and_every_entry_is_answered(
        plan in plans(),
        seed: u64,
        crashes in btree_set(1..300usize, 0..8),
        happenings in happenings(),
        is_slow: bool,
    ) {
        let world = Keyed::new(seed, crashes);
        let driver = run(plan.clone(), if is_slow { world.slow() } else { world }, &happenings);
        let trace = || driver.trace();
        prop_assert_eq!(driver.asked.len(), driver.state.actions.len(), "{}", trace());
        order::check_end(&plan, &driver.state);
        check_keys(&driver.stored).map_err(|why| TestCaseError::fail(format!("{why}:\n{}", trace())))?;
        check_hooks(&driver.stored).map_err(|why| TestCaseError::fail(format!("{why}:\n{}", trace())))?;
        for step in driver.state.steps() {
            let is_undone = step.undo.as_ref().is_some_and(|undo| undo.phase == UndoPhase::Undone);
            let fate = step.key.as_ref().map_or((false, false), |key| driver.world.fate(key));
            prop_assert!(is_undone == fate.1, "{} is said to be taken back when it was:\n{}", step.name, trace());
        }
        let seen = Observed { asked: driver.asked.clone(), ..Observed::default() };
        prop_assert_eq!(decide(&plan, &driver.state, &seen, at(1_000_000)), Action::Finished);
    }

    /// A run that is deleted ends, too, whatever people ask for meanwhile.
    #[test]
    fn every_run_that_is_deleted_ends(
        plan in plans(),
        seed: u64,
        crashes in btree_set(1..150usize, 0..6),
        mut happenings in happenings(),
        time in 0..120i64,
    ) {
        happenings.push((time, Happening::Delete));
        let driver = run(plan, Keyed::new(seed, crashes), &happenings);
        prop_assert!(driver.state.is_finished());
    }
}

/// A key under which an effect came to a known end is never that of another one.
fn check_keys(stored: &[RunState]) -> Result<(), String> {
    let mut places: BTreeMap<&str, String> = BTreeMap::new();
    let mut over: BTreeSet<&str> = BTreeSet::new();
    for state in stored {
        for (at, step) in state.places().zip(state.steps()) {
            let Some(key) = step.key.as_deref() else { continue };
            let place = format!("{}/{}", place(state, at), step.name);
            if places.entry(key).or_insert_with(|| place.clone()) != &place {
                return Err(format!("{place} has the key of {}", places[key]));
            }
            if step.phase == StepPhase::Running && over.contains(key) {
                return Err(format!("{place} has its key again after a known end"));
            }
            if has_known_end(step) {
                over.insert(key);
            }
        }
    }
    Ok(())
}

fn has_known_end(step: &StepState) -> bool {
    let is_undone = step.undo.as_ref().is_some_and(|undo| undo.phase == UndoPhase::Undone);
    is_undone || matches!(step.phase, StepPhase::Succeeded | StepPhase::Unknown) || is_known_failure(step)
}

fn is_known_failure(step: &StepState) -> bool {
    step.phase == StepPhase::Failed && !step.effect_unknown
}

/// A hook runs at most once on each occasion, and one that is forgotten does not come again.
fn check_hooks(stored: &[RunState]) -> Result<(), String> {
    let mut before: BTreeSet<String> = BTreeSet::new();
    let mut gone: BTreeSet<String> = BTreeSet::new();
    for state in stored {
        let occasions: Vec<String> = state.hooks.iter().map(occasion).collect();
        let now: BTreeSet<String> = occasions.iter().cloned().collect();
        if now.len() < occasions.len() {
            return Err(format!("a hook runs twice: {occasions:?}"));
        }
        gone.extend(before.difference(&now).cloned());
        if let Some(again) = now.intersection(&gone).next() {
            return Err(format!("{again} runs again"));
        }
        before = now;
    }
    Ok(())
}

fn occasion(hook: &HookState) -> String {
    let HookState { hook, event, subject, item, iteration, attempt, round, .. } = hook;
    format!("{hook} on {event:?} of {subject} {item:?} {iteration} {attempt} {round}")
}

/// Otherwise the properties would say little.
#[test]
fn the_random_entries_reach_everything() {
    let mut runner = TestRunner::deterministic();
    let mut reached = BTreeSet::new();
    for seed in 0..500 {
        let plan = plans().new_tree(&mut runner).unwrap().current();
        let happenings = happenings().new_tree(&mut runner).unwrap().current();
        let driver = run(plan, Keyed::new(seed, BTreeSet::new()), &happenings);
        for (action, answer) in driver.asked.iter().zip(&driver.state.actions) {
            reached.insert(format!("{:?} {:?}", action.r#type, answer.result));
        }
        reached.insert(format!("round {}", driver.state.round.min(4)));
        let kept = driver.state.stages.iter().flat_map(|stage| &stage.steps).any(|step| step.kept);
        reached.extend(kept.then(|| "kept".to_owned()));
        let has = |word: &str| driver.trace().contains(word);
        let words = ["Rejected", "SkippedByPerson", "in the queue", "suspended (", "awaits 2", "awaits 1 in attempt 3"];
        reached.extend(words.iter().filter(|word| has(word)).map(|word| (*word).to_owned()));
    }
    let reached: Vec<_> = reached.into_iter().collect();
    expect![[r#"
        Abort Applied
        Abort Ignored
        Approve Applied
        Approve Ignored
        Pause Applied
        Pause Ignored
        Reject Applied
        Reject Ignored
        Rejected
        Resume Applied
        Resume Ignored
        Retry Applied
        Retry Ignored
        Skip Applied
        Skip Ignored
        SkippedByPerson
        Unlock Applied
        Unlock Ignored
        awaits 1 in attempt 3
        awaits 2
        in the queue
        kept
        round 1
        round 2
        round 3
        round 4
        suspended ("#]]
    .assert_eq(&reached.join("\n"));
}
