//! Why a source has no good run to take, in words for people.

use sluice_expr::closest;

use super::{MAX_OUTPUTS, MAX_OUTPUTS_OF_SOURCES};
use crate::{PinnedSource, PipelineSpec, Source};

/// Why a source has no good run to take: a reason word and a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// Why, in one CamelCase word.
    pub reason: &'static str,
    /// Why, and what to do about it.
    pub message: String,
}

/// What there is to say of a pipeline that a source names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourcePipeline {
    /// The names of its stages.
    pub stages: Vec<String>,
    /// The parameters without which no run of it starts.
    pub required: Vec<String>,
}

impl SourcePipeline {
    /// That of this pipeline.
    pub fn of(spec: &PipelineSpec) -> Self {
        let required = spec.params.iter().filter(|param| param.required);
        Self {
            stages: spec.stages.iter().map(|stage| stage.name.clone()).collect(),
            required: required.map(|param| param.name.clone()).collect(),
        }
    }

    /// The command that makes a run of it, with a place for each value that it takes.
    fn completed(&self, command: &str) -> String {
        let params = self.required.iter().map(|name| format!(" -p {name}=..."));
        params.fold(command.to_owned(), |command, param| command + &param)
    }
}

impl Unresolved {
    fn new(reason: &'static str, message: String) -> Self {
        Self { reason, message }
    }

    /// `spec.from` names a source that the pipeline does not have.
    pub fn unknown_source(name: &str, sources: &[Source]) -> Self {
        let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
        let remedy = match closest(name, names.iter().copied()) {
            Some(closest) => format!("did you mean {closest:?}?"),
            None if names.is_empty() => "its `sources` are empty".to_owned(),
            None => format!("it has {}", names.join(", ")),
        };
        Self::new(
            "UnknownSource",
            format!("spec.from names source {name:?}, which the pipeline does not have; {remedy}"),
        )
    }

    /// Nothing of the source has gone well yet; `its` is what its pipeline is like, if that is there. `place` is where it would be,
    /// and `command` makes a run of it, with the parameters that it requires.
    pub fn no_good_run(source: &Source, place: &str, its: Option<&SourcePipeline>, command: &str) -> Self {
        let Source { name, pipeline_ref, stage, .. } = source;
        let pipeline = &pipeline_ref.name;
        let message = match (its, stage) {
            (None, _) => format!(
                "source {name:?} takes the last good run of Pipeline {pipeline:?}, and there is none {place}: \
                 create it, or correct spec.sources"
            ),
            (Some(SourcePipeline { stages, .. }), Some(stage)) if !stages.contains(stage) => {
                let meant = closest(stage, stages.iter().map(String::as_str));
                let meant = meant.map(|meant| format!("; did you mean {meant:?}?")).unwrap_or_default();
                format!(
                    "source {name:?} takes stage {stage:?} of Pipeline {pipeline:?}, which has none of that name{meant}"
                )
            }
            (Some(its), Some(stage)) => format!(
                "source {name:?} has nothing to take: stage {stage:?} has not succeeded in any run of Pipeline {pipeline:?} yet; \
                 make one with `{}`",
                its.completed(command)
            ),
            (Some(its), None) => format!(
                "source {name:?} has nothing to take: no run of Pipeline {pipeline:?} has succeeded yet; make one with \
                 `{}`",
                its.completed(command)
            ),
        };
        Self::new("NoGoodRun", message)
    }

    /// `spec.from` names a run of another pipeline.
    pub fn of_another(source: &Source, run: &str, pipeline: &str) -> Self {
        let (name, remedy) = (&source.name, remedy(source));
        let message = format!(
            "spec.from names run {run:?} for source {name:?}, and that is a run of Pipeline {pipeline:?}; {remedy}"
        );
        Self::new("SourceNotGood", message)
    }

    /// `spec.from` names a run that is no good one.
    pub fn not_good(source: &Source, run: &str) -> Self {
        let (name, remedy) = (&source.name, remedy(source));
        let what = match &source.stage {
            Some(stage) => format!("in which stage {stage:?} has not succeeded"),
            None => "which has not succeeded".to_owned(),
        };
        Self::new("SourceNotGood", format!("spec.from names run {run:?} for source {name:?}, {what}; {remedy}"))
    }

    /// `spec.from` names a run that is not there.
    pub fn not_found(source: &Source, run: &str) -> Self {
        let (name, remedy) = (&source.name, remedy(source));
        let message =
            format!("spec.from names run {run:?} for source {name:?}, and there is none of that name; {remedy}");
        Self::new("SourceRunNotFound", message)
    }

    /// The good run that started this one is not the run that has its name now.
    pub fn made_anew(source: &Source, run: &str) -> Self {
        let name = &source.name;
        let message = format!(
            "good run {run:?} of source {name:?}, which started this run, was deleted, and another run was made under its name; to take              that one, start another run with `--from {name}={run}`"
        );
        Self::new("SourceRunNotFound", message)
    }

    /// Nobody has the outputs of the run any more.
    pub fn outputs_gone(source: &Source, run: &str) -> Self {
        let (name, pipeline) = (&source.name, &source.pipeline_ref.name);
        let message = format!(
            "run {run:?}, the good run of source {name:?}, was deleted, and its outputs were too large to be kept in the status of \
             Pipeline {pipeline:?}; start another run of that pipeline"
        );
        Self::new("SourceRunNotFound", message)
    }

    /// The outputs are too large.
    pub(super) fn too_large(source: &Source, run: &str, size: usize) -> Self {
        let (name, pipeline) = (&source.name, &source.pipeline_ref.name);
        let what = match &source.stage {
            Some(stage) => format!("the steps of stage {stage:?} of Pipeline {pipeline:?}"),
            None => format!("spec.outputs of Pipeline {pipeline:?}"),
        };
        let message = format!(
            "the outputs of run {run:?}, taken for source {name:?}, are {size} bytes, and {MAX_OUTPUTS} is the most that a run takes; let {what} \
             put out less"
        );
        Self::new("OutputTooLarge", message)
    }

    /// The outputs of all sources together are too large.
    pub(super) fn too_large_together(pinned: &[PinnedSource], sizes: &[usize], size: usize) -> Self {
        let largest = pinned.iter().zip(sizes).max_by_key(|(_, size)| **size);
        let largest = largest.map(|(source, size)| format!("; the largest is source {:?} with {size}", source.name));
        let message = format!(
            "the outputs taken for all {} sources are {size} bytes together, and {MAX_OUTPUTS_OF_SOURCES} is the most that a run \
             takes{}: let the runs put out less, or take fewer sources",
            pinned.len(),
            largest.unwrap_or_default()
        );
        Self::new("OutputTooLarge", message)
    }
}

/// What one has to look for who names a run.
fn remedy(source: &Source) -> String {
    let pipeline = &source.pipeline_ref.name;
    match &source.stage {
        Some(stage) => format!("name a run of Pipeline {pipeline:?} in which stage {stage:?} has succeeded"),
        None => format!("name a run of Pipeline {pipeline:?} that has succeeded"),
    }
}
