//! States that no run ever reaches: written by hand, by another version, or of another plan.

use jiff::Timestamp;
use proptest::{collection::vec, option, prelude::*, sample::Index};
use serde_json::{Value, json};
use sluice_engine::{
    Abort, AbortReason, Event, Failure, HookEvent, LockAnswer, Observed, Occasion, Plan, Question, RunPhase, RunState,
    Stage, StagePhase, StepAt, StepState, Undone, decide, record,
};

use super::{asked::asked, config, plans::plans, world::Keyed};
use crate::support::{Driver, Happening, START, at, key};

proptest! {
    #![proptest_config(config(600))]

    /// Neither function panics, whatever the state, the plan and the events.
    #[test]
    fn nothing_panics(
        (plan, other) in (plans(), plans()),
        (seed, turns) in (any::<u64>(), 0..80usize),
        blows in vec((any::<Index>(), any::<Index>()), 1..6),
        events in vec(events(), 0..20),
        asked in vec(asked(), 0..3),
    ) {
        let mut driver = Driver::new(plan.clone(), Keyed::new(seed, Default::default()), Vec::new());
        driver.run_for(turns);
        let Some(mut state) = mangle(&driver.state, &blows) else { return Ok(()) };
        for plan in [&plan, &other] {
            for now in [Timestamp::MIN, START, at(50), Timestamp::MAX] {
                let suspended = (!asked.is_empty()).then(String::new);
                let seen = Observed { asked: asked.clone(), suspended, is_enforced: true, ..Observed::default() };
                prop_assert_eq!(decide(plan, &state, &seen, now), decide(plan, &state, &seen, now));
            }
        }
        for event in events {
            let next = record(&plan, state.clone(), event.clone(), driver.now);
            let next_again = record(&plan, state.clone(), event.clone(), driver.now);
            prop_assert_eq!(&next_again, &next);
            let begins_again = matches!(event, Event::StageBegunAgain(_) | Event::Listed { .. } | Event::Asked { .. });
            for (before, after) in state.steps().zip(next.steps()).filter(|_| !begins_again) {
                let (undo, effect_unknown) = (before.undo.clone(), before.effect_unknown);
                let after = StepState { undo, effect_unknown, ..after.clone() };
                prop_assert!(!before.phase.is_ended() || *before == after, "{event:?} changed what had ended");
            }
            decide(&other, &next, &Observed::default(), driver.now);
            state = next;
        }
    }

    /// Whatever a state has become, an abort ends it.
    #[test]
    fn a_mangled_state_ends_when_it_is_aborted(
        plan in plans(),
        (seed, turns) in (any::<u64>(), 0..80usize),
        blows in vec((any::<Index>(), any::<Index>()), 1..4),
    ) {
        let mut driver = Driver::new(plan.clone(), Keyed::new(seed, Default::default()), Vec::new());
        driver.run_for(turns);
        let Some(state) = mangle(&driver.state, &blows) else { return Ok(()) };
        let mut driver = Driver::new(plan, Keyed::unsound(seed), vec![(at(0), Happening::Abort)]);
        driver.stored.push(state);
        driver.restart();
        driver.run();
        prop_assert!(driver.state.is_finished());
    }

    /// The state of another plan ends as a failure: it neither succeeds nor starts anew.
    #[test]
    fn a_state_of_another_plan_never_succeeds(plan in plans(), other in plans(), seed: u64, turns in 0..30usize) {
        let names = |plan: &Plan| -> Vec<_> {
            let steps = |stage: &Stage| stage.steps.iter().map(|step| step.name.clone()).collect::<Vec<_>>();
            plan.stages.iter().map(|stage| (stage.name.clone(), steps(stage))).collect()
        };
        prop_assume!(names(&plan) != names(&other));
        let mut driver = Driver::new(plan, Keyed::new(seed, Default::default()), Vec::new());
        driver.run_for(turns);
        driver.restart();
        if driver.state.ending.is_some() {
            return Ok(());
        }
        driver.plan = other;
        driver.world = Keyed::unsound(seed);
        driver.run();
        prop_assert_ne!(driver.state.phase, RunPhase::Succeeded);
        prop_assert!(driver.state.steps().all(|step| step.phase.is_ended()));
    }
}

/// Overwrites, removes and doubles parts of the state.
fn mangle(state: &RunState, blows: &[(Index, Index)]) -> Option<RunState> {
    let strange = [
        json!(null),
        json!(0),
        json!(-1),
        json!(i32::MAX),
        json!(i32::MIN),
        json!(""),
        json!([]),
        json!({}),
        json!("Running"),
        json!("Starting"),
        json!("Pending"),
        json!("Failed"),
        json!("Aborted"),
        json!(Timestamp::MIN),
        json!(Timestamp::MAX),
    ];
    let mut json = serde_json::to_value(state).unwrap();
    for (place, blow) in blows {
        let pointers = pointers(&json);
        let victim = json.pointer_mut(place.get::<String>(&pointers)).unwrap();
        let before = victim.clone();
        match (victim, blow.index(strange.len() + 2)) {
            (Value::Array(items), 15) => drop(items.pop()),
            (Value::Array(items), _) => items.extend(items.first().cloned()),
            (victim, blow) => *victim = strange.get(blow).cloned().unwrap_or_default(),
        }
        // A blow that leaves no state at all is undone.
        if serde_json::from_value::<RunState>(json.clone()).is_err() {
            *json.pointer_mut(place.get::<String>(&pointers)).unwrap() = before;
        }
    }
    serde_json::from_value(json).ok()
}

