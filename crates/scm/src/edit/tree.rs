//! A file as a tree of byte ranges.
//!
//! Flat, without recursion: neither reading nor dropping it can overflow a stack. Aliases are not followed.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use granit_parser::{Event, Options, Parser, ScalarStyle, StructureStyle};

use serde_json::Value;

use super::error::Fault;
use super::scalar;

const NESTING_LIMIT: usize = 200;
const MAX_DOCUMENTS: usize = 1000;

/// The place of a node in its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct NodeId(usize);

/// A whole file.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    nodes: Vec<Node<'a>>,
    /// The root of each document.
    pub(super) roots: Vec<NodeId>,
    pub(super) comments: Vec<Cow<'a, str>>,
    /// The anchors that an alias refers to.
    aliased: HashSet<usize>,
    /// The file is JSON, and so are its plain scalars.
    pub(super) json: bool,
}

/// One node.
#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) kind: Kind<'a>,
    /// From its first byte to past its last, without anchor and tag. Block collections end where they begin.
    pub(super) span: Range<usize>,
    /// The anchor's number in the file; 0 is none.
    pub(super) anchor: usize,
    pub(super) tag: Option<String>,
}

/// What a node is.
#[derive(Debug)]
pub(super) enum Kind<'a> {
    Scalar {
        text: Cow<'a, str>,
        style: ScalarStyle,
    },
    Map {
        entries: Vec<(NodeId, NodeId)>,
        flow: bool,
    },
    Seq {
        items: Vec<NodeId>,
        flow: bool,
    },
    /// The anchor's number.
    Alias(usize),
}

/// A collection whose end has not come yet.
pub(super) struct Open {
    node: NodeId,
    key: Option<NodeId>,
}

impl<'a> Tree<'a> {
    pub(super) fn empty(json: bool) -> Self {
        Tree { nodes: vec![], roots: vec![], comments: vec![], aliased: HashSet::new(), json }
    }

    /// Reads a YAML file.
    pub(super) fn parse(text: &'a str) -> Result<Self, Fault> {
        let mut tree = Tree::empty(false);
        let mut open: Vec<Open> = vec![];
        for next in Parser::new_from_str_with_options(text, options(text.len())) {
            let (event, span) = next.map_err(|error| invalid(text, &error))?;
            let span = span.byte_range().ok_or_else(|| Fault::whole("the parser gave no byte range"))?;
            let (kind, anchor, tag) = match event {
                Event::Comment(comment, _) => {
                    tree.comments.push(comment);
                    continue;
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    tree.close(&mut open, span.end);
                    continue;
                }
                Event::Scalar(text, style, anchor, tag) => (Kind::Scalar { text, style }, anchor, tag),
                Event::SequenceStart(style, anchor, tag) => {
                    (Kind::Seq { items: vec![], flow: style == StructureStyle::Flow }, anchor, tag)
                }
                Event::MappingStart(style, anchor, tag) => {
                    (Kind::Map { entries: vec![], flow: style == StructureStyle::Flow }, anchor, tag)
                }
                Event::Alias(anchor) => {
                    tree.aliased.insert(anchor);
                    (Kind::Alias(anchor), 0, None)
                }
                _ => continue,
            };
            if open.is_empty() && tree.roots.len() == MAX_DOCUMENTS {
                return Err(Fault::at(span.start, format!("the file has more than {MAX_DOCUMENTS} documents")));
            }
            tree.push(&mut open, Node { kind, span, anchor, tag: tag.map(|tag| tag.to_string()) });
        }
        Ok(tree)
    }

    /// Adds a node to the innermost open collection; a collection is open from then on.
    pub(super) fn push(&mut self, open: &mut Vec<Open>, node: Node<'a>) {
        let is_collection = matches!(node.kind, Kind::Map { .. } | Kind::Seq { .. });
        let node = self.add(node);
        self.attach(open.last_mut(), node);
        if is_collection {
            open.push(Open { node, key: None });
        }
    }

