//! Those who judge a manifest: `sluice lint`, the API server with the controller, and the JSON Schema.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use futures::StreamExt;
use futures::stream;
use jsonschema::Validator;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, PostParams};
use serde_json::Value;
use sluice_scm::document::{self, Document, Read, Source};
use sluice_tests::fixture::Team;
use sluice_tests::{Cluster, TestNamespace, eventually, paths};

use super::mutation::{Mutation, Verdict};
use crate::PATIENCE;
use crate::short::{condition, kubectl};

/// How many programs run at a time.
const AT_ONCE: usize = 8;

/// What was said of one manifest.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    /// The objects as the API server would store them, or why it refuses.
    stored: Result<Vec<Value>, String>,
    /// Why its pipelines are not ready.
    not_ready: Vec<String>,
    lint: Lint,
    /// Whether the schema takes it; nothing where the text cannot be read.
    pub(super) schema: Option<bool>,
}

/// What `sluice lint` said.
#[derive(Clone, Debug)]
pub(super) struct Lint {
    pub(super) exit: Option<i32>,
    /// Code, path and message of each error.
    errors: Vec<[String; 3]>,
    /// Whether it says of any error that the API server refuses the object for it.
    refused: bool,
    /// What went wrong beside.
    pub(super) stderr: String,
}

impl Judged {
    /// What is not as this verdict has it.
    pub(super) fn against(&self, verdict: Verdict) -> Vec<String> {
        let found = match &self.stored {
            Err(_) => Verdict::Refused,
            Ok(_) if self.not_ready.is_empty() => Verdict::Accepted,
            Ok(_) => Verdict::NotReady,
        };
        let mut wrong = Vec::new();
        if found != verdict {
            let why = self.stored.as_ref().err().into_iter().chain(&self.not_ready).cloned().collect::<Vec<_>>();
            wrong.push(format!("the cluster says {found:?}: {}", why.join("; ")));
        }
        let exit = i32::from(found != Verdict::Accepted);
        if self.lint.exit != Some(exit) || !self.lint.stderr.is_empty() {
            wrong.push(format!("lint ended with {:?}: {:?} {}", self.lint.exit, self.lint.errors, self.lint.stderr));
        }
        if (self.lint.exit == Some(0)) != self.lint.errors.is_empty() {
            wrong.push(format!("lint ended with {:?} and found {:?}", self.lint.exit, self.lint.errors));
        }
        if self.lint.refused != (found == Verdict::Refused) && self.lint.exit == Some(exit) {
            let says = if self.lint.refused { "refuse" } else { "take" };
            wrong.push(format!("lint has the API server {says} it: {:?}", self.lint.errors));
        }
        if found != Verdict::Refused && self.schema == Some(false) {
            wrong.push("the schema is stricter than the API server".to_owned());
        }
        wrong
    }
}

/// Judges them all.
pub(super) async fn judge(team: &Team, manifests: &[Mutation]) -> Vec<Judged> {
    // One in which nothing is yet, for what is only tried.
    let empty = TestNamespace::new(team.cluster(), "agreement").await;
    let schema = Arc::new(jsonschema::draft7::new(&sluice_api::json_schema::all()).expect("a schema"));
    let one = |manifest: &Mutation| {
        let (cluster, namespace) = (team.cluster().clone(), empty.name().to_owned());
        let (text, schema) = (manifest.text.clone(), Arc::clone(&schema));
        tokio::task::spawn_blocking(move || Judged {
            stored: dry_run(&cluster, &namespace, &text),
            not_ready: Vec::new(),
            lint: lint(&["-"], text.as_bytes()),
            schema: takes(&schema, &text),
        })
    };
    let judged = stream::iter(manifests).map(one).buffered(AT_ONCE);
    let mut judged: Vec<Judged> = judged.map(|judged| judged.expect("no panic")).collect().await;
    let mut mistakes = readiness(team, &judged).await;
    for (index, judged) in judged.iter_mut().enumerate() {
        judged.not_ready = mistakes.remove(&index).unwrap_or_default();
    }
    judged
}

