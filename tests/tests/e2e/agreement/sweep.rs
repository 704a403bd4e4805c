//! Every field that the examples set, changed in each of a few ways: what the table of mutations may have forgotten.
//!
//! The structure alone is judged here, by requests without kubectl and `sluice lint` of many files at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use axum::http::Request;
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use sluice_tests::{Cluster, TestNamespace, fixture};

use super::judges::{findings, is_refused};

const AT_ONCE: usize = 16;

/// An object of ours with one field changed.
struct Changed {
    /// What was changed, and how.
    what: String,
    object: Value,
}

/// Every object of ours in the examples.
fn objects() -> Vec<Value> {
    let files = crate::examples::all();
    let texts = files.iter().map(|path| std::fs::read_to_string(path).expect("a file"));
    let documents = texts.flat_map(|text| serde_saphyr::from_multiple::<Value>(&text).expect("YAML"));
    let rest = serde_saphyr::from_multiple::<Value>(REST).expect("YAML");
    documents.chain(rest).filter(|object| object["apiVersion"] == "sluice.dev/v1alpha1").collect()
}

/// The fields that no example sets.
const REST: &str = "\
apiVersion: sluice.dev/v1alpha1
kind: Pipeline
spec:
  serviceAccountName: deployer
  timeout: 1h
  params: [{name: dry, type: Boolean, required: true}, {name: count, type: Integer, default: 3}]
  stages:
  - name: all
    timeout: 10m
    steps:
    - name: follow
      retry: {limit: 2, when: failure.transient, backoff: {initial: 1s, factor: 2, max: 1m}}
      argocdWait: {application: {name: web}, revision: main, refresh: Hard, sync: {prune: true}}
    - name: ask
      http: {url: 'http://a', body: x, successWhen: response.status == 200, requestTimeout: 5s, headers: [{name: A, value: b}]}
    - name: look
      resource: {apiVersion: v1, kind: Pod, namespace: web, labelSelector: app=web}
    - name: until
      delay: {until: '2030-01-01T00:00:00Z'}
    - name: check
      validate:
        sources:
          state: {http: {url: 'http://a', headers: [{name: A, valueFrom: {secretKeyRef: {name: a, key: b}}}]}}
          file: {file: {providerRef: {name: gitea}, repository: a/b, ref: main, path: c}}
        checks: [{name: a, expr: state.status == 200}]
        count: 2
        consecutiveErrorLimit: 0
---
apiVersion: sluice.dev/v1alpha1
kind: PipelineRun
spec: {pipelineRef: {name: a}, requestedBy: admin, params: {a: b, c: 1}}
---
apiVersion: sluice.dev/v1alpha1
kind: ScmProvider
spec: {github: {url: 'https://github.example', app: {id: 1, installationId: 2}}, secretRef: {name: a}}
---
apiVersion: sluice.dev/v1alpha1
kind: ScmProvider
spec: {local: {path: /srv/git}}
---
apiVersion: sluice.dev/v1alpha1
kind: Pipeline
spec:
  serviceAccountName: deployer
  params: [{name: dry, type: Boolean}]
  sources: [{name: build, pipelineRef: {name: build}, stage: publish, start: true}]
  triggers:
  - name: nightly
    cron: {schedule: 15 10 * * *, timeZone: Europe/Rome, onlyOnChanges: true, catchUp: Latest, startingDeadline: 1h}
    params: {dry: 'true'}
  stages: [{name: all, steps: [{name: wait, delay: {duration: 1s}}]}]
---
apiVersion: sluice.dev/v1alpha1
kind: PipelineRun
spec: {pipelineRef: {name: a}, from: [{source: build, runRef: {name: build-41}}]}
---
apiVersion: sluice.dev/v1alpha1
kind: Receiver
spec:
  component: {environments: [staging, production]}
  serviceAccountName: receiver
  secretRef: {name: builds, key: token}
  maxRequestsPerMinute: 60
---
apiVersion: sluice.dev/v1alpha1
kind: Receiver
spec: {github: {}, serviceAccountName: receiver, secretRef: {name: hooks}}
---
apiVersion: sluice.dev/v1alpha1
kind: Receiver
spec: {gitea: {}, serviceAccountName: receiver, secretRef: {name: hooks}}
---
apiVersion: sluice.dev/v1alpha1
kind: ComponentUpdate
spec:
  environment: staging
  component: web
  version: 1.4.2
  sha: 0a1b2c3d
  sequence: 17
  id: build-17
  by: ci
  receiverRef: {name: builds}
---
apiVersion: sluice.dev/v1alpha1
kind: Environment
spec:
  components: [{name: web, onUpdate: {deploy: {pipelineRef: {name: deploy-component}}}}]
  updateHistoryLimit: 5
";

/// Every place below this one.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| places(value, &format!("{at}/{name}"), found))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| places(value, &format!("{at}/{index}"), found));
        }
        _ => {}
    }
}

