//! One YAML document as it is written: a flat tree, aliases and merges not yet resolved.

use std::{borrow::Cow, collections::HashMap, ops::Range};

use granit_parser::{Event, Options, Parser, ScalarStyle};

use super::brackets;

/// How deep a document may nest. The API server takes less than this in anything of ours.
pub(super) const MAX_DEPTH: usize = 200;

/// A node's place in the tree.
pub(super) type RawId = usize;

/// A document as it is written.
#[derive(Debug, Default)]
pub(super) struct Raw<'a> {
    pub(super) nodes: Vec<RawNode<'a>>,
    pub(super) root: Option<RawId>,
    /// The node of each anchor, by the parser's number.
    pub(super) anchors: HashMap<usize, RawId>,
    /// Where the document ends before its text does: what follows is not read.
    pub(super) ignored: Option<usize>,
}

#[derive(Debug)]
pub(super) struct RawNode<'a> {
    pub(super) span: Range<usize>,
    pub(super) kind: RawKind<'a>,
}

#[derive(Debug)]
pub(super) enum RawKind<'a> {
    Scalar {
        text: Cow<'a, str>,
        style: ScalarStyle,
        tag: Option<String>,
    },
    Map(Vec<(RawId, RawId)>),
    List(Vec<RawId>),
    /// The anchor's number.
    Alias(usize),
}

/// What is wrong with a text, and where in it.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) help: Option<&'static str>,
}

impl Wrong {
    pub(super) fn at(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), help: None }
    }
}

/// A collection whose end has not come yet.
struct Open {
    node: RawId,
    key: Option<RawId>,
    flow: bool,
}

/// Reads the first document of a text. Spans are of that text.
pub(super) fn parse(text: &str) -> Result<Raw<'_>, Wrong> {
    only_printable(text)?;
    let mut raw = Raw::default();
    let mut open: Vec<Open> = Vec::new();
    for next in Parser::new_from_str_with_options(text, options()) {
        let (event, span) = next.map_err(|error| syntax_error(text, &error))?;
        let span = span.byte_range().unwrap_or(text.len()..text.len());
        let (kind, anchor) = match event {
            Event::DocumentEnd => {
                raw.ignored = Some(span.end).filter(|&end| has_content(&text[end.min(text.len())..]));
                break;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                raw.close(&mut open, span.end);
                continue;
            }
            Event::Anchor(_, name) => {
                old_anchor_name(&name, &span)?;
                continue;
            }
            Event::Scalar(value, style, anchor, tag) => {
                old_scalar(text, &span, style, open.iter().any(|open| open.flow))?;
                // The parser says `~` for a value that is not there.
                let absent = span.is_empty() && style == ScalarStyle::Plain;
                let text = if absent { Cow::Borrowed("") } else { value };
                (
                    RawKind::Scalar { text, style, tag: tag.map(|tag| format!("{}{}", tag.handle(), tag.suffix())) },
                    anchor,
                )
            }
            Event::SequenceStart(_, anchor, _) => (RawKind::List(Vec::new()), anchor),
            Event::MappingStart(_, anchor, _) => (RawKind::Map(Vec::new()), anchor),
            Event::Alias(anchor) => (RawKind::Alias(anchor), 0),
            _ => continue,
        };
        raw.push(&mut open, RawNode { span, kind }, anchor);
    }
    Ok(raw)
}

impl<'a> Raw<'a> {
    fn push(&mut self, open: &mut Vec<Open>, node: RawNode<'a>, anchor: usize) {
        let id = self.nodes.len();
        let is_collection = matches!(node.kind, RawKind::Map(_) | RawKind::List(_));
        self.nodes.push(node);
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        match open.last_mut() {
            None => self.root = self.root.or(Some(id)),
            Some(parent) => match &mut self.nodes[parent.node].kind {
                RawKind::List(items) => items.push(id),
                RawKind::Map(entries) => match parent.key.take() {
                    Some(key) => entries.push((key, id)),
                    None => parent.key = Some(id),
                },
                RawKind::Scalar { .. } | RawKind::Alias(_) => {}
            },
        }
        if is_collection {
            // A flow collection has a bracket of one byte at its start.
            let flow = !self.nodes[id].span.is_empty();
            open.push(Open { node: id, key: None, flow });
        }
    }

    /// Ends the innermost collection: at its bracket, or with the last thing in it.
    fn close(&mut self, open: &mut Vec<Open>, end: usize) {
        let Some(Open { node, flow, .. }) = open.pop() else { return };
        let last = match &self.nodes[node].kind {
            RawKind::Map(entries) => entries.last().map(|&(key, value)| self.end(value).max(self.end(key))),
            RawKind::List(items) => items.last().map(|&item| self.end(item)),
            RawKind::Scalar { .. } | RawKind::Alias(_) => None,
        };
        let span = &mut self.nodes[node].span;
        span.end = if flow { end } else { last.unwrap_or(end) }.max(span.end);
    }

    fn end(&self, id: RawId) -> usize {
        self.nodes[id].span.end
    }
}

fn options() -> Options {
    let mut options = Options::default();
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    options.set_emit_comments(false);
    options.emit_anchor_events = true;
    options
}

