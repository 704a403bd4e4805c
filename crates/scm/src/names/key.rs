//! The key of an effect, and the two places it is written to: a commit's trailer and a pull request's body.

use super::{NameError, text_newtype};

const KIND: &str = "effect key";

/// The trailer of a commit message that carries the key.
pub const TRAILER: &str = "Sluice-Key";

/// What the HTML comment in a pull request's body begins with.
pub const MARKER: &str = "sluice-key";

/// A key that one logical effect is found by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EffectKey(String);

text_newtype!(EffectKey);

impl EffectKey {
    /// Parses a key: 8 to 64 of `a-z`, `0-9` and inner `-`.
    ///
    /// # Errors
    /// When it is anything else: it becomes part of branch names, messages and HTML comments (which `--` would end).
    pub fn parse(key: &str) -> Result<Self, NameError> {
        let fits = (8..=64).contains(&key.len());
        let plain = key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !fits || !plain || key.starts_with('-') || key.ends_with('-') || key.contains("--") {
            return Err(NameError::new(KIND, key, "it must be 8 to 64 of a-z, 0-9 and single inner dashes"));
        }
        Ok(Self(key.to_owned()))
    }

    /// The message with the key's trailer as its last paragraph's last line, all line ends `\n`.
    pub fn with_trailer(&self, message: &str) -> String {
        let message = strip(&message.replace("\r\n", "\n").replace('\r', "\n"), is_trailer);
        let message = message.trim();
        let message = if message.is_empty() { "Update files" } else { message };
        let gap = if ends_in_trailers(message) { "\n" } else { "\n\n" };
        format!("{message}{gap}{TRAILER}: {self}")
    }

    /// The body with the key's marker as its last line; markers of others in it are taken out.
    pub fn with_marker(&self, body: &str) -> String {
        let body = strip(body, is_marker);
        format!("{}\n\n<!-- {MARKER}: {self} -->", body.trim_end()).trim_start().to_owned()
    }

    /// Whether the message has this key's trailer, and none of another key.
    pub(crate) fn is_in_trailers(&self, message: &str) -> bool {
        let last = message.trim_end().rsplit("\n\n").next().unwrap_or_default();
        self.is_only_one(last.lines().filter_map(trailer_value))
    }

    /// Whether the body has this key's marker, and none of another key.
    pub(crate) fn is_in_markers(&self, body: &str) -> bool {
        self.is_only_one(body.lines().filter_map(marker_value))
    }

    fn is_only_one<'a>(&self, mut found: impl Iterator<Item = &'a str>) -> bool {
        let first = found.next();
        first == Some(self.as_str()) && found.all(|other| other == self.as_str())
    }
}

fn strip(text: &str, is_ours: fn(&str) -> bool) -> String {
    if !text.lines().any(is_ours) {
        return text.to_owned();
    }
    text.lines().filter(|line| !is_ours(line)).collect::<Vec<_>>().join("\n")
}

fn trailer_value(line: &str) -> Option<&str> {
    let (name, value) = line.split_once(':')?;
    name.trim().eq_ignore_ascii_case(TRAILER).then(|| value.trim())
}

fn is_trailer(line: &str) -> bool {
    trailer_value(line).is_some()
}

fn marker_value(line: &str) -> Option<&str> {
    let inner = line.trim().strip_prefix("<!--")?.strip_suffix("-->")?;
    Some(inner.trim().strip_prefix(MARKER)?.strip_prefix(':')?.trim())
}

fn is_marker(line: &str) -> bool {
    marker_value(line).is_some()
}

/// Whether the last paragraph is made of trailers only, so that one more belongs to it.
fn ends_in_trailers(message: &str) -> bool {
    let Some((_, last)) = message.rsplit_once("\n\n") else {
        return false;
    };
    last.lines().all(|line| {
        line.split_once(": ")
            .is_some_and(|(name, _)| name.contains('-') && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> EffectKey {
        EffectKey::parse(text).unwrap()
    }

    #[test]
    fn a_trailer_is_found_again() {
        let message = key("abcdefgh").with_trailer("Deploy web\r\n\r\nBecause.");
        assert_eq!(message, "Deploy web\n\nBecause.\n\nSluice-Key: abcdefgh");
        assert!(key("abcdefgh").is_in_trailers(&message));
        assert!(key("abcdefgh").is_in_trailers(&format!("{message}\n")));
        assert!(!key("abcdefgi").is_in_trailers(&message));
    }

    #[test]
    fn a_trailer_joins_other_trailers() {
        let message = key("abcdefgh").with_trailer("Deploy\n\nSigned-off-by: A <a@b.c>");
        assert_eq!(message, "Deploy\n\nSigned-off-by: A <a@b.c>\nSluice-Key: abcdefgh");
        assert!(key("abcdefgh").is_in_trailers(&message));
    }

    #[test]
    fn a_key_in_the_text_of_a_person_counts_for_nothing() {
        assert!(!key("abcdefgh").is_in_trailers("Sluice-Key: abcdefgh\n\nmore"));
        assert!(!key("abcdefgh").is_in_trailers("x\n\nSluice-Key: abcdefgh\nSluice-Key: otherkey"));
        let own = key("abcdefgh").with_trailer("x\n\nSluice-Key: otherkey");
        assert!(key("abcdefgh").is_in_trailers(&own), "{own}");
        assert!(!key("otherkey").is_in_trailers(&own));
    }

    #[test]
    fn a_marker_is_found_again_whatever_people_wrote_around_it() {
        let body = key("abcdefgh").with_marker("Hello\r\n");
        assert_eq!(body, "Hello\n\n<!-- sluice-key: abcdefgh -->");
        assert!(key("abcdefgh").is_in_markers(&format!("edited\r\n\r\n{body}\r\nby hand")));
        assert!(!key("abcdefgh").is_in_markers("sluice-key: abcdefgh"));
        assert!(!key("abcdefgh").is_in_markers(&format!("{body}\n<!-- sluice-key: otherkey -->")));
        assert_eq!(key("abcdefgh").with_marker(""), "<!-- sluice-key: abcdefgh -->");
    }

    #[test]
    fn a_message_cannot_smuggle_in_another_key() {
        let body = key("abcdefgh").with_marker("<!-- sluice-key: otherkey -->");
        assert!(key("abcdefgh").is_in_markers(&body) && !key("otherkey").is_in_markers(&body));
    }

    #[test]
    fn keys_are_plain() {
        for bad in ["", "short", "UPPERCASE", "with space", "a--bcdefg", "-abcdefgh", "abcdefgh-", "abc/defgh"] {
            assert!(EffectKey::parse(bad).is_err(), "{bad:?}");
        }
    }
}
