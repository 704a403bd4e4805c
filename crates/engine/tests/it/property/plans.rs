//! Random plans.

use jiff::SignedDuration;
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{Index, select, subsequence},
};
use sluice_engine::{Backoff, Condition, Hook, HookEvent, Nature, Plan, Retry, Stage, Step, Subject};

const EVENTS: [HookEvent; 4] = [HookEvent::Started, HookEvent::Success, HookEvent::Failure, HookEvent::Abortion];

/// Any plan of a few stages, steps and hooks.
pub(super) fn plans() -> impl Strategy<Value = Plan> {
    (timeless_plans(), option::weighted(0.3, seconds(&[20, 60])), vec(option::weighted(0.3, seconds(&[7, 25])), 4))
        .prop_map(|(plan, timeout, timeouts)| {
            let stages = plan.stages.into_iter().zip(timeouts).map(|(stage, timeout)| Stage { timeout, ..stage });
            Plan { stages: stages.collect(), timeout, ..plan }
        })
}

/// Any plan whose result does not depend on how long its stages take.
pub(super) fn timeless_plans() -> impl Strategy<Value = Plan> {
    (vec((conditions(), vec(steps(), 0..=4)), 1..=4), vec(hooks(), 0..=3)).prop_map(|(stages, hooks)| {
        let stages = stages.into_iter().enumerate().map(|(number, (when, steps))| {
            let name = format!("stage{number}");
            let needs = number.checked_sub(1).into_iter().collect();
            Stage { steps: named(steps, &name), name, when, needs, ..Stage::default() }
        });
        let stages: Vec<Stage> = stages.collect();
        let hooks = hooks.into_iter().enumerate().map(|(number, (subject, hook))| Hook {
            name: format!("hook{number}"),
            subject: pick(subject, &stages),
            steps: named(hook.steps, &format!("hook{number}")),
            ..hook
        });
        Plan { hooks: hooks.collect(), stages, ..Plan::default() }
    })
}

fn steps() -> impl Strategy<Value = Step> {
    let natures = select(vec![Nature::Pure, Nature::Reads, Nature::Acts, Nature::Acts]);
    (natures, conditions(), 0..=2i32, option::weighted(0.3, seconds(&[0, 10, 15]))).prop_map(
        |(nature, when, limit, timeout)| Step {
            name: String::new(),
            when,
            retry: Retry { limit, backoff: Backoff::default() },
            timeout,
            nature,
            undo: false,
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
