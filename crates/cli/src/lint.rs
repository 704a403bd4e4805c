//! Everything that is wrong with manifests, before anything is done with them.
//!
//! Structure is judged by the definitions that the API server gets, with its rules (`schema`, `rules`, `defaults`,
//! `metadata`), meaning by the check that gives the condition `Ready` ([`sluice_steps::check`]), and objects against each other
//! (`objects`). All of it is reported at once: what one mistake would hide from the next check is mended for it (`mend`).

mod defaults;
mod excerpt;
mod kinds;
mod mend;
mod metadata;
mod needs;
mod objects;
mod path;
mod render;
mod reports;
mod rules;
mod schema;
mod secret;
mod sources;
#[cfg(test)]
mod tests;

use std::{collections::HashSet, ops::Range, sync::Arc};

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sluice_api::{Code, ComponentUpdate, Environment, Pipeline, PipelineRun, Receiver, ScmProvider, check::Mistake};

pub(crate) use metadata::is_dns_subdomain;
pub(crate) use needs::cluster_needs;
pub(crate) use objects::literal_providers;
pub(crate) use render::{for_terminal, json};

use sluice_scm::document::RemarkKind;
use sluice_steps::check;

use crate::manifest::{Document, Fault, Manifests, Parts, Remark, Source};

/// Something about a place of a file.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    /// What sort of thing it is.
    pub(crate) code: Code,
    /// How bad it is.
    pub(crate) severity: Severity,
    /// The file.
    pub(crate) source: Arc<Source>,
    /// Where in it.
    pub(crate) span: Range<usize>,
    /// The object, such as `Pipeline deploy`; empty where the file is none.
    pub(crate) object: String,
    /// The field of the object.
    pub(crate) path: String,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) help: Option<String>,
    /// Whether kubectl or the API server would refuse the object for it. If not, it shows in the condition `Ready`, or when
    /// the run starts.
    pub(crate) refused: bool,
    /// The parts of the file that nobody may see.
    pub(crate) secrets: Parts,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// It cannot work, or not as it is meant.
    Error,
    /// It is hardly meant.
    Warning,
    /// It is good to know.
    Advice,
}

/// What is looked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    /// The manifests are all that there is: what they name has to be among them.
    pub(crate) whole: bool,
    /// Say which steps the local mode needs a cluster for.
    pub(crate) local: bool,
}

/// Everything that there is to say about manifests, in the order of the files.
pub(crate) fn lint(manifests: &Manifests, options: Options) -> Vec<Finding> {
    let mut found: Vec<Finding> = manifests.faults.iter().map(of_fault).collect();
    for document in &manifests.documents {
        found.extend(document.remarks.iter().map(|remark| of_remark(document, remark)));
        let mistakes = object(document);
        let located = |(mistake, refused)| Finding { refused, ..locate(document, Severity::Error, mistake) };
        found.extend(mistakes.into_iter().map(located));
        if options.local {
            found.extend(local(document));
        }
    }
    for (index, severity, mistake) in objects::check(&manifests.documents, options.whole) {
        found.push(locate(&manifests.documents[index], severity, mistake));
    }
    for finding in &mut found {
        let of_file = manifests.secrets.iter().find(|(source, _)| Arc::ptr_eq(source, &finding.source));
        finding.secrets = of_file.map(|(_, secrets)| Arc::clone(secrets)).unwrap_or_default();
    }
    // The order of the files is that in which they were given.
    let mut files: Vec<*const Source> = Vec::new();
    let sources = manifests.documents.iter().map(|document| &document.source);
    for source in sources.chain(manifests.faults.iter().map(|fault| &fault.source)) {
        if !files.contains(&Arc::as_ptr(source)) {
            files.push(Arc::as_ptr(source));
        }
    }
    let file = |finding: &Finding| files.iter().position(|file| *file == Arc::as_ptr(&finding.source));
    found.sort_by_cached_key(|finding| (file(finding), finding.span.start, finding.code));
    found
}

