//! `pipelineRun`: a child run, attached or detached.
//!
//! *Find, then create, then adopt*: the child's name is made from the key, so whoever performs the step under the same claim
//! finds the same run. It is the step's own only when it runs the same pipeline with the same parameters, and the parent's
//! UID and the key are the step's; labels tell nothing.

mod family;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use jiff::SignedDuration;
use kube::ResourceExt;
use serde_json::{Map, Value, json};
use sluice_api::{
    LocalReference, PipelineRun, PipelineRunSpec, Summary, Trigger, names, resolve_params,
    step::{ChildRun, ConfigMistake, RunMode, StepType},
};
use sluice_engine::{Failure, Outcome, Outputs, RunPhase, Undone, cut_to};

use crate::{Perform, StepContext, literals::Literals};

/// The child's end wakes the step; this is for an event that was lost.
const LOOK_EVERY: SignedDuration = SignedDuration::from_mins(5);

/// How many bytes of what a child says while it ends are repeated: it says all of it itself.
const SAID_OF_AN_END: usize = 200;

#[async_trait]
impl Perform for ChildRun {
    const EXAMPLE: &'static str = r#"
pipelineRun:
  pipelineRef: {name: smoke-test}
  params:
    version: ${{ params.version }}
"#;

    fn literal_mistakes(&self) -> Vec<ConfigMistake> {
        Literals::default().object_name("pipelineRef.name", &self.pipeline_ref.name).mistakes()
    }

    async fn act(&self, context: &StepContext<'_>) -> Outcome {
        let child = start(self, context).await;
        child.map_or_else(Outcome::Failed, |child| match self.mode {
            RunMode::Attached => judge(&child, context),
            RunMode::Detached => Outcome::Succeeded(identity(&child)),
        })
    }

    async fn look(&self, context: &StepContext<'_>) -> Outcome {
        match find(self, context).await {
            Ok(Some(child)) => judge(&child, context),
            Ok(None) => Outcome::Failed(gone(&name(context))),
            // The child goes on whether it can be read or not.
            Err(failure) => context.waits_or_fails(failure),
        }
    }

    /// Done when the child has ended, its own hooks included, so that the hooks of this run come after them.
    async fn undo(&self, context: &StepContext<'_>) -> Result<Undone, Failure> {
        if !self.undoes() {
            return Ok(Undone::Done);
        }
        let runs = context.world.runs();
        let Some(child) = runs.run(&name(context)).await? else { return Ok(Undone::Done) };
        if !is_own(&child, context) || is_finished(&child) {
            return Ok(Undone::Done);
        }
        if !child.is_about_to_end() {
            runs.abort(&child, &format!("its parent, run {:?}, ended step {:?}", context.run.name, context.step))
                .await?;
        }
        let said = cut_to(SAID_OF_AN_END, message(&child));
        Ok(Undone::NotYet { message: format!("run {:?} is ending: {said}", child.name_any()) })
    }
}

/// The child, found or created.
async fn start(config: &ChildRun, context: &StepContext<'_>) -> Result<PipelineRun, Failure> {
    if let Some(child) = find(config, context).await? {
        return Ok(child);
    }
    if seen(context).is_some() {
        return Err(gone(&name(context)));
    }
    let child = wanted(config, context)?;
    check_pipeline(config, &child, context).await?;
    context.world.runs().create(&child).await?;
    // Whoever was faster, another process or the one that was killed: what is there now is what counts.
    find(config, context).await?.ok_or_else(|| gone(&name(context)))
}

/// The run of the child's name; an error when it is somebody else's.
async fn find(config: &ChildRun, context: &StepContext<'_>) -> Result<Option<PipelineRun>, Failure> {
    let name = name(context);
    let Some(found) = context.world.runs().run(&name).await? else { return Ok(None) };
    // No more than this: another version of the controller may write other things beside it.
    let wanted = wanted(config, context)?.spec;
    let does_the_same = found.spec.pipeline_ref == wanted.pipeline_ref && found.spec.params == wanted.params;
    if !is_own(&found, context) {
        let message = format!("there is a run {name:?} that this step did not start: delete it, or rename it");
        return Err(Failure::definite("NameTaken", message));
    }
    if !does_the_same {
        let message = format!(
            "an earlier attempt started run {name:?} with another pipeline or other parameters, and it is not taken for this \
             one: abort it if it still runs, and retry"
        );
        return Err(Failure::definite("ChildDiffers", message));
    }
    // One that was deleted and made again by hand is another run.
    if seen(context).is_some_and(|uid| found.metadata.uid.as_deref() != Some(uid)) {
        return Err(gone(&name));
    }
    Ok(Some(found))
}

