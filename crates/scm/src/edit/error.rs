//! Why a file was not edited.

use std::fmt;

/// Why a file was not edited: where, what, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditError {
    /// The file's name.
    pub file: String,
    /// The line and column, both from 1, the column in characters.
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