/// The same place of all items of a list.
fn of_all_items(place: &str) -> String {
    let is_index = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = place.split('/').map(|part| if is_index(part) { "*" } else { part }).collect();
    parts.join("/")
}

/// What is put at a place instead.
fn instead() -> Vec<Value> {
    let values = [
        json!(null),
        json!("text"),
        json!(""),
        json!(7),
        json!(-1),
        json!(1.5),
        json!(true),
        json!([]),
        json!([null]),
        json!({}),
    ];
    let more = [json!({"unknown": 1}), json!([{}]), json!("x".repeat(70_000))];
    values.into_iter().chain(more).collect()
}

fn changed() -> Vec<Changed> {
    let mut seen = BTreeSet::new();
    let mut changed = Vec::new();
    for object in objects() {
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        let mut all = Vec::new();
        places(&object["spec"], "/spec", &mut all);
        for place in all.into_iter().filter(|place| seen.insert(format!("{kind}{}", of_all_items(place)))) {
            let mut add = |how: String, change: &dyn Fn(&mut Value)| {
                let mut object = object.clone();
                object["metadata"] = json!({"name": format!("s{}", changed.len())});
                change(&mut object);
                changed.push(Changed { what: format!("{kind} {place} {how}"), object });
            };
            for value in instead() {
                let mut how = value.to_string();
                how.truncate(20);
                add(how, &|object| *object.pointer_mut(&place).expect("it is there") = value.clone());
            }
            let (parent, name) = place.rsplit_once('/').unwrap_or_default();
            add("taken away".to_owned(), &|object| match object.pointer_mut(parent) {
                Some(Value::Object(members)) => drop(members.remove(name)),
                Some(Value::Array(items)) => drop(items.remove(name.parse().unwrap_or_default())),
                _ => {}
            });
            add("there twice, or with an unknown field".to_owned(), &|object| match object.pointer_mut(&place) {
                Some(Value::Object(members)) => drop(members.insert("unknown".to_owned(), json!({}))),
                Some(Value::Array(items)) => items.extend(items.first().cloned()),
                _ => {}
            });
        }
    }
    changed
}

#[tokio::test]
async fn on_every_field_of_the_examples() {
    let cluster = Cluster::connect().await;
    fixture::install(&cluster).await;
    let test = TestNamespace::new(&cluster, "sweep").await;
    let changed = changed();

    let refusal = async |changed: &Changed| {
        let kind = changed.object["kind"].as_str().unwrap_or_default().to_lowercase();
        let namespace = test.name();
        let url = format!("/apis/sluice.dev/v1alpha1/namespaces/{namespace}/{kind}s?dryRun=All&fieldValidation=Strict");
        let request = Request::post(url).header("Content-Type", "application/json");
        let request = request.body(changed.object.to_string().into_bytes()).expect("a request");
        cluster.admin().request::<Value>(request).await.err().map(|error| error.to_string())
    };
    let refusals: Vec<Option<String>> = stream::iter(&changed).map(refusal).buffered(AT_ONCE).collect().await;

    let dir = tempfile::tempdir().expect("a directory");
    let files = changed.iter().enumerate().map(|(index, changed)| {
        let file = dir.path().join(format!("{index}.json"));
        std::fs::write(&file, changed.object.to_string()).expect("a file");
        file
    });
    let files: Vec<_> = files.collect();
    // Not all at once: each object is held against each other one.
    let found = thread::scope(|scope| {
        let threads: Vec<_> = files.chunks(100).map(|files| scope.spawn(move || findings(files))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect::<Vec<_>>()
    });
    let mut errors: BTreeMap<usize, Vec<Value>> = BTreeMap::new();
    for finding in found {
        let file =
            finding["file"].as_str().and_then(|file| file.rsplit('/').next()?.strip_suffix(".json")?.parse().ok());
        if finding["severity"] == "error" {
            errors.entry(file.expect("a file of ours")).or_default().push(finding);
        }
    }

    let schema = jsonschema::draft7::new(&sluice_api::json_schema::all()).expect("a schema");
    let mut wrong = Vec::new();
    for (index, (changed, refusal)) in changed.iter().zip(&refusals).enumerate() {
        let errors = errors.remove(&index).unwrap_or_default();
        match refusal {
            Some(why) if !errors.iter().any(is_refused) => {
                wrong.push(format!("{}: lint takes what is refused: {why}", changed.what))
            }
            None if errors.iter().any(is_refused) => {
                wrong.push(format!("{}: lint refuses what is taken: {errors:?}", changed.what));
            }
            None if !schema.is_valid(&changed.object) => {
                wrong.push(format!("{}: the schema refuses what is taken", changed.what));
            }
            _ => {}
        }
    }
    let refused = refusals.iter().flatten().count();
    assert!(refused >= 500 && changed.len() - refused >= 500, "{refused} of {}", changed.len());
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), changed.len(), wrong.join("\n"));
}
