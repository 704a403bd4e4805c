//! The shape of a Secret, which the local mode reads. Nothing that is said here holds one of its values.

use k8s_openapi::ByteString;
use serde::Deserialize;
use serde_json::Value;
use sluice_api::{Code, check::Mistake};
use sluice_expr::closest;

use super::{metadata, path};

/// Every field that a Secret has.
const FIELDS: [&str; 7] = ["apiVersion", "kind", "metadata", "type", "immutable", "data", "stringData"];

/// Everything that is wrong with the shape of a Secret.
pub(super) fn check(secret: &Value) -> Vec<Mistake> {
    let mut found = metadata::check(secret);
    for (name, value) in secret.as_object().into_iter().flatten() {
        match name.as_str() {
            "data" | "stringData" => texts(name, value, &mut found),
            "type" if !is_text(value) => found.push(wrong_type(name, "a text", "put it in quotes")),
            "immutable" if !matches!(value, Value::Bool(_) | Value::Null) => {
                found.push(wrong_type(name, "true or false", "write true, or take it out"));
            }
            name if FIELDS.contains(&name) => {}
            name => found.push(unknown(name)),
        }
    }
    found
}

fn texts(field: &str, value: &Value, found: &mut Vec<Mistake>) {
    let members = match value {
        Value::Object(members) => members,
        Value::Null => return,
        _ => return found.push(wrong_type(field, "an object", "write its keys below it, indented")),
    };
    for (key, value) in members {
        let at = path::member(field, key);
        if !is_text(value) {
            found.push(wrong_type(&at, "a text", "put it in quotes, so that it stays as it is written"));
        } else if field == "data" && ByteString::deserialize(value).is_err() {
            let message = format!("{} is not written in base64", path::field(&at));
            let help = "write it in base64, or in `stringData`, which takes texts as they are";
            found.push(mistake(Code::WrongPattern, &at, message, help.to_owned()));
        }
    }
}

fn is_text(value: &Value) -> bool {
    matches!(value, Value::String(_) | Value::Null)
}

fn wrong_type(at: &str, expected: &str, help: &str) -> Mistake {
    mistake(Code::WrongType, at, format!("{} has to be {expected}", path::field(at)), help.to_owned())
}

fn unknown(name: &str) -> Mistake {
    let help = match closest(name, FIELDS) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("it has {}", FIELDS.join(", ")),
    };
    mistake(Code::UnknownField, &path::member("", name), format!("a Secret has no field `{name}`"), help)
}

fn mistake(code: Code, path: &str, message: String, help: String) -> Mistake {
    Mistake { code, path: path.to_owned(), place: None, message, help: Some(help) }
}