/// The run that the step starts.
fn wanted(config: &ChildRun, context: &StepContext<'_>) -> Result<PipelineRun, Failure> {
    let ChildRun { pipeline_ref: LocalReference { name: pipeline }, params, mode: _, on_abort: _ } = config;
    if !names::is_object_name(pipeline) {
        let message = format!("pipelineRun.pipelineRef.name: {pipeline:?} is no name of an object");
        return Err(Failure::definite("InvalidConfiguration", message));
    }
    let spec = PipelineRunSpec {
        pipeline_ref: LocalReference { name: pipeline.clone() },
        params: family::params(params)?,
        from: Vec::new(),
        requested_by: Some(context.run.requested_by.clone()).filter(|name| !name.is_empty()),
        trigger: Some(Trigger { parent: Some(family::parent(context, pipeline)?), ..Trigger::default() }),
        actions: Vec::new(),
    };
    let mut run = PipelineRun::new(&name(context), spec);
    run.metadata.labels = Some(names::labels_of_child(pipeline, &context.run.name));
    Ok(run)
}

/// A run of a pipeline that is not there would wait for it, and one with wrong parameters fail; here it is known who made the
/// mistake.
async fn check_pipeline(config: &ChildRun, child: &PipelineRun, context: &StepContext<'_>) -> Result<(), Failure> {
    let name = &config.pipeline_ref.name;
    let Some(pipeline) = context.world.runs().pipeline(name).await? else {
        let message = format!("there is no Pipeline {name:?} in namespace {:?}: create it", context.run.namespace);
        return Err(Failure::definite("PipelineNotFound", message));
    };
    resolve_params(&pipeline.params, &child.spec.params).map(|_| ()).map_err(|problems| {
        let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let message = format!("the parameters are not those of Pipeline {name:?}: {}", all.join("; "));
        Failure::definite("InvalidParameters", message)
    })
}

/// What the child's state is to the step.
fn judge(child: &PipelineRun, context: &StepContext<'_>) -> Outcome {
    let state = child.status.as_ref().map(|status| &status.state);
    let (name, pipeline) = (child.name_any(), &child.spec.pipeline_ref.name);
    let ended = |reason: &str, how: &str| {
        let ending = state.and_then(|state| state.ending.as_ref());
        let why = ending.map_or_else(String::new, |ending| ending.reason.clone());
        let message = ending.and_then(|ending| ending.message.as_deref()).unwrap_or("it does not say why");
        let message = format!("run {name:?} of pipeline {pipeline:?} {how} ({why}): {message}");
        Outcome::Failed(Failure::definite(reason, message))
    };
    match state.filter(|_| is_finished(child)).map(|state| state.phase) {
        Some(RunPhase::Succeeded) => {
            let outputs = state.map(|state| state.outputs.clone()).unwrap_or_default();
            let mut all = identity(child);
            all.insert("outputs".to_owned(), Value::Object(outputs));
            Outcome::Succeeded(all)
        }
        Some(RunPhase::Aborted) => ended("ChildAborted", "was aborted"),
        Some(_) => ended("ChildFailed", "failed"),
        None => Outcome::Waiting {
            look_at: context.now + LOOK_EVERY,
            not_before: None,
            message: Some(format!("run {name:?} has not ended: {}", message(child))),
            progress: Some(progress(child)),
            act_again: false,
        },
    }
}

/// What the child does or waits for, in its own words.
fn message(child: &PipelineRun) -> String {
    let message = child.status.as_ref().and_then(|status| status.message.clone());
    message.unwrap_or_else(|| "it has not started yet".to_owned())
}

/// What was seen of the child, for machines.
fn progress(child: &PipelineRun) -> Value {
    let state = child.status.as_ref().map(|status| &status.state);
    let Summary { step, waiting_on, .. } = state.map(Summary::of).unwrap_or_default();
    let mut run = Map::from_iter([
        ("name".to_owned(), json!(child.name_any())),
        ("uid".to_owned(), json!(child.metadata.uid)),
        ("phase".to_owned(), json!(state.map(|state| state.phase).unwrap_or_default())),
    ]);
    run.extend(step.map(|step| ("step".to_owned(), json!(step))));
    run.extend(waiting_on.map(|on| ("waitingOn".to_owned(), json!({"kind": on.kind, "key": on.key}))));
    json!({"run": run})
}

/// The UID of the child that was seen before.
fn seen<'a>(context: &StepContext<'a>) -> Option<&'a str> {
    context.progress?.pointer("/run/uid")?.as_str()
}

fn identity(child: &PipelineRun) -> Outputs {
    let run = json!({"name": child.name_any(), "uid": child.metadata.uid});
    Outputs::from_iter([("run".to_owned(), run)])
}

fn is_finished(child: &PipelineRun) -> bool {
    child.status.as_ref().is_some_and(|status| status.state.is_finished())
}

fn is_own(child: &PipelineRun, context: &StepContext<'_>) -> bool {
    let parent = child.spec.trigger.as_ref().and_then(|trigger| trigger.parent.as_ref());
    parent.is_some_and(|parent| parent.uid == context.run.uid && parent.key == context.key)
}

fn name(context: &StepContext<'_>) -> String {
    context.claim().object_name()
}

fn gone(name: &str) -> Failure {
    let message = format!("run {name:?} was deleted before its end was seen; it is not started again");
    Failure::definite("ChildGone", message)
}
