//! Children from their start to their end, without a cluster.

use std::sync::atomic::Ordering;

use sluice_api::{MAX_DEPTH, ParamValue, ParentRun, PipelineRunStatus, PipelineSpec, SourceStart};
use sluice_engine::RunState;

use super::*;
use crate::fake_world::FakeWorld;

/// The name that the child of [`FakeWorld::context`] has.
const CHILD: &str = "deploy-1-example-sluice-key-1";

/// A world with the pipeline `build`, which takes a version.
fn world() -> FakeWorld {
    let spec = "serviceAccountName: a
params: [{name: version, required: true}, {name: replicas, type: Integer, default: 2}, {name: canary, type: Boolean}]
stages: [{name: only, steps: [{name: work, set: {values: {x: 1}}}]}]";
    let spec: PipelineSpec = serde_saphyr::from_str(spec).unwrap();
    let mut world = FakeWorld::default();
    world.runs.pipelines.insert("build".to_owned(), spec);
    world
}

fn step(yaml: &str) -> ChildRun {
    serde_saphyr::from_str(yaml).unwrap()
}

fn build() -> ChildRun {
    step("{pipelineRef: {name: build}, params: {version: '1.10'}}")
}

/// The child, as it is in the table.
fn child(world: &FakeWorld) -> PipelineRun {
    world.runs.runs.lock().unwrap().get(CHILD).cloned().unwrap()
}

/// The child's status becomes this.
fn becomes(world: &FakeWorld, state: Value, message: &str) {
    let state: RunState = serde_json::from_value(state).unwrap();
    let message = Some(message.to_owned());
    let status = PipelineRunStatus { state, message, ..PipelineRunStatus::default() };
    world.runs.runs.lock().unwrap().get_mut(CHILD).unwrap().status = Some(status);
}

fn ended(phase: &str, reason: &str, message: &str) -> Value {
    let at = "2026-05-04T12:00:00Z";
    let ending = json!({"phase": phase, "reason": reason, "message": message, "at": at});
    json!({"phase": phase, "finishedAt": at, "ending": ending, "outputs": {"image": "web:1.10"}})
}

async fn act(step: &ChildRun, world: &FakeWorld) -> Outcome {
    step.act(&world.context()).await
}

/// A failure as `reason: message`.
fn failure(outcome: Outcome) -> String {
    let Outcome::Failed(Failure { reason, message, .. }) = outcome else { panic!("{outcome:?}") };
    format!("{reason}: {message}")
}

fn waits(outcome: Outcome) -> (String, Value) {
    let Outcome::Waiting { message, progress, .. } = outcome else { panic!("{outcome:?}") };
    (message.unwrap(), progress.unwrap())
}

#[tokio::test]
async fn an_attached_child_is_started_and_waited_for_and_its_outputs_are_the_steps() {
    let world = world();
    let (message, progress) = waits(act(&build(), &world).await);
    assert_eq!(message, format!("run {CHILD:?} has not ended: it has not started yet"));
    assert_eq!(progress["run"]["uid"], "uid-1");

    let made = child(&world);
    assert_eq!(made.spec.params["version"], ParamValue::String("1.10".to_owned()));
    assert_eq!(made.spec.requested_by.as_deref(), Some("alice"));
    let (uid, key) = ("6f1c".to_owned(), "sluice-key-1".to_owned());
    let (name, step, pipelines) = ("deploy-1".to_owned(), "example".to_owned(), vec!["deploy".to_owned()]);
    let parent = ParentRun { name, uid, step, key, pipelines };
    assert_eq!(made.spec.trigger, Some(Trigger { parent: Some(parent), ..Trigger::default() }));
    assert_eq!(made.labels()["sluice.dev/parent"], "deploy-1");

    let waiting = json!({"phase": "Running", "stages": [{"name": "a", "phase": "Running", "steps": [{"name": "merge",
        "phase": "Running", "waitingOn": {"kind": "PullRequest", "key": "url", "since": "2026-05-04T12:00:00Z"}}]}]});
    becomes(&world, waiting, "not merged");
    let (message, progress) = waits(build().look(&world.context()).await);
    assert_eq!(message, format!("run {CHILD:?} has not ended: not merged"));
    let run = &progress["run"];
    assert_eq!((&run["step"], &run["waitingOn"]["key"]), (&json!("merge"), &json!("url")));

    becomes(&world, ended("Succeeded", "Succeeded", ""), "");
    let Outcome::Succeeded(outputs) = build().look(&world.context()).await else { panic!() };
    let expected = json!({"run": {"name": CHILD, "uid": "uid-1"}, "outputs": {"image": "web:1.10"}});
    assert_eq!(Value::Object(outputs), expected);
}

