//! The text of a file, and lines and columns in it.

use std::ops::Range;

/// A file's text.
#[derive(Debug)]
pub struct Source {
    /// Its path as it was given; `<stdin>` for standard input.
    pub name: String,
    /// Its text, without a byte order mark.
    pub text: String,
    /// Where each line begins.
    lines: Vec<usize>,
}

/// A place for people: both from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character of that line.
    pub column: usize,
}

impl Source {
    /// A file of this name and text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(ends).collect();
        Self { name: name.into(), text, lines }
    }

    /// A file of these bytes: UTF-8 with or without a byte order mark, or UTF-16 with one. Like kubectl, it takes what is
    /// no text for U+FFFD.
    pub fn decode(name: impl Into<String>, bytes: &[u8]) -> Self {
        let text = match bytes {
            [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
            [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
            [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
            _ => String::from_utf8_lossy(bytes).into_owned(),
        };
        Self::new(name, text)
    }

    /// Line and column of a byte.
    pub fn position(&self, at: usize) -> Position {
        let at = floor(&self.text, at);
        let line = self.lines.partition_point(|&start| start <= at);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        Position { line, column: self.text[start..at].chars().count() + 1 }
    }

    /// The span within the text and on character boundaries.
    pub fn clamp(&self, span: Range<usize>) -> Range<usize> {
        let start = floor(&self.text, span.start);
        start..floor(&self.text, span.end).max(start)
    }
}

/// The nearest character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks(2).map(|pair| match pair {
        [first, second] => unit([*first, *second]),
        _ => 0xfffd,
    });
    char::decode_utf16(units).map(|char| char.unwrap_or('\u{fffd}')).collect()
}
