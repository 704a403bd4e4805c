//! Reports of components against the other manifests: the Environments that a Receiver or a ComponentUpdate names, the component
//! there, and the pipelines that an Environment has deploy them.

use serde_json::Value;
use sluice_api::{
    Code, ComponentUpdate, Environment, Pipeline, Receiver,
    check::{Mistake, unfit_for_updates},
};
use sluice_expr::closest;

use super::{
    Severity,
    objects::{Located, find, missing, not_allowed},
    path,
};
use crate::manifest::Document;

/// What is wrong with one of the documents beside the others. With `whole` they are all that there is.
pub(super) fn check(documents: &[Document], index: usize, whole: bool) -> Vec<Located> {
    let document = &documents[index];
    let spec = &document.value["spec"];
    let mut found = Vec::new();
    if document.is::<Receiver>() {
        let names = spec["component"]["environments"].as_array().into_iter().flatten().enumerate();
        for (place, name) in names.filter_map(|(place, name)| Some((place, name.as_str()?))) {
            if find::<Environment>(documents, document, name).is_none() {
                let path = path::item("spec.component.environments", place);
                found.extend(missing::<Environment>(documents, name, &path, whole, index));
            }
        }
    }
    if document.is::<ComponentUpdate>()
        && let Some(name) = spec["environment"].as_str()
    {
        match find::<Environment>(documents, document, name) {
            Some(environment) => {
                let mistake = spec["component"].as_str().and_then(|component| undeclared(environment, component));
                found.extend(mistake.map(|it| (index, Severity::Error, it)));
            }
            None => found.extend(missing::<Environment>(documents, name, "spec.environment", whole, index)),
        }
    }
    if document.is::<Environment>() {
        for (name, path) in deploying(spec) {
            match find::<Pipeline>(documents, document, name) {
                Some(pipeline) => {
                    found.extend(unfit(pipeline, &path).map(|it| (index, Severity::Error, it)));
                    found.extend(in_vain(document, pipeline, &path).map(|it| (index, Severity::Warning, it)));
                }
                None => found.extend(missing::<Pipeline>(documents, name, &path, whole, index)),
            }
        }
    }
    found
}

/// A component that an Environment does not have. An Environment that cannot be read is reported by its own document.
fn undeclared(environment: &Document, component: &str) -> Option<Mistake> {
    let of_it = environment.parse::<Environment>().ok()?.spec.components;
    let known: Vec<&str> = of_it.iter().map(|it| it.name.as_str()).collect();
    let help = match closest(component, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("add it to its `spec.components`, at {}", environment.place()),
    };
    (!known.contains(&component)).then(|| Mistake {
        code: Code::MissingObject,
        path: "spec.component".to_owned(),
        place: None,
        message: format!("Environment `{}` has no component `{component}`", environment.name()),
        help: Some(help),
    })
}

/// A pipeline that updates cannot start. One that cannot be read is reported by its own document.
fn unfit(pipeline: &Document, path: &str) -> Option<Mistake> {
    let why = unfit_for_updates(&pipeline.parse::<Pipeline>().ok()?.spec);
    (!why.is_empty()).then(|| Mistake {
        code: Code::WrongParameters,
        path: path.to_owned(),
        place: None,
        message: format!("updates cannot start runs of Pipeline `{}`: {}", pipeline.name(), why.join("; ")),
        help: Some(format!("see Pipeline `{}`, at {}", pipeline.name(), pipeline.place())),
    })
}

/// A pipeline whose runs for updates come to nothing: none is started, or none may deploy to the Environment.
fn in_vain(environment: &Document, pipeline: &Document, path: &str) -> Option<Mistake> {
    let spec = pipeline.parse::<Pipeline>().ok()?.spec;
    if spec.begins_by_hand(|_| false) {
        return Some(Mistake {
            code: Code::InvalidValue,
            path: path.to_owned(),
            place: None,
            message: "updates start nothing here: the pipeline begins with a stage that has to be approved".to_owned(),
            help: Some(format!("take the approval from the first stage, at {}", pipeline.place())),
        });
    }
    // Its parameter `environment` is this one; a stage that is bound by name is reported with the pipeline.
    let is_bound = |to: &str| to.replace(' ', "") == "${{params.environment}}";
    let is_bound = spec.stages.iter().filter_map(|stage| stage.environment.as_deref()).any(is_bound);
    if is_bound { not_allowed(environment, pipeline.name(), path.to_owned()) } else { None }
}

/// The pipelines that deploy components of an Environment of this `spec`, with the paths.
fn deploying(spec: &Value) -> impl Iterator<Item = (&str, String)> {
    let components = spec["components"].as_array().into_iter().flatten().enumerate();
    components.filter_map(|(index, component)| {
        let name = component.pointer("/onUpdate/deploy/pipelineRef/name")?.as_str()?;
        Some((name, path::item("spec.components", index) + ".onUpdate.deploy.pipelineRef.name"))
    })
}
