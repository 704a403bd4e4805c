//! `start: true`: each good run of a source starts one run of the pipeline.
//!
//! # Guarantees
//! - **Exactly one.** The run's name follows from the good run, so whoever starts it again finds it; and once that is written down in the
//!   pipeline's status nobody tries again, also when the run was deleted.
//! - **As the pipeline is then.** Whether a good run is still to be dealt with, and whether it may start anything, is judged on a live read: what
//!   the watch shows may be from before somebody else dealt with it, or suspended the pipeline.
//! - **None is lost.** A run is made before it is written down that it was, and history keeps the good run until then.
//! - One that starts nothing says why, in the status and in an Event.

use std::time::Duration;

use jiff::Timestamp;
use kube::ResourceExt;
use kube_runtime::reflector::ObjectRef;
use sluice_api::{
    FromSource, MAX_DEPTH, Pipeline, PipelineRun, PipelineStatus, RunName, Source, SourceStart, SourceStatus, Start,
    Trigger, names, went_well,
};
use sluice_steps::Report;

use super::{
    cursor::{self, Candidate},
    resolve::{self, resolve},
};
use crate::{
    causes::in_one_line,
    clock,
    context::{Context, is_listed, now},
    guarded::Guarded,
    starts::{self, Dropped},
};

/// So many good runs of a source are dealt with before it is written down.
const AT_ONCE: usize = 25;

/// When more is left to do.
const SOON: Duration = Duration::from_secs(1);

/// After something failed.
const AGAIN: Duration = Duration::from_secs(5);

/// What came of looking at the sources of a pipeline.
pub(crate) struct Looked {
    /// Where each of them stands.
    pub(crate) sources: Vec<SourceStatus>,
    /// What people are told, once that is written.
    pub(crate) reports: Vec<Report>,
    /// When to look again, where nothing tells.
    pub(crate) again: Option<Duration>,
}

/// Whether there is a good run to be dealt with, as far as this version of the pipeline tells.
pub(crate) fn is_due(context: &Context, pipeline: &Pipeline) -> bool {
    let before = pipeline.status.as_ref().map(|status| status.sources.as_slice()).unwrap_or_default();
    let namespace = pipeline.namespace().unwrap_or_default();
    let now = now();
    is_known(context)
        && pipeline.spec.sources.iter().filter(|source| source.start).any(|source| {
            let status = cursor::of(source, before, starts::begins(pipeline, now), now);
            !cursor::open(&status, &good_runs_of(context, &namespace, source)).is_empty()
        })
}

/// Whether the watches have shown all that is asked of them here.
fn is_known(context: &Context) -> bool {
    is_listed(&context.runs) && context.records.are_known()
}

/// Starts what the good runs of the pipeline's sources start, if the pipeline `is_live`. `fault` says why no run of it can start now,
/// if none can.
pub(crate) async fn start(
    context: &Context,
    pipeline: &Pipeline,
    before: &PipelineStatus,
    fault: Option<&str>,
    is_live: bool,
) -> Looked {
    let mut looked = Looked { sources: Vec::new(), reports: Vec::new(), again: None };
    let sources: Vec<&Source> = pipeline.spec.sources.iter().filter(|source| source.start).collect();
    if sources.is_empty() {
        return looked;
    }
    if !is_known(context) {
        return Looked { sources: before.sources.clone(), again: Some(SOON), ..looked };
    }
    let this = This {
        context,
        pipeline,
        namespace: pipeline.namespace().unwrap_or_default(),
        was_suspended: before.suspended,
        fault,
    };
    for source in sources {
        let now = now();
        let mut status = cursor::of(source, &before.sources, starts::begins(pipeline, now), now);
        let good = good_runs_of(context, &this.namespace, source);
        if let Some(before) = cursor::set_back(&mut status, &good, now) {
            looked.reports.push(set_back(source, before, &status));
        }
        if now.duration_since(status.since) < clock::SET_BACK_BY {
            looked.again = looked.again.or(Some(clock::LOOK_AT_CLOCK));
        }
        let open = cursor::open(&status, &good);
        let at_once = if is_live { AT_ONCE } else { 0 };
        if open.len() > at_once {
            looked.again = Some(SOON);
        }
        for candidate in open.into_iter().take(at_once) {
            match this.deal_with(source, &candidate).await {
                Ok(start) => {
                    looked.reports.push(report(source, &candidate, &start));
                    cursor::close(&mut status, &candidate.run.uid, start, &good);
                }
                Err(error) => {
                    let (name, run) = (pipeline.name_any(), &candidate.run.name);
                    tracing::warn!(pipeline = name, good = run, error = %in_one_line(&error), "a good run started nothing yet; it is tried again");
                    looked.again = looked.again.map(|again| again.min(AGAIN)).or(Some(AGAIN));
                    break;
                }
            }
        }
        looked.sources.push(status);
    }
    looked
}