/// A pointer to each value.
fn pointers(value: &Value) -> Vec<String> {
    let below = |name: &str, value: &Value| {
        pointers(value).into_iter().map(move |rest| format!("/{name}{rest}")).collect::<Vec<_>>()
    };
    let mut all = match value {
        Value::Object(members) => members.iter().flat_map(|(name, value)| below(name, value)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().flat_map(|(index, value)| below(&index.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    all.push(String::new());
    all
}

/// Any event at any place, most of which fit no state.
fn events() -> impl Strategy<Value = Event> {
    let failure = || Failure::transient("Away", "no answer");
    let phase = || prop_oneof![Just(StagePhase::Succeeded), Just(StagePhase::Failed)];
    let key = key();
    let message = option::of(Just("seen".to_owned()));
    prop_oneof![
        Just(Event::RunStarted),
        Just(Event::RunFinished),
        places().prop_map(Event::StepStarted),
        places().prop_map(|at| Event::Answered(Question::StepWhen(at), Ok(true))),
        places().prop_map(move |at| Event::Answered(Question::StepWhen(at), Err(failure()))),
        (0..5usize).prop_map(|stage| Event::Answered(Question::StageWhen(stage), Ok(false))),
        (0..5usize).prop_map(Event::StageStarted),
        (0..5usize).prop_map(Event::StageTimedOut),
        (0..5usize, phase()).prop_map(|(stage, phase)| Event::StageEnded { stage, phase, why: None }),
        places().prop_map(move |at| Event::Claimed { at, key: key.clone(), waiting_on: None }),
        (places(), message).prop_map(|(at, message)| Event::Progressed { at, message, progress: Some(json!(null)) }),
        places().prop_map(|at| Event::Succeeded { at, outputs: Default::default() }),
        (places(), any::<bool>()).prop_map(move |(at, retry)| Event::Failed { at, failure: failure(), retry }),
        (0..4usize, phase()).prop_map(|(hook, phase)| Event::HookEnded { hook, phase }),
        (0..4i32).prop_map(|number| Event::HookStarted {
            hook: format!("hook{number}"),
            event: HookEvent::Started,
            subject: "pipeline".to_owned(),
            occasion: Occasion { item: None, iteration: 1, attempt: number, round: 1 },
        }),
        (0..5usize, any::<bool>()).prop_map(|(stage, yes)| Event::Answered(Question::StageUntil(stage), Ok(yes))),
        (0..5usize, 0..4usize).prop_map(|(stage, count)| Event::Listed { stage, items: Ok(vec![json!("a"); count]) }),
        (0..5usize).prop_map(move |stage| Event::Listed { stage, items: Err(failure()) }),
        (0..5usize, any::<bool>()).prop_map(|(stage, retry)| Event::StageJudged { stage, retry }),
        (0..5usize).prop_map(Event::StageBegunAgain),
        (0..5usize).prop_map(Event::StageResumed),
        (places(), 0..3usize).prop_map(move |(at, choice)| {
            let not_yet = Undone::NotYet { message: "it is ending".to_owned() };
            Event::Undone(at, [Ok(Undone::Done), Ok(not_yet), Err(failure())][choice].clone())
        }),
        (0..4usize).prop_map(Event::StageGivenUp),
        any::<bool>().prop_map(move |ok| Event::OutputsComputed(if ok {
            Ok(Default::default())
        } else {
            Err(failure())
        })),
        (asked(), any::<bool>())
            .prop_map(|(action, is_enforced)| { Event::Asked { action, is_enforced, unsettled: Default::default() } }),
        asked().prop_map(|action| Event::Asked { action, is_enforced: true, unsettled: Default::default() }),
        option::of(Just(String::new())).prop_map(Event::Suspended),
        (0..4i32).prop_map(move |choice| {
            let (group, holder) = ("group".to_owned(), "other".to_owned());
            Event::Lock(match choice {
                0 => LockAnswer::Held { group },
                1 => LockAnswer::Failed(failure()),
                position => LockAnswer::Taken { group, position: position - 3, holder },
            })
        }),
        (0..5usize, option::of(-1..3i32)).prop_map(|(stage, approval)| Event::Bound { stage, approval: Ok(approval) }),
        (0..5usize).prop_map(move |stage| Event::Bound { stage, approval: Err(failure()) }),
        Just(Event::aborted(Abort { reason: AbortReason::Aborted, message: String::new() })),
    ]
}

fn places() -> impl Strategy<Value = StepAt> {
    prop_oneof![
        (0..5usize, 0..5usize).prop_map(|(stage, step)| StepAt::Stage { stage, step }),
        (0..4usize, 0..4usize).prop_map(|(hook, step)| StepAt::Hook { hook, step }),
    ]
}
