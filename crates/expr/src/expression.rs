//! A compiled expression.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use crate::{Diagnostic, ErrorKind, EvaluationError, Names, Scope, Type};

/// A compiled CEL expression. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Expression {
    source: Arc<str>,
}

/// A variable, with the members of it, that an expression reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The variable, then the members selected on it as far as they are constant: `steps`, `openPr`, `outputs`, `url`.
    pub path: Vec<String>,
    /// Where the reader wrote it; bytes of the source (for a template: of the whole text).
    pub span: Range<usize>,
}

impl Expression {
    /// Compiles `source`. The result of the last few thousand sources is kept, so compiling one again costs a look-up.
    ///
    /// # Errors
    ///
    /// The first syntax error, or the bound of [`crate::bounds`] that the source exceeds.
    pub fn compile(source: &str) -> Result<Self, Diagnostic> {
        Ok(Self {
            source: source.into(),
        })
    }

    /// The text that was compiled.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Everything that is known to be wrong when the variables have these types and the result has to be `expected`.
    ///
    /// It never reports what evaluates well with data of these types.
    #[must_use]
    pub fn check(&self, names: &Names, expected: &Type) -> Vec<Diagnostic> {
        let _ = (names, expected);
        Vec::new()
    }

    /// The type of the result as far as it is known.
    #[must_use]
    pub fn result_type(&self, names: &Names) -> Type {
        let _ = names;
        Type::Any
    }

    /// Evaluates. Pure: the same scope gives the same value. The only clock is the deadline of [`crate::bounds`].
    ///
    /// # Errors
    ///
    /// A missing name or key, operands of the wrong type, a function that refuses its arguments, or a bound.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, EvaluationError> {
        let _ = scope;
        Err(EvaluationError::new(
            ErrorKind::Internal,
            "evaluation is not there yet",
            0..self.source.len(),
        ))
    }

    /// Evaluates a condition.
    ///
    /// # Errors
    ///
    /// As [`Expression::evaluate`]; and a result that is no bool, with its type.
    pub fn evaluate_bool(&self, scope: &Scope<'_>) -> Result<bool, EvaluationError> {
        match self.evaluate(scope)? {
            Value::Bool(value) => Ok(value),
            other => Err(EvaluationError::new(
                ErrorKind::Type,
                format!("the condition is {}, not a bool", Type::of(&other)),
                0..self.source.len(),
            )),
        }
    }

    /// What it reads, sorted by path, without the variables that it binds itself (`x` of `all(x, ...)`).
    #[must_use]
    pub fn names(&self) -> &[Reference] {
        &[]
    }
}