#[tokio::test]
async fn a_detached_child_only_has_to_be_there() {
    let world = world();
    let detached = step("{pipelineRef: {name: build}, params: {version: '1'}, mode: Detached}");
    let Outcome::Succeeded(outputs) = act(&detached, &world).await else { panic!() };
    assert_eq!(Value::Object(outputs), json!({"run": {"name": CHILD, "uid": "uid-1"}}));
    detached.undo(&world.context()).await.unwrap();
    assert_eq!(child(&world).spec.actions, []);
}

#[tokio::test]
async fn what_became_of_the_child_becomes_of_the_step() {
    let world = world();
    act(&build(), &world).await;
    becomes(&world, ended("Failed", "Timeout", "stage a: step b: too slow"), "");
    let expected =
        format!("ChildFailed: run {CHILD:?} of pipeline \"build\" failed (Timeout): stage a: step b: too slow");
    assert_eq!(failure(build().look(&world.context()).await), expected);
    becomes(&world, ended("Aborted", "Aborted", "aborted by bob"), "");
    let expected = format!("ChildAborted: run {CHILD:?} of pipeline \"build\" was aborted (Aborted): aborted by bob");
    assert_eq!(failure(build().look(&world.context()).await), expected);
}

#[tokio::test]
async fn one_that_has_its_hooks_still_to_run_has_not_ended() {
    let world = world();
    act(&build(), &world).await;
    let mut ending = ended("Failed", "Timeout", "too slow");
    ending.as_object_mut().unwrap().remove("finishedAt");
    becomes(&world, ending, "hook tell is under way");
    assert_eq!(
        waits(build().look(&world.context()).await).0,
        format!("run {CHILD:?} has not ended: hook tell is under way")
    );
}

