//! A compiled expression.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::references::{Reference, collect};
use crate::syntax::{Kind, Node};
use crate::{Diagnostic, ErrorKind, EvaluationError, Names, Scope, Type, cache, check, evaluate, parse};

/// A compiled CEL expression. Cloning is cheap.
#[derive(Clone)]
pub struct Expression {
    compiled: Arc<Compiled>,
}

/// What is kept of a source.
pub(crate) struct Compiled {
    source: Arc<str>,
    root: Node,
    references: Vec<Reference>,
}

impl Expression {
    /// Compiles `source`. The outcomes of the last few thousand sources are kept, so compiling one again costs a
    /// look-up.
    ///
    /// # Errors
    ///
    /// The first syntax error, or the bound of [`crate::bounds`] that the source exceeds.
    pub fn compile(source: &str) -> Result<Self, Diagnostic> {
        let compiled = cache::get_or(source, |source| {
            let root = parse::parse(&source)?;
            let references = collect(&root);
            Ok(Arc::new(Compiled { source, root, references }))
        })?;
        Ok(Self { compiled })
    }

    /// The text that was compiled.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.compiled.source
    }

    /// Everything that is known to be wrong when the variables have these types and the result has to be `expected`.
    ///
    /// Operands that can never work together are reported wherever they stand, also where evaluation would not get to
    /// them; and so are comparisons that can never be true. Otherwise it reports nothing that evaluates well with data
    /// of these types.
    #[must_use]
    pub fn check(&self, names: &Names, expected: &Type) -> Vec<Diagnostic> {
        check::check(self.source(), &self.compiled.root, names, expected).1
    }

    /// The type of the result as far as it is known.
    #[must_use]
    pub fn result_type(&self, names: &Names) -> Type {
        check::check(self.source(), &self.compiled.root, names, &Type::Any).0
    }

    /// Evaluates. Pure: the same scope gives the same value. The only clock is the deadline of [`crate::bounds`].
    ///
    /// # Errors
    ///
    /// A missing name or key, operands of the wrong type, a function that refuses its arguments, or a bound.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, EvaluationError> {
        evaluate::evaluate(self.source(), &self.compiled.root, scope)
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
                0..self.source().len(),
            )),
        }
    }

    /// How many elements the list has, where the expression is one that is written out.
    #[must_use]
    pub fn written_items(&self) -> Option<usize> {
        match &self.compiled.root.kind {
            Kind::List(elements) if elements.iter().all(|element| !element.optional) => Some(elements.len()),
            _ => None,
        }
    }

    /// What it reads, sorted by path and place, without the variables that it binds itself (`x` of `all(x, ...)`).
    #[must_use]
    pub fn names(&self) -> &[Reference] {
        &self.compiled.references
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.source()).finish()
    }
}

impl PartialEq for Expression {
    /// Expressions are their source.
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}

impl Eq for Expression {}
