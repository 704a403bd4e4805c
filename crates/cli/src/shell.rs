//! Commands that are printed to be pasted into a shell.

use std::env;

/// How this program is called: by its name, or by the path that it was started with.
pub(crate) fn own_command() -> String {
    let name = env::args().next().unwrap_or_default();
    if !name.contains('/') {
        return if name.is_empty() { "sluice".to_owned() } else { name };
    }
    let here = env::current_dir().unwrap_or_default();
    let relative = name.strip_prefix(&format!("{}/", here.display())).unwrap_or(&name);
    quoted(if relative.contains('/') { relative } else { &name })
}

/// A word that a shell takes as it is, quoted where it has to be.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+=:@%,".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_with_anything_special_is_quoted() {
        assert_eq!(quoted("a/b-1.yaml"), "a/b-1.yaml");
        assert_eq!(quoted("it's here"), r"'it'\''s here'");
        assert_eq!(quoted(""), "''");
    }
}
