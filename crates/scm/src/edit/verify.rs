//! The defence in depth: the new file, read again, differs from the old one in exactly the wanted values.

use std::collections::HashMap;

use serde_json::Value;

use super::error::Fault;
use super::tree::{Kind, NodeId, Tree};

/// What is said when the new file is not as it should be.
pub(super) const REFUSAL: &str =
    "the edit would have changed more than the wanted value, so nothing was written; edit this file by hand";

/// What may differ, by the nodes of the old tree.
#[derive(Debug, Default)]
pub(super) struct Expected<'e> {
    /// The new values of scalars.
    pub(super) set: HashMap<NodeId, &'e Value>,
    /// The keys added at the ends of mappings.
    pub(super) added: HashMap<NodeId, Vec<(&'e str, &'e Value)>>,
}

/// Compares two trees.
pub(super) fn verify(old: &Tree<'_>, new: &Tree<'_>, expected: &Expected<'_>) -> Result<(), Fault> {
    let failed = || Err(Fault::whole(REFUSAL));
    if old.roots.len() != new.roots.len() || old.comments != new.comments {
        return failed();
    }
    let mut open: Vec<(NodeId, NodeId)> = old.roots.iter().copied().zip(new.roots.iter().copied()).collect();
    while let Some((a, b)) = open.pop() {
        let fits = match expected.set.get(&a) {
            Some(value) => new.has_value(b, value),
            None => same_node(old, new, a, b, expected, &mut open),
        };
        if !fits {
            return failed();
        }
    }
    Ok(())
}

fn same_node(
    old: &Tree<'_>,
    new: &Tree<'_>,
    a: NodeId,
    b: NodeId,
    expected: &Expected<'_>,
    open: &mut Vec<(NodeId, NodeId)>,
) -> bool {
    let (left, right) = (old.node(a), new.node(b));
    if left.anchor != right.anchor || left.tag != right.tag {
        return false;
    }
    match (&left.kind, &right.kind) {
        (Kind::Scalar { text: t, style: s }, Kind::Scalar { text: u, style: v }) => t == u && s == v,
        (Kind::Alias(x), Kind::Alias(y)) => x == y,
        (Kind::Seq { items: x, flow: f }, Kind::Seq { items: y, flow: g }) => {
            open.extend(x.iter().copied().zip(y.iter().copied()));
            x.len() == y.len() && f == g
        }
        (Kind::Map { entries: x, flow: f }, Kind::Map { entries: y, flow: g }) => {
            let added = expected.added.get(&a).map_or(&[][..], Vec::as_slice);
            for (&(key, value), &(other_key, other_value)) in x.iter().zip(y) {
                open.push((key, other_key));
                open.push((value, other_value));
            }
            let tail = y.get(x.len()..).unwrap_or_default();
            let is_added = |(&(key, value), (name, wanted)): (&(NodeId, NodeId), &(&str, &Value))| {
                new.scalar(key) == Some(*name) && new.has_value(value, wanted)
            };
            f == g && y.len() == x.len() + added.len() && tail.iter().zip(added).all(is_added)
        }
        _ => false,
    }
}
