//! Reports of components against the other manifests: the Environments that a Receiver or a ComponentUpdate names, the component
//! there, and the pipelines that an Environment has deploy them.

use serde_json::Value;
use sluice_api::{
    Code, ComponentUpdate, Environment, Pipeline, Receiver,
    check::{InVain, Mistake, in_vain, unfit_for_updates},
};
use sluice_expr::closest;

use super::{
    Severity,
    objects::{Located, find, missing},
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
                    let mistake = deploys_nothing(documents, document, pipeline, &path);
                    found.extend(mistake.map(|it| (index, Severity::Warning, it)));
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
fn deploys_nothing(documents: &[Document], environment: &Document, pipeline: &Document, path: &str) -> Option<Mistake> {
    let (of, spec) = (environment.parse::<Environment>().ok()?.spec, pipeline.parse::<Pipeline>().ok()?.spec);
    let wants_approval = |name: &str| {
        let environment = find::<Environment>(documents, environment, name).map(Document::parse::<Environment>);
        environment.is_some_and(|it| it.is_ok_and(|it| it.spec.approval.is_some()))
    };
    let why = in_vain((environment.name(), &of), (pipeline.name(), &spec), wants_approval)?;
    let code = match why {
        InVain::ByHand => Code::InvalidValue,
        // That is reported with the stage.
        InVain::NotAllowed { by_name: true, .. } => return None,
        InVain::NotAllowed { by_name: false, .. } => Code::NotAllowed,
    };
    Some(Mistake {
        code,
        path: path.to_owned(),
        place: None,
        message: format!("updates deploy nothing by Pipeline `{}`: {why}", pipeline.name()),
        help: Some(format!("see Pipeline `{}`, at {}", pipeline.name(), pipeline.place())),
    })
}

/// The pipelines that deploy components of an Environment of this `spec`, with the paths.
fn deploying(spec: &Value) -> impl Iterator<Item = (&str, String)> {
    let components = spec["components"].as_array().into_iter().flatten().enumerate();
    components.filter_map(|(index, component)| {
        let name = component.pointer("/onUpdate/deploy/pipelineRef/name")?.as_str()?;
        Some((name, path::item("spec.components", index) + ".onUpdate.deploy.pipelineRef.name"))
    })
}
