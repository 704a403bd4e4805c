//! Sources against the other manifests: the pipelines and stages whose good runs are taken, what a run takes instead, and pipelines
//! that start each other.

use sluice_api::{Code, Pipeline, PipelineRun, PipelineSpec, Source, check::Mistake};
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

/// A circle of pipelines, each of which is started by the good runs of the next one.
fn circle(documents: &[Document], document: &Document, source: &Source, path: &str) -> Option<Mistake> {
    let mut ways = vec![vec![document.name().to_owned(), source.pipeline_ref.name.clone()]];
    let mut met: Vec<String> = Vec::new();
    while let Some(way) = ways.pop() {
        let last = way.last()?.clone();
        if last == document.name() {
            // A source of itself is a mistake of its own.
            let message = || format!("the good runs of these pipelines start each other: {}", way.join(" <- "));
            let help = "take `start` away from one of the sources".to_owned();
            return (way.len() > 2).then(|| mistake(Code::Circle, format!("{path}.start"), message(), help));
        }
        if met.contains(&last) {
            continue;
        }
        let next = find::<Pipeline>(documents, document, &last).and_then(|next| next.parse::<Pipeline>().ok());
        met.push(last);
        for source in next.iter().flat_map(|next| &next.spec.sources).filter(|source| source.start) {
            ways.push(way.iter().cloned().chain([source.pipeline_ref.name.clone()]).collect());
        }
    }
    None
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