    fn add(&mut self, mut node: Node<'a>) -> NodeId {
        if let Kind::Scalar { text, style: ScalarStyle::Plain } = &mut node.kind
            && node.span.is_empty()
        {
            // The parser says `~` for a value that is not there.
            *text = Cow::Borrowed("");
        }
        self.nodes.push(node);
        NodeId(self.nodes.len() - 1)
    }

    fn attach(&mut self, parent: Option<&mut Open>, node: NodeId) {
        let Some(parent) = parent else { return self.roots.push(node) };
        match &mut self.nodes[parent.node.0].kind {
            Kind::Seq { items, .. } => items.push(node),
            Kind::Map { entries, .. } => match parent.key.take() {
                Some(key) => entries.push((key, node)),
                None => parent.key = Some(node),
            },
            Kind::Scalar { .. } | Kind::Alias(_) => {}
        }
    }

    /// Ends the innermost open collection; a flow collection ends at its bracket.
    pub(super) fn close(&mut self, open: &mut Vec<Open>, end: usize) {
        let Some(Open { node, .. }) = open.pop() else { return };
        let node = &mut self.nodes[node.0];
        if let Kind::Map { flow: true, .. } | Kind::Seq { flow: true, .. } = node.kind {
            node.span.end = end;
        }
    }

    pub(super) fn node(&self, id: NodeId) -> &Node<'a> {
        &self.nodes[id.0]
    }

    /// The text of a scalar.
    pub(super) fn scalar(&self, id: NodeId) -> Option<&str> {
        match &self.node(id).kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether some alias refers to this node.
    pub(super) fn is_aliased(&self, id: NodeId) -> bool {
        self.aliased.contains(&self.node(id).anchor)
    }

    /// The last scalar, alias or flow collection in a block collection; the key, where its value is not there.
    pub(super) fn last_leaf(&self, mut id: NodeId) -> NodeId {
        loop {
            id = match &self.node(id).kind {
                Kind::Map { entries, flow: false } => match entries.last() {
                    Some(&(key, value)) if self.is_absent(value) => return key,
                    Some(&(_, value)) => value,
                    None => return id,
                },
                Kind::Seq { items, flow: false } => match items.last() {
                    Some(&item) => item,
                    None => return id,
                },
                _ => return id,
            }
        }
    }

    /// Whether a node is an untagged scalar that all readers take for this value.
    pub(super) fn has_value(&self, id: NodeId, wanted: &Value) -> bool {
        let node = self.node(id);
        let Kind::Scalar { text, style } = &node.kind else { return false };
        let plain = || if self.json { scalar::json_value(text) } else { scalar::plain_value(text) };
        node.anchor == 0
            && node.tag.is_none()
            && match style {
                ScalarStyle::Plain => plain().is_some_and(|value| scalar::same(&value, wanted)),
                _ => wanted.as_str() == Some(text),
            }
    }

    /// Whether the node is a value of which not a byte is written.
    pub(super) fn is_absent(&self, id: NodeId) -> bool {
        let node = self.node(id);
        matches!(node.kind, Kind::Scalar { style: ScalarStyle::Plain, .. }) && node.span.is_empty()
    }
}

impl Node<'_> {
    /// What it is, for people.
    pub(super) fn describe(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar { .. } if self.span.is_empty() => "nothing",
            Kind::Scalar { .. } => "a scalar",
            Kind::Map { .. } => "a mapping",
            Kind::Seq { .. } => "a list",
            Kind::Alias(_) => "an alias",
        }
    }
}

fn options(len: usize) -> Options {
    let mut options = Options::default();
    options.flow_nesting_limit = NESTING_LIMIT;
    options.block_nesting_limit = NESTING_LIMIT;
    // Bounded by the size of the file; JSON has long keys, and license texts are long comments.
    options.simple_key_max_lookahead = len.max(1024);
    options.max_buffered_comment_events = len;
    options.set_emit_comments(true);
    options
}

fn invalid(text: &str, error: &granit_parser::ScanError) -> Fault {
    let at = error.marker().byte_offset().filter(|&at| text.is_char_boundary(at));
    Fault { at, message: format!("invalid YAML: {}", error.info()) }
}
