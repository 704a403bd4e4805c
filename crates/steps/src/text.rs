//! Texts of bearable length.

/// What somebody else said, as part of a sentence of ours: without its full stop.
pub(crate) fn clause(text: &str) -> &str {
    text.trim().trim_end_matches('.')
}

/// The text, cut to this many characters; an ellipsis says that more was there.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
