//! Why a file was not edited.

use std::fmt;

/// Why a file was not edited: where, what, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditError {
    /// The file's name.
    pub file: String,
    /// The line and column, both from 1, the column in characters; none where the whole file is meant.
    pub at: Option<(usize, usize)>,
    /// The reason and the remedy.
    pub message: String,
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some((line, column)) => write!(f, "{}:{line}:{column}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

impl std::error::Error for EditError {}

/// An error inside the editor: a byte offset instead of a line, and no file name yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: Option<usize>,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn at(offset: usize, message: impl Into<String>) -> Self {
        Self { at: Some(offset), message: message.into() }
    }

    pub(super) fn whole(message: impl Into<String>) -> Self {
        Self { at: None, message: message.into() }
    }

    pub(super) fn in_file(self, file: &str, text: &str) -> EditError {
        let at = self.at.map(|offset| line_and_column(text, offset));
        EditError { file: file.to_owned(), at, message: self.message }
    }
}

/// The line and column, from 1, of a byte offset. A byte order mark takes no column.
pub(super) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let start = before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
    let breaks = before.matches(['\n', '\r']).count() - before.matches("\r\n").count();
    let column = before[start..].chars().filter(|&c| c != '\u{feff}').count() + 1;
    (breaks + 1, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_become_lines_and_columns() {
        assert_eq!(line_and_column("\u{feff}ab", 4), (1, 2));
        assert_eq!(line_and_column("a\r\nüb", 5), (2, 2));
        assert_eq!(line_and_column("a\rb\n\nc", 5), (4, 1));
        assert_eq!(line_and_column("a", 99), (1, 2));
    }
}
