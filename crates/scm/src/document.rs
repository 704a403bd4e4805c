//! YAML and JSON as kubectl reads them, with the place of everything in them.
//!
//! A text becomes its documents: for each the value that the API server would get, and where each part of it stands. YAML is
//! read as `kubectl` reads it (YAML 1.1: `on` is true and `0777` is 511). Nothing here knows what a manifest is.

mod brackets;
mod escape;
mod json;
mod resolve;
mod scalar;
mod source;
mod stream;
mod text;
mod tree;
mod yaml;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

pub use source::{Position, Source};
pub use stream::read;
pub use tree::{Entry, Found, Kind, Node, NodeId, Style, Tree};

/// What a text holds.
#[derive(Debug, Default)]
pub struct Read {
    /// Every document that is not empty, in their order.
    pub documents: Vec<Document>,
    /// What could not be read, beside the documents that could.
    pub faults: Vec<Fault>,
}

/// One document.
#[derive(Debug)]
pub struct Document {
    /// All that it holds.
    pub tree: Tree,
    /// The whole of it.
    pub root: NodeId,
    /// What kubectl passes over in silence.
    pub remarks: Vec<Remark>,
}

/// Something that kubectl takes without a word and hardly anybody means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Where in the file.
    pub span: Range<usize>,
    /// What it is.
    pub kind: RemarkKind,
}

/// What a [`Remark`] is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemarkKind {
    /// A key that the same mapping had already, there.
    DuplicateKey(String, Range<usize>),
    /// Text after the end of a document.
    IgnoredText,
}

/// A place of a file that cannot be read.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The file.
    pub source: Arc<Source>,
    /// Where in it.
    pub span: Range<usize>,
    /// What is wrong there.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column } = self.source.position(self.span.start);
        write!(f, "{}:{line}:{column}: {}", self.source.name, self.message)?;
        self.help.iter().try_for_each(|help| write!(f, "; {help}"))
    }
}
