//! Finds the one scalar that a path names, or the one mapping that lacks its last key.
//!
//! Anything that makes the meaning of a place depend on another place (an alias, a merge key, a duplicate key) is an
//! error, not a guess.

use super::error::{Fault, line_and_column};
use super::path::{Condition, Path, Segment};
use super::tree::{Kind, NodeId, Tree};

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// A scalar.
    Scalar {
        /// The scalar.
        scalar: NodeId,
        /// The key it is the value of; none for a list's item.
        key: Option<NodeId>,
        /// It stands in a flow collection.
        flow: bool,
    },
    /// The mapping that lacks the last key.
    MissingIn(NodeId),
}

/// The result in one document.
enum Found {
    Target(Target),
    /// Not there. How many segments were, and why no further.
    Nothing(usize, Fault),
}

/// Finds what a path names, in the only document that has it.
pub(super) fn locate(tree: &Tree<'_>, text: &str, path: &Path, create: bool) -> Result<Target, Fault> {
    let mut hits: Vec<(NodeId, Result<Target, Fault>)> = vec![];
    let mut parents = vec![];
    let mut nearest: Option<(usize, Fault)> = None;
    for &root in &tree.roots {
        match walk(tree, text, root, path) {
            Ok(Found::Target(target @ Target::Scalar { .. })) => hits.push((root, Ok(target))),
            Ok(Found::Target(target @ Target::MissingIn(_))) => parents.push((root, Ok(target))),
            Ok(Found::Nothing(depth, fault)) => {
                if nearest.as_ref().is_none_or(|(deepest, _)| depth > *deepest) {
                    nearest = Some((depth, fault));
                }
            }
            Err(fault) => hits.push((root, Err(fault))),
        }
    }
    if hits.is_empty() {
        if let (false, Some((_, Ok(Target::MissingIn(parent))))) = (create, parents.first()) {
            return Err(missing_key(tree, *parent, path));
        }
        hits = parents;
    }
    if hits.len() > 1 {
        let candidates: Vec<NodeId> = hits.iter().map(|(root, _)| *root).collect();
        return Err(ambiguous(tree, text, path, &candidates));
    }
    match (hits.pop(), nearest) {
        (Some((_, target)), _) => target,
        (None, Some((_, fault))) => Err(fault),
        (None, None) => Err(Fault::whole(format!("`{path}` not found: the file is empty"))),
    }
}

fn missing_key(tree: &Tree<'_>, parent: NodeId, path: &Path) -> Fault {
    let key = path.last_key().unwrap_or_default();
    Fault::at(
        tree.node(parent).span.start,
        format!("`{path}`: the mapping has no key {key:?}; correct the path, or set `create: true` to add the key"),
    )
}

fn ambiguous(tree: &Tree<'_>, text: &str, path: &Path, roots: &[NodeId]) -> Fault {
    const SHOWN: usize = 5;
    let mut names: Vec<String> = roots.iter().take(SHOWN).map(|&root| describe_document(tree, text, root)).collect();
    if roots.len() > SHOWN {
        names.push(format!("{} more", roots.len() - SHOWN));
    }
    Fault::whole(format!(
        "`{path}` fits {} documents ({}); begin the path with what tells them apart, as [kind=Deployment,metadata.name=web]",
        roots.len(),
        names.join(", ")
    ))
}

/// `Deployment web (line 3)`.
fn describe_document(tree: &Tree<'_>, text: &str, root: NodeId) -> String {
    let (line, _) = line_and_column(text, tree.node(root).span.start);
    let name = |keys: &[&str]| {
        let mut at = root;
        for key in keys {
            at = entries_of(tree, at, key).next()?.1;
        }
        tree.scalar(at).map(|text| text.chars().take(60).collect::<String>())
    };
    let names: Vec<String> = [name(&["kind"]), name(&["metadata", "name"])].into_iter().flatten().collect();
    if names.is_empty() { format!("line {line}") } else { format!("{} in line {line}", names.join(" ")) }
}

