//! Errors with what caused them.

use std::error::Error;

/// An error and its causes in one line; a cause that the text before it names already is left out.
pub fn in_one_line(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&error| error.source());
    causes
        .map(ToString::to_string)
        .fold(error.to_string(), |text, cause| if text.contains(&cause) { text } else { format!("{text}: {cause}") })
}