/// A request that failed.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Resolve(#[from] resolve::Error),
    #[error(transparent)]
    Lock(#[from] starts::LockError),
    #[error(transparent)]
    Start(#[from] starts::Error),
}

/// The pipeline that is to be started.
struct This<'a> {
    context: &'a Context,
    pipeline: &'a Pipeline,
    namespace: String,
    was_suspended: bool,
    fault: Option<&'a str>,
}

impl This<'_> {
    /// Starts a run for a good one, or says why not.
    async fn deal_with(&self, source: &Source, candidate: &Candidate) -> Result<Start, Error> {
        let pipeline = self.pipeline.name_any();
        let name = names::run_of_source(&pipeline, &source.name, &candidate.run.uid);
        let pipelines = self.above(candidate, source);
        let cause = SourceStart { name: source.name.clone(), run: candidate.run.clone(), pipelines: pipelines.clone() };
        let trigger = Trigger { source: Some(cause), ..Trigger::default() };
        let mut run = starts::run(&name, &pipeline, trigger);
        let made = match self.is_made(&run) {
            true => Ok(run),
            false => {
                let hindered = self.prepare(source, candidate, &pipelines, &mut run).await?;
                let Context { client, locks, .. } = self.context;
                starts::start(client, &locks.making, &self.namespace, &run, hindered).await?
            }
        };
        Ok(match made {
            Ok(_) => starts::started(candidate.at, name, None),
            Err(dropped) => starts::dropped(candidate.at, dropped),
        })
    }

    /// Adds what the run takes, or says why it is not to be started.
    async fn prepare(
        &self,
        source: &Source,
        candidate: &Candidate,
        above: &[String],
        run: &mut PipelineRun,
    ) -> Result<Option<Dropped>, Error> {
        if let Some(dropped) = self.hindrance(source, above) {
            return Ok(Some(dropped));
        }
        let named = [FromSource::new(&source.name, &candidate.run.name)];
        let pinned = match resolve(self.context, &self.namespace, &self.pipeline.spec.sources, &named).await {
            Ok(Ok(pinned)) => pinned,
            Ok(Err(unresolved)) => return Ok(Some(unresolved.into())),
            Err(error) if error.is_refused() => return Ok(Some(Dropped::source_refused(&in_one_line(&error)))),
            Err(error) => return Err(error.into()),
        };
        run.spec.requested_by = self.requested_by(&candidate.run);
        run.spec.from = pinned.iter().map(FromSource::from).collect();
        Ok(starts::locked(self.context, self.pipeline, run, &pinned).await?)
    }

    /// Whether the watch shows that the run was made before, and that was not written down.
    fn is_made(&self, run: &PipelineRun) -> bool {
        let found = self.context.runs.get(&self.reference(&run.name_any()));
        found.is_some_and(|found| found.0.as_ref().is_ok_and(|found| starts::is_same(&run.spec, &found.spec)))
    }

    /// Why a good run is not to start anything.
    fn hindrance(&self, source: &Source, above: &[String]) -> Option<Dropped> {
        let name = &source.name;
        let spec = &self.pipeline.spec;
        if let Some(fault) = self.fault {
            let message = format!("the pipeline cannot run: {fault}");
            return Some(Dropped { reason: "PipelineInvalid", message });
        }
        if let Some(suspended) = Dropped::suspended(spec.suspend.as_ref(), self.was_suspended) {
            return Some(suspended);
        }
        if starts::begins_by_hand_now(self.context, &self.namespace, spec) {
            let message = format!(
                "the pipeline begins with a stage that has to be approved, so only people and timers start it; take `start` \
                 away from source {name:?}, or the approval from the first stage"
            );
            return Some(Dropped { reason: "ManualFirstStage", message });
        }
        endless(above, &self.pipeline.name_any())
    }

    /// The pipelines of the runs above a run that this good run starts. The run says what is above itself, whatever of that was
    /// deleted since.
    fn above(&self, candidate: &Candidate, source: &Source) -> Vec<String> {
        let trigger = self.known(&candidate.run).and_then(|run| run.spec.trigger).unwrap_or_default();
        trigger.below(&source.pipeline_ref.name)
    }

    fn requested_by(&self, run: &RunName) -> Option<String> {
        self.known(run)?.spec.requested_by
    }

    fn known(&self, run: &RunName) -> Option<PipelineRun> {
        let found = self.context.runs.get(&self.reference(&run.name))?;
        let found = found.0.as_ref().ok()?;
        (found.metadata.uid.as_ref() == Some(&run.uid)).then(|| found.clone())
    }

    fn reference(&self, name: &str) -> ObjectRef<Guarded<PipelineRun>> {
        ObjectRef::new(name).within(&self.namespace)
    }
}

