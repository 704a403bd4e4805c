//! Whether a file is JSON, and its tree.
//!
//! JSON is almost YAML, and almost is not enough: a YAML reader refuses characters that JSON takes. `serde_json` judges
//! the grammar; what is left to do here is to find where the values are.

use std::borrow::Cow;

use granit_parser::ScalarStyle;
use serde::de::IgnoredAny;

use super::error::Fault;
use super::tree::{Kind, Node, Tree};

/// What a file is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Yaml,
    Json,
}

/// By the file's extension; all that is not known to be something else is YAML.
pub(super) fn format_of(file: &str) -> Result<Format, Fault> {
    let name = file.rsplit('/').next().unwrap_or(file);
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref() {
        Some("json") => Ok(Format::Json),
        Some("json5" | "jsonc" | "toml" | "xml" | "properties" | "ini" | "env" | "hcl" | "tf") => {
            Err(Fault::whole("only YAML and JSON files can be edited"))
        }
        _ => Ok(Format::Yaml),
    }
}

/// Reads a JSON file; a byte order mark is let pass.
pub(super) fn parse(text: &str) -> Result<Tree<'_>, Fault> {
    validate(text)?;
    let mut tree = Tree::empty(true);
    let mut open = vec![];
    let bytes = text.as_bytes();
    let mut at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        at += 1;
        let kind = match byte {
            b'{' => Kind::Map { entries: vec![], flow: true },
            b'[' => Kind::Seq { items: vec![], flow: true },
            b'}' | b']' => {
                tree.close(&mut open, at);
                continue;
            }
            b'"' => {
                at = end_of_string(bytes, at);
                let text = serde_json::from_str(&text[start..at])
                    .map_err(|_| Fault::at(start, "invalid JSON: half of a surrogate pair in a string"))?;
                Kind::Scalar { text: Cow::Owned(text), style: ScalarStyle::DoubleQuoted }
            }
            b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' => continue,
            _ => {
                let rest = &text[start..];
                at = start + rest.find(|c: char| ",:]} \t\r\n".contains(c)).unwrap_or(rest.len());
                Kind::Scalar { text: Cow::Borrowed(&text[start..at]), style: ScalarStyle::Plain }
            }
        };
        tree.push(&mut open, Node { kind, span: start..at, anchor: 0, tag: None });
    }
    Ok(tree)
}

/// Past the closing quote of the string whose inside begins at `at`.
fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = bytes.get(at) {
        at += if byte == b'\\' { 2 } else { 1 };
        if byte == b'"' {
            break;
        }
    }
    at.min(bytes.len())
}

/// Checks the grammar.
fn validate(text: &str) -> Result<(), Fault> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let skipped = text.len() - body.len();
    serde_json::from_str::<IgnoredAny>(body).map(|_| ()).map_err(|error| {
        let line = body.split('\n').take(error.line().saturating_sub(1)).map(|line| line.len() + 1).sum::<usize>();
        let at = skipped + line + error.column().saturating_sub(1);
        let message = error.to_string();
        let reason = message.split(" at line ").next().unwrap_or_default();
        Fault { at: Some(at).filter(|&at| text.is_char_boundary(at)), message: format!("invalid JSON: {reason}") }
    })
}
