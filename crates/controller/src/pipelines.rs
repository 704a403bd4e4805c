//! The status of pipelines: the condition `Ready`, with every mistake that can be seen before a run, and what the pipeline is up to.

use std::{borrow::Cow, sync::Arc, time::Duration};

use kube::{Api, Resource, ResourceExt};
use kube_runtime::controller::Action;
use sluice_api::{Pipeline, PipelineStatus, Truth, Verdict};
use sluice_steps::check;

use crate::{
    context::{Context, now},
    controllers::Panicked,
    good_runs,
    guarded::Guarded,
    memories::Memories,
    patch::{self, Member, Version},
    quarantine, triggers,
};

/// After somebody else wrote.
const AGAIN: Duration = Duration::from_secs(5);

/// A status that could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("failed to read Pipeline {name:?}")]
    Read { name: String, source: kube::Error },
    #[error("failed to write the status of Pipeline {name:?}")]
    Write { name: String, source: kube::Error },
    #[error(transparent)]
    Panicked(#[from] Panicked),
}

/// Puts the status of one pipeline together, each part in a place of its own, and writes it once.
pub(crate) async fn reconcile(guarded: Arc<Guarded<Pipeline>>, context: Arc<Context>) -> Result<Action, Error> {
    let seen = match &guarded.0 {
        Ok(pipeline) => pipeline,
        Err(invalid) => {
            context.history.look();
            quarantine::definition::<Pipeline>(&context.client, &invalid.metadata, &invalid.error).await;
            return Ok(Action::await_change());
        }
    };
    let now = now();
    let is_due = triggers::is_due(seen, now) || good_runs::is_due(&context, seen);
    let read = if is_due { read(seen, &context).await? } else { Some(Cow::Borrowed(seen)) };
    // It is gone, or cannot be read: its event is on its way.
    let Some(pipeline) = read else { return Ok(Action::await_change()) };
    let before = pipeline.status.clone().unwrap_or_default();
    let generation = pipeline.metadata.generation;
    if before.observed_generation != generation {
        context.history.look();
    }
    let verdict = judged_once(&context.judged, &pipeline, judge);
    let fault = Some(verdict.message.clone()).filter(|_| verdict.truth != Truth::True);
    let looked = triggers::carry_on(&context, &pipeline, fault.is_none(), now).await;
    let started = good_runs::start(&context, &pipeline, &before, fault.as_deref(), is_due).await;
    let known = context.good_runs.of(&(pipeline.namespace().unwrap_or_default(), pipeline.name_any()));
    let after = PipelineStatus {
        observed_generation: generation,
        conditions: vec![verdict.at(now, generation, &before.conditions)],
        suspended: pipeline.spec.suspend.is_some(),
        next: looked.next().filter(|_| fault.is_none() && pipeline.spec.suspend.is_none()),
        triggers: looked.triggers,
        sources: started.sources,
        good_runs: good_runs::keep(&pipeline.spec, &before.good_runs, &known),
    };
    if after != before && !write(&pipeline, &after, &context).await? {
        // Its event is on its way, with what somebody else wrote.
        return Ok(Action::requeue(AGAIN));
    }
    // Runs that history had to keep may go now.
    if after.good_runs != before.good_runs || after.sources != before.sources {
        context.history.look();
    }
    for report in looked.reports.into_iter().chain(started.reports) {
        context.reports.send(&pipeline.object_ref(&()), report);
    }
    let again = looked.again.into_iter().chain(started.again).min();
    Ok(again.map_or_else(Action::await_change, Action::requeue))
}

/// The pipeline as it is at this moment.
async fn read<'a>(seen: &Pipeline, context: &Context) -> Result<Option<Cow<'a, Pipeline>>, Error> {
    let (name, namespace) = (seen.name_any(), seen.namespace().unwrap_or_default());
    let pipelines: Api<Guarded<Pipeline>> = Api::namespaced(context.client.clone(), &namespace);
    let read = pipelines.get_opt(&name).await.map_err(|source| Error::Read { name, source })?;
    Ok(read.and_then(|read| read.0.ok()).map(Cow::Owned))
}

