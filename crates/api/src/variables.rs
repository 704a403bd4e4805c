//! The variables that expressions see: their names and types for the check, their values for a run.
//!
//! Both are here, side by side, so that what is checked is what there will be.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sluice_engine::{HookEvent, HookState, RunPhase, RunState, StagePhase, StageState, StepPhase, StepState};
use sluice_expr::{Names, Scope, Type};

use crate::{
    ParamType, PinnedSource, PipelineSpec, Program, RunIdentity, Trigger,
    seen::{Reader, SeenStep, Sight},
};

/// The roots, which no stage, step, source or parameter may be called.
pub const ROOTS: &[&str] =
    &["params", "steps", "run", "pipeline", "failure", "response", "environment", "trigger", "sources"];

/// What the variables mean, for the documentation; words in capitals stand for names that the pipeline chooses.
const MEANINGS: &[(&str, &str)] = &[
    ("params.NAME", "A parameter, in its declared type; null when the run does not give it and it has no default."),
    (
        "steps.NAME.outputs.OUTPUT",
        "An output of a step that has succeeded, in the type that its step type says. Which steps are seen is said below.",
    ),
    (
        "steps.NAME.outputs[INDEX].OUTPUT",
        "The same of a step whose stage runs for each item of a list, read outside of that stage: `outputs` is a list with \
         an entry for each item, in order. An entry is empty where the step was skipped, and the list where the stage was.",
    ),
    (
        "ITEM",
        "The item of a stage with `forEach`, under the name that its `as` says: in its steps, its `until` and its \
         `retry.when`, and in hooks for it and its steps, where it is null if the list could not be made.",
    ),
    ("run.name", "The run's name."),
    ("run.namespace", "The run's namespace."),
    ("run.uid", "The run's UID."),
    ("run.requestedBy", "Who asked for the run; empty when it does not say."),
    ("run.startedAt", "When the run started, such as `2026-11-01T06:00:00Z`."),
    ("pipeline.name", "The pipeline's name."),
    (
        "environment.name",
        "The Environment that a stage with `environment` is bound to: in all expressions of that stage and its steps, and in \
         hooks for it and its steps.",
    ),
    (
        "environment.targets",
        "The targets of that Environment, as they are when the stage starts: in its `forEach.in` alone. Each has its `name`, and \
         whatever else the Environment says of it.",
    ),
    (
        "sources.NAME.outputs.OUTPUT",
        "An output of the good run that the run has taken for a source of its pipeline. Where the source names a stage: \
         `sources.NAME.outputs.STEP.OUTPUT`.",
    ),
    ("sources.NAME.run.name", "The name of that run."),
    ("sources.NAME.run.uid", "The UID of that run."),
    ("trigger.cron", "The time of a `cron` trigger that started the run; null when there is none."),
    ("trigger.cron.name", "The name of the trigger."),
    ("trigger.cron.at", "The time of the schedule, such as `2026-11-01T06:00:00Z`."),
    ("trigger.source", "The good run of a source that started the run; null when there is none."),
    ("trigger.source.name", "The name of the source."),
    ("trigger.source.run", "That run, which `sources.NAME.run` is, too."),
    ("trigger.source.run.name", "The name of that run."),
    ("trigger.source.run.uid", "The UID of that run."),
    ("trigger.source.pipelines", "The pipelines of the runs above this one, the outermost first."),
    ("trigger.componentUpdate", "The ComponentUpdate that started the run; null when there is none."),
    ("trigger.componentUpdate.name", "The name of the ComponentUpdate."),
    ("trigger.componentUpdate.uid", "The UID of the ComponentUpdate."),
    ("trigger.parent", "The run of which a step started this one; null when there is none."),
    ("trigger.parent.name", "The parent's name."),
    ("trigger.parent.uid", "The parent's UID."),
    ("trigger.parent.step", "The step of the parent that started this run."),
    ("trigger.parent.key", "The idempotency key of that step."),
    ("trigger.parent.pipelines", "The pipelines of the runs above this one, the outermost first."),
    (
        "failure.reason",
        "In hooks and in `retry.when`: why it failed, in one word. Empty in hooks on `Started` and `Success`, as the next three are.",
    ),
    ("failure.message", "In hooks and in `retry.when`: why it failed, for people."),
    ("failure.stage", "In hooks and in `retry.when`: the stage that failed."),
    ("failure.step", "In hooks and in `retry.when`: the step that failed."),
    ("failure.transient", "In `retry.when`: whether the failure may pass by itself. False in hooks."),
];

