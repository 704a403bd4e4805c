//! Why an evaluation ended without a value.

use std::fmt;
use std::ops::Range;

use crate::Diagnostic;

/// An evaluation that ended without a value: what kind of failure, a message that names the path or the operands, and
/// where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluationError {
    /// For machines.
    pub kind: ErrorKind,
    /// For people: one sentence, lower case, no full stop.
    pub message: String,
    /// Bytes of the evaluated text (for a template: of the whole text) that failed.
    pub span: Range<usize>,
}

/// The kinds of [`EvaluationError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A variable that the scope does not have.
    NoSuchName,
    /// A key that a map or object does not have, or an index past a list's end.
    NoSuchKey,
    /// Operands, arguments or a result of the wrong type.
    Type,
    /// An operator or a function refused its operands: overflow, division by zero, a bad regular expression.
    Failed,
    /// A bound of [`crate::bounds`] ended it.
    Limit,
    /// The text does not compile; only from rendering, where text is parsed and rendered in one go.
    Syntax,
    /// A defect of the evaluator itself, reported rather than propagated as a panic.
    Internal,
}

impl EvaluationError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>, span: Range<usize>) -> Self {
        Self { kind, message: message.into(), span }
    }

    /// The same for a text in which the evaluated one starts at `offset`.
    #[must_use]
    pub(crate) fn moved_by(mut self, offset: usize) -> Self {
        self.span = self.span.start + offset..self.span.end + offset;
        self
    }
}

impl fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for EvaluationError {}

impl From<Diagnostic> for EvaluationError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::new(ErrorKind::Syntax, diagnostic.to_string(), diagnostic.span.clone())
    }
}
