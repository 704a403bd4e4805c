//! Files: read one at a commit, and put many into a tree.

use gix::ObjectId;
use gix::objs::tree::{EntryKind, EntryMode};

use super::repo::Repo;
use crate::edit::MAX_BYTES;
use crate::error::Error;
use crate::host::{FileAt, FileChange};
use crate::lfs;
use crate::names::{BlobSha, CommitSha, RepoPath};

/// What stands at a path of a tree.
struct Found {
    mode: EntryMode,
    id: ObjectId,
}

impl Repo {
    pub(super) fn file_at(&self, path: &RepoPath, at: &CommitSha) -> Result<Option<FileAt>, Error> {
        let object = format!("file {path} of {} at {}", self.name, at.short());
        let refuse = |why: &str| Err(self.unsupported(format!("read {object}"), why));
        let tree = self.tree_of(self.known(at)?)?;
        let Some(found) = self.entry(&tree, path.as_str())? else { return Ok(None) };
        if let Some(why) = no_file(found.mode) {
            return refuse(why);
        }
        let fault = |error: &gix::Error| self.fault(&format!("read {object}"), error);
        let size = self.git.find_header(found.id).map_err(|error| fault(&error))?.size();
        if size > MAX_BYTES as u64 {
            return refuse(&format!("it has {size} bytes, and at most {MAX_BYTES} are read"));
        }
        let content = self.git.find_blob(found.id).map_err(|error| fault(&error))?.take_data();
        if lfs::is_pointer(&content) {
            return refuse(lfs::REMEDY);
        }
        let blob = BlobSha::parse(&found.id.to_string());
        let blob = blob.map_err(|error| self.unsupported(format!("read {object}"), error.to_string()))?;
        Ok(Some(FileAt { content, blob }))
    }

    /// The parent's tree with all files changed; [`Error::BranchMoved`] when one is not what was read.
    pub(super) fn changed_tree(&self, parent: ObjectId, files: &[FileChange]) -> Result<ObjectId, Error> {
        self.changed_tree_of(self.tree_of(parent)?, files)
    }

    /// The same of any tree.
    pub(super) fn changed_tree_of(&self, tree: gix::Tree<'_>, files: &[FileChange]) -> Result<ObjectId, Error> {
        let fault = |error: &gix::Error| self.fault("write files", error);
        let mut editor = tree.edit().map_err(|error| fault(&error))?;
        for change in files {
            let kind = self.kind_for(&tree, change)?;
            let blob = self.git.write_blob(&change.content).map_err(|error| fault(&error))?;
            editor.upsert(change.path.as_str(), kind, blob).map_err(|error| fault(&error))?;
        }
        Ok(editor.write().map_err(|error| fault(&error))?.detach())
    }

    /// The kind of entry that a changed file is: as before, or an ordinary one.
    fn kind_for(
        &self,
        tree: &gix::Tree<'_>,
        FileChange { path, replaces, .. }: &FileChange,
    ) -> Result<EntryKind, Error> {
        let what = format!("file {path} of {}", self.name);
        for (at, _) in path.as_str().match_indices('/') {
            let above = &path.as_str()[..at];
            if self.entry(tree, above)?.is_some_and(|found| !found.mode.is_tree()) {
                let remedy = format!("{above} is no directory; choose another path");
                return Err(self.unsupported(format!("write {what}"), remedy));
            }
        }
        let found = self.entry(tree, path.as_str())?;
        if let Some(why) = found.as_ref().and_then(|found| no_file(found.mode)) {
            return Err(self.unsupported(format!("write {what}"), why));
        }
        let was_read = replaces.as_ref().and_then(|blob| ObjectId::from_hex(blob.as_str().as_bytes()).ok());
        match (found, replaces) {
            (None, None) => Ok(EntryKind::Blob),
            (Some(found), Some(_)) if was_read == Some(found.id) => Ok(found.mode.kind()),
            (Some(_), Some(_)) => Err(self.moved(what, "it has other content than was read")),
            (Some(_), None) => Err(self.moved(what, "it exists by now")),
            (None, Some(_)) => Err(self.moved(what, "it is gone")),
        }
    }

    fn entry(&self, tree: &gix::Tree<'_>, path: &str) -> Result<Option<Found>, Error> {
        let found = tree.lookup_entry(path.split('/')).map_err(|error| self.fault(&format!("read {path}"), &error))?;
        Ok(found.map(|entry| Found { mode: entry.mode(), id: entry.object_id() }))
    }
}

/// Why this entry is no file, and what to do.
fn no_file(mode: EntryMode) -> Option<&'static str> {
    match mode.kind() {
        EntryKind::Blob | EntryKind::BlobExecutable => None,
        EntryKind::Tree => Some("it is a directory"),
        EntryKind::Link => Some("it is a symbolic link; name the file it leads to"),
        EntryKind::Commit => Some("it is a submodule; name a file of that repository"),
    }
}
