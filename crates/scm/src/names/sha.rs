//! Ids of git objects.

use super::{NameError, text_newtype};

fn parse(kind: &'static str, text: &str) -> Result<String, NameError> {
    let full = text.len() == 40 || text.len() == 64;
    if full && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(NameError::new(kind, text, "it must be 40 (SHA-1) or 64 (SHA-256) hexadecimal digits"))
    }
}

/// A commit's full id, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommitSha(String);

text_newtype!(CommitSha);

impl CommitSha {
    /// Parses a full id.
    ///
    /// # Errors
    /// When it is not 40 or 64 hexadecimal digits: short ids are ambiguous.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        parse("commit id", text).map(Self)
    }

    /// The first twelve digits, for people.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

/// A blob's full id, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobSha(String);

text_newtype!(BlobSha);

impl BlobSha {
    /// Parses a full id.
    ///
    /// # Errors
    /// When it is not 40 or 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        parse("blob id", text).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_ids_pass_in_lower_case() {
        let sha = CommitSha::parse("ABCDEF0123456789abcdef0123456789abcdef01").unwrap();
        assert_eq!((sha.as_str(), sha.short()), ("abcdef0123456789abcdef0123456789abcdef01", "abcdef012345"));
        assert!(BlobSha::parse(&"0".repeat(64)).is_ok());
    }

    #[test]
    fn short_ids_and_names_are_refused() {
        for text in ["", "abc", "main", "--help", &"g".repeat(40), &"a".repeat(41)] {
            assert!(CommitSha::parse(text).is_err(), "{text:?}");
        }
    }
}
