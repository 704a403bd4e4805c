//! Paths of files in a repository, which may not leave it.

use super::{NameError, text_newtype};

const KIND: &str = "path in the repository";
const MAX_BYTES: usize = 500;

/// A relative path of `/`-separated names that stays in the repository and out of `.git`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepoPath(String);

text_newtype!(RepoPath);

impl RepoPath {
    /// Parses a path.
    ///
    /// # Errors
    /// When it is absolute, has an empty, `.` or `..` part, a part that some file system takes for `.git` (git's own
    /// rules, `core.protectNTFS` and `core.protectHFS`), a backslash, a control character, or begins with `-`.
    pub fn parse(path: &str) -> Result<Self, NameError> {
        match fault(path) {
            None => Ok(Self(path.to_owned())),
            Some(reason) => Err(NameError::new(KIND, path, reason)),
        }
    }

    /// The last part.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

fn fault(path: &str) -> Option<&'static str> {
    let drive = |p: &str| p.as_bytes().get(1) == Some(&b':') && p.as_bytes()[0].is_ascii_alphabetic();
    if path.is_empty() {
        Some("it is empty")
    } else if path.len() > MAX_BYTES {
        Some("it has more than 500 bytes")
    } else if path.contains('\\') {
        Some("it has a backslash; separate with `/`")
    } else if path.chars().any(|c| c.is_control() || is_ignorable(c)) {
        Some("it has a control or an invisible character")
    } else if path.starts_with('/') || drive(path) {
        Some("it is absolute; give it relative to the repository's root")
    } else if path.starts_with('~') {
        Some("it begins with `~`")
    } else {
        path.split('/').find_map(part_fault)
    }
}

fn part_fault(part: &str) -> Option<&'static str> {
    if part.is_empty() {
        Some("it has an empty part (`//`, or a `/` at its end)")
    } else if part == "." || part == ".." {
        Some("it has a `.` or `..` part; it may not leave the repository")
    } else if part.starts_with('-') {
        Some("a part of it begins with `-`, which programs take for an option")
    } else if is_dot_git(part) {
        Some("`.git` and names that some file systems take for it are not files of the repository")
    } else {
        None
    }
}

/// `.git`, and on NTFS: any case, `git~1` (its short name), trailing dots and spaces, and streams (`.git::$DATA`).
fn is_dot_git(part: &str) -> bool {
    let name = part.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']).to_lowercase();
    name == ".git" || name == "git~1"
}

/// Code points that HFS+ ignores in names, as git lists them (`next_hfs_char`), and other direction marks.
fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_are_kept_as_they_are() {
        for path in [
            "a",
            "staging/web.yaml",
            ".github/x.yml",
            "a b/ü.json",
            ".gitignore",
            "x/.gitattributes",
            "a/...b",
            "c~1",
            "xy:z",
        ] {
            assert_eq!(RepoPath::parse(path).unwrap().as_str(), path);
        }
        assert_eq!(RepoPath::parse("a/b.yaml").unwrap().file_name(), "b.yaml");
    }

    #[test]
    fn a_path_may_not_leave_the_repository() {
        for path in [
            "",
            "/etc/passwd",
            "..",
            "../x",
            "a/../b",
            "a/..",
            "./a",
            "a/./b",
            "a//b",
            "a/",
            "C:/x",
            "c:x",
            "\\\\host\\x",
            "a\\b",
            "..\\x",
            "~/x",
            "-x",
            "--upload-pack=x",
            "a/-x",
            "a\0b",
            "a\nb",
            "a\u{7f}",
            "a\u{85}b",
        ] {
            assert!(RepoPath::parse(path).is_err(), "{path:?}");
        }
        assert!(RepoPath::parse(&"x".repeat(501)).is_err());
    }

    #[test]
    fn nothing_that_a_file_system_takes_for_dot_git_passes() {
        for path in [
            ".git",
            ".git/config",
            "a/.git/hooks/x",
            ".GIT",
            ".Git/x",
            ".git.",
            ".git ",
            ".git. .",
            "git~1",
            "GIT~1/x",
            ".git::$INDEX_ALLOCATION",
            ".git:x",
            ".g\u{200c}it/x",
            "\u{feff}.git",
        ] {
            assert!(RepoPath::parse(path).is_err(), "{path:?}");
        }
    }
}