/// Every variable with its meaning and its type, for the documentation.
pub fn meanings() -> impl Iterator<Item = (&'static str, &'static str, Type)> {
    let run = all_names();
    let r#type = move |path: &str| {
        let (root, members) = path.split_once('.')?;
        members.split('.').try_fold(run.get(root)?.clone(), |value, member| match value {
            Type::Object(members) => members.get(member).cloned(),
            _ => None,
        })
    };
    MEANINGS.iter().map(move |(path, meaning)| (*path, *meaning, r#type(path).unwrap_or_default()))
}

/// The fixed names, wherever they are seen.
fn all_names() -> Names {
    with_failure(names(&PipelineSpec::default())).with("environment", environment(true))
}

/// The names that every expression of the pipeline sees, without `steps`.
pub fn names(spec: &PipelineSpec) -> Names {
    let params = spec.params.iter().map(|param| {
        let declared = match param.r#type {
            ParamType::String => Type::String,
            ParamType::Integer => Type::Int,
            ParamType::Boolean => Type::Bool,
        };
        // A parameter that may be absent is null then.
        let is_always_there = param.required || param.default.is_some();
        (param.name.clone(), if is_always_there { declared } else { Type::Any })
    });
    Names::new()
        .with("params", Type::object(params))
        .with("run", run(&["name", "namespace", "uid", "requestedBy", "startedAt"]))
        .with("pipeline", Type::object([("name", Type::String)]))
        .with("sources", Type::object(spec.sources.iter().map(|source| (source.name.clone(), source_run()))))
        .with("trigger", trigger())
}

fn trigger() -> Type {
    let texts = |members: &[&'static str]| Type::object(members.iter().map(|name| (*name, Type::String)));
    let pipelines = Type::list(Type::String);
    let source = Type::object([("name", Type::String), ("run", texts(&["name", "uid"])), ("pipelines", pipelines)]);
    Type::object([
        ("parent", parent_run()),
        ("cron", texts(&["name", "at"])),
        ("source", source),
        ("componentUpdate", texts(&["name", "uid"])),
    ])
}

/// What expressions read of a source. Its outputs are what the other pipeline makes them.
fn source_run() -> Type {
    let run = ["name", "uid"].map(|name| (name, Type::String));
    Type::object([("run", Type::object(run)), ("outputs", Type::Any)])
}

fn run(members: &[&str]) -> Type {
    Type::object(members.iter().map(|name| (*name, Type::String)))
}

/// The same names at the moment when the run is made: it has not started.
pub(crate) fn before_the_start(names: Names) -> Names {
    names.with("run", run(&["name", "namespace", "uid", "requestedBy"]))
}

/// What expressions read of the Environment that their stage is bound to.
pub(crate) fn environment(has_targets: bool) -> Type {
    let target = Type::open([("name", Type::String)]);
    let targets = has_targets.then(|| ("targets", Type::list(target)));
    Type::object([("name", Type::String)].into_iter().chain(targets))
}

fn parent_run() -> Type {
    let texts = ["name", "uid", "step", "key"].map(|name| (name, Type::String));
    Type::object(texts.into_iter().chain([("pipelines", Type::list(Type::String))]))
}

/// What expressions read of a step with these outputs.
pub(crate) fn of_step(outputs: Type) -> Type {
    Type::object([("outputs", outputs)])
}

/// The same names, and `failure`, as hooks see it.
pub fn with_failure(names: Names) -> Names {
    let members = ["reason", "message", "stage", "step"].map(|name| (name, Type::String));
    names.with("failure", Type::object(members.into_iter().chain([("transient", Type::Bool)])))
}

/// What never changes in a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunVariables {
    params: Value,
    run: Value,
    pipeline: Value,
    trigger: Value,
    sources: Value,
}

impl RunVariables {
    /// The variables of this run with these parameters, which has taken these good runs.
    pub fn new(identity: &RunIdentity, params: Map<String, Value>, sources: &[PinnedSource]) -> Self {
        let RunIdentity { name, namespace, uid, requested_by, pipeline, trigger } = identity;
        Self {
            params: Value::Object(params),
            run: json!({"name": name, "namespace": namespace, "uid": uid, "requestedBy": requested_by}),
            pipeline: json!({"name": pipeline}),
            trigger: members_of(trigger),
            sources: sources
                .iter()
                .map(|PinnedSource { name, run, outputs }| {
                    (name.clone(), json!({"run": {"name": run.name, "uid": run.uid}, "outputs": outputs}))
                })
                .collect(),
        }
    }

