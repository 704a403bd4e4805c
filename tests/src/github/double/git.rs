//! A repository's git objects and references, with git's own ids.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use jiff::Timestamp;

/// The mode and the id of an entry of a tree.
pub(crate) type Entry = (String, String);

/// Files by their full paths.
pub(crate) type Files = BTreeMap<String, Entry>;

const DIRECTORY: &str = "040000";

#[derive(Clone, Debug)]
pub(crate) struct Commit {
    pub(crate) tree: String,
    pub(crate) parents: Vec<String>,
    pub(crate) message: String,
    pub(crate) by: String,
    pub(crate) at: Timestamp,
}

#[derive(Debug, Default)]
pub(crate) struct Git {
    pub(crate) blobs: BTreeMap<String, Vec<u8>>,
    pub(crate) trees: BTreeMap<String, BTreeMap<String, Entry>>,
    pub(crate) commits: BTreeMap<String, Commit>,
    /// Commits by branch.
    pub(crate) branches: BTreeMap<String, String>,
}

impl Git {
    pub(crate) fn write_blob(&mut self, content: Vec<u8>) -> String {
        let id = id("blob", &content);
        self.blobs.insert(id.clone(), content);
        id
    }

    /// The tree of these files.
    pub(crate) fn write_tree(&mut self, files: &Files) -> String {
        let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
        let mut below: BTreeMap<String, Files> = BTreeMap::new();
        for (path, entry) in files {
            match path.split_once('/') {
                None => drop(entries.insert(path.clone(), entry.clone())),
                Some((name, rest)) => {
                    below.entry(name.to_owned()).or_default().insert(rest.to_owned(), entry.clone());
                }
            }
        }
        for (name, files) in below {
            let tree = self.write_tree(&files);
            entries.insert(name, (DIRECTORY.to_owned(), tree));
        }
        // Git sorts directories as if their names ended with a slash.
        let mut sorted: Vec<(&String, &Entry)> = entries.iter().collect();
        sorted.sort_by_key(|(name, (mode, _))| if mode == DIRECTORY { format!("{name}/") } else { (*name).clone() });
        let mut text = Vec::new();
        for (name, (mode, object)) in sorted {
            text.extend_from_slice(format!("{} {name}\0", mode.trim_start_matches('0')).as_bytes());
            text.extend(bytes(object));
        }
        let id = id("tree", &text);
        self.trees.insert(id.clone(), entries);
        id
    }

    pub(crate) fn write_commit(&mut self, commit: Commit) -> String {
        let Commit { tree, parents, message, by, at } = &commit;
        let parents: String = parents.iter().map(|parent| format!("parent {parent}\n")).collect();
        let who = format!("{by} <{by}@example.invalid> {} +0000", at.as_second());
        let text = format!("tree {tree}\n{parents}author {who}\ncommitter {who}\n\n{message}");
        let id = id("commit", text.as_bytes());
        self.commits.insert(id.clone(), commit);
        id
    }

    /// All files of a tree.
    pub(crate) fn files(&self, tree: &str) -> Files {
        let mut files = Files::new();
        for (name, entry) in self.trees.get(tree).into_iter().flatten() {
            if entry.0 == DIRECTORY {
                let below = self.files(&entry.1).into_iter().map(|(path, entry)| (format!("{name}/{path}"), entry));
                files.extend(below);
            } else {
                files.insert(name.clone(), entry.clone());
            }
        }
        files
    }

    /// All files of a commit.
    pub(crate) fn files_at(&self, commit: &str) -> Files {
        self.commits.get(commit).map(|commit| self.files(&commit.tree)).unwrap_or_default()
    }

    /// A commit and everything before it.
    pub(crate) fn history(&self, commit: &str) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut todo = vec![commit.to_owned()];
        while let Some(next) = todo.pop() {
            if let Some(found) = self.commits.get(&next).filter(|_| seen.insert(next)) {
                todo.extend(found.parents.iter().cloned());
            }
        }
        seen
    }

    /// The newest commit that both have.
    pub(crate) fn merge_base(&self, one: &str, other: &str) -> Option<String> {
        let both = self.history(one);
        let mut both: Vec<String> = self.history(other).into_iter().filter(|commit| both.contains(commit)).collect();
        // The one that has most of the others before it.
        both.sort_by_key(|commit| self.history(commit).len());
        both.pop()
    }

    /// The files of a merge; `None` when both sides changed a file, each in its way.
    pub(crate) fn merged(&self, base: &str, head: &str) -> Option<Files> {
        let from = self.merge_base(base, head).map(|commit| self.files_at(&commit)).unwrap_or_default();
        let (mut ours, theirs) = (self.files_at(base), self.files_at(head));
        for path in from.keys().chain(theirs.keys()) {
            let (was, now) = (from.get(path), theirs.get(path));
            if was == now || ours.get(path) == now {
                continue;
            }
            if ours.get(path) != was {
                return None;
            }
            match now.cloned() {
                Some(entry) => drop(ours.insert(path.clone(), entry)),
                None => drop(ours.remove(path)),
            }
        }
        Some(ours)
    }
}

fn id(kind: &str, content: &[u8]) -> String {
    let mut object = format!("{kind} {}\0", content.len()).into_bytes();
    object.extend_from_slice(content);
    hex::encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &object))
}

fn bytes(id: &str) -> Vec<u8> {
    let pairs = id.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_git() {
        let mut git = Git::default();
        let blob = git.write_blob(b"hello\n".to_vec());
        assert_eq!(blob, "ce013625030ba8dba906f756967f9e9ca394464a");
        let files = [("a".to_owned(), ("100644".to_owned(), blob))].into();
        assert_eq!(git.write_tree(&files), "0976950c1fdbcb52435a433913017bf044b3a58f");
        assert_eq!(git.write_tree(&Files::new()), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    }
}
