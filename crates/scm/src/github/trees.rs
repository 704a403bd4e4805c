//! What is at a path of a commit: git's own trees, level by level, each read once.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use reqwest::{Method, StatusCode};

use super::GitHub;
use super::wire::{WireTree, WireTreeEntry};
use crate::error::Error;
use crate::http::Failure;
use crate::names::{CommitSha, RepoName, RepoPath};

/// More than a step reads; what it reads beyond is not kept.
const KEPT: usize = 64;

/// What was read of git's objects, which never change: the trees of commits, and what trees hold.
#[derive(Debug, Default)]
pub(super) struct Trees {
    of_commits: HashMap<(RepoName, CommitSha), String>,
    entries: HashMap<(RepoName, String), Arc<Vec<WireTreeEntry>>>,
}

/// What is at a path.
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// What is no directory stands on the way to it: this one, at this path.
    Blocked(WireTreeEntry, String),
    Entry(WireTreeEntry),
}

/// What an entry of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    SymbolicLink,
    Submodule,
}

impl WireTreeEntry {
    pub(super) fn kind(&self) -> Kind {
        match self.mode.as_str() {
            "040000" => Kind::Directory,
            "120000" => Kind::SymbolicLink,
            "160000" => Kind::Submodule,
            _ => Kind::File,
        }
    }
}

impl Kind {
    /// Why it cannot be edited; a file can.
    pub(super) fn objection(self) -> Option<&'static str> {
        match self {
            Self::File => None,
            Self::Directory => Some("it is a directory"),
            Self::SymbolicLink => Some("it is a symbolic link; name the file it leads to"),
            Self::Submodule => Some("it is a submodule; name a file of that repository"),
        }
    }
}

impl GitHub {
    /// What is at a path of a tree.
    pub(super) async fn entry_at(&self, repo: &RepoName, root: &str, path: &RepoPath) -> Result<Found, Error> {
        let mut tree = root.to_owned();
        let mut way = String::new();
        let mut names = path.as_str().split('/').peekable();
        while let Some(name) = names.next() {
            let entries = self.tree(repo, &tree).await?;
            let Some(entry) = entries.iter().find(|entry| entry.path == name) else { return Ok(Found::Nothing) };
            way = if way.is_empty() { name.to_owned() } else { format!("{way}/{name}") };
            match (names.peek(), entry.kind()) {
                (None, _) => return Ok(Found::Entry(entry.clone())),
                (Some(_), Kind::Directory) => tree.clone_from(&entry.sha),
                (Some(_), _) => return Ok(Found::Blocked(entry.clone(), way)),
            }
        }
        Ok(Found::Nothing)
    }

    /// The tree of a commit.
    pub(super) async fn tree_of(&self, repo: &RepoName, at: &CommitSha) -> Result<String, Error> {
        let key = (repo.clone(), at.clone());
        if let Some(tree) = self.kept(|trees| trees.of_commits.get(&key).cloned()) {
            return Ok(tree);
        }
        let tree = self.get_commit(repo, at).await?.tree.sha;
        self.kept(|trees| {
            if trees.of_commits.len() < KEPT {
                trees.of_commits.insert(key, tree.clone());
            }
        });
        Ok(tree)
    }

    async fn tree(&self, repo: &RepoName, sha: &str) -> Result<Arc<Vec<WireTreeEntry>>, Error> {
        let key = (repo.clone(), sha.to_owned());
        if let Some(entries) = self.kept(|trees| trees.entries.get(&key).cloned()) {
            return Ok(entries);
        }
        let object = format!("directory {sha} of {repo}");
        let call = self.call(Method::GET, repo, &["git", "trees", sha], format!("read {object}"), object.clone())?;
        let read: WireTree = match self.api.get(repo, &call).await {
            // The empty tree is no object of the repository.
            Err(Failure::Refusal(refusal)) if refusal.status == StatusCode::NOT_FOUND && is_empty_tree(sha) => {
                WireTree { tree: vec![], truncated: false }
            }
            read => read?,
        };
        if read.truncated {
            return Err(self.unsupported(format!("read {object}"), "it has more entries than GitHub lists"));
        }
        let entries = Arc::new(read.tree);
        self.kept(|trees| {
            if trees.entries.len() < KEPT {
                trees.entries.insert(key, entries.clone());
            }
        });
        Ok(entries)
    }

    fn kept<T>(&self, with: impl FnOnce(&mut Trees) -> T) -> T {
        with(&mut self.trees.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn is_empty_tree(sha: &str) -> bool {
    sha == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
}
