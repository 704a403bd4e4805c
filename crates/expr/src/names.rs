//! The variables that an expression may read, with their types.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Type;

/// Variable names with their types: what [`crate::Expression::check`] checks against.
///
/// Cloning is cheap, and so is extending: the types are shared.
///
/// ```
/// use sluice_expr::{Names, Type};
///
/// let names = Names::new()
///     .with("params", Type::object([("version", Type::String), ("replicas", Type::Int)]))
///     .with("trigger", Type::Any);
/// let in_hooks = names.clone().with("failure", Type::object([("message", Type::String)]));
/// assert!(names.get("failure").is_none());
/// assert!(in_hooks.get("failure").is_some());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    types: Arc<BTreeMap<String, Type>>,
}

impl Names {
    /// No names at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same and one more; a name that is there already gets the new type.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, r#type: Type) -> Self {
        self.insert(name, r#type);
        self
    }

    /// Adds a name, or gives the one that is there a new type.
    pub fn insert(&mut self, name: impl Into<String>, r#type: Type) {
        Arc::make_mut(&mut self.types).insert(name.into(), r#type);
    }

    /// The type of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Type> {
        self.types.get(name)
    }

    /// All names, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Type)> {
        self.types.iter().map(|(name, t)| (name.as_str(), t))
    }
}