/// Everything that is wrong with one object by itself, and whether the API server would refuse it for that.
fn object(document: &Document) -> Vec<(Mistake, bool)> {
    if document.is::<Secret>() {
        return secret::check(&document.value).into_iter().map(|mistake| (mistake, true)).collect();
    }
    let schema = match kinds::judge(document) {
        kinds::Judge::Foreign => return Vec::new(),
        kinds::Judge::Wrong(mistake) => return vec![(mistake, true)],
        kinds::Judge::Schema(schema) => schema,
    };
    let mut structure = metadata::check(&document.value);
    let mut value = document.value.clone();
    let status = value.as_object_mut().and_then(|members| {
        members.remove("metadata");
        members.remove("status")
    });
    defaults::fill(schema, &mut value);
    let schema::Checked { found, broken } = schema::check(&without_status(schema), &value, "");
    structure.extend(found);
    if let (Some(status), Some(of_status)) = (status, member(schema, "status")) {
        structure.extend(schema::check_fields(of_status, &status, "status"));
    }
    let meaning = match document.kind() {
        "Pipeline" => {
            let name = document.name();
            meaning(schema, &value, &structure, |pipeline: &Pipeline| check::pipeline(name, &pipeline.spec))
        }
        "PipelineRun" => meaning(schema, &value, &structure, |_: &PipelineRun| Vec::new()),
        "Environment" => meaning(schema, &value, &structure, |environment: &Environment| {
            sluice_api::check::environment(&environment.spec)
        }),
        "Receiver" => {
            meaning(schema, &value, &structure, |receiver: &Receiver| sluice_api::check::receiver(&receiver.spec))
        }
        "ComponentUpdate" => meaning(schema, &value, &structure, |update: &ComponentUpdate| {
            sluice_api::check::component_update(&update.spec)
        }),
        _ => meaning(schema, &value, &structure, |_: &ScmProvider| Vec::new()),
    };
    merge(structure, &broken, meaning)
}

fn member<'a>(schema: &'a JSONSchemaProps, name: &str) -> Option<&'a JSONSchemaProps> {
    schema.properties.as_ref()?.get(name)
}

/// The schema of what is judged beside metadata and status.
fn without_status(schema: &JSONSchemaProps) -> JSONSchemaProps {
    let mut schema = schema.clone();
    if let Some(properties) = &mut schema.properties {
        properties.retain(|name, _| !matches!(name.as_str(), "metadata" | "status"));
        for name in ["apiVersion", "kind"] {
            properties.entry(name.to_owned()).or_default();
        }
    }
    schema
}

/// What the object itself has to say, as far as it can be read: what is wrong with its structure is mended first.
fn meaning<K: DeserializeOwned>(
    schema: &JSONSchemaProps,
    value: &Value,
    structure: &[Mistake],
    check: impl Fn(&K) -> Vec<Mistake>,
) -> Vec<Mistake> {
    use Code::{MissingField, OutOfRange, UnknownField, UnknownValue, WrongLength, WrongPattern, WrongType};
    let mut value = value.clone();
    if let Some(members) = value.as_object_mut() {
        members.insert("metadata".to_owned(), serde_json::json!({"name": "a"}));
    }
    let mut last = None;
    let shape = [MissingField, UnknownField, UnknownValue, WrongType];
    let all = [MissingField, UnknownField, UnknownValue, WrongType, OutOfRange, WrongLength, WrongPattern];
    for mended in [&[][..], &shape, &all] {
        let wrong = structure.iter().filter(|mistake| mended.contains(&mistake.code));
        let wrong: Vec<String> = wrong.map(|mistake| mistake.path.clone()).collect();
        let mut value = value.clone();
        if !wrong.is_empty() {
            mend::mend(schema, &mut value, &wrong);
        }
        match K::deserialize(&value) {
            Ok(object) => {
                let is_mended = |path: &str| wrong.iter().any(|wrong| path::is_within(path, wrong));
                return check(&object).into_iter().filter(|mistake| !is_mended(&mistake.path)).collect();
            }
            Err(error) => last = Some(error),
        }
    }
    // The definition takes what the type does not: the controller would not either.
    let unreadable = last.filter(|_| structure.is_empty()).map(|error| Mistake {
        code: Code::InvalidValue,
        path: String::new(),
        place: None,
        message: format!("the object cannot be read: {error}"),
        help: None,
    });
    unreadable.into_iter().collect()
}

/// Both, and of two mistakes at one place the one that knows more: that of the meaning. `broken` is where rules are, too.
fn merge(structure: Vec<Mistake>, broken: &[String], meaning: Vec<Mistake>) -> Vec<(Mistake, bool)> {
    let paths = |mistakes: &[Mistake]| mistakes.iter().map(|mistake| mistake.path.clone()).collect::<HashSet<_>>();
    let (mut refused, known) = (paths(&structure), paths(&meaning));
    refused.extend(broken.iter().cloned());
    let structure = structure.into_iter().filter(|mistake| !known.contains(&mistake.path));
    let mut all: Vec<_> = structure.map(|mistake| (mistake, true)).collect();
    all.extend(meaning.into_iter().map(|mistake| (refused.contains(&mistake.path), mistake)).map(|(is, it)| (it, is)));
    all
}