/// What kubectl and the API server make of a manifest.
fn dry_run(cluster: &Cluster, namespace: &str, text: &str) -> Result<Vec<Value>, String> {
    let create = ["create", "--dry-run=server", "--validate=strict", "-n", namespace, "-o", "json", "-f", "-"];
    let said = kubectl(cluster, &create, text)?;
    let values = serde_json::Deserializer::from_str(&said).into_iter::<Value>();
    let values = values.collect::<Result<Vec<_>, _>>().map_err(|error| format!("{error}: {said}"))?;
    let of_list = |value: Value| match value["kind"].as_str() {
        Some("List") => value["items"].as_array().cloned().unwrap_or_default(),
        _ => vec![value],
    };
    Ok(values.into_iter().flat_map(of_list).collect())
}

/// Stores every pipeline that was taken, under a name of its own, and reads why which of them are not ready.
async fn readiness(team: &Team, judged: &[Judged]) -> BTreeMap<usize, Vec<String>> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("sluice.dev", "v1alpha1", "Pipeline"));
    let api: Api<DynamicObject> = Api::namespaced_with(team.cluster().admin(), team.namespace(), &kind);
    let mut stored = Vec::new();
    for (index, judged) in judged.iter().enumerate() {
        let objects = judged.stored.iter().flatten().enumerate();
        for (place, object) in objects.filter(|(_, object)| object["kind"] == "Pipeline") {
            let mut object = object.clone();
            object["metadata"] = serde_json::json!({"name": format!("m{index}-{place}")});
            stored.push(object);
        }
    }
    let create = async |object: &Value| {
        let object: DynamicObject = serde_json::from_value(object.clone()).expect("an object");
        api.create(&PostParams::default(), &object).await.expect("it was taken before");
    };
    stream::iter(&stored).for_each_concurrent(AT_ONCE, create).await;
    let mut mistakes = BTreeMap::new();
    eventually("every pipeline is judged", PATIENCE, async || {
        mistakes.clear();
        let all = api.list(&ListParams::default()).await.map_err(|error| error.to_string())?;
        for object in all {
            let (name, object) = (object.metadata.name.clone().unwrap_or_default(), serde_json::to_value(object));
            let object = object.map_err(|error| error.to_string())?;
            let number = name.strip_prefix('m').and_then(|rest| rest.split('-').next()?.parse::<usize>().ok());
            match (condition(&object), number) {
                (("True", ..), _) | (_, None) => {}
                (("False", _, message), Some(number)) => {
                    mistakes.entry(number).or_insert_with(Vec::new).push(message.to_owned());
                }
                _ => return Err(format!("{name} is not judged yet")),
            }
        }
        Ok(())
    })
    .await;
    mistakes
}

/// `sluice lint` of these files, or of its input where the file is `-`, with no cluster in sight.
pub(super) fn lint(files: &[impl AsRef<OsStr>], input: &[u8]) -> Lint {
    let output = run(files, input);
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let errors = findings.iter().filter(|finding| finding["severity"] == "error");
    let refused = errors.clone().any(is_refused);
    let text = |finding: &Value, member: &str| finding[member].as_str().unwrap_or_default().to_owned();
    let errors = errors.map(|finding| ["code", "path", "message"].map(|member| text(finding, member)));
    Lint {
        exit: output.status.code(),
        errors: errors.collect(),
        refused,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Whether a finding says that the API server refuses the object for it.
pub(super) fn is_refused(finding: &Value) -> bool {
    finding["refused"] == true
}

/// What `sluice lint` finds in these files.
pub(super) fn findings(files: &[impl AsRef<OsStr>]) -> Vec<Value> {
    serde_json::from_slice(&run(files, b"").stdout).expect("findings")
}

fn run(files: &[impl AsRef<OsStr>], input: &[u8]) -> Output {
    let mut command = Command::new(paths::sluice());
    command.args(["lint", "--output", "json"]).args(files).env_remove("KUBECONFIG");
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("sluice");
    child.stdin.take().expect("its input").write_all(input).expect("it reads everything");
    child.wait_with_output().expect("its end")
}

/// Whether the schema takes every document of a text, as kubectl reads them.
fn takes(schema: &Validator, text: &str) -> Option<bool> {
    let Read { documents, faults } = document::read(&Arc::new(Source::new("manifest", text)));
    let takes = |document: &Document| schema.is_valid(&document.tree.value(document.root));
    faults.is_empty().then(|| documents.iter().all(takes))
}
