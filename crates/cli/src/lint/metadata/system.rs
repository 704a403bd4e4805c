//! What the system writes into `metadata`, and a file has only where it was copied from a cluster.

use serde_json::{Map, Value};
use sluice_api::Code;
use sluice_expr::closest;

use super::Check;
use crate::lint::path;

const TEXTS: [&str; 3] = ["resourceVersion", "uid", "selfLink"];
const INTEGERS: [&str; 2] = ["generation", "deletionGracePeriodSeconds"];
const TIMES: [&str; 2] = ["creationTimestamp", "deletionTimestamp"];

/// What an owner has to say.
const OF_OWNER: [&str; 4] = ["apiVersion", "kind", "name", "uid"];
/// What it may say beside.
const FLAGS_OF_OWNER: [&str; 2] = ["controller", "blockOwnerDeletion"];

/// Finalizers of Kubernetes itself, which have no domain.
const FINALIZERS: [&str; 3] = ["orphan", "foregroundDeletion", "kubernetes"];

impl Check {
    pub(super) fn system(&mut self, metadata: &Map<String, Value>) {
        for name in TEXTS {
            self.text(metadata, name);
        }
        let present = |name: &&str| metadata.get(*name).is_some_and(|value| !value.is_null());
        for name in INTEGERS.into_iter().filter(present).filter(|name| !metadata[*name].is_i64()) {
            self.wrong_type(&path::member("metadata", name), "a whole number");
        }
        for name in TIMES.into_iter().filter(present).filter(|name| !is_time(&metadata[*name])) {
            self.wrong_type(&path::member("metadata", name), "a point in time such as 2026-01-31T15:04:05Z");
        }
        self.items(metadata, "ownerReferences", Self::owner);
        self.items(metadata, "managedFields", |check, entry, path| {
            if !entry.is_object() {
                check.wrong_type(path, "an object");
            }
        });
        self.items(metadata, "finalizers", Self::finalizer);
    }

    /// Checks each item of a list.
    fn items(&mut self, metadata: &Map<String, Value>, name: &str, check: impl Fn(&mut Self, &Value, &str)) {
        let path = path::member("metadata", name);
        match metadata.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::Array(items)) => {
                items.iter().enumerate().for_each(|(index, item)| check(self, item, &path::item(&path, index)));
            }
            Some(_) => self.wrong_type(&path, "a list"),
        }
    }

    fn finalizer(&mut self, finalizer: &Value, path: &str) {
        let Some(finalizer) = finalizer.as_str() else { return self.wrong_type(path, "a text") };
        self.key(finalizer, path, "a finalizer");
        if !finalizer.contains('/') && !FINALIZERS.contains(&finalizer) {
            let message = format!("the finalizer `{finalizer}` does not say whose it is");
            self.report(
                Code::InvalidMetadata,
                path,
                message,
                format!("put a domain before it: `example.com/{finalizer}`"),
            );
        }
    }

    fn owner(&mut self, owner: &Value, path: &str) {
        let Some(owner) = owner.as_object() else { return self.wrong_type(path, "an object") };
        for (name, value) in owner {
            let at = path::member(path, name);
            if OF_OWNER.contains(&name.as_str()) {
                if !matches!(value, Value::String(_) | Value::Null) {
                    self.wrong_type(&at, "a text");
                }
            } else if FLAGS_OF_OWNER.contains(&name.as_str()) {
                if !matches!(value, Value::Bool(_) | Value::Null) {
                    self.wrong_type(&at, "true or false");
                }
            } else {
                let all = OF_OWNER.into_iter().chain(FLAGS_OF_OWNER);
                let help = closest(name, all.clone()).map_or_else(
                    || format!("it has {}", all.collect::<Vec<_>>().join(", ")),
                    |meant| format!("did you mean `{meant}`?"),
                );
                self.report(Code::UnknownField, &at, format!("an owner has no field `{name}`"), help);
            }
        }
        let is_empty = |name: &&str| owner.get(*name).is_none_or(|value| value.is_null() || value == "");
        for name in OF_OWNER.into_iter().filter(is_empty) {
            let message = format!("the owner has no `{name}`, which it needs");
            let help = "leave owners to the system: a name of one without its UID is none";
            self.report(Code::MissingField, &path::member(path, name), message, help);
        }
    }
}

/// RFC 3339, as the API server reads times.
fn is_time(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    text.as_bytes().get(10) == Some(&b'T') && text.parse::<k8s_openapi::jiff::Timestamp>().is_ok()
}