/// Refuses what YAML 1.2 takes and kubectl's reader of YAML 1.1 does not.
fn old_scalar(text: &str, span: &Range<usize>, style: ScalarStyle, in_flow: bool) -> Result<(), Wrong> {
    let written = &text[span.clone()];
    let at = |index: usize, len: usize| span.start + index..span.start + index + len;
    match style {
        ScalarStyle::Plain if in_flow => {
            let colon = written.starts_with(':').then_some(0);
            let Some(index) = written.find('?').or(colon) else { return Ok(()) };
            let message = match colon {
                Some(_) => "a text without quotes cannot begin with `:` inside of `{}` or `[]`, as kubectl reads it",
                None => "a `?` ends a text without quotes inside of `{}` or `[]`, as kubectl reads it",
            };
            Err(Wrong { help: Some("put the text in quotes"), ..Wrong::at(at(index, 1), message) })
        }
        ScalarStyle::DoubleQuoted => {
            let mut escapes = written.match_indices('\\').map(|(index, _)| index);
            while let Some(index) = escapes.next() {
                match written.as_bytes().get(index + 1) {
                    Some(b'/') => {
                        let help = Some("write `/` as it is");
                        return Err(Wrong { help, ..Wrong::at(at(index, 2), "kubectl knows no escape `\\/`") });
                    }
                    Some(b'\\') => drop(escapes.next()),
                    _ => {}
                }
            }
            Ok(())
        }
        ScalarStyle::Literal | ScalarStyle::Folded => {
            let head = text[..span.start].trim_end().lines().last().unwrap_or_default();
            let head = head.split(" #").next().unwrap_or_default().trim_end();
            let says_indentation = head.trim_end_matches(['+', '-']).ends_with(|char: char| char.is_ascii_digit());
            let first = written.find(|char| !matches!(char, ' ' | '\n' | '\r')).filter(|_| !says_indentation);
            match first.filter(|&first| written[first..].starts_with('\t')) {
                Some(first) => Err(Wrong {
                    help: Some("indent with spaces"),
                    ..Wrong::at(at(first, 1), "a tab where the text's indentation is")
                }),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

fn old_anchor_name(name: &str, span: &Range<usize>) -> Result<(), Wrong> {
    let fits = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    let message = "the name of an anchor is made of letters, digits, `_` and `-`, as kubectl reads it";
    if fits { Ok(()) } else { Err(Wrong::at(span.clone(), message)) }
}

/// Whether there is anything but white space and comments.
fn has_content(text: &str) -> bool {
    text.lines().any(|line| !matches!(line.trim_start().bytes().next(), None | Some(b'#')) && line.trim() != "...")
}

fn only_printable(text: &str) -> Result<(), Wrong> {
    let bad = |&(_, char): &(usize, char)| !matches!(char, '\t' | '\n' | '\r' | ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{fffd}' | '\u{10000}'..);
    match text.char_indices().find(bad) {
        None => Ok(()),
        Some((at, char)) => Err(Wrong {
            help: Some("write it as an escape in double quotes, or take it out"),
            ..Wrong::at(at..at + char.len_utf8(), not_printable(char))
        }),
    }
}

fn not_printable(char: char) -> String {
    match char {
        '\u{85}' | '\u{2028}' | '\u{2029}' => format!("{char:?} is a line break to kubectl, which hardly anybody sees"),
        _ => format!("YAML has no place for the control character {char:?}"),
    }
}

/// What to do about the mistakes that are made most, by what the parser says of them.
fn remedy(message: &str) -> Option<&'static str> {
    const REMEDIES: [(&str, &str); 7] = [
        (
            "mapping values are not allowed",
            "put a text that holds `: ` in quotes, or add the `:` that is missing before",
        ),
        ("did not find expected key", "indent the line as its neighbours are"),
        ("unclosed bracket", "close it"),
        ("recursion limit exceeded", "put fewer lists and objects into each other"),
        ("unexpected character", "put the text in quotes"),
        ("unknown anchor", "put a text that begins with `*` in quotes"),
        ("multiline quoted", "close the quotes, or indent the line further than the key"),
    ];
    REMEDIES.iter().find(|(said, _)| message.contains(said)).map(|(_, remedy)| *remedy)
}

/// Whether the parser may say this because it takes what follows for a part of what stands in brackets.
fn is_about_brackets(message: &str) -> bool {
    ["illegal placement", "did not find expected", "unclosed", "invalid trailing", "flow", "indent"]
        .iter()
        .any(|said| message.contains(said))
}

fn syntax_error(text: &str, error: &granit_parser::ScanError) -> Wrong {
    let at = error.marker().byte_offset().filter(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
    let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let message = error.info();
    if let Some(open) = brackets::unclosed(text).filter(|&open| open < line_start && is_about_brackets(&message)) {
        let help = Some("close it, or put a text that begins with a bracket in quotes");
        return Wrong { help, ..Wrong::at(open..open + 1, "this bracket is not closed") };
    }
    let indented_by_tab = text[line_start..].trim_start_matches(' ').starts_with('\t');
    let line = text[line_start..].lines().next().unwrap_or_default();
    let next = text[line_start..].lines().nth(1).unwrap_or_default();
    let help = if indented_by_tab || (message.contains("tab") && next.trim_start_matches(' ').starts_with('\t')) {
        Some("indent with spaces: YAML takes no tab there")
    } else if line.contains("${{") {
        Some("put a text that holds `${{ }}` in quotes")
    } else {
        remedy(&message)
    };
    let len = text[at..].chars().next().map_or(0, char::len_utf8);
    Wrong { span: at..at + len, message, help }
}
