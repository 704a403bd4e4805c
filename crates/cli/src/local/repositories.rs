//! Notices that something moved in the local repositories, so that a run which waits for a merge goes on at once.
//!
//! A hint and no more: what counts is the look of the step that follows.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

/// What is in a bare repository and never tells of a branch or a change.
const PASSED_OVER: &[&str] = &["objects", "hooks", "info", "lfs"];

/// Directories in one another that are looked into: `PATH/owner/name.git/refs/heads/...`.
const MAX_DEPTH: usize = 8;

/// The repositories, as they were seen last.
pub(crate) struct Repositories {
    paths: Vec<PathBuf>,
    seen: u64,
}

impl Repositories {
    /// Those under these directories.
    pub(crate) fn under(paths: Vec<PathBuf>) -> Self {
        let seen = fingerprint(&paths);
        Self { paths, seen }
    }

    /// Whether a branch or a change moved since this was asked last.
    pub(crate) fn have_moved(&mut self) -> bool {
        let now = fingerprint(&self.paths);
        std::mem::replace(&mut self.seen, now) != now
    }
}

fn fingerprint(paths: &[PathBuf]) -> u64 {
    let mut hasher = DefaultHasher::new();
    paths.iter().for_each(|path| add(path, MAX_DEPTH, &mut hasher));
    hasher.finish()
}

fn add(directory: &Path, depth: usize, hasher: &mut DefaultHasher) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        let is_passed_over = path.file_name().is_some_and(|name| PASSED_OVER.iter().any(|other| name == *other));
        if metadata.is_dir() && depth > 0 && !is_passed_over {
            add(&path, depth - 1, hasher);
        } else if metadata.is_file() {
            (&path, metadata.len(), metadata.modified().ok()).hash(hasher);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_that_moves_is_noticed_once_and_objects_are_not() {
        let directory = tempfile::tempdir().unwrap();
        let repository = directory.path().join("shop/gitops.git");
        fs::create_dir_all(repository.join("refs/heads")).unwrap();
        fs::create_dir_all(repository.join("objects")).unwrap();
        let mut repositories = Repositories::under(vec![directory.path().to_owned()]);
        assert!(!repositories.have_moved());
        fs::write(repository.join("objects/new"), "x").unwrap();
        assert!(!repositories.have_moved());
        fs::write(repository.join("refs/heads/main"), "x").unwrap();
        assert!(repositories.have_moved() && !repositories.have_moved());
    }
}