/// The values of a key in a mapping; of anything else, none.
fn entries_of<'t>(tree: &'t Tree<'_>, id: NodeId, key: &'t str) -> impl Iterator<Item = (NodeId, NodeId)> + 't {
    let entries = match &tree.node(id).kind {
        Kind::Map { entries, .. } => entries.as_slice(),
        _ => &[],
    };
    entries.iter().copied().filter(move |&(k, _)| tree.scalar(k) == Some(key))
}

/// Where a walk stands.
struct Cursor {
    node: NodeId,
    key: Option<NodeId>,
    flow: bool,
}

fn walk(tree: &Tree<'_>, text: &str, root: NodeId, path: &Path) -> Result<Found, Fault> {
    let mut at = Cursor { node: root, key: None, flow: false };
    let segments = path.segments();
    for (depth, segment) in segments.iter().enumerate() {
        check_passable(tree, text, at.node, path)?;
        let here = tree.node(at.node).span.start;
        let nothing = |message: String| Ok(Found::Nothing(depth, Fault::at(here, format!("`{path}`: {message}"))));
        match (segment, &tree.node(at.node).kind) {
            (Segment::Key(key), Kind::Map { flow, .. }) => match child(tree, at.node, key, path)? {
                Some((key, node)) => {
                    check_indentation(tree, text, key, *flow)?;
                    at = Cursor { node, key: Some(key), flow: *flow };
                }
                None if depth + 1 == segments.len() => return Ok(Found::Target(Target::MissingIn(at.node))),
                None => {
                    return nothing(format!(
                        "the mapping has no key {key:?}; only the last key of a path can be created"
                    ));
                }
            },
            (Segment::Index(index), Kind::Seq { items, flow }) => match items.get(*index) {
                Some(&node) => at = Cursor { node, key: None, flow: *flow },
                None => {
                    return nothing(format!(
                        "the list has {} items, so none at [{index}] (they count from 0)",
                        items.len()
                    ));
                }
            },
            (Segment::Filter(conditions), Kind::Seq { items, flow }) => {
                let mut matching = items.iter().filter(|&&item| matches(tree, item, conditions));
                match (matching.next(), matching.count()) {
                    (Some(&node), 0) => at = Cursor { node, key: None, flow: *flow },
                    (Some(_), more) => {
                        return Err(Fault::at(
                            here,
                            format!(
                                "`{path}`: {} items of the list match; add a condition, as [name=web,kind=x]",
                                more + 1
                            ),
                        ));
                    }
                    (None, _) => {
                        return nothing(format!("none of the list's {} items matches the condition", items.len()));
                    }
                }
            }
            (Segment::Filter(conditions), Kind::Map { .. }) if depth == 0 => {
                if !matches(tree, at.node, conditions) {
                    return Ok(Found::Nothing(
                        0,
                        Fault::whole(format!("`{path}`: no document matches the condition it begins with")),
                    ));
                }
            }
            (wanted, _) => return nothing(mismatch(wanted, tree.node(at.node).describe())),
        }
    }
    settle(tree, text, at, path, segments.len())
}

fn mismatch(wanted: &Segment, found: &str) -> String {
    match wanted {
        Segment::Key(key) => format!("here is {found}, not a mapping with a key {key:?}; correct the path or the file"),
        Segment::Index(index) => {
            format!("here is {found}, not a list with an item [{index}]; correct the path or the file")
        }
        Segment::Filter(_) => {
            format!("here is {found}, not a list to choose an item from; correct the path or the file")
        }
    }
}

