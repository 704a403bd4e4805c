//! Branch names, by the rules of `git check-ref-format --branch`.

use super::{NameError, text_newtype};

const KIND: &str = "branch name";
const MAX_BYTES: usize = 244;

/// A branch's short name, as `main` or `sluice/deploy-4f2a`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BranchName(String);

text_newtype!(BranchName);

impl BranchName {
    /// Parses a short branch name.
    ///
    /// # Errors
    /// When `git check-ref-format --branch` refuses it, or it has more than 244 bytes (`refs/heads/` must fit a file name).
    pub fn parse(name: &str) -> Result<Self, NameError> {
        match fault(name) {
            None => Ok(Self(name.to_owned())),
            Some(reason) => Err(NameError::new(KIND, name, reason)),
        }
    }
}

fn fault(name: &str) -> Option<&'static str> {
    let forbidden = |c: char| c.is_ascii_control() || " ~^:?*[\\".contains(c);
    let bad_component =
        |part: &str| part.is_empty() || part.starts_with('.') || part.to_ascii_lowercase().ends_with(".lock");
    if name.is_empty() {
        Some("it is empty")
    } else if name.len() > MAX_BYTES {
        Some("it has more than 244 bytes")
    } else if name.starts_with('-') {
        Some("it begins with `-`")
    } else if name == "@" || name == "HEAD" {
        Some("git gives that name a meaning of its own")
    } else if name.contains(forbidden) {
        Some("it has a space, a control character or one of ~ ^ : ? * [ \\")
    } else if name.contains("..") || name.contains("@{") {
        Some("it has `..` or `@{`")
    } else if name.ends_with('.') {
        Some("it ends with a dot")
    } else if name.split('/').any(bad_component) {
        Some("a part of it is empty, begins with a dot or ends with `.lock`")
    } else if name.starts_with("refs/") {
        Some("give the short name, without refs/heads/")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_branch_names_are_kept_as_they_are() {
        for name in ["main", "sluice/deploy-4f2a", "release/1.10", "grün", "a@b", "x.y", "feature/#12"] {
            assert_eq!(BranchName::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn what_git_refuses_is_refused() {
        let nul = "a\0b";
        for name in [
            "",
            "-x",
            "@",
            "HEAD",
            "a b",
            "a~1",
            "a^",
            "a:b",
            "a?",
            "a*",
            "a[",
            "a\\b",
            "a..b",
            "a@{1}",
            "a.",
            "/a",
            "a/",
            "a//b",
            ".a",
            "a/.b",
            "a.lock",
            "a.lock/b",
            "a.LOCK",
            "a\tb",
            "a\u{7f}",
            nul,
            "refs/heads/main",
        ] {
            assert!(BranchName::parse(name).is_err(), "{name:?}");
        }
        assert!(BranchName::parse(&"x".repeat(244)).is_ok());
        assert!(BranchName::parse(&"x".repeat(245)).is_err());
    }
}
