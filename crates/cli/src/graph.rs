//! A pipeline as a [Mermaid](https://mermaid.js.org) flowchart, for a page about it. Pure: of a spec comes a text.
//!
//! Steps are boxes, waits are rounded, also those for people, child runs have double sides, conditions are hexagons; stages and
//! hooks are frames. What happens only sometimes, a hook or another attempt, is dotted.

mod chart;
#[cfg(test)]
mod tests;

use sluice_api::{
    Approval, Concurrency, Duration, ForEach, Hook, LockPolicy, PipelineSpec, Retry, Stage, Step, StepConfig, Suspend,
    Unlock, Until, step::RunMode,
};

use chart::{Chart, Line, Shape, id};

/// Where a run begins.
const START: &str = "start";

/// So many steps stand beside each other at most, or a page would have to show them small.
const MAX_ACROSS: usize = 4;

/// The flowchart of a pipeline.
pub(crate) fn of(name: &str, spec: &PipelineSpec) -> String {
    let mut chart = Chart::new();
    let suspended = spec.suspend.as_ref().map(suspended);
    let lock = spec.concurrency.as_ref().map(|concurrency| lock(name, concurrency)).unwrap_or_default();
    let lines = [name].into_iter().chain(suspended.as_deref()).chain(lock.iter().map(String::as_str));
    chart.node(START, Shape::Round, &lines.collect::<Vec<_>>());
    for stage in &spec.stages {
        frame_of_stage(&mut chart, stage);
    }
    for hook in &spec.hooks {
        frame_of_hook(&mut chart, hook);
    }
    for (index, stage) in spec.stages.iter().enumerate() {
        for before in needs(&spec.stages, index) {
            let before = before.map_or_else(|| START.to_owned(), |name| id("stage", name));
            chart.edge(Line::Full, &before, &id("stage", &stage.name), &[]);
        }
    }
    for hook in &spec.hooks {
        if let Some((subject, of)) = subject(spec, hook) {
            let events: Vec<String> = hook.events.iter().map(|event| format!("{event:?}{of}")).collect();
            let events: Vec<&str> = events.iter().map(String::as_str).collect();
            chart.edge(Line::Dotted, &subject, &id("hook", &hook.name), &events);
        }
    }
    chart.finish()
}

/// Whether runs wait for each other, in a few lines.
fn lock(name: &str, concurrency: &Concurrency) -> Vec<String> {
    let taken = match concurrency.policy {
        LockPolicy::Queue => "",
        LockPolicy::Forbid => "another one ends",
        LockPolicy::Parallel => return Vec::new(),
    };
    let kept = match concurrency.unlock {
        Unlock::WhenFinished => "",
        Unlock::OnSuccess => "locked until it succeeds",
    };
    let group = concurrency.group.as_deref().unwrap_or(name);
    vec![format!("one run at a time in {group}"), taken.to_owned(), kept.to_owned()]
}

fn suspended(suspend: &Suspend) -> String {
    let why = suspend.reason.as_ref().filter(|reason| !reason.is_empty());
    why.map_or_else(|| "suspended".to_owned(), |why| format!("suspended: {why}"))
}

/// The stage's name, and where it acts.
fn title(stage: &Stage) -> String {
    match &stage.environment {
        Some(environment) => format!("{} (environment {environment})", stage.name),
        None => stage.name.clone(),
    }
}

fn approval_text(approval: &Approval) -> String {
    let people = if approval.required == 1 { "a person".to_owned() } else { format!("{} people", approval.required) };
    let whose = if approval.restricted { " with a right to this stage" } else { "" };
    format!("approved by {people}{whose}")
}

/// What a stage comes behind: stages that are there, or the start.
fn needs(stages: &[Stage], index: usize) -> Vec<Option<&str>> {
    let known = |name: &&String| stages.iter().any(|stage| stage.name == **name);
    match &stages[index].needs {
        Some(needs) if needs.is_empty() => vec![None],
        Some(needs) => needs.iter().filter(known).map(|name| Some(name.as_str())).collect(),
        None => vec![index.checked_sub(1).map(|before| stages[before].name.as_str())],
    }
}

/// Whose events a hook is about, if that is there; of a step also its name. An edge from a step itself would pull its stage
/// out of shape.
fn subject(spec: &PipelineSpec, hook: &Hook) -> Option<(String, String)> {
    let Some(subject) = &hook.r#for else { return Some((START.to_owned(), String::new())) };
    let is_it = |stage: &&Stage| subject.stage.as_ref() == Some(&stage.name);
    let has_it = |stage: &&Stage| stage.steps.iter().any(|step| subject.step.as_ref() == Some(&step.name));
    let stage = spec.stages.iter().find(is_it).or_else(|| spec.stages.iter().find(has_it))?;
    let of = subject.step.as_ref().map(|step| format!(" of {step}")).unwrap_or_default();
    Some((id("stage", &stage.name), of))
}

