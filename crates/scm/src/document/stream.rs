//! A text as its documents: which part is JSON, and where a YAML document begins and ends.
//!
//! The rules are kubectl's: a file that begins with `{` is JSON while it lasts, and a line that begins with `---` separates
//! documents wherever it stands.

use std::ops::Range;
use std::sync::Arc;

use super::yaml::{self, Wrong};
use super::{Document, Fault, Read, Remark, RemarkKind, Source, json, resolve};

/// How far into a file kubectl looks for a `{`.
const GUESS: usize = 4096;

/// Reads every document of a file. What is no document is in [`Read::faults`].
pub fn read(source: &Arc<Source>) -> Read {
    let mut read = Read::default();
    let into = &mut read;
    let (rest, not_json) = match begins_as_json(&source.text) {
        true => read_json(source, into),
        false => (0, None),
    };
    for chunk in chunks(source, rest, into) {
        read_yaml(source, chunk, into);
    }
    // A file that says to be JSON is told what JSON it is not.
    if let Some(not_json) = not_json.filter(|_| !into.faults.is_empty() && source.name.ends_with(".json")) {
        into.faults = vec![fault(source, not_json, 0)];
    }
    read
}

fn begins_as_json(text: &str) -> bool {
    let start = text.trim_start();
    start.starts_with('{') && text.len() - start.len() < GUESS
}

/// Reads values while they are JSON. What follows is YAML, unless there were two of them; with it, why it is no JSON.
fn read_json(source: &Arc<Source>, into: &mut Read) -> (usize, Option<Wrong>) {
    let text = &source.text;
    let mut count = 0;
    let mut at = 0;
    loop {
        let start = json::skip_space(text, at);
        if start == text.len() {
            return (start, None);
        }
        match json::parse(text, start) {
            Ok(json::Parsed { tree, root, remarks, end }) => {
                into.documents.push(Document { tree, root, remarks });
                count += 1;
                at = end;
            }
            Err(wrong) if count > 1 => {
                into.faults.push(fault(source, wrong, 0));
                return (text.len(), None);
            }
            Err(wrong) => return (past_line(text, at), Some(wrong)),
        }
    }
}

/// Past the white space at `at`, one line break at most.
fn past_line(text: &str, at: usize) -> usize {
    for (index, char) in text[at..].char_indices() {
        match char {
            '\n' => return at + index + 1,
            char if char.is_whitespace() => {}
            _ => return at + index,
        }
    }
    text.len()
}

/// The text of each YAML document, without the lines that separate them.
fn chunks(source: &Arc<Source>, from: usize, into: &mut Read) -> Vec<Range<usize>> {
    const SEPARATOR: &str = "---";
    let text = &source.text;
    let mut chunks = Vec::new();
    let mut start = from;
    let mut at = from;
    for line in text[from..].split_inclusive('\n') {
        let end = at + line.len();
        if let Some(after) = line.strip_prefix(SEPARATOR) {
            chunks.push(start..at);
            start = end;
            if !matches!(after.trim_start().chars().next(), None | Some('#')) {
                let span = at..at + line.trim_end().len();
                let message = "nothing but a comment may stand behind `---` in its line";
                let help = "move it to the next line; text that begins with `---` has to be indented or quoted";
                into.faults.push(fault(source, Wrong { help: Some(help), ..Wrong::at(span, message) }, 0));
            }
        }
        at = end;
    }
    chunks.push(start..text.len());
    chunks
}

fn read_yaml(source: &Arc<Source>, chunk: Range<usize>, into: &mut Read) {
    let offset = chunk.start;
    let mut text = std::borrow::Cow::Borrowed(&source.text[chunk]);
    if !text.is_empty() && !text.ends_with('\n') {
        // As kubectl does; it counts at the end of a block scalar.
        text.to_mut().push('\n');
    }
    let read = yaml::parse(&text).and_then(|raw| {
        let resolved = resolve::resolve(&raw, offset)?;
        Ok(resolved.map(|resolved| (resolved, raw.ignored)))
    });
    match read {
        Err(wrong) => into.faults.push(fault(source, wrong, offset)),
        Ok(None) => {}
        Ok(Some((mut resolved, ignored))) => {
            if let Some(start) = ignored {
                let span = offset + start..offset + text.trim_end().len();
                resolved.remarks.push(Remark { span, kind: RemarkKind::IgnoredText });
            }
            if !resolve::is_nothing(&resolved.tree, resolved.root) {
                into.documents.push(resolved);
            }
        }
    }
}

fn fault(source: &Arc<Source>, wrong: Wrong, offset: usize) -> Fault {
    let Wrong { span, message, help } = wrong;
    let span = source.clamp(span.start + offset..span.end + offset);
    Fault { source: Arc::clone(source), span, message, help: help.map(str::to_owned) }
}
