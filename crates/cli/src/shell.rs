//! Commands that are printed to be pasted into a shell.

use std::{env, path::Path};

/// As which plugin kubectl finds this program.
const PLUGIN: &str = "kubectl-sluice";

/// How this program is called: by its name, by the path that it was started with, or as kubectl's plugin.
pub(crate) fn own_command() -> String {
    let name = env::args().next().unwrap_or_default();
    if let Some(command) = as_plugin(&name) {
        return command.to_owned();
    }
    if !name.contains('/') {
        return if name.is_empty() { "sluice".to_owned() } else { name };
    }
    let here = env::current_dir().unwrap_or_default();
    let relative = name.strip_prefix(&format!("{}/", here.display())).unwrap_or(&name);
    quoted(if relative.contains('/') { relative } else { &name })
}

/// How people call it where it was called as kubectl's plugin.
pub(crate) fn plugin_command() -> Option<&'static str> {
    as_plugin(&env::args().next().unwrap_or_default())
}

fn as_plugin(name: &str) -> Option<&'static str> {
    let file = Path::new(name).file_name()?;
    (file == PLUGIN).then_some("kubectl sluice")
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
    fn as_a_plugin_it_is_called_by_kubectl() {
        for name in ["kubectl-sluice", "/usr/local/bin/kubectl-sluice", "../kubectl-sluice"] {
            assert_eq!(as_plugin(name), Some("kubectl sluice"));
        }
        for name in ["sluice", "/kubectl-sluice/sluice", "kubectl-sluices", ""] {
            assert_eq!(as_plugin(name), None);
        }
    }

    #[test]
    fn a_word_with_anything_special_is_quoted() {
        assert_eq!(quoted("a/b-1.yaml"), "a/b-1.yaml");
        assert_eq!(quoted("it's here"), r"'it'\''s here'");
        assert_eq!(quoted(""), "''");
    }
}
