//! Which definition an object is one of.

use std::sync::LazyLock;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{CustomResourceDefinition, JSONSchemaProps};
use sluice_api::{
    Code,
    check::Mistake,
    names::{GROUP, VERSION},
};
use sluice_expr::closest;

use crate::manifest::Document;

static DEFINITIONS: LazyLock<Vec<CustomResourceDefinition>> = LazyLock::new(sluice_api::crds);

/// What an object is to be judged by.
pub(super) enum Judge {
    /// It is of a kind of ours, with this schema.
    Schema(&'static JSONSchemaProps),
    /// It is of a kind of somebody else.
    Foreign,
    /// It is of no kind.
    Wrong(Mistake),
}

/// Finds the definition.
pub(super) fn judge(document: &Document) -> Judge {
    let missing = |field: &str, help: String| {
        Judge::Wrong(mistake(field, format!("the object does not say its `{field}`"), help))
    };
    if document.kind().is_empty() {
        return missing("kind", format!("add `kind`; Sluice has {}", kinds().join(", ")));
    }
    let (version, kind) = (document.api_version(), document.kind());
    if version.is_empty() {
        return missing("apiVersion", format!("add `apiVersion: {GROUP}/{VERSION}`, or that of another kind"));
    }
    // Without a version it is the version alone, of the group without a name.
    let group = version.split_once('/').map_or(version, |(group, _)| group);
    let is_ours = group == GROUP;
    let looks_ours = group.contains("sluice") || closest(group, [GROUP]).is_some();
    let right = format!("{GROUP}/{VERSION}");
    let is_misspelt = looks_ours && kinds().contains(&kind);
    if !is_ours && !is_misspelt {
        return Judge::Foreign;
    }
    if version != right {
        let message = format!("there is no API version `{version}`");
        return Judge::Wrong(mistake("apiVersion", message, format!("write `{right}`")));
    }
    let definition = DEFINITIONS.iter().find(|definition| definition.spec.names.kind == kind);
    let Some(definition) = definition else {
        let help = match closest(kind, kinds()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("Sluice has {}", kinds().join(", ")),
        };
        return Judge::Wrong(mistake("kind", format!("{GROUP} has no kind `{kind}`"), help));
    };
    let of_version = definition.spec.versions.iter().find(|version| version.name == VERSION);
    let schema = of_version.and_then(|version| version.schema.as_ref()?.open_api_v3_schema.as_ref());
    schema.map_or(Judge::Foreign, Judge::Schema)
}

fn kinds() -> Vec<&'static str> {
    DEFINITIONS.iter().map(|definition| definition.spec.names.kind.as_str()).collect()
}

fn mistake(path: &str, message: String, help: String) -> Mistake {
    Mistake { code: Code::UnknownKind, path: path.to_owned(), place: None, message, help: Some(help) }
}
