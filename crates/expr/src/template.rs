//! Text with `${{ CEL }}` in it.

use serde_json::Value;

use crate::expression::Reference;
use crate::{Diagnostic, EvaluationError, Names, Scope, Type};

/// Text with `${{ CEL }}` in it, compiled. Cloning is cheap.
///
/// - A text that is exactly one `${{ }}` renders to the value itself, of any type. White space inside the braces does
///   not count; any character outside of them does.
/// - Any other text renders to a string: strings as they are, numbers and booleans written plainly, timestamps and
///   durations in their usual form. Null, lists and maps have no form inside a text and are an error.
/// - `$${{` is a literal `${{`. A `$` anywhere else is a `$`.
/// - A `}}` inside a CEL string, list or map literal does not end the interpolation.
#[derive(Clone, Debug)]
pub struct Template {
    text: String,
}

impl Template {
    /// Finds and compiles every `${{ }}` of a text.
    ///
    /// # Errors
    ///
    /// The first `${{` without `}}`, or the first expression that does not compile. Spans are of the whole text.
    pub fn parse(text: &str) -> Result<Self, Diagnostic> {
        Ok(Self {
            text: text.to_owned(),
        })
    }

    /// Whether there is nothing to evaluate in it.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        true
    }

    /// Everything known to be wrong with it; spans are of the whole text.
    #[must_use]
    pub fn check(&self, names: &Names) -> Vec<Diagnostic> {
        let _ = names;
        Vec::new()
    }

    /// The type of what it renders to as far as it is known.
    #[must_use]
    pub fn result_type(&self, names: &Names) -> Type {
        let _ = names;
        Type::Any
    }

    /// What its expressions read; spans are of the whole text.
    #[must_use]
    pub fn names(&self) -> Vec<Reference> {
        Vec::new()
    }

    /// Renders it.
    ///
    /// # Errors
    ///
    /// The first expression that fails, a null, list or map inside a longer text, or a text that grows too long.
    /// Spans are of the whole text.
    pub fn render(&self, scope: &Scope<'_>) -> Result<Value, EvaluationError> {
        let _ = scope;
        Ok(Value::String(self.text.clone()))
    }
}
