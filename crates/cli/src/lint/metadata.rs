//! What the API server wants of `metadata`, whatever the kind.

mod system;

use serde_json::{Map, Value};
use sluice_api::{Code, check::Mistake};
use sluice_expr::closest;

use super::path;

/// Every field that `metadata` has.
const FIELDS: [&str; 15] = [
    "name",
    "namespace",
    "labels",
    "annotations",
    "generateName",
    "finalizers",
    "ownerReferences",
    "resourceVersion",
    "uid",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
];

const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;
const MAX_ANNOTATIONS: usize = 256 << 10;

/// Everything that is wrong with the metadata of an object.
pub(super) fn check(object: &Value) -> Vec<Mistake> {
    let mut check = Check { found: Vec::new() };
    match object.get("metadata") {
        Some(Value::Object(metadata)) => check.metadata(metadata),
        None | Some(Value::Null) => check.name_is_missing("metadata"),
        Some(_) => check.wrong_type("metadata", "an object"),
    }
    check.found
}

struct Check {
    found: Vec<Mistake>,
}

impl Check {
    fn report(&mut self, code: Code, path: &str, message: String, help: impl Into<String>) {
        let help = Some(help.into());
        self.found.push(Mistake { code, path: path.to_owned(), place: None, message, help });
    }

    fn wrong_type(&mut self, path: &str, expected: &str) {
        let message = format!("{} has to be {expected}", path::field(path));
        let help = if expected == "a text" { "put it in quotes".to_owned() } else { format!("write {expected}") };
        self.report(Code::WrongType, path, message, help);
    }

    fn name_is_missing(&mut self, path: &str) {
        let help = "add `metadata: {name: ...}`";
        self.report(Code::MissingField, &path::member(path, "name"), "the object has no name".to_owned(), help);
    }

    fn metadata(&mut self, metadata: &Map<String, Value>) {
        for name in metadata.keys().filter(|name| !FIELDS.contains(&name.as_str())) {
            let free = FIELDS.into_iter().filter(|field| !metadata.contains_key(*field));
            let help = match closest(name, free) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => {
                    "fields of the kind itself belong into `spec`; what only people read, into `annotations`".to_owned()
                }
            };
            let path = path::member("metadata", name);
            self.report(Code::UnknownField, &path, format!("`metadata` has no field `{name}`"), help);
        }
        match (self.text(metadata, "name"), self.text(metadata, "generateName")) {
            (Some(name), _) => self.name(name),
            (None, Some(prefix)) => self.prefix(prefix),
            (None, None) if is_absent(metadata, "name") && is_absent(metadata, "generateName") => {
                self.name_is_missing("metadata");
            }
            (None, None) => {}
        }
        if let Some(namespace) = self.text(metadata, "namespace")
            && !is_dns_label(namespace)
        {
            let message = format!("`{namespace}` is no name of a namespace");
            let help = "use small letters, digits and `-` between them, 63 at most";
            self.report(Code::InvalidMetadata, "metadata.namespace", message, help);
        }
        self.labels(metadata);
        self.annotations(metadata);
        self.system(metadata);
    }

    /// The text of a member; empty counts as absent, and what is no text is reported.
    fn text<'a>(&mut self, metadata: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
        match metadata.get(name)? {
            Value::String(text) => Some(text.as_str()).filter(|text| !text.is_empty()),
            Value::Null => None,
            _ => {
                self.wrong_type(&path::member("metadata", name), "a text");
                None
            }
        }
    }

    fn name(&mut self, name: &str) {
        if !is_dns_subdomain(name) {
            let message = format!("`{name}` is no name of an object");
            let help = sluice_api::names::OBJECT_NAME_HELP;
            self.report(Code::InvalidMetadata, "metadata.name", message, help);
        }
    }

    fn prefix(&mut self, prefix: &str) {
        // What is generated is put behind it, so it may end with a `-`.
        let with_more = format!("{}a", prefix);
        if !is_dns_subdomain(&with_more) {
            let message = format!("`{prefix}` cannot begin the name of an object");
            let help = "use small letters, digits, `-` and `.`";
            self.report(Code::InvalidMetadata, "metadata.generateName", message, help);
        }
    }

    fn labels(&mut self, metadata: &Map<String, Value>) {
        for (key, value, path) in self.texts(metadata, "labels") {
            self.key(&key, &path, "a label");
            if !is_label_value(&value) {
                let message = format!("`{value}` cannot be the value of a label");
                let help = "use letters, digits, `-`, `_` and `.`, with a letter or digit at both ends, 63 at most; what is \
                            longer or freer goes into an annotation";
                self.report(Code::InvalidMetadata, &path, message, help);
            }
        }
    }

    fn annotations(&mut self, metadata: &Map<String, Value>) {
        let annotations = self.texts(metadata, "annotations");
        let size: usize = annotations.iter().map(|(key, value, _)| key.len() + value.len()).sum();
        if size > MAX_ANNOTATIONS {
            let message = format!("the annotations take {size} bytes");
            self.report(Code::InvalidMetadata, "metadata.annotations", message, "they may take 256 KiB");
        }
        annotations.iter().for_each(|(key, _, path)| self.key(&key.to_lowercase(), path, "an annotation"));
    }

    /// The members of a map of texts, with their paths.
    fn texts(&mut self, metadata: &Map<String, Value>, name: &str) -> Vec<(String, String, String)> {
        let path = path::member("metadata", name);
        let mut texts = Vec::new();
        match metadata.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::Object(members)) => {
                for (key, value) in members {
                    let path = path::member(&path, key);
                    match value {
                        Value::String(value) => texts.push((key.clone(), value.clone(), path)),
                        Value::Null => texts.push((key.clone(), String::new(), path)),
                        _ => self.wrong_type(&path, "a text"),
                    }
                }
            }
            Some(_) => self.wrong_type(&path, "an object"),
        }
        texts
    }

    fn key(&mut self, key: &str, path: &str, what: &str) {
        if !is_qualified_name(key) {
            let message = format!("`{key}` cannot be the key of {what}");
            let help = "write a name of letters, digits, `-`, `_` and `.`, 63 at most, with or without `example.com/` before it";
            self.report(Code::InvalidMetadata, path, message, help);
        }
    }
}

fn is_absent(metadata: &Map<String, Value>, name: &str) -> bool {
    metadata.get(name).is_none_or(|value| value.is_null() || value == "")
}

/// As RFC 1123 has host names.
pub(crate) fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= MAX_NAME && text.split('.').all(is_dns_part)
}

fn is_dns_label(text: &str) -> bool {
    text.len() <= MAX_LABEL && is_dns_part(text)
}

fn is_dns_part(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    ends_fit(text, fits) && text.bytes().all(|byte| fits(byte) || byte == b'-')
}

fn is_qualified_name(text: &str) -> bool {
    match text.split_once('/') {
        Some((domain, name)) => is_dns_subdomain(domain) && is_label_name(name),
        None => is_label_name(text),
    }
}

fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_label_name(text)
}

fn is_label_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric();
    text.len() <= MAX_LABEL
        && ends_fit(text, fits)
        && text.bytes().all(|byte| fits(byte) || matches!(byte, b'-' | b'_' | b'.'))
}

fn ends_fit(text: &str, fits: impl Fn(u8) -> bool) -> bool {
    let ends = [text.bytes().next(), text.bytes().next_back()];
    ends.into_iter().all(|end| end.is_some_and(&fits))
}
