//! Paths of fields, and how they are said.

use serde_json::Value;

/// The path of a member of what stands at a path.
pub(super) fn member(path: &str, name: &str) -> String {
    let plain = !name.is_empty() && name.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-'));
    match (plain, path) {
        (true, "") => name.to_owned(),
        (true, path) => format!("{path}.{name}"),
        (false, path) => format!("{path}[{}]", Value::from(name)),
    }
}

/// The path of an item of a list.
pub(super) fn item(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}

/// The last part of a path, for a sentence: `title`, `an item of stages`.
pub(super) fn field(path: &str) -> String {
    if path.is_empty() {
        return "the object".to_owned();
    }
    match path.strip_suffix(']').and_then(|path| path.rsplit_once('[')) {
        Some((list, index)) if index.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("an item of {}", field(list))
        }
        Some((_, key)) => format!("`{}`", key.trim_matches('"')),
        None => format!("`{}`", path.rsplit('.').next().unwrap_or(path)),
    }
}

/// A scalar without quotes, anything else as JSON.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether a path is another one or something in it.
pub(super) fn is_within(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