fn frame_of_stage(chart: &mut Chart, stage: &Stage) {
    let own = |what: &str| id(&format!("stage_{}", stage.name), what);
    let runs_down = stage.parallel || stage.steps.len() > MAX_ACROSS;
    chart.open(&id("stage", &stage.name), &title(stage), runs_down);
    let mut before: Vec<String> = Vec::new();
    if let Some(when) = &stage.when {
        enter(chart, &mut before, &own("when"), Shape::Condition, &format!("when {when}"));
    }
    if let Some(approval) = &stage.approval {
        enter(chart, &mut before, &own("approval"), Shape::Round, &approval_text(approval));
    }
    if let Some(each) = &stage.for_each {
        enter(chart, &mut before, &own("each"), Shape::Each, &each_text(each));
    }
    let is_repeated = stage.until.is_some() || is_retried(stage.retry.as_ref());
    let forks = stage.parallel && stage.steps.len() > 1;
    let steps: Vec<String> = stage.steps.iter().map(|step| id("step", &step.name)).collect();
    let (mut first, mut last) = (steps.first().cloned(), steps.last().cloned());
    if forks && is_repeated {
        enter(chart, &mut before, &own("fork"), Shape::Point, "");
        (first, last) = (Some(own("fork")), Some(own("join")));
    }
    for (step, id) in stage.steps.iter().zip(&steps) {
        step_node(chart, id, step);
        before.iter().for_each(|before| chart.edge(Line::Full, before, id, &[]));
        if !forks {
            before = vec![id.clone()];
        }
    }
    if forks && is_repeated {
        before = steps;
        enter(chart, &mut before, &own("join"), Shape::Point, "");
    }
    if let Some(until) = &stage.until {
        enter(chart, &mut before, &own("until"), Shape::Condition, &format!("until {}", until.condition));
        last = Some(own("until"));
        if let Some(first) = first.as_deref().filter(|_| until.limit > 1) {
            chart.edge(Line::Full, &own("until"), first, &[&again(until)]);
        }
    }
    if let (Some(retry), Some(first), Some(last)) = (&stage.retry, &first, &last)
        && is_retried(Some(retry))
    {
        retry_edge(chart, last, first, retry);
    }
    chart.close();
}

fn frame_of_hook(chart: &mut Chart, hook: &Hook) {
    let own = id("hook", &hook.name);
    chart.open(&own, &format!("hook {}", hook.name), hook.steps.len() > MAX_ACROSS);
    let mut before: Option<String> = None;
    for step in &hook.steps {
        let id = id(&own, &step.name);
        step_node(chart, &id, step);
        if let Some(before) = before.replace(id.clone()) {
            chart.edge(Line::Full, &before, &id, &[]);
        }
    }
    chart.close();
}

/// A node that comes behind those before, which it stands for from now on.
fn enter(chart: &mut Chart, before: &mut Vec<String>, id: &str, shape: Shape, text: &str) {
    chart.node(id, shape, &[text]);
    before.iter().for_each(|before| chart.edge(Line::Full, before, id, &[]));
    *before = vec![id.to_owned()];
}

fn step_node(chart: &mut Chart, id: &str, step: &Step) {
    let config = step.config().ok();
    let kind = config.as_ref().map(StepConfig::type_name).unwrap_or_default();
    let shape = match &config {
        Some(
            StepConfig::PullRequestWait(_) | StepConfig::ArgocdWait(_) | StepConfig::WaitFor(_) | StepConfig::Delay(_),
        ) => Shape::Round,
        Some(StepConfig::ChildRun(_)) => Shape::Child,
        _ => Shape::Box,
    };
    let kind = match &config {
        Some(StepConfig::ChildRun(run)) => format!("{kind} {}{}", run.pipeline_ref.name, mode(run.mode)),
        _ => kind,
    };
    let when = step.when.as_ref().map(|when| format!("when {when}"));
    let retry = step.retry.as_ref().filter(|retry| is_retried(Some(retry)));
    // An edge to itself would cross those of the stage.
    let retry = retry.map(|retry| format!("retry {}", times(retry.limit)));
    let lines = [Some(step.name.as_str()), Some(&*kind), when.as_deref(), retry.as_deref()];
    chart.node(id, shape, &lines.into_iter().flatten().collect::<Vec<_>>());
}

fn mode(mode: RunMode) -> &'static str {
    match mode {
        RunMode::Attached => "",
        RunMode::Detached => ", detached",
    }
}

fn each_text(each: &ForEach) -> String {
    let most = each.max_parallel.map(|most| format!(" (max {most})")).unwrap_or_default();
    format!("for each {} in {}{most}", each.r#as, each.r#in)
}

fn again(until: &Until) -> String {
    let pause = until.interval.as_ref().map(|pause| format!(" after {pause}")).unwrap_or_default();
    format!("no, again{pause}, {} in all", times(until.limit))
}

fn is_retried(retry: Option<&Retry>) -> bool {
    retry.is_some_and(|retry| retry.limit > 0)
}

fn retry_edge(chart: &mut Chart, from: &str, to: &str, retry: &Retry) {
    let often = format!("retry {}", times(retry.limit));
    let pauses = retry.backoff.as_ref().map(|backoff| {
        let or = |pause: Option<&Duration>, unless_set: &str| pause.map_or(unless_set.to_owned(), ToString::to_string);
        format!("pauses {} to {}", or(backoff.initial.as_ref(), "1s"), or(backoff.max.as_ref(), "1m"))
    });
    let when = retry.when.as_ref().map(|when| format!("when {when}"));
    let lines: Vec<&str> =
        [Some(&often), pauses.as_ref(), when.as_ref()].into_iter().flatten().map(String::as_str).collect();
    chart.edge(Line::Dotted, from, to, &lines);
}

fn times(most: i32) -> String {
    if most == 1 { "once".to_owned() } else { format!("up to {most} times") }
}