fn local(document: &Document) -> Vec<Finding> {
    let pipeline = document.is::<Pipeline>().then(|| document.parse::<Pipeline>().ok()).flatten();
    let needs = pipeline.iter().flat_map(|pipeline| cluster_needs(&pipeline.spec));
    let advice = needs.map(|(path, why)| Mistake {
        code: Code::NeedsCluster,
        path,
        place: None,
        message: format!("{why}, which takes a cluster"),
        help: Some("the local mode uses the kubeconfig for it; without one the step fails".to_owned()),
    });
    advice.map(|mistake| locate(document, Severity::Advice, mistake)).collect()
}

fn of_fault(fault: &Fault) -> Finding {
    Finding {
        code: Code::Unreadable,
        severity: Severity::Error,
        source: Arc::clone(&fault.source),
        span: fault.span.clone(),
        object: String::new(),
        path: String::new(),
        message: fault.message.clone(),
        help: fault.help.clone(),
        refused: true,
        secrets: Arc::default(),
    }
}

fn of_remark(document: &Document, remark: &Remark) -> Finding {
    let (code, message, help) = match &remark.kind {
        RemarkKind::DuplicateKey(key, first) => {
            let line = document.source.position(first.start).line;
            let is_secret = document.is_secret();
            let key = if is_secret { "a key".to_owned() } else { format!("`{key}`") };
            let message = format!("{key} is there twice, and the value in line {line} does not count");
            (Code::DuplicateKey, message, "take one of them out, or put them together")
        }
        RemarkKind::IgnoredText => {
            let message = "kubectl does not read what follows the end of the document".to_owned();
            (Code::IgnoredText, message, "separate documents by a line `---`, and leave out `...`")
        }
    };
    let source = Arc::clone(&document.source);
    let span = source.clamp(remark.span.clone());
    let (severity, help) = (Severity::Warning, Some(help.to_owned()));
    Finding {
        code,
        severity,
        source,
        span,
        object: name_of(document),
        path: String::new(),
        message,
        help,
        refused: false,
        secrets: Arc::default(),
    }
}

/// `Pipeline deploy`.
fn name_of(document: &Document) -> String {
    format!("{} {}", document.kind(), document.name()).trim().to_owned()
}

/// A mistake and where it stands in the file.
fn locate(document: &Document, severity: Severity, mistake: Mistake) -> Finding {
    let source = Arc::clone(&document.source);
    let span = source.clamp(span_of(document, &mistake));
    let Mistake { code, path, message, mut help, .. } = mistake;
    if is_taken_for_a_tag(&source.text, &span) {
        help = Some("`!` begins a tag in YAML: put the text in quotes".to_owned());
    }
    let (object, secrets) = (name_of(document), Arc::default());
    Finding { code, severity, source, span, object, path, message, help, refused: false, secrets }
}

/// Whether a value is empty because YAML takes it for a tag, as in `when: !params.ready`.
fn is_taken_for_a_tag(text: &str, span: &Range<usize>) -> bool {
    let line = text[..span.start].rsplit('\n').next().unwrap_or_default();
    let value = line.rsplit_once(": ").map(|(_, value)| value.trim());
    span.is_empty() && value.is_some_and(|value| value.starts_with('!') && !value.contains(' '))
}

fn span_of(document: &Document, mistake: &Mistake) -> Range<usize> {
    let text = &document.source.text;
    let (found, whole) = document.tree.find(document.root, &mistake.path);
    let node = document.tree.node(found.node);
    if let Some(place) = mistake.place.as_ref().filter(|_| whole)
        && let Some(part) = node.place_of(text, &place.span)
    {
        return first_line(text, part);
    }
    match found.key_span {
        // The field itself is what is wrong, or its value is not there, or goes on for lines.
        Some(key) if mistake.code == Code::UnknownField && whole => key,
        Some(key) if !whole || node.span.is_empty() || text[node.span.clone()].contains('\n') => key,
        _ => first_line(text, node.span.clone()),
    }
}

/// The part of a span that is in its first line; a place has to be seen at a glance.
fn first_line(text: &str, span: Range<usize>) -> Range<usize> {
    let len = text.get(span.clone()).and_then(|part| part.find(['\n', '\r']));
    span.start..len.map_or(span.end, |len| span.start + len)
}
