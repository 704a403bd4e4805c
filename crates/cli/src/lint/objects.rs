//! Objects against each other: what one names has to be there, and nothing twice.

use std::collections::HashMap;

use kube::Resource;
use serde_json::Value;
use sluice_api::{Code, Environment, Pipeline, PipelineRun, ScmProvider, check::Mistake, resolve_params};
use sluice_expr::{closest, may_interpolate};

use super::{Severity, path, reports, sources};
use crate::manifest::Document;

/// A mistake of one of the documents.
pub(super) type Located = (usize, Severity, Mistake);

/// What is wrong between the documents. With `whole` they are all that there is.
pub(super) fn check(documents: &[Document], whole: bool) -> Vec<Located> {
    let mut found = twice(documents);
    for (index, document) in documents.iter().enumerate() {
        found.extend(reports::check(documents, index, whole));
        found.extend(sources::check(documents, index, whole));
        if document.is::<PipelineRun>() {
            let name = document.value.pointer("/spec/pipelineRef/name").and_then(Value::as_str);
            let pipeline = name.and_then(|name| find::<Pipeline>(documents, document, name));
            match (name, pipeline) {
                (Some(_), Some(pipeline)) => {
                    found.extend(params(document, pipeline).map(|it| (index, Severity::Error, it)))
                }
                (Some(name), None) => {
                    found.extend(missing::<Pipeline>(documents, name, "spec.pipelineRef.name", whole, index));
                }
                (None, _) => {}
            }
        }
        if document.is::<Pipeline>() {
            for (name, path) in literal_providers(&document.value["spec"]) {
                if find::<ScmProvider>(documents, document, &name).is_none() {
                    found.extend(missing::<ScmProvider>(documents, &name, &path, whole, index));
                }
            }
            for (name, path) in literal_environments(&document.value["spec"]) {
                match find::<Environment>(documents, document, name) {
                    Some(environment) => {
                        let mistake = not_allowed(environment, document.name(), path);
                        found.extend(mistake.map(|it| (index, Severity::Error, it)));
                    }
                    None => found.extend(missing::<Environment>(documents, name, &path, whole, index)),
                }
            }
        }
    }
    found
}

fn twice(documents: &[Document]) -> Vec<Located> {
    let mut seen = HashMap::new();
    let mut found = Vec::new();
    for (index, document) in documents.iter().enumerate().filter(|(_, document)| !document.name().is_empty()) {
        let group = document.api_version().rsplit_once('/').map_or("", |(group, _)| group);
        let key = (group, document.kind(), document.namespace(), document.name());
        if let Some(first) = seen.insert(key, document) {
            let mistake = Mistake {
                code: Code::DuplicateObject,
                path: "metadata.name".to_owned(),
                place: None,
                message: format!("there is a {} `{}` already, at {}", document.kind(), document.name(), first.place()),
                help: Some("give it another name, or take one of them out: the later one would go over it".to_owned()),
            };
            found.push((index, Severity::Error, mistake));
        }
    }
    found
}

/// The object of this kind and name that a document means: of its namespace, as far as both say one.
pub(super) fn find<'a, K>(documents: &'a [Document], from: &Document, name: &str) -> Option<&'a Document>
where
    K: Resource<DynamicType = ()>,
{
    let near = |document: &&Document| match (document.namespace(), from.namespace()) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    documents.iter().filter(|document| document.is::<K>() && document.name() == name).find(near)
}

/// A reference to nothing. In files the object may be in the cluster: it is worth a word only if others of its kind are there.
pub(super) fn missing<K>(documents: &[Document], name: &str, path: &str, whole: bool, at: usize) -> Option<Located>
where
    K: Resource<DynamicType = ()>,
{
    let kind = K::kind(&());
    let known: Vec<&str> = documents.iter().filter(|document| document.is::<K>()).map(Document::name).collect();
    if known.is_empty() && !whole {
        return None;
    }
    let help = match (closest(name, known.iter().copied()), whole) {
        (Some(meant), _) => format!("did you mean `{meant}`?"),
        (None, true) if known.is_empty() => format!("create the {kind}"),
        (None, true) => format!("create it, or name one that is there: {}", known.join(", ")),
        (None, false) => "it has to be in the cluster then".to_owned(),
    };
    let place = if whole { "in its namespace" } else { "among these manifests" };
    let mistake = Mistake {
        code: Code::MissingObject,
        path: path.to_owned(),
        place: None,
        message: format!("there is no {kind} `{name}` {place}"),
        help: Some(help),
    };
    Some((at, if whole { Severity::Error } else { Severity::Warning }, mistake))
}

/// A run's parameters against its pipeline's. What cannot be read is reported by its own document.
fn params(run: &Document, pipeline: &Document) -> impl Iterator<Item = Mistake> {
    let problems = match (run.parse::<PipelineRun>(), pipeline.parse::<Pipeline>()) {
        (Ok(run), Ok(pipeline)) => resolve_params(&pipeline.spec.params, &run.spec.params).err().unwrap_or_default(),
        _ => Vec::new(),
    };
    let declared = format!("see `spec.params` of Pipeline `{}`, at {}", pipeline.name(), pipeline.place());
    problems.into_iter().map(move |problem| Mistake {
        code: Code::WrongParameters,
        path: path::member("spec.params", &problem.name),
        place: None,
        message: format!("parameter `{}`: {}", problem.name, problem.message),
        help: Some(declared.clone()),
    })
}

/// The Environments that the stages of a pipeline of this `spec` are bound to, with the paths. Those that an expression names
/// are not known.
fn literal_environments(spec: &Value) -> impl Iterator<Item = (&str, String)> {
    let stages = spec["stages"].as_array().into_iter().flatten().enumerate();
    let bound = stages.filter_map(|(index, stage)| {
        let path = path::member(&path::item("spec.stages", index), "environment");
        Some((stage.get("environment")?.as_str()?, path))
    });
    bound.filter(|(name, _)| !may_interpolate(name))
}

/// A stage of a pipeline of this name is bound to an Environment that does not allow it. One that cannot be read is reported by
/// its own document.
fn not_allowed(environment: &Document, pipeline: &str, path: String) -> Option<Mistake> {
    let is_allowed = environment.parse::<Environment>().map_or(true, |it| it.spec.allows(pipeline));
    (!is_allowed && !pipeline.is_empty()).then(|| Mistake {
        code: Code::NotAllowed,
        path,
        place: None,
        message: format!("Environment `{}` does not allow pipeline `{pipeline}`", environment.name()),
        help: Some(format!("add it to its `spec.allowedPipelines`, at {}", environment.place())),
    })
}

/// The providers that the steps of a pipeline of this `spec` name, with the paths. Those that an expression names are not known.
pub(crate) fn literal_providers(spec: &Value) -> Vec<(String, String)> {
    fn walk(value: &Value, path: &str, found: &mut Vec<(String, String)>) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    let path = path::member(path, name);
                    match member.get("name").and_then(Value::as_str).filter(|_| name == "providerRef") {
                        Some(provider) => found.push((provider.to_owned(), path::member(&path, "name"))),
                        None => walk(member, &path, found),
                    }
                }
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| walk(item, &path::item(path, index), found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    for group in ["stages", "hooks"] {
        walk(&spec[group], &format!("spec.{group}"), &mut found);
    }
    found.retain(|(name, _)| !may_interpolate(name));
    found
}
