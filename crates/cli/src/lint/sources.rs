//! Sources against the other manifests: the pipelines and stages whose good runs are taken, what a run takes instead, and pipelines
//! that start each other.

use sluice_api::{Code, Pipeline, PipelineRun, PipelineSpec, Source, StepConfig, check::Mistake};
use sluice_expr::closest;

use super::{
    Severity,
    objects::{Located, find, missing},
};
use crate::manifest::Document;

/// What is wrong with one of the documents beside the others. With `whole` they are all that there is.
pub(super) fn check(documents: &[Document], index: usize, whole: bool) -> Vec<Located> {
    let document = &documents[index];
    let mut found = Vec::new();
    if document.is::<Pipeline>()
        && let Ok(pipeline) = document.parse::<Pipeline>()
    {
        for (place, source) in pipeline.spec.sources.iter().enumerate() {
            let path = format!("spec.sources[{place}]");
            let of = &source.pipeline_ref.name;
            match find::<Pipeline>(documents, document, of) {
                Some(other) => found.extend(stage(other, source, &path).map(|it| (index, Severity::Error, it))),
                None => {
                    found.extend(missing::<Pipeline>(documents, of, &format!("{path}.pipelineRef.name"), whole, index))
                }
            }
            if source.start {
                let circle = circle(documents, document, source, &path);
                found.extend(circle.map(|it| (index, Severity::Error, it)));
                found.extend(by_hand(&pipeline.spec, &path).map(|it| (index, Severity::Warning, it)));
            }
        }
    }
    if document.is::<PipelineRun>()
        && let Ok(run) = document.parse::<PipelineRun>()
        && let Some(pipeline) = find::<Pipeline>(documents, document, &run.spec.pipeline_ref.name)
        && let Ok(pipeline) = pipeline.parse::<Pipeline>()
    {
        for (place, from) in run.spec.from.iter().enumerate() {
            let mistake = undeclared(&from.source, &pipeline.spec, format!("spec.from[{place}].source"));
            found.extend(mistake.map(|it| (index, Severity::Error, it)));
        }
    }
    found
}

fn mistake(code: Code, path: String, message: String, help: String) -> Mistake {
    Mistake { code, path, place: None, message, help: Some(help) }
}

/// A stage that the source's pipeline does not have. One that cannot be read is reported by its own document.
fn stage(pipeline: &Document, source: &Source, path: &str) -> Option<Mistake> {
    let stage = source.stage.as_deref()?;
    let stages = pipeline.parse::<Pipeline>().ok()?.spec.stages;
    let known: Vec<&str> = stages.iter().map(|stage| stage.name.as_str()).collect();
    let help = match closest(stage, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("it has {}, at {}", known.join(", "), pipeline.place()),
    };
    let message = || format!("Pipeline `{}` has no stage `{stage}`", pipeline.name());
    (!known.contains(&stage)).then(|| mistake(Code::UnknownReference, format!("{path}.stage"), message(), help))
}

/// A run that takes something for a source that its pipeline does not have.
fn undeclared(name: &str, pipeline: &PipelineSpec, path: String) -> Option<Mistake> {
    let known: Vec<&str> = pipeline.sources.iter().map(|source| source.name.as_str()).collect();
    let help = match closest(name, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => "it has no sources".to_owned(),
        None => format!("it has {}", known.join(", ")),
    };
    let message = format!("the pipeline has no source `{name}`");
    (!known.contains(&name)).then(|| mistake(Code::UnknownReference, path, message, help))
}

/// A circle of pipelines, each of which is started by the next one: by its good runs, or by one of its steps.
fn circle(documents: &[Document], document: &Document, source: &Source, path: &str) -> Option<Mistake> {
    let mut ways = vec![vec![document.name().to_owned(), source.pipeline_ref.name.clone()]];
    let mut met: Vec<String> = Vec::new();
    while let Some(way) = ways.pop() {
        let last = way.last()?.clone();
        if last == document.name() {
            // A source of itself is a mistake of its own.
            let message = || format!("these pipelines start each other: {}", way.join(" <- "));
            let help = "take `start` away from one of the sources".to_owned();
            return (way.len() > 2).then(|| mistake(Code::Circle, format!("{path}.start"), message(), help));
        }
        if met.contains(&last) {
            continue;
        }
        let next = starters(documents, document, &last);
        met.push(last);
        ways.extend(next.into_iter().map(|next| way.iter().cloned().chain([next]).collect()));
    }
    None
}

/// The pipelines by whose good runs, or in whose steps, runs of this one are started.
fn starters(documents: &[Document], near: &Document, pipeline: &str) -> Vec<String> {
    let started = find::<Pipeline>(documents, near, pipeline).and_then(|it| it.parse::<Pipeline>().ok());
    let sources = started.into_iter().flat_map(|it| it.spec.sources).filter(|source| source.start);
    let parents = documents.iter().filter(|parent| {
        let is_it = find::<Pipeline>(documents, near, parent.name()).is_some_and(|found| std::ptr::eq(found, *parent));
        is_it && parent.parse::<Pipeline>().is_ok_and(|it| starts(&it.spec, pipeline))
    });
    sources.map(|source| source.pipeline_ref.name).chain(parents.map(|parent| parent.name().to_owned())).collect()
}

/// Whether a step starts runs of that pipeline. One that names it by an expression is not known.
fn starts(spec: &PipelineSpec, pipeline: &str) -> bool {
    let steps = spec.stages.iter().flat_map(|stage| &stage.steps);
    let mut steps = steps.chain(spec.hooks.iter().flat_map(|hook| &hook.steps));
    let is_it =
        |config: StepConfig| matches!(config, StepConfig::ChildRun(child) if child.pipeline_ref.name == pipeline);
    steps.any(|step| step.config().is_ok_and(is_it))
}

/// Every stage that begins a run has to be approved: then a good run starts nothing.
fn by_hand(spec: &PipelineSpec, path: &str) -> Option<Mistake> {
    // What the Environments want is not asked here.
    spec.begins_by_hand(|_| false).then(|| {
        let message =
            "good runs start nothing here: the pipeline begins with a stage that has to be approved".to_owned();
        let help = "take `start` away, or the approval from the first stage; people and timers start such a pipeline"
            .to_owned();
        mistake(Code::InvalidValue, format!("{path}.start"), message, help)
    })
}