#[tokio::test]
async fn it_is_found_again_after_a_lost_answer_and_never_made_twice() {
    let world = world();
    world.runs.loses_answers.store(true, Ordering::Relaxed);
    assert_eq!(failure(act(&build(), &world).await), "KubernetesUnavailable: no answer");
    waits(act(&build(), &world).await);
    assert_eq!(world.runs.created.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn one_that_was_deleted_is_not_started_again() {
    let world = world();
    let (_, progress) = waits(act(&build(), &world).await);
    world.runs.runs.lock().unwrap().clear();
    let gone = format!("ChildGone: run {CHILD:?} was deleted before its end was seen; it is not started again");
    assert_eq!(failure(build().look(&world.context()).await), gone);
    let context = StepContext { progress: Some(&progress), ..world.context() };
    assert_eq!(failure(build().act(&context).await), gone);

    // Somebody made it again, from what `kubectl get` said.
    waits(act(&build(), &world).await);
    assert_eq!(failure(build().look(&context).await), gone);
}

#[tokio::test]
async fn somebody_elses_run_of_the_name_is_neither_taken_nor_aborted() {
    type Change = fn(&mut PipelineRun);
    let changes: [Change; 2] = [
        |run| run.spec.trigger = None,
        |run| run.spec.trigger.as_mut().unwrap().parent.as_mut().unwrap().key = "other".to_owned(),
    ];
    for change in changes {
        let world = world();
        act(&build(), &world).await;
        change(world.runs.runs.lock().unwrap().get_mut(CHILD).unwrap());
        let taken =
            format!("NameTaken: there is a run {CHILD:?} that this step did not start: delete it, or rename it");
        assert_eq!(failure(act(&build(), &world).await), taken);
    }
    let world = world();
    act(&build(), &world).await;
    world.runs.runs.lock().unwrap().get_mut(CHILD).unwrap().spec.trigger = None;
    build().undo(&world.context()).await.unwrap();
    assert_eq!(child(&world).spec.actions, []);
}

#[tokio::test]
async fn one_that_an_earlier_attempt_started_with_other_parameters_is_not_taken() {
    let world = world();
    act(&build(), &world).await;
    world.runs.runs.lock().unwrap().get_mut(CHILD).unwrap().spec.params.clear();
    let expected = format!(
        "ChildDiffers: an earlier attempt started run {CHILD:?} with another pipeline or other parameters, and it is not \
         taken for this one: abort it if it still runs, and retry"
    );
    assert_eq!(failure(act(&build(), &world).await), expected);
    assert!(matches!(build().undo(&world.context()).await, Ok(Undone::NotYet { .. })), "it is the step's own");
    assert_eq!(child(&world).spec.actions.len(), 1);
}

#[tokio::test]
async fn a_look_that_nobody_answers_fails_nothing() {
    let world = world();
    let (_, progress) = waits(act(&build(), &world).await);
    world.runs.is_away.store(true, Ordering::Relaxed);
    let context = StepContext { progress: Some(&progress), ..world.context() };
    assert_eq!(waits(build().look(&context).await), ("nobody answers".to_owned(), progress.clone()));
}

#[tokio::test]
async fn what_is_wrong_with_the_reference_or_the_parameters_is_the_steps_failure() {
    let world = world();
    for (step, expected) in [
        (
            "{pipelineRef: {name: biuld}}",
            "PipelineNotFound: there is no Pipeline \"biuld\" in namespace \"shop\": create it",
        ),
        (
            "{pipelineRef: {name: build}, params: {verison: '1'}}",
            "InvalidParameters: the parameters are not those of Pipeline \"build\": spec.params.version: is required and \
             missing: add it to the run; spec.params.verison: the pipeline has no such parameter; did you mean \
             \"version\"?",
        ),
        (
            "{pipelineRef: {name: ../secrets}}",
            "InvalidConfiguration: pipelineRun.pipelineRef.name: \"../secrets\" is no name of an object",
        ),
        (
            "{pipelineRef: {name: build}, params: {version: [1]}}",
            "InvalidConfiguration: pipelineRun.params.version is a list; a parameter is text, a whole number, true or \
             false: write it as text",
        ),
    ] {
        assert_eq!(failure(act(&self::step(step), &world).await), expected, "{step}");
    }
    assert_eq!(world.runs.created.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn values_are_passed_on_as_parameters_have_them() {
    let world = world();
    act(&step("{pipelineRef: {name: build}, params: {version: '1', replicas: 3, canary: true}}"), &world).await;
    let params = serde_json::to_value(child(&world).spec.params).unwrap();
    assert_eq!(params, json!({"version": "1", "replicas": 3, "canary": "true"}));

    let world = self::world();
    act(&step("{pipelineRef: {name: build}, params: {version: '1', replicas: null}}"), &world).await;
    assert_eq!(serde_json::to_value(child(&world).spec.params).unwrap(), json!({"version": "1"}));
}

#[tokio::test]
async fn a_pipeline_that_is_above_already_is_refused_with_the_chain() {
    let mut world = world();
    let pipelines = vec!["build".to_owned(), "test".to_owned()];
    world.run.trigger.parent = Some(ParentRun { pipelines, ..ParentRun::default() });
    let expected =
        "Recursion: pipeline \"build\" would start itself: build -> test -> deploy -> build; end the chain before it";
    assert_eq!(failure(act(&build(), &world).await), expected);
}

#[tokio::test]
async fn what_started_the_parent_as_a_source_is_above_as_well() {
    let mut world = world();
    let pipelines = vec!["build".to_owned()];
    world.run.trigger.source = Some(SourceStart { pipelines, ..SourceStart::default() });
    let expected =
        "Recursion: pipeline \"build\" would start itself: build -> deploy -> build; end the chain before it";
    assert_eq!(failure(act(&build(), &world).await), expected);
}

#[tokio::test]
async fn runs_are_nested_so_deep_and_no_deeper() {
    let mut world = world();
    let above = |count: usize| {
        let pipelines = (1..=count).map(|number| format!("p{number}")).collect();
        Some(ParentRun { pipelines, ..ParentRun::default() })
    };
    world.run.trigger.parent = above(MAX_DEPTH - 1);
    waits(act(&build(), &world).await);
    world.runs.runs.lock().unwrap().clear();
    world.run.trigger.parent = above(MAX_DEPTH);
    let expected = "TooDeep: no more than 8 runs may be above another one: p1 -> p2 -> p3 -> p4 -> p5 -> p6 -> p7 -> p8 \
                    -> deploy -> build; make the chain shorter";
    assert_eq!(failure(act(&build(), &world).await), expected);
}

#[tokio::test]
async fn an_abort_is_passed_on_once_and_waits_for_the_childs_own_end() {
    let world = world();
    build().undo(&world.context()).await.unwrap();
    act(&build(), &world).await;
    for _ in 0..2 {
        let message = format!("run {CHILD:?} is ending: it has not started yet");
        assert_eq!(build().undo(&world.context()).await, Ok(Undone::NotYet { message }));
    }
    let asked: Vec<_> = child(&world).spec.actions.into_iter().map(|it| (it.by, it.reason)).collect();
    let reason = "its parent, run \"deploy-1\", ended step \"example\"".to_owned();
    assert_eq!(asked, [("sluice-controller".to_owned(), Some(reason))]);

    becomes(&world, ended("Aborted", "Aborted", "aborted"), "");
    build().undo(&world.context()).await.unwrap();
}

#[tokio::test]
async fn a_child_that_has_ended_is_left_alone() {
    let world = world();
    act(&build(), &world).await;
    becomes(&world, ended("Succeeded", "Succeeded", ""), "");
    build().undo(&world.context()).await.unwrap();
    assert_eq!(child(&world).spec.actions, []);
}