    /// What an expression of this reader sees. It is put together without copying any output.
    pub fn scope<'a>(&'a self, program: &'a Program, state: &'a RunState, reader: Reader) -> Scope<'a> {
        let sight = Sight::of(program, state, reader);
        let mut scope = Scope::new()
            .with("params", &self.params)
            .with("pipeline", &self.pipeline)
            .with("trigger", &self.trigger)
            .with("sources", &self.sources)
            .with_owned_at(&["run", "startedAt"], started_at(state.started_at))
            .with_owned("steps", json!({}));
        for key in ["name", "namespace", "uid", "requestedBy"] {
            scope = scope.with_at(&["run", key], &self.run[key]);
        }
        for step in sight.steps() {
            scope = match step {
                SeenStep::One(step) => scope.with_map_at(&["steps", &step.name, "outputs"], &step.outputs),
                SeenStep::Each(name, outputs) => scope.with_maps_at(&["steps", name, "outputs"], outputs),
            };
        }
        if let Some((name, item)) = sight.item() {
            scope = scope.with(name, item);
        }
        if let Some(environment) = sight.environment() {
            scope = scope.with_owned_at(&["environment", "name"], Value::from(environment));
        }
        match sight.hook {
            Some(hook) => scope.with_owned("failure", failure_of(state, hook)),
            None => scope,
        }
    }
}

/// Each way to start a run, null where it was another one.
fn members_of(trigger: &Trigger) -> Value {
    let Trigger { parent, cron, source, component_update } = trigger;
    json!({"parent": parent, "cron": cron, "source": source, "componentUpdate": component_update})
}

fn started_at(started_at: Option<Timestamp>) -> Value {
    started_at.map_or(Value::Null, |started_at| json!(started_at.to_string()))
}

/// The variable `failure` for this failure of a step.
pub fn failure(failure: &sluice_engine::Failure, stage: &str, step: &str) -> Value {
    let sluice_engine::Failure { reason, message, transient, end: _, retry_after: _ } = failure;
    json!({"reason": reason, "message": message, "stage": stage, "step": step, "transient": transient})
}

/// What went wrong with a hook's subject; empty texts when nothing did.
fn failure_of(state: &RunState, hook: &HookState) -> Value {
    let (reason, message, stage, step) = match hook.event {
        // What a stage says in a later attempt is still why the one before failed.
        HookEvent::Started | HookEvent::Success => Default::default(),
        HookEvent::Failure | HookEvent::Abortion => why(state, hook),
    };
    json!({
        "reason": reason.unwrap_or_default(),
        "message": message.unwrap_or_default(),
        "stage": stage.unwrap_or_default(),
        "step": step.unwrap_or_default(),
        "transient": false,
    })
}

/// A reason, a message, a stage and a step.
type Why = (Option<String>, Option<String>, Option<String>, Option<String>);

/// Why the hook's subject failed, or was aborted.
fn why(state: &RunState, hook: &HookState) -> Why {
    let aborted = |step: &&StepState| step.phase == StepPhase::Aborted;
    let of = |stage: &StageState, step: Option<&StepState>| {
        // The message of an aborted step is what it waited for; why it was aborted is its stage's to say.
        let own = step.filter(|step| step.phase != StepPhase::Aborted);
        let reason = own.and_then(|step| step.reason.clone()).or_else(|| stage.reason.clone());
        let message = own.and_then(|step| step.message.clone()).or_else(|| stage.message.clone());
        (reason, message, Some(stage.name.clone()), step.map(|step| step.name.clone()))
    };
    let of_stage = |stage: &StageState| of(stage, stage.first_failed().or_else(|| stage.steps.iter().find(aborted)));
    let mut stages = state.stages.iter().filter(|stage| stage.item == hook.item);
    let found = match hook.subject.split_once('/') {
        Some(("step", name)) => stages.find_map(|stage| {
            let step = stage.steps.iter().find(|step| step.name == name)?;
            Some(of(stage, Some(step)))
        }),
        Some((_, name)) => stages.find(|stage| stage.name == name).map(of_stage),
        None => first_that_went_wrong(state).map(of_stage),
    };
    let ending = state.ending.as_ref().filter(|ending| ending.phase != RunPhase::Succeeded);
    let (reason, message, stage, step) = found.unwrap_or_default();
    let reason = reason.or_else(|| ending.map(|ending| ending.reason.clone()));
    let message = message.or_else(|| ending.and_then(|ending| ending.message.clone()));
    (reason, message, stage, step)
}

