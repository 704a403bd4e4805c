//! What an expression reads.

use std::ops::Range;

use crate::functions;
use crate::syntax::{Kind, Node};

/// A variable, with the members of it, that an expression reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The variable, then the members selected on it as far as they are constant: `steps`, `openPr`, `outputs`, `url`.
    pub path: Vec<String>,
    /// Where the reader wrote it; bytes of the source (for a template: of the whole text).
    pub span: Range<usize>,
}

/// Everything that a tree reads of the scope, sorted by path and place.
pub(crate) fn collect(root: &Node) -> Vec<Reference> {
    let mut found = Vec::new();
    walk(root, &mut found);
    found.sort_by(|a, b| (&a.path, a.span.start).cmp(&(&b.path, b.span.start)));
    found
}

fn walk(node: &Node, found: &mut Vec<Reference>) {
    match path(node) {
        Some(path) => found.push(Reference { path, span: node.span.clone() }),
        None => node.children(|child| walk(child, found)),
    }
}

/// The path of a variable with constant members.
fn path(node: &Node) -> Option<Vec<String>> {
    match &node.kind {
        Kind::Name(name) if functions::type_named(name).is_none() => Some(vec![name.clone()]),
        Kind::Select(select) => {
            let mut path = path(&select.of)?;
            path.push(select.member.clone());
            Some(path)
        }
        Kind::Index(index) => {
            let mut path = path(&index.of)?;
            path.push(index.index.string_literal()?.to_owned());
            Some(path)
        }
        _ => None,
    }
}