/// The path ends here: it must be a scalar that nothing else depends on.
fn settle(tree: &Tree<'_>, text: &str, at: Cursor, path: &Path, depth: usize) -> Result<Found, Fault> {
    let Cursor { node, key, flow } = at;
    check_passable(tree, text, node, path)?;
    let found = tree.node(node);
    let refuse = |why: String| Err(Fault::at(found.span.start, format!("`{path}`: {why}")));
    match &found.kind {
        Kind::Scalar { .. } if found.anchor != 0 => {
            refuse("the value has an anchor, and aliases may repeat it elsewhere; edit it by hand, or write it out without the anchor".into())
        }
        Kind::Scalar { .. } if found.tag.is_some() => {
            refuse(format!("the value has the tag {}; edit it by hand, or take the tag away", found.tag.as_deref().unwrap_or_default()))
        }
        Kind::Scalar { style, .. } if is_block(*style) => {
            refuse("the value is a block scalar (| or >); write it on one line, quoted, to have it edited".into())
        }
        Kind::Scalar { .. } => Ok(Found::Target(Target::Scalar { scalar: node, key, flow })),
        _ => Ok(Found::Nothing(
            depth,
            Fault::at(found.span.start, format!("`{path}`: here is {}; give the path of a scalar in it", found.describe())),
        )),
    }
}

pub(super) fn is_block(style: granit_parser::ScalarStyle) -> bool {
    matches!(style, granit_parser::ScalarStyle::Literal | granit_parser::ScalarStyle::Folded)
}

/// The entry of a key, if there is exactly one and no merge key could supply it.
fn child(tree: &Tree<'_>, map: NodeId, key: &str, path: &Path) -> Result<Option<(NodeId, NodeId)>, Fault> {
    let mut found = entries_of(tree, map, key);
    let first = found.next();
    if let Some((second, _)) = found.next() {
        let at = tree.node(second).span.start;
        return Err(Fault::at(
            at,
            format!("`{path}`: the key {key:?} is there twice in one mapping; remove one of them"),
        ));
    }
    if first.is_none()
        && let Some((merge, _)) = entries_of(tree, map, "<<").next()
    {
        let at = tree.node(merge).span.start;
        return Err(Fault::at(
            at,
            format!(
                "`{path}`: the key {key:?} may come from this merge key (<<); write it out in the mapping, or edit what is merged"
            ),
        ));
    }
    Ok(first)
}

/// An alias stands for another place, and an aliased anchor shows up in other places.
fn check_passable(tree: &Tree<'_>, text: &str, id: NodeId, path: &Path) -> Result<(), Fault> {
    let node = tree.node(id);
    if let Kind::Alias(_) = node.kind {
        let alias: String = text.get(node.span.clone()).unwrap_or_default().chars().take(60).collect();
        return Err(Fault::at(
            node.span.start,
            format!("`{path}`: here is the alias {alias}; edit what it refers to, or write it out here"),
        ));
    }
    if node.anchor != 0 && tree.is_aliased(id) {
        return Err(Fault::at(
            node.span.start,
            format!(
                "`{path}`: this has an anchor that an alias repeats, so the edit would change that place too; write the alias out"
            ),
        ));
    }
    Ok(())
}

/// A tab in the indentation of a block mapping: some readers take it, `kubectl` does not.
fn check_indentation(tree: &Tree<'_>, text: &str, key: NodeId, flow: bool) -> Result<(), Fault> {
    // Not only because tabs are fine there: a flow collection may be one very long line.
    if flow {
        return Ok(());
    }
    let start = tree.node(key).span.start;
    let line = line_start(text, start);
    match text.get(line..start).and_then(|prefix| prefix.find('\t')) {
        Some(tab) => Err(Fault::at(line + tab, "a tab in the indentation; YAML wants spaces")),
        None => Ok(()),
    }
}

/// The offset at which the line of `at` begins.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind(['\n', '\r'])).map_or(0, |found| found + 1)
}

fn matches(tree: &Tree<'_>, id: NodeId, conditions: &[Condition]) -> bool {
    conditions.iter().all(|Condition { keys, text }| {
        let mut at = id;
        for key in keys {
            let mut found = entries_of(tree, at, key);
            match (found.next(), found.next()) {
                (Some((_, value)), None) => at = value,
                _ => return false,
            }
        }
        tree.scalar(at) == Some(text) && !tree.is_absent(at)
    })
}
