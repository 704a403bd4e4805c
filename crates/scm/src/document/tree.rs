//! A document as a tree of values and the bytes they stand in.

use std::ops::Range;

use serde_json::Value;

/// The place of a node in its tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeId(usize);

/// A document. What an alias stands for is there once, and several may hold it.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: Vec<Node>,
}

/// A value and where it stands.
#[derive(Debug)]
pub struct Node {
    /// Its bytes in the file, with quotes and brackets. Empty where a value is left out.
    pub span: Range<usize>,
    /// What it is.
    pub kind: Kind,
}

/// What a node is.
#[derive(Debug)]
pub enum Kind {
    /// Neither a list nor an object.
    Scalar(Value, Style),
    /// Its members, each key once.
    Map(Vec<Entry>),
    /// Its items.
    List(Vec<NodeId>),
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As it is.
    Plain,
    /// In `'`.
    Single,
    /// In `"`, of YAML or JSON.
    Double,
    /// After `|` or `>`.
    Block,
}

/// A member of an object.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its key.
    pub key: String,
    /// Where the key stands.
    pub key_span: Range<usize>,
    /// Its value.
    pub value: NodeId,
}

/// A part of a document.
#[derive(Clone, Debug)]
pub struct Found {
    /// The value.
    pub node: NodeId,
    /// Its key, where it is a member of an object.
    pub key_span: Option<Range<usize>>,
}

impl Tree {
    pub(super) fn add(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        NodeId(self.nodes.len() - 1)
    }

    /// A node of this tree.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// The member of an object.
    pub fn member(&self, id: NodeId, key: &str) -> Option<&Entry> {
        match &self.node(id).kind {
            Kind::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// The value.
    pub fn value(&self, id: NodeId) -> Value {
        match &self.node(id).kind {
            Kind::Scalar(value, _) => value.clone(),
            Kind::Map(entries) => {
                Value::Object(entries.iter().map(|entry| (entry.key.clone(), self.value(entry.value))).collect())
            }
            Kind::List(items) => Value::Array(items.iter().map(|item| self.value(*item)).collect()),
        }
    }

    /// What stands at a path such as `spec.stages[0].params["a-b"]`, or the nearest thing around it that is there; and
    /// whether that is the thing itself.
    pub fn find(&self, root: NodeId, path: &str) -> (Found, bool) {
        let mut found = Found { node: root, key_span: None };
        let mut rest = path;
        while !rest.is_empty() {
            match self.descend(found.node, rest) {
                Some((next, after)) => (found, rest) = (next, after),
                None => return (found, false),
            }
        }
        (found, true)
    }

    /// One step down. A path is not parsed: it is compared with the keys that there are, the longest first.
    fn descend<'a>(&self, at: NodeId, path: &'a str) -> Option<(Found, &'a str)> {
        let path = path.strip_prefix('.').unwrap_or(path);
        match &self.node(at).kind {
            Kind::Scalar(..) => None,
            Kind::List(items) => {
                let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
                let node = *items.get(index.parse::<usize>().ok()?)?;
                Some((Found { node, key_span: None }, rest))
            }
            Kind::Map(entries) => {
                let with_rest = entries.iter().filter_map(|entry| Some((entry, strip_key(path, &entry.key)?)));
                let (entry, rest) = with_rest.min_by_key(|(_, rest)| rest.len())?;
                Some((Found { node: entry.value, key_span: Some(entry.key_span.clone()) }, rest))
            }
        }
    }
}

/// The rest of a path that begins with this key, plain or as `["key"]`.
fn strip_key<'a>(path: &'a str, key: &str) -> Option<&'a str> {
    let plain = path.strip_prefix(key).filter(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
    plain.or_else(|| {
        let quoted = Value::from(key).to_string();
        path.strip_prefix('[')?.strip_prefix(quoted.as_str())?.strip_prefix(']')
    })
}
