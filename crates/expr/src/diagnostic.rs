//! What is wrong with an expression before it runs: a stable code, a message, where, and what to do about it.
//!
//! Positions are bytes of the text that the person wrote, so a caller that knows where that text stands in a file can
//! point at the file.

use std::fmt;
use std::ops::Range;

use crate::Code;

/// One thing wrong with an expression or a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable and for machines.
    pub code: Code,
    /// For people: one sentence, lower case, no full stop.
    pub message: String,
    /// Bytes of the checked text that are meant. Always on character boundaries.
    pub span: Range<usize>,
    /// Line of the span's start, from 1.
    pub line: usize,
    /// Column of the span's start in characters, from 1.
    pub column: usize,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A diagnostic about `span` of `source`; line and column follow from both.
    ///
    /// A span outside the source is moved to its end.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>, source: &str, span: Range<usize>) -> Self {
        let span = floor(source, span.start)..ceil(source, span.end.max(span.start));
        let before = &source[..span.start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            code,
            message: message.into(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            span,
            help: None,
        }
    }

    /// The same with a help text.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same for a text in which the checked one starts at `offset`.
    #[must_use]
    pub(crate) fn moved_into(self, outer: &str, offset: usize) -> Self {
        let span = self.span.start + offset..self.span.end + offset;
        Self { help: self.help, ..Self::new(self.code, self.message, outer, span) }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Diagnostic {}

/// The nearest character boundary at or before `at`.
fn floor(source: &str, at: usize) -> usize {
    let mut at = at.min(source.len());
    while !source.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The nearest character boundary at or after `at`.
fn ceil(source: &str, at: usize) -> usize {
    let mut at = at.min(source.len());
    while !source.is_char_boundary(at) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_and_column_count_characters_from_one() {
        let source = "a +\n  é == ñ";
        let at = source.find('ñ').unwrap();
        let diagnostic = Diagnostic::new(Code::Syntax, "no", source, at..at + 1);
        assert_eq!((diagnostic.line, diagnostic.column), (2, 8));
        assert_eq!(&source[diagnostic.span], "ñ");
    }

    #[test]
    fn a_span_outside_the_source_ends_with_it() {
        let diagnostic = Diagnostic::new(Code::Syntax, "no", "ab", 7..9);
        assert_eq!(diagnostic.span, 2..2);
    }
}
