//! The values that an evaluation sees, by reference.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

/// Variable names with their values. Nothing is copied: an evaluation reads only what the expression names.
///
/// Cloning is cheap, and so is extending a clone.
///
/// ```
/// use serde_json::json;
/// use sluice_expr::{Expression, Scope};
///
/// let params = json!({"version": "1.4.2"});
/// let outputs = json!({"url": "https://git.example/pulls/7"});
/// let scope = Scope::new()
///     .with("params", &params)
///     .with_at(&["steps", "openPr", "outputs"], &outputs)
///     .with_owned("attempt", json!(1));
/// let url = Expression::compile("steps.openPr.outputs.url")?.evaluate(&scope)?;
/// assert_eq!(url, outputs["url"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Scope<'a> {
    variables: Members<'a>,
}

pub(crate) type Members<'a> = BTreeMap<Cow<'a, str>, Node<'a>>;

/// A value of the scope, or an object of such values put together from several places.
#[derive(Clone, Debug)]
pub(crate) enum Node<'a> {
    Borrowed(&'a Value),
    Owned(Arc<Value>),
    Object(Arc<Members<'a>>),
    Map(&'a Map<String, Value>),
    List(Arc<[&'a Map<String, Value>]>),
}

impl<'a> Scope<'a> {
    /// A scope without variables.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same and one more variable; one of that name is replaced.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'a, str>>, value: &'a Value) -> Self {
        self.variables.insert(name.into(), Node::Borrowed(value));
        self
    }

    /// The same and one more variable, whose value the scope keeps.
    #[must_use]
    pub fn with_owned(mut self, name: impl Into<Cow<'a, str>>, value: Value) -> Self {
        self.variables.insert(name.into(), Node::Owned(Arc::new(value)));
        self
    }

    /// The same with `value` at `path`, whose first element is the variable. Objects on the way are made, so that
    /// `steps` can be put together from the outputs of many steps without copying one of them.
    ///
    /// A variable on the way that is no object made this way is replaced by one. An empty path changes nothing.
    #[must_use]
    pub fn with_at(mut self, path: &[&'a str], value: &'a Value) -> Self {
        insert_at(&mut self.variables, path, Node::Borrowed(value));
        self
    }

    /// As [`Scope::with_at`], with a value that the scope keeps.
    #[must_use]
    pub fn with_owned_at(mut self, path: &[&'a str], value: Value) -> Self {
        insert_at(&mut self.variables, path, Node::Owned(Arc::new(value)));
        self
    }

    /// As [`Scope::with_at`], with an object of these members.
    #[must_use]
    pub fn with_map_at(mut self, path: &[&'a str], members: &'a Map<String, Value>) -> Self {
        insert_at(&mut self.variables, path, Node::Map(members));
        self
    }

    /// As [`Scope::with_at`], with a list of objects of these members. None of them is copied.
    #[must_use]
    pub fn with_maps_at(mut self, path: &[&'a str], objects: impl IntoIterator<Item = &'a Map<String, Value>>) -> Self {
        insert_at(&mut self.variables, path, Node::List(objects.into_iter().collect()));
        self
    }

    /// Whether there is a variable of that name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.variables.contains_key(name)
    }

    /// The names of all variables, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(Cow::as_ref)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Node<'a>> {
        self.variables.get(name)
    }
}

fn insert_at<'a>(members: &mut Members<'a>, path: &[&'a str], value: Node<'a>) {
    match path {
        [] => {}
        [name] => {
            members.insert(Cow::Borrowed(name), value);
        }
        [name, rest @ ..] => {
            let node = members.entry(Cow::Borrowed(name)).or_insert_with(|| Node::Object(Arc::default()));
            if !matches!(node, Node::Object(_)) {
                *node = Node::Object(Arc::default());
            }
            if let Node::Object(inner) = node {
                insert_at(Arc::make_mut(inner), rest, value);
            }
        }
    }
}
