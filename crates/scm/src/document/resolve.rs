//! From a document as it is written to the values that it means: aliases followed, `<<` merged, scalars resolved.

use std::{collections::HashMap, ops::Range};

use granit_parser::ScalarStyle;
use serde_json::Value;

use super::{
    Document, Remark, RemarkKind,
    scalar::{self, Scalar},
    tree::{Entry, Kind, Node, NodeId, Style, Tree},
    yaml::{MAX_DEPTH, Raw, RawId, RawKind, Wrong},
};

/// How large a document may become when its aliases are followed. A request to the API server holds 3 MiB.
const MAX_BYTES: u64 = 16 << 20;

/// How many keys `<<` may copy.
const MAX_MERGED: usize = 1 << 20;

/// What reading a node costs Go's reader, which counts to refuse alias bombs.
#[derive(Clone, Copy, Default)]
struct Cost {
    reads: u64,
    /// Those of them that an alias repeats.
    aliased: u64,
    bytes: u64,
    /// How deep it nests, aliases followed.
    height: usize,
}

impl Cost {
    fn add(&mut self, other: Self) {
        self.reads = self.reads.saturating_add(other.reads);
        self.aliased = self.aliased.saturating_add(other.aliased);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.height = self.height.max(other.height + 1);
    }

    /// The rule of yaml.v2: what aliases repeat may be 99% of a small document, and less of a large one.
    fn is_too_much(self) -> bool {
        let allowed = match self.reads {
            ..=400_000 => 0.99,
            4_000_000.. => 0.10,
            reads => 0.99 - 0.89 * (reads - 400_000) as f64 / 3_600_000.0,
        };
        let ratio = self.aliased as f64 / self.reads.max(1) as f64;
        self.bytes > MAX_BYTES || (self.aliased > 100 && self.reads > 1000 && ratio > allowed)
    }
}

#[derive(Clone, Copy)]
enum State {
    Untouched,
    /// On the way to its own inside.
    Open,
    Done(NodeId, Cost),
}

struct Resolver<'a> {
    raw: &'a Raw<'a>,
    states: Vec<State>,
    merged: usize,
    tree: Tree,
    remarks: Vec<Remark>,
    /// What the text begins after, in its file.
    offset: usize,
}

/// The values of a document whose text begins at `offset` of its file. Spans of what is wrong are of the text.
pub(super) fn resolve(raw: &Raw<'_>, offset: usize) -> Result<Option<Document>, Wrong> {
    let Some(root) = raw.root else { return Ok(None) };
    let states = vec![State::Untouched; raw.nodes.len()];
    let mut resolver = Resolver { raw, states, merged: 0, tree: Tree::default(), remarks: Vec::new(), offset };
    let (root, cost) = resolver.node(root, 0)?;
    if cost.is_too_much() {
        let span = raw.root.map_or(0..0, |root| raw.nodes[root].span.clone());
        return Err(Wrong {
            help: Some("write out what the aliases stand for, or use fewer of them"),
            ..Wrong::at(span.start..span.start, "its aliases make the document far larger than it is written")
        });
    }
    let Resolver { tree, mut remarks, .. } = resolver;
    remarks.sort_by_key(|remark| remark.span.start);
    Ok(Some(Document { tree, root, remarks }))
}

