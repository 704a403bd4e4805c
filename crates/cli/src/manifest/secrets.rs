//! Where Secrets stand in a text. What stands there is never printed: neither a line of it, nor a value in a message.
//!
//! Rather too much is taken for a Secret than too little. A text that cannot be read may be one all the same, so it is
//! recognised by its letters, too, and it is hidden as a whole, from one separator of documents to the next.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::Document;

/// What says that a text holds a Secret, or something like it.
static LOOKS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)kind\W*:[^\n,}]*secret|kind\W*:(?:\s*[!&]\S+)*\W*secret|stringData").ok());

/// Whether objects of this kind hold what nobody may see.
pub(super) fn is_secret(kind: &str) -> bool {
    kind.to_lowercase().contains("secret")
}

/// The parts of a text that hold Secrets, with the documents that were read in it.
pub(super) fn find(text: &str, documents: &[Document]) -> Vec<Range<usize>> {
    let is_read = |part: &Range<usize>| {
        documents.iter().any(|it| it.is_secret() && part.contains(&it.tree.node(it.root).span.start))
    };
    // Without the expression, everything is one.
    let looks = |part: &Range<usize>| LOOKS.as_ref().is_none_or(|looks| looks.is_match(&text[part.clone()]));
    parts(text).into_iter().filter(|part| looks(part) || is_read(part)).collect()
}

/// What stands between separators. `-----BEGIN PRIVATE KEY-----` is none, though kubectl takes it for one: what follows it
/// belongs to what was before.
fn parts(text: &str) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        let after = line.strip_prefix("---").map(str::trim_start);
        if after.is_some_and(|after| after.is_empty() || after.starts_with('#')) {
            parts.push(start..at);
            start = at + line.len();
        }
        at += line.len();
    }
    parts.push(start..text.len());
    parts
}

/// A message without the text that it quotes.
pub(super) fn without_quotes(message: &str) -> String {
    match (message.find('`'), message.rfind('`')) {
        (Some(first), Some(last)) if first < last => format!("{}`...`{}", &message[..first], &message[last + 1..]),
        _ => message.to_owned(),
    }
}
