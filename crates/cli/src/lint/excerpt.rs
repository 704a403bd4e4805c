//! The lines that a finding is about: with one before and one after, cut where they are long, and without Secrets.

use std::ops::Range;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use sluice_scm::document::Position;

use super::Finding;

/// Longer lines are hardly written by people, and can be read by none.
const LONGEST: usize = 200;

/// How much of a long line is shown before what is meant.
const BEFORE: usize = 80;

const CUT: &str = "...";

const HIDDEN: &str = "(Secrets are not shown)";

/// Some lines of a file.
#[derive(Debug)]
pub(super) struct Excerpt {
    file: String,
    text: String,
    /// The number of the first of them, from 0.
    first: usize,
    /// What is meant, in the text.
    pub(super) span: Range<usize>,
    /// What is meant, in the file.
    position: Position,
}

impl Excerpt {
    pub(super) fn of(finding: &Finding) -> Self {
        let Finding { source, span, secrets, .. } = finding;
        let text = &source.text;
        let is_hidden =
            |line: &Range<usize>| secrets.iter().any(|secret| secret.start < line.end && line.start < secret.end);
        let mut lines = line_at(text, span.start);
        let position = source.position(span.start);
        let mut excerpt =
            Self { file: source.name.clone(), text: String::new(), first: position.line - 1, span: 0..0, position };
        let meant = lines.start..line_at(text, span.end.max(span.start)).end;
        if is_hidden(&meant) || secrets.iter().any(|secret| secret.contains(&span.start)) {
            excerpt.text.push_str(HIDDEN);
            return excerpt;
        }
        if lines.start > 0 {
            let before = line_at(text, lines.start - 1);
            if !is_hidden(&before) {
                excerpt.first -= 1;
                excerpt.add(&text[before], 0);
            }
        }
        while lines.start < meant.end || lines == meant {
            let line = &text[lines.clone()];
            let inside = |at: usize| at.clamp(lines.start, lines.end) - lines.start;
            let shown = excerpt.add(line, inside(span.start));
            if lines.contains(&span.start) || lines.start == span.start || lines.end == span.start {
                excerpt.span.start = shown.place(inside(span.start));
            }
            excerpt.span.end = shown.place(inside(span.end)).max(excerpt.span.start);
            if lines.end >= meant.end {
                break;
            }
            lines = line_at(text, lines.end);
        }
        if meant.end < text.len() {
            let after = line_at(text, meant.end);
            if !is_hidden(&after) {
                excerpt.add(&text[after], 0);
            }
        }
        excerpt
    }

    /// Adds a line, of which the byte at `around` is to be seen.
    fn add(&mut self, line: &str, around: usize) -> Shown {
        let content = line.trim_end_matches(['\n', '\r']);
        let nth = |count: usize| content.char_indices().nth(count).map_or(content.len(), |(at, _)| at);
        let from = match content.chars().count() > LONGEST {
            true => nth(content[..around.min(content.len())].chars().count().saturating_sub(BEFORE)),
            false => 0,
        };
        let to = content[from..].char_indices().nth(LONGEST).map_or(content.len(), |(at, _)| from + at);
        if from > 0 {
            self.text.push_str(CUT);
        }
        let shown = Shown { part: from..to, at: self.text.len() };
        self.text.push_str(&content[from..to]);
        if to < content.len() {
            self.text.push_str(CUT);
        }
        self.text.push_str(&line[content.len()..]);
        shown
    }
}

/// The part of a line that is shown, and where it is in the excerpt.
struct Shown {
    part: Range<usize>,
    at: usize,
}

impl Shown {
    /// Where a byte of the line is in the excerpt.
    fn place(&self, at: usize) -> usize {
        self.at + at.clamp(self.part.start, self.part.end) - self.part.start
    }
}

/// The line that a byte is in, with its end.
fn line_at(text: &str, at: usize) -> Range<usize> {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    start..text[at..].find('\n').map_or(text.len(), |end| at + end + 1)
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let read = self.text.read_span(span, before, after)?;
        // Without lines around it, it is asked where the place is.
        let (line, column) = match before + after {
            0 => (self.position.line - 1, self.position.column - 1),
            _ => (self.first + read.line(), read.column()),
        };
        let contents = MietteSpanContents::new_named(
            self.file.clone(),
            read.data(),
            *read.span(),
            line,
            column,
            read.line_count(),
        );
        Ok(Box::new(contents))
    }
}
