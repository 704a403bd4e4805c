//! Notices that something moved in the local repositories, so that a run which waits for a merge goes on at once.
//!
//! A hint and no more: what counts is the look of the step that follows.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

/// What in a bare repository tells of a branch or a change.
const TELLING: &[&str] = &["HEAD", "packed-refs", "refs"];

/// Directories in one another above a repository: `PATH/owner/name.git`, and some more. Whatever else there is at the path is
/// not searched.
const MAX_DEPTH: usize = 3;

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
    paths.iter().for_each(|path| search(path, MAX_DEPTH, &mut hasher));
    hasher.finish()
}

/// Adds the repositories below a directory.
fn search(directory: &Path, depth: usize, hasher: &mut DefaultHasher) {
    for path in entries(directory) {
        let is_repository = path.extension().is_some_and(|extension| extension == "git");
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if is_repository {
            TELLING.iter().for_each(|name| add(&path.join(name), hasher));
        } else if depth > 1 && !is_hidden && path.is_dir() {
            search(&path, depth - 1, hasher);
        }
    }
}

/// Adds a file, or every file below a directory.
fn add(path: &Path, hasher: &mut DefaultHasher) {
    let Ok(metadata) = fs::symlink_metadata(path) else { return };
    if metadata.is_dir() {
        entries(path).iter().for_each(|entry| add(entry, hasher));
    } else {
        (path, metadata.len(), metadata.modified().ok()).hash(hasher);
    }
}

/// What is in a directory, in order.
fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
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
