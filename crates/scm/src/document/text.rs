//! Where a part of a scalar's value stands in the file: past quotes, escapes, indentation and folded lines.

use std::ops::Range;

use super::{
    escape,
    tree::{Kind, Node, Style},
};

impl Node {
    /// The bytes of the file that these bytes of the scalar's value come from; `None` where that cannot be told.
    pub fn place_of(&self, file: &str, part: &Range<usize>) -> Option<Range<usize>> {
        let Kind::Scalar(value, style) = &self.kind else { return None };
        let written = file.get(self.span.clone())?;
        let (start, end) = align(written, value.as_str()?, *style, part)?;
        Some(self.span.start + start..self.span.start + end)
    }
}

/// Walks the value and what is written side by side. White space may differ (lines are folded, indentation goes); anything
/// else has to be the same.
fn align(written: &str, value: &str, style: Style, part: &Range<usize>) -> Option<(usize, usize)> {
    let quote = matches!(style, Style::Single | Style::Double);
    let mut at = usize::from(quote);
    let (mut start, mut end) = (None, None);
    for (index, char) in value.char_indices() {
        let (here, next) = step(written, at, style, char)?;
        if index >= part.start {
            start = start.or(Some(here));
        }
        if index < part.end {
            end = Some(next);
        }
        at = next;
    }
    let start = start.unwrap_or(at);
    Some((start, end.unwrap_or(start).max(start)))
}

/// Where this character of the value stands, and where the next one may begin.
fn step(written: &str, mut at: usize, style: Style, char: char) -> Option<(usize, usize)> {
    loop {
        let rest = written.get(at..)?;
        let found = rest.chars().next();
        if style == Style::Double && found == Some('\\') {
            let escape = escape::any(rest)?;
            if escape.char == Some(char) {
                return Some((at, at + escape.len));
            }
            if escape.char.is_some() {
                return None;
            }
            at += escape.len;
            continue;
        }
        if style == Style::Single && char == '\'' && rest.starts_with("''") {
            return Some((at, at + 2));
        }
        match found {
            Some(found) if found == char => return Some((at, at + char.len_utf8())),
            // A folded line break, or one at the end that is not written.
            Some(found) if char.is_whitespace() && found.is_whitespace() => return Some((at, at)),
            None if char.is_whitespace() => return Some((at, at)),
            // Empty lines before the first one that says how far it is indented.
            Some(_) if char == '\n' && style == Style::Block => return Some((at, at)),
            Some(found) if found.is_whitespace() => at += found.len_utf8(),
            _ => return None,
        }
    }
}