/// The stage, or the item of one, that decided how the run ended.
fn first_that_went_wrong(state: &RunState) -> Option<&StageState> {
    let failed = || state.stages.iter().filter(|stage| stage.has_failed()).min_by_key(|stage| stage.finished_at);
    let aborted = || state.stages.iter().find(|stage| stage.phase == StagePhase::Aborted);
    match &state.ending {
        Some(ending) if ending.phase == RunPhase::Aborted => aborted().or_else(failed),
        _ => failed().or_else(aborted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_has_its_meaning() {
        let run = all_names();
        let fixed: std::collections::BTreeSet<_> =
            run.iter().flat_map(|(root, members)| below(root, members)).collect();
        let told =
            MEANINGS.iter().map(|(path, _)| (*path).to_owned()).filter(|path| !path.contains("NAME") && path != "ITEM");
        assert_eq!(told.collect::<std::collections::BTreeSet<_>>(), fixed);
    }

    /// The paths of every member, and of the members of members.
    fn below(path: &str, r#type: &Type) -> Vec<String> {
        let Type::Object(members) = r#type else { return Vec::new() };
        let members = members.iter().map(|(name, r#type)| (format!("{path}.{name}"), r#type));
        members.flat_map(|(path, r#type)| [below(&path, r#type), vec![path]].concat()).collect()
    }

    /// What the hook on the failure of this subject sees of these stages, as `reason: message (stage/step)`.
    fn failure(subject: &str, state: &Value) -> String {
        failure_at("Failure", subject, state)
    }

    fn failure_at(event: &str, subject: &str, state: &Value) -> String {
        let state: RunState = serde_json::from_value(state.clone()).unwrap();
        let hook = json!({"hook": "tell", "event": event, "subject": subject});
        let failure = failure_of(&state, &serde_json::from_value(hook).unwrap());
        let text = |member: &str| failure[member].as_str().unwrap().to_owned();
        format!("{}: {} ({}/{})", text("reason"), text("message"), text("stage"), text("step"))
    }

    #[test]
    fn hooks_see_what_failed_and_not_what_was_skipped() {
        let state = json!({"stages": [
            {"name": "check", "phase": "Skipped", "reason": "ConditionFalse", "message": "its condition `when` is false"},
            {"name": "deploy", "phase": "Failed", "reason": "Timeout", "message": "step wait: too long", "steps": [
                {"name": "open", "phase": "Succeeded"},
                {"name": "wait", "phase": "Failed", "reason": "Timeout", "message": "too long"},
            ]},
        ]});
        for subject in ["step/wait", "stage/deploy", "pipeline"] {
            assert_eq!(failure(subject, &state), "Timeout: too long (deploy/wait)", "{subject}");
        }
    }

    #[test]
    fn hooks_on_an_abortion_see_who_asked_for_it_and_not_what_was_waited_for() {
        let state = json!({
            "ending": {"phase": "Aborted", "reason": "Aborted", "message": "aborted by alice", "at": "2026-01-01T00:00:00Z"},
            "stages": [
                {"name": "deploy", "phase": "Aborted", "reason": "Aborted", "message": "aborted by alice", "steps": [
                    {"name": "wait", "phase": "Aborted", "message": "waits for a person"},
                ]},
            ],
        });
        for subject in ["step/wait", "stage/deploy", "pipeline"] {
            assert_eq!(failure(subject, &state), "Aborted: aborted by alice (deploy/wait)", "{subject}");
        }
    }

    #[test]
    fn hooks_on_a_start_or_a_success_do_not_see_why_an_earlier_attempt_failed() {
        let state = json!({
            "stages": [{
                "name": "deploy", "phase": "Running", "attempt": 2, "reason": "Timeout", "message": "step wait: too long",
                "steps": [{"name": "open", "phase": "Succeeded"}, {"name": "wait", "phase": "Running"}],
            }],
        });
        for subject in ["step/open", "step/wait", "stage/deploy", "pipeline"] {
            for event in ["Started", "Success"] {
                assert_eq!(failure_at(event, subject, &state), ":  (/)", "{event} of {subject}");
            }
        }
    }

    #[test]
    fn a_hook_on_a_success_does_not_see_the_abort_that_came_before_it_ran() {
        let state = json!({
            "ending": {"phase": "Aborted", "reason": "Aborted", "message": "aborted by alice", "at": "2026-01-01T00:00:00Z"},
            "stages": [{
                "name": "deploy", "phase": "Aborted", "reason": "Aborted", "message": "aborted by alice",
                "steps": [{"name": "open", "phase": "Succeeded"}],
            }],
        });
        assert_eq!(failure_at("Success", "step/open", &state), ":  (/)");
        assert_eq!(failure_at("Abortion", "stage/deploy", &state), "Aborted: aborted by alice (deploy/)");
    }
}