impl Resolver<'_> {
    fn node(&mut self, id: RawId, depth: usize) -> Result<(NodeId, Cost), Wrong> {
        let span = self.raw.nodes[id].span.clone();
        match self.states[id] {
            State::Done(_, cost) if depth + cost.height > MAX_DEPTH => return Err(too_deep(span)),
            State::Done(node, cost) => return Ok((node, cost)),
            State::Open => return Err(Wrong::at(span, "an anchor's value holds an alias of itself")),
            State::Untouched if depth > MAX_DEPTH => return Err(too_deep(span)),
            State::Untouched => self.states[id] = State::Open,
        }
        let mut cost = Cost { reads: 1, aliased: 0, bytes: 16, height: 0 };
        let node = match &self.raw.nodes[id].kind {
            RawKind::Scalar { .. } => {
                let (value, style) = self.scalar(id)?;
                let value = value.into_json().map_err(|message| Wrong::at(span.clone(), message))?;
                cost.bytes += value.as_str().map_or(0, str::len) as u64;
                self.add(span, Kind::Scalar(value, style))
            }
            RawKind::List(items) => {
                let mut nodes = Vec::with_capacity(items.len());
                for &item in items {
                    let (node, of_item) = self.node(item, depth + 1)?;
                    nodes.push(node);
                    cost.add(of_item);
                }
                self.add(span, Kind::List(nodes))
            }
            RawKind::Map(entries) => {
                let entries = self.map(entries, depth, &mut cost)?;
                self.add(span, Kind::Map(entries))
            }
            RawKind::Alias(anchor) => {
                let Some(&target) = self.raw.anchors.get(anchor) else {
                    return Err(Wrong::at(span, "an alias of no anchor"));
                };
                let (node, of_target) = self.node(target, depth + 1)?;
                cost.add(Cost { aliased: of_target.reads, ..of_target });
                node
            }
        };
        self.states[id] = State::Done(node, cost);
        Ok((node, cost))
    }

    fn add(&mut self, span: Range<usize>, kind: Kind) -> NodeId {
        let span = self.in_file(&span);
        self.tree.add(Node { span, kind })
    }

    fn in_file(&self, span: &Range<usize>) -> Range<usize> {
        span.start + self.offset..span.end + self.offset
    }

    fn map(&mut self, entries: &[(RawId, RawId)], depth: usize, cost: &mut Cost) -> Result<Vec<Entry>, Wrong> {
        let mut members = Members::default();
        for &(key, value) in entries {
            if self.is_merge(key) {
                self.merge(value, depth, &mut members, cost)?;
                continue;
            }
            let key_span = self.raw.nodes[key].span.clone();
            let key = self.key(key).map_err(|message| Wrong::at(key_span.clone(), message))?;
            let (value, of_value) = self.node(value, depth + 1)?;
            cost.add(of_value);
            cost.reads = cost.reads.saturating_add(1);
            cost.bytes = cost.bytes.saturating_add(key.len() as u64);
            let key_span = self.in_file(&key_span);
            if let Some(before) = members.set(Entry { key: key.clone(), key_span: key_span.clone(), value }, true) {
                self.remarks.push(Remark { span: key_span, kind: RemarkKind::DuplicateKey(key, before) });
            }
        }
        Ok(members.entries)
    }

    /// `<<: *base`, `<<: [*a, *b]`: copies the members. Where it stands counts: it goes over what came before.
    fn merge(&mut self, value: RawId, depth: usize, members: &mut Members, cost: &mut Cost) -> Result<(), Wrong> {
        let sources = match &self.raw.nodes[value].kind {
            RawKind::List(items) => items.iter().rev().copied().collect(),
            _ => vec![value],
        };
        for source in sources {
            let span = self.raw.nodes[source].span.clone();
            let (node, of_source) = self.node(source, depth + 1)?;
            cost.add(of_source);
            let Kind::Map(entries) = &self.tree.node(node).kind else {
                return Err(Wrong::at(span, "`<<` merges mappings, and this is none"));
            };
            self.merged += entries.len();
            if self.merged > MAX_MERGED {
                return Err(Wrong::at(span, "`<<` copies too much"));
            }
            for entry in entries.clone() {
                members.set(entry, false);
            }
        }
        Ok(())
    }

    fn is_merge(&self, key: RawId) -> bool {
        let RawKind::Scalar { text, style, tag } = &self.raw.nodes[key].kind else { return false };
        let plain = *style == ScalarStyle::Plain && tag.is_none();
        text == "<<" && (plain || tag.as_deref() == Some("tag:yaml.org,2002:merge"))
    }

    fn key(&self, key: RawId) -> Result<String, String> {
        match &self.raw.nodes[key].kind {
            RawKind::Scalar { .. } => {
                self.scalar(key).map_err(|wrong| wrong.message).and_then(|(value, _)| value.into_key())
            }
            RawKind::Alias(anchor) => match self.raw.anchors.get(anchor) {
                Some(&target) if target != key && matches!(self.raw.nodes[target].kind, RawKind::Scalar { .. }) => {
                    self.key(target)
                }
                _ => Err("a key is a text, not a list or a mapping".to_owned()),
            },
            _ => {
                Err("a key is a text, not a list or a mapping; in braces, is a quote missing around `${{ }}`?"
                    .to_owned())
            }
        }
    }

    fn scalar(&self, id: RawId) -> Result<(Scalar, Style), Wrong> {
        let RawKind::Scalar { text, style, tag } = &self.raw.nodes[id].kind else {
            return Ok((Scalar::Null, Style::Plain));
        };
        let written = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::Single,
            ScalarStyle::DoubleQuoted => Style::Double,
            _ => Style::Block,
        };
        let is_text = written != Style::Plain || tag.as_deref() == Some("!");
        let tag = tag.as_deref().filter(|tag| !matches!(*tag, "" | "!"));
        let value = match tag {
            None if is_text => Scalar::Text(text.clone().into_owned()),
            tag => scalar::resolve(tag, text).map_err(|it| Wrong::at(self.span(id), it))?,
        };
        Ok((value, written))
    }

    fn span(&self, id: RawId) -> Range<usize> {
        self.raw.nodes[id].span.clone()
    }
}

fn too_deep(span: Range<usize>) -> Wrong {
    Wrong::at(span, format!("it nests deeper than {MAX_DEPTH} levels"))
}

/// The members of an object, each once: the last one counts.
#[derive(Default)]
struct Members {
    entries: Vec<Entry>,
    /// Where each is, and whether it was written there and not merged.
    places: HashMap<String, (usize, bool)>,
}

impl Members {
    /// Sets a member; where it was written before, that place.
    fn set(&mut self, entry: Entry, written: bool) -> Option<Range<usize>> {
        match self.places.get_mut(&entry.key) {
            Some((place, before)) => {
                let both_written = std::mem::replace(before, written) && written;
                let old = std::mem::replace(&mut self.entries[*place], entry);
                both_written.then_some(old.key_span)
            }
            None => {
                self.places.insert(entry.key.clone(), (self.entries.len(), written));
                self.entries.push(entry);
                None
            }
        }
    }
}

/// Whether a value is one that kubectl passes over.
pub(super) fn is_nothing(tree: &Tree, root: NodeId) -> bool {
    matches!(&tree.node(root).kind, Kind::Scalar(Value::Null, _))
}
