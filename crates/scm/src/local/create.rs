//! Making a repository, whole or not at all.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::commits::Draft;
use super::references::{Swap, Swapped, full_name};
use super::repo::{Repo, directory};
use super::{Local, Place};
use crate::error::{Error, Outcome};
use crate::host::{Commit, FileChange};
use crate::names::{BranchName, RepoName, RepoPath};

/// The directories of an empty bare repository, and its files.
const DIRECTORIES: [&str; 4] = ["objects/info", "objects/pack", "refs/heads", "refs/tags"];
const CONFIG: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";

impl Local {
    /// Makes a bare repository with one commit of these files on the branch `main`.
    ///
    /// *Guarantees:* under its name it is there with its commit, or not at all.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when something of that name is there; it was left alone.
    pub async fn create(&self, repo: &RepoName, files: &[(RepoPath, Vec<u8>)], message: &str) -> Result<Commit, Error> {
        let (place, name, message) = (self.place.clone(), repo.clone(), message.to_owned());
        let files = files.iter().map(|(path, content)| FileChange {
            path: path.clone(),
            content: content.clone(),
            replaces: None,
        });
        let files: Vec<FileChange> = files.collect();
        let made = tokio::task::spawn_blocking(move || create(&place, &name, &files, &message)).await;
        made.unwrap_or_else(|error| Err(failed(&self.place, repo, error.to_string())))
    }
}

fn create(place: &Place, name: &RepoName, files: &[FileChange], message: &str) -> Result<Commit, Error> {
    let fault = |path: &Path, error: &std::io::Error| {
        let message = format!("{}: {error}", path.display());
        match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                Error::Forbidden { host: place.host.clone(), what: format!("make repository {name}"), message }
            }
            _ => failed(place, name, message),
        }
    };
    let dir = directory(place, name);
    let exists = || Error::AlreadyExists { host: place.host.clone(), what: format!("repository {name}") };
    if dir.symlink_metadata().is_ok() {
        return Err(exists());
    }
    let above = dir.parent().unwrap_or(&place.root);
    std::fs::create_dir_all(above).map_err(|error| fault(above, &error))?;
    // A name that no other maker has, beside the place it goes to.
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let draft = format!("{name}.new-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    let draft = RepoName::parse(&draft);
    let draft = draft.map_err(|error| failed(place, name, error.to_string()))?;
    let draft_dir = directory(place, &draft);
    let _ = std::fs::remove_dir_all(&draft_dir);
    let made = empty(&draft_dir).map_err(|error| fault(&draft_dir, &error)).and_then(|()| {
        let commit = first_commit(&Repo::open(place, &draft)?, files, message)?;
        // Fails where a repository, which is no empty directory, came to be there meanwhile.
        match std::fs::rename(&draft_dir, &dir) {
            Ok(()) => Ok(commit),
            Err(_) if dir.exists() => Err(exists()),
            Err(error) => Err(fault(&dir, &error)),
        }
    });
    if made.is_err() {
        let _ = std::fs::remove_dir_all(&draft_dir);
    }
    made
}

fn empty(dir: &Path) -> std::io::Result<()> {
    for name in DIRECTORIES {
        std::fs::create_dir_all(dir.join(name))?;
    }
    std::fs::write(dir.join("HEAD"), "ref: refs/heads/main\n")?;
    std::fs::write(dir.join("config"), CONFIG)
}

fn first_commit(repo: &Repo, files: &[FileChange], message: &str) -> Result<Commit, Error> {
    let main = BranchName::parse("main").map_err(|error| repo.unsupported("make a branch", error.to_string()))?;
    let tree = repo.changed_tree_of(repo.git.empty_tree(), files)?;
    let id = repo.write_commit(Draft { tree, parents: vec![], message, author: None })?;
    let swap = Swap { name: &full_name(&main), from: None, to: Some(id), why: "first commit" };
    match repo.swap(&mut repo.lock()?, &swap)? {
        Swapped::Done => repo.read_commit(id),
        Swapped::Moved(_) => Err(repo.already_exists(repo.branch_name(&main))),
    }
}

fn failed(place: &Place, name: &RepoName, message: String) -> Error {
    let what = format!("make repository {name}");
    Error::Unavailable { host: place.host.clone(), what, outcome: Outcome::NotApplied, message }
}