fn good_runs_of(context: &Context, namespace: &str, source: &Source) -> Vec<Candidate> {
    let runs = context.runs.state();
    let runs = runs.iter().filter_map(|run| run.0.as_ref().ok());
    let own = runs.filter(|run| {
        run.metadata.namespace.as_deref() == Some(namespace) && run.spec.pipeline_ref == source.pipeline_ref
    });
    own.filter_map(|run| candidate(run, source)).collect()
}

/// Why no run of the pipeline is started below runs of these: they would start each other without an end.
fn endless(above: &[String], pipeline: &str) -> Option<Dropped> {
    let chain = || above.iter().map(String::as_str).chain([pipeline]).collect::<Vec<_>>().join(" -> ");
    if above.iter().any(|above| above == pipeline) {
        let message = format!(
            "these pipelines would start each other for ever: {}; take `start` away from one of the sources in the circle",
            chain()
        );
        return Some(Dropped { reason: "Circle", message });
    }
    (above.len() > MAX_DEPTH).then(|| {
        let message =
            format!("no more than {MAX_DEPTH} runs may be above another one: {}; make the chain shorter", chain());
        Dropped { reason: "TooDeep", message }
    })
}

/// A run as a good run of the source, if it is one.
fn candidate(run: &PipelineRun, source: &Source) -> Option<Candidate> {
    let went = went_well(&run.status.as_ref()?.state).find(|went| source.takes(went))?;
    let name = RunName { name: run.metadata.name.clone()?, uid: run.metadata.uid.clone()? };
    Some(Candidate { at: went.at, run: name })
}

/// Whether a run is a good one of this source of a pipeline, that may still start something.
pub(crate) fn is_open(run: &PipelineRun, source: &Source, pipeline: &Pipeline) -> bool {
    let is_concerned = source.start && run.spec.pipeline_ref == source.pipeline_ref;
    let Some(found) = is_concerned.then(|| candidate(run, source)).flatten() else { return false };
    let sources = pipeline.status.iter().flat_map(|status| &status.sources);
    let mut known = sources.filter(|known| known.name == source.name && known.of == source.of());
    // Nobody has looked yet.
    known.next().is_none_or(|status| cursor::is_open(status, found.at, &found.run.uid))
}

/// What people are told where the clock was set back.
fn set_back(source: &Source, before: Timestamp, status: &SourceStatus) -> Report {
    let (name, since) = (&source.name, status.since);
    let message = format!(
        "source {name:?} was looked at up to {before}, and that is still to come: the clock was set back; good runs that end after {since} \
         start runs, and those that ended before and have started none start none any more"
    );
    tracing::warn!(source = name, %before, %since, "the clock was set back; a source is looked at from now on");
    Report { reason: "ClockSetBack".to_owned(), message, warning: true }
}

fn report(source: &Source, candidate: &Candidate, start: &Start) -> Report {
    let (source, good) = (&source.name, &candidate.run.name);
    let (reason, message) = match &start.run_ref {
        Some(run) => ("RunStarted", format!("good run {good:?} of source {source:?} has started run {:?}", run.name)),
        None => {
            let why = start.message.as_deref().unwrap_or_default();
            ("StartDropped", format!("good run {good:?} of source {source:?} starts no run: {why}"))
        }
    };
    Report { reason: reason.to_owned(), message, warning: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_is_started_once_in_a_chain_and_the_chain_is_bounded() {
        let names = |count: usize| (1..=count).map(|number| format!("p{number}")).collect::<Vec<_>>();
        let told = |above: &[String], pipeline: &str| endless(above, pipeline).map(|why| (why.reason, why.message));
        assert_eq!(told(&names(MAX_DEPTH), "deploy"), None);
        let (reason, message) = told(&names(3), "p2").unwrap();
        assert_eq!(reason, "Circle");
        assert!(message.contains("for ever: p1 -> p2 -> p3 -> p2; take `start` away"), "{message}");
        let (reason, message) = told(&names(MAX_DEPTH + 1), "deploy").unwrap();
        assert_eq!(reason, "TooDeep");
        assert!(message.contains("p9 -> deploy"), "{message}");
    }
}
