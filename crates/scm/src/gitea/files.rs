//! Files of Gitea: read one at a commit, and change many in one commit.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::Gitea;
use super::wire::{WireContents, WireEntry, WireFilesAnswer};
use crate::edit::MAX_BYTES;
use crate::error::Error;
use crate::host::{Commit, FileAt, FileChange, NewCommit, Onto};
use crate::http::{Failure, Refusal, senseless};
use crate::lfs;
use crate::names::{BlobSha, CommitSha, RepoName, RepoPath};

impl Gitea {
    pub(super) async fn get_file(
        &self,
        repo: &RepoName,
        path: &RepoPath,
        at: &CommitSha,
    ) -> Result<Option<FileAt>, Error> {
        let object = format!("file {path} of {repo} at {}", at.short());
        let tail = ["contents", path.as_str()];
        let call = self.call(Method::GET, repo, &tail, format!("read {object}"), object.clone())?.query("ref", at);
        match self.api.get(call).await {
            Ok(WireContents::Entry(entry)) => self.file(entry, object).map(Some),
            Ok(WireContents::Directory(_)) => Err(self.unsupported(format!("edit {object}"), "it is a directory")),
            Err(Failure::Refusal(refusal)) if refusal.status == StatusCode::NOT_FOUND => {
                self.get_repository(repo).await?;
                self.get_commit(repo, at).await?;
                Ok(None)
            }
            Err(failure) => Err(failure.into()),
        }
    }

    fn file(&self, entry: WireEntry, object: String) -> Result<FileAt, Error> {
        let refuse = |why: &str| Err(self.unsupported(format!("edit {object}"), why));
        let WireEntry { kind, sha, size, encoding, content, lfs_oid } = entry;
        match kind.as_str() {
            "file" => {}
            "symlink" => return refuse("it is a symbolic link; name the file it leads to"),
            "submodule" => return refuse("it is a submodule; name a file of that repository"),
            _ => return refuse("it is no file"),
        }
        if size > MAX_BYTES as u64 {
            return refuse(&format!("it has {size} bytes, and at most {MAX_BYTES} can be edited"));
        }
        let host = self.api.host();
        let content = match (encoding.as_deref(), content) {
            (Some("base64"), Some(content)) => BASE64_STANDARD.decode(content.trim()),
            _ => return Err(senseless(host, &format!("read {object}"), "no content in base64")),
        };
        let content = content.map_err(|error| senseless(host, &format!("read {object}"), error))?;
        if lfs_oid.is_some() || lfs::is_pointer(&content) {
            return refuse(lfs::REMEDY);
        }
        if content.len() as u64 != size {
            return Err(senseless(host, &format!("read {object}"), "the content is cut off"));
        }
        let blob = BlobSha::parse(&sha).map_err(|error| senseless(host, &format!("read {object}"), error))?;
        Ok(FileAt { content, blob })
    }

    pub(super) async fn post_files(&self, repo: &RepoName, commit: &NewCommit) -> Result<Commit, Error> {
        let branch = commit.onto.branch();
        let object = format!("branch {branch} of {repo}");
        let files: Vec<_> = commit.files.iter().map(operation).collect();
        let mut body = json!({"message": commit.key.with_trailer(&commit.message), "files": files});
        match &commit.onto {
            Onto::NewBranch { branch, base, .. } => {
                body["branch"] = base.as_str().into();
                body["new_branch"] = branch.as_str().into();
            }
            Onto::Branch { branch, .. } => body["branch"] = branch.as_str().into(),
        }
        let call = self.call(Method::POST, repo, &["contents"], format!("commit to {object}"), object.clone())?;
        match self.api.get::<WireFilesAnswer>(call.json(body)).await {
            Ok(answer) => answer.commit.into_commit(self.api.host()),
            Err(Failure::Refusal(refusal)) => Err(self.commit_refusal(repo, commit, object, *refusal).await?),
            Err(Failure::Other(error)) => Err(error),
        }
    }

    /// Gitea says 422 and 404 of several things; only its words tell them apart.
    async fn commit_refusal(
        &self,
        repo: &RepoName,
        commit: &NewCommit,
        object: String,
        Refusal { status, message, error }: Refusal,
    ) -> Result<Error, Error> {
        let host = self.api.host().to_owned();
        let said = |part: &str| message.contains(part);
        match status {
            StatusCode::UNPROCESSABLE_ENTITY if said("branch already exists") => {
                Ok(Error::AlreadyExists { host, what: object })
            }
            // Two pushes at once: git's own words, behind a 403.
            StatusCode::FORBIDDEN if said("reference already exists") => {
                Ok(Error::AlreadyExists { host, what: object })
            }
            StatusCode::FORBIDDEN if said("cannot lock ref") || said("failed to update ref") => {
                Ok(self.moved(object, message))
            }
            StatusCode::UNPROCESSABLE_ENTITY if said("sha does not match") || said("file already exists") => {
                Ok(self.moved(object, message))
            }
            StatusCode::CONFLICT => Ok(self.moved(object, message)),
            StatusCode::NOT_FOUND => {
                let base = match &commit.onto {
                    Onto::NewBranch { base, .. } => base,
                    Onto::Branch { branch, .. } => branch,
                };
                match self.get_wire_branch(repo, base).await? {
                    Some(_) => Ok(self.moved(object, format!("a file that was read is gone: {message}"))),
                    None => Ok(Error::NotFound { host, what: format!("branch {base} of {repo}") }),
                }
            }
            _ => Ok(error),
        }
    }
}

fn operation(change: &FileChange) -> serde_json::Value {
    let content = BASE64_STANDARD.encode(&change.content);
    match &change.replaces {
        Some(blob) => {
            json!({"operation": "update", "path": change.path.as_str(), "sha": blob.as_str(), "content": content})
        }
        None => json!({"operation": "create", "path": change.path.as_str(), "content": content}),
    }
}
