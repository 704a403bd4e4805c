//! Random plans.

use jiff::SignedDuration;
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{Index, select, subsequence},
};
use sluice_engine::{
    Backoff, Condition, ForEach, Hook, HookEvent, LockPlan, Nature, Plan, Retry, Stage, Step, Subject, Until,
};

const EVENTS: [HookEvent; 4] = [HookEvent::Started, HookEvent::Success, HookEvent::Failure, HookEvent::Abortion];

/// Any plan of a few stages, steps and hooks.
pub(super) fn plans() -> impl Strategy<Value = Plan> {
    let timeouts = vec(option::weighted(0.3, seconds(&[7, 25])), 4);
    (plans_of(true), option::weighted(0.3, seconds(&[20, 60])), timeouts).prop_map(|(plan, timeout, timeouts)| {
        let stages = plan.stages.into_iter().zip(timeouts).map(|(stage, timeout)| Stage { timeout, ..stage });
        Plan { stages: stages.collect(), timeout, ..plan }
    })
}

/// Any plan in which one thing happens after the other, and whose result does not depend on how long that takes.
pub(super) fn timeless_plans() -> impl Strategy<Value = Plan> {
    plans_of(false)
}

/// Any plan in which several things happen at the same time, and in which nothing depends on how long it takes but what
/// comes first.
pub(super) fn tangled_plans() -> impl Strategy<Value = Plan> {
    plans_of(true).prop_map(|mut plan| {
        let hooks = plan.hooks.iter_mut().flat_map(|hook| &mut hook.steps);
        plan.stages.iter_mut().flat_map(|stage| &mut stage.steps).chain(hooks).for_each(|step| step.timeout = None);
        plan
    })
}

fn plans_of(tangled: bool) -> impl Strategy<Value = Plan> {
    let stages = vec((stages(tangled), vec(any::<bool>(), 4)), 1..=4);
    (stages, vec(hooks(), 0..=3), any::<bool>(), option::weighted(0.3, locks())).prop_map(
        move |(stages, hooks, has_outputs, lock)| {
            let stages = stages.into_iter().enumerate().map(|(number, (stage, needs))| {
                let name = format!("stage{number}");
                let before = number.checked_sub(1);
                let some = (0..number).filter(|need| needs[*need]).collect();
                let needs = if tangled { some } else { before.into_iter().collect() };
                Stage { steps: named(stage.steps, &name), name, needs, ..stage }
            });
            let stages: Vec<Stage> = stages.collect();
            let hooks = hooks.into_iter().enumerate().map(|(number, (subject, hook))| Hook {
                name: format!("hook{number}"),
                subject: pick(subject, &stages),
                steps: named(hook.steps, &format!("hook{number}")),
                ..hook
            });
            Plan { hooks: hooks.collect(), stages, has_outputs, timeout: None, lock }
        },
    )
}

fn stages(tangled: bool) -> impl Strategy<Value = Stage> {
    let again = (option::weighted(0.3, retries()), option::weighted(0.2, loops()));
    let parallel = prop::bool::weighted(if tangled { 0.3 } else { 0.0 });
    let guarded = (option::weighted(0.15, 1..=2i32), prop::bool::weighted(0.15));
    (conditions(), vec(steps(), 0..=3), option::weighted(0.25, lists(tangled)), again, parallel, guarded).prop_map(
        |(when, steps, for_each, (retry, until), parallel, (approval, is_bound))| Stage {
            when,
            approval,
            is_bound,
            steps,
            for_each,
            retry,
            until,
            parallel,
            ..Stage::default()
        },
    )
}

fn locks() -> impl Strategy<Value = LockPlan> {
    (prop::bool::weighted(0.3), any::<bool>())
        .prop_map(|(ends_when_taken, kept_unless_succeeded)| LockPlan { ends_when_taken, kept_unless_succeeded })
}

fn lists(tangled: bool) -> impl Strategy<Value = ForEach> {
    let lists = select(vec!["a", "a,b", "1,1", "a,b,c", "a,b,c,d", "-", "error"]);
    let most = if tangled { option::of(1..=3usize).boxed() } else { Just(Some(1)).boxed() };
    (lists, most).prop_map(|(items, max_parallel)| ForEach { items: Condition(items.to_owned()), max_parallel })
}

fn retries() -> impl Strategy<Value = Retry> {
    (1..=2i32).prop_map(|limit| Retry { limit, backoff: Backoff::default() })
}

fn loops() -> impl Strategy<Value = Until> {
    (select(vec!["1", "2", "3", "9", "error"]), seconds(&[0, 5]), 1..=3i32).prop_map(|(first, interval, limit)| Until {
        condition: Condition(first.to_owned()),
        interval,
        limit,
    })
}

fn steps() -> impl Strategy<Value = Step> {
    let natures = select(vec![Nature::Pure, Nature::Reads, Nature::Acts, Nature::Acts]);
    (natures, conditions(), 0..=2i32, option::weighted(0.3, seconds(&[0, 10, 15])), any::<bool>()).prop_map(
        |(nature, when, limit, timeout, undo)| Step {
            name: String::new(),
            when,
            retry: Retry { limit, backoff: Backoff::default() },
            timeout,
            nature,
            undo: undo && nature == Nature::Acts,
        },
    )
}

fn hooks() -> impl Strategy<Value = (Index, Hook)> {
    (any::<Index>(), subsequence(EVENTS.to_vec(), 1..=4), vec(steps(), 0..=2)).prop_map(|(subject, events, steps)| {
        (subject, Hook { name: String::new(), events, subject: Subject::Pipeline, steps })
    })
}

fn conditions() -> impl Strategy<Value = Option<Condition>> {
    let condition = |text: &str| Just(Some(Condition(text.to_owned())));
    prop_oneof![12 => Just(None), 4 => condition("true"), 2 => condition("false"), 1 => condition("error")]
}

fn seconds(choices: &'static [i64]) -> impl Strategy<Value = SignedDuration> {
    select(choices).prop_map(SignedDuration::from_secs)
}

fn named(steps: Vec<Step>, place: &str) -> Vec<Step> {
    let steps = steps.into_iter().enumerate();
    steps.map(|(number, step)| Step { name: format!("{place}step{number}"), ..step }).collect()
}

/// The pipeline, a stage or a step.
fn pick(index: Index, stages: &[Stage]) -> Subject {
    let of_stage = |stage: &Stage| Subject::Stage(stage.name.clone());
    let of_step = |step: &Step| Subject::Step(step.name.clone());
    let of_stages = stages.iter().map(of_stage);
    let of_steps = stages.iter().flat_map(|stage| &stage.steps).map(of_step);
    index.get(&std::iter::once(Subject::Pipeline).chain(of_stages).chain(of_steps).collect::<Vec<_>>()).clone()
}
