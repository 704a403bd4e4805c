//! Repository names: an owner, or a group and its subgroups, and the name.

use super::{NameError, text_newtype};

const KIND: &str = "repository name";
const MAX_BYTES: usize = 255;
const MAX_PARTS: usize = 21; // GitLab: 20 groups, and the project.

/// A repository on a host, as `shop/gitops`, or on GitLab `shop/team/gitops`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepoName(String);

text_newtype!(RepoName);

impl RepoName {
    /// Parses `owner/name`, with any number of groups between up to 20.
    ///
    /// # Errors
    /// When a part has anything but letters, digits, `.`, `_` and `-`, begins with `-`, is `.` or `..`, or when it
    /// is a URL or ends with `.git`.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        match fault(name) {
            None => Ok(Self(name.to_owned())),
            Some(reason) => Err(NameError::new(KIND, name, reason)),
        }
    }

    /// The owner, or the groups joined by `/`.
    pub fn owner(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(owner, _)| owner)
    }

    /// The name without its owner.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(self.0.as_str(), |(_, name)| name)
    }

    /// The owner and the name, if there are exactly two parts.
    pub fn owner_and_name(&self) -> Option<(&str, &str)> {
        self.0.split_once('/').filter(|(_, name)| !name.contains('/'))
    }
}

fn fault(name: &str) -> Option<&'static str> {
    let plain = |part: &str| part.chars().all(|c| c.is_alphanumeric() || "._-".contains(c));
    let parts = || name.split('/');
    if name.contains("://") {
        Some("give `owner/name`, not a URL")
    } else if name.len() > MAX_BYTES {
        Some("it has more than 255 bytes")
    } else if !(2..=MAX_PARTS).contains(&parts().count()) {
        Some("it must be `owner/name`")
    } else if parts()
        .any(|part| part.is_empty() || part == "." || part == ".." || part.starts_with('-') || !plain(part))
    {
        Some("each part may have letters, digits, `.`, `_` and `-` only, and not begin with `-`")
    } else if name.to_ascii_lowercase().ends_with(".git") {
        Some("leave out `.git`")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_and_a_name_are_taken_apart() {
        let repo = RepoName::parse("shop/gitops").unwrap();
        assert_eq!((repo.owner(), repo.name()), ("shop", "gitops"));
        assert_eq!(repo.owner_and_name(), Some(("shop", "gitops")));
    }

    #[test]
    fn groups_nest() {
        let repo = RepoName::parse("shop/team/gitops").unwrap();
        assert_eq!((repo.owner(), repo.name(), repo.owner_and_name()), ("shop/team", "gitops", None));
    }

    #[test]
    fn what_could_change_a_url_is_refused() {
        for name in [
            "",
            "x",
            "/x",
            "x/",
            "a//b",
            "../b",
            "a/..",
            "a/.",
            "a b/c",
            "a/b?x",
            "a/b#x",
            "a/%2e",
            "-a/b",
            "a/b.git",
            "https://h/a/b",
            "a/b\n",
        ] {
            assert!(RepoName::parse(name).is_err(), "{name:?}");
        }
    }
}