/// Writes the status, unless the pipeline changed or went since it was read.
async fn write(pipeline: &Pipeline, status: &PipelineStatus, context: &Context) -> Result<bool, Error> {
    let (name, namespace) = (pipeline.name_any(), pipeline.namespace().unwrap_or_default());
    let version = pipeline.resource_version().unwrap_or_default();
    let version = Version { namespace: &namespace, name: &name, resource_version: &version };
    match patch::set::<Pipeline>(&context.client, version, Member::Status, status).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 409 || status.code == 404 => Ok(false),
        Err(source) => Err(Error::Write { name, source }),
    }
}

/// Tries again later.
pub(crate) fn error_policy(_: Arc<Guarded<Pipeline>>, error: &Error, _: Arc<Context>) -> Action {
    tracing::warn!(error = %error, source = ?std::error::Error::source(error), "the status of a Pipeline was not written; it is tried again");
    Action::requeue(AGAIN)
}

/// The generation of a pipeline that this process judged last, and its verdict. What the status says may be the verdict of another
/// version of Sluice, which knows other mistakes.
#[derive(Default)]
pub(crate) struct Judged(Option<(i64, Verdict)>);

/// The verdict on a pipeline. Each generation is judged once: all its expressions are compiled for that, and every tick and
/// every good run brings the pipeline back.
fn judged_once(known: &Memories<Judged>, pipeline: &Pipeline, judge: impl FnOnce(&Pipeline) -> Verdict) -> Verdict {
    let (Some(uid), Some(generation)) = (pipeline.uid(), pipeline.metadata.generation) else { return judge(pipeline) };
    let verdict = match known.take(&uid) {
        Judged(Some((of, verdict))) if of == generation => verdict,
        Judged(_) => judge(pipeline),
    };
    known.put(&uid, Judged(Some((generation, verdict.clone()))));
    verdict
}

fn judge(pipeline: &Pipeline) -> Verdict {
    let mistakes = check::pipeline(&pipeline.name_any(), &pipeline.spec);
    if mistakes.is_empty() {
        return Verdict::ready(Truth::True, "Valid", "runs can start");
    }
    let all: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    Verdict::ready(Truth::False, "Invalid", all.join("\n"))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use serde_json::json;

    use super::*;

    fn pipeline(uid: &str, generation: Option<i64>) -> Pipeline {
        let metadata = json!({"name": "web", "namespace": "shop", "uid": uid, "generation": generation});
        serde_json::from_value(json!({"metadata": metadata, "spec": {"serviceAccountName": "a", "stages": []}}))
            .unwrap()
    }

    #[test]
    fn each_generation_of_a_pipeline_is_judged_once() {
        let (known, judgements) = (Memories::default(), Cell::new(0));
        let said = |pipeline: &Pipeline| {
            let verdict = judged_once(&known, pipeline, |pipeline| {
                judgements.set(judgements.get() + 1);
                Verdict::ready(Truth::False, "Invalid", format!("{:?}", pipeline.metadata.generation))
            });
            (verdict.message, judgements.get())
        };
        for (uid, generation, expected) in
            [("a", 1, 1), ("a", 1, 1), ("a", 2, 2), ("a", 2, 2), ("b", 2, 3), ("a", 2, 3)]
        {
            assert_eq!(said(&pipeline(uid, Some(generation))), (format!("Some({generation})"), expected), "{uid}");
        }
        // Whatever has no generation may have changed.
        assert_eq!([said(&pipeline("c", None)).1, said(&pipeline("c", None)).1], [4, 5]);
        known.keep_only(&["a".to_owned()].into());
        assert_eq!([said(&pipeline("a", Some(2))).1, said(&pipeline("b", Some(2))).1], [5, 6]);
    }
}
