//! Files of GitHub: read one at a commit, and change many in one commit.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::GitHub;
use super::trees::{Found, Kind};
use super::wire::{WireBlob, WireGitCommit, WireReference, WireSha, WireTreeEntry};
use crate::edit::MAX_BYTES;
use crate::error::Error;
use crate::host::{Commit, FileAt, FileChange, NewCommit, Onto};
use crate::http::{Failure, Refusal, senseless};
use crate::lfs;
use crate::names::{BlobSha, BranchName, CommitSha, RepoName, RepoPath};

/// The mode of a file that was not there before.
const NEW_FILE: &str = "100644";

impl GitHub {
    pub(super) async fn get_file(
        &self,
        repo: &RepoName,
        path: &RepoPath,
        at: &CommitSha,
    ) -> Result<Option<FileAt>, Error> {
        let object = format!("file {path} of {repo} at {}", at.short());
        let root = self.tree_of(repo, at).await?;
        let entry = match self.entry_at(repo, &root, path).await? {
            Found::Entry(entry) => entry,
            Found::Nothing => return Ok(None),
            Found::Blocked(entry, way) => {
                return match entry.kind().objection() {
                    None => Ok(None),
                    Some(why) => Err(self.unsupported(format!("edit {object}"), &format!("{way}: {why}"))),
                };
            }
        };
        let refuse = |why: &str| Err(self.unsupported(format!("edit {object}"), why));
        if let Some(why) = entry.kind().objection() {
            return refuse(why);
        }
        if let Some(size) = entry.size.filter(|size| *size > MAX_BYTES as u64) {
            return refuse(&format!("it has {size} bytes, and at most {MAX_BYTES} can be edited"));
        }
        let content = self.blob(repo, &entry, &object).await?;
        if lfs::is_pointer(&content) {
            return refuse(lfs::REMEDY);
        }
        let blob =
            BlobSha::parse(&entry.sha).map_err(|error| senseless(self.api.host(), &format!("read {object}"), error))?;
        Ok(Some(FileAt { content, blob }))
    }

    async fn blob(&self, repo: &RepoName, entry: &WireTreeEntry, object: &str) -> Result<Vec<u8>, Error> {
        let tail = ["git", "blobs", &entry.sha];
        let call = self.call(Method::GET, repo, &tail, format!("read {object}"), object.to_owned())?;
        let WireBlob { content, encoding } = self.api.get(repo, &call).await?;
        let senseless = |why: &str| senseless(self.api.host(), &format!("read {object}"), why);
        let content = match encoding.as_str() {
            // In lines of 60 characters.
            "base64" => BASE64_STANDARD
                .decode(content.split_whitespace().collect::<String>())
                .map_err(|error| senseless(&error.to_string()))?,
            "utf-8" => content.into_bytes(),
            _ => return Err(senseless("the content is neither in base64 nor in UTF-8")),
        };
        if entry.size.is_some_and(|size| size != content.len() as u64) {
            return Err(senseless("the content is cut off"));
        }
        Ok(content)
    }

    /// Blobs, a tree, a commit, and then the reference: until that one is written, nobody sees anything of it.
    pub(super) async fn make_commit(&self, repo: &RepoName, commit: &NewCommit) -> Result<Commit, Error> {
        let parent = match &commit.onto {
            Onto::NewBranch { from, .. } => from,
            Onto::Branch { head, .. } => head,
        };
        let branch = commit.onto.branch();
        let object = format!("branch {branch} of {repo}");
        let root = self.tree_of(repo, parent).await?;
        let mut entries = vec![];
        for change in &commit.files {
            let mode = self.mode_of(repo, &root, change, &object).await?;
            entries.push((change, mode));
        }
        if let Onto::Branch { head, .. } = &commit.onto {
            self.require_head(repo, branch, head).await?;
        }
        let made = self.write_commit(repo, &root, parent, commit, &entries).await?;
        match &commit.onto {
            Onto::NewBranch { branch, .. } => self.create_branch(repo, branch, &made.sha).await?,
            Onto::Branch { branch, .. } => self.advance_branch(repo, branch, &made.sha).await?,
        }
        Ok(made)
    }

    /// The mode that a file keeps, provided that what is there is what was read.
    async fn mode_of(&self, repo: &RepoName, root: &str, change: &FileChange, branch: &str) -> Result<String, Error> {
        let FileChange { path, replaces, .. } = change;
        let found = match self.entry_at(repo, root, path).await? {
            Found::Entry(entry) => Some(entry),
            Found::Nothing => None,
            Found::Blocked(_, way) => {
                let what = format!("write file {path} of {repo}");
                return Err(self.unsupported(what, &format!("{way} is no directory; choose another path")));
            }
        };
        match (found, replaces) {
            (None, None) => Ok(NEW_FILE.to_owned()),
            (None, Some(_)) => Err(self.moved(branch.to_owned(), format!("file {path} that was read is gone"))),
            (Some(entry), _) if entry.kind() != Kind::File => {
                let why = entry.kind().objection().unwrap_or_default();
                Err(self.unsupported(format!("write file {path} of {repo}"), why))
            }
            (Some(_), None) => Err(self.moved(branch.to_owned(), format!("file {path} is there already"))),
            (Some(entry), Some(blob)) if entry.sha != blob.as_str() => {
                Err(self.moved(branch.to_owned(), format!("file {path} is another than was read")))
            }
            (Some(entry), Some(_)) => Ok(entry.mode),
        }
    }

    async fn write_commit(
        &self,
        repo: &RepoName,
        root: &str,
        parent: &CommitSha,
        commit: &NewCommit,
        entries: &[(&FileChange, String)],
    ) -> Result<Commit, Error> {
        let mut tree = vec![];
        for (change, mode) in entries {
            let path = change.path.as_str();
            let content = json!({"content": BASE64_STANDARD.encode(&change.content), "encoding": "base64"});
            let blob: WireSha =
                self.write_object(repo, "blobs", format!("write file {path} of {repo}"), content).await?;
            tree.push(json!({"path": path, "mode": mode, "type": "blob", "sha": blob.sha}));
        }
        let tree = json!({"base_tree": root, "tree": tree});
        let tree: WireSha = self.write_object(repo, "trees", format!("write a tree of {repo}"), tree).await?;
        let body = json!({
            "message": commit.key.with_trailer(&commit.message),
            "tree": tree.sha,
            "parents": [parent.as_str()],
        });
        let made: WireGitCommit = self.write_object(repo, "commits", format!("write a commit of {repo}"), body).await?;
        made.into_commit(self.api.host())
    }

    async fn write_object<T: serde::de::DeserializeOwned>(
        &self,
        repo: &RepoName,
        kind: &str,
        intent: String,
        body: Value,
    ) -> Result<T, Error> {
        let call = self.call(Method::POST, repo, &["git", kind], intent, format!("repository {repo}"))?;
        self.api.get(repo, &call.harmless().json(body)).await.map_err(|failure| self.write_refusal(failure))
    }

    async fn create_branch(&self, repo: &RepoName, branch: &BranchName, head: &CommitSha) -> Result<(), Error> {
        let object = format!("branch {branch} of {repo}");
        let call = self.call(Method::POST, repo, &["git", "refs"], format!("create {object}"), object.clone())?;
        let body = json!({"ref": format!("refs/heads/{branch}"), "sha": head.as_str()});
        match self.api.get::<WireReference>(repo, &call.json(body)).await {
            Ok(_) => Ok(()),
            Err(Failure::Refusal(refusal)) if refusal.message.contains("already exists") => {
                Err(Error::AlreadyExists { host: self.api.host().to_owned(), what: object })
            }
            Err(failure) => Err(self.write_refusal(failure)),
        }
    }

    /// Only forward: a branch that moved meanwhile is refused.
    async fn advance_branch(&self, repo: &RepoName, branch: &BranchName, to: &CommitSha) -> Result<(), Error> {
        let object = format!("branch {branch} of {repo}");
        let name = format!("heads/{branch}");
        let tail = ["git", "refs", &name];
        let call = self.call(Method::PATCH, repo, &tail, format!("commit to {object}"), object.clone())?;
        let call = call.json(json!({"sha": to.as_str(), "force": false}));
        match self.api.get::<WireReference>(repo, &call).await {
            Ok(_) => Ok(()),
            Err(Failure::Refusal(refusal)) => Err(match *refusal {
                Refusal { message, .. } if message.contains("fast forward") => self.moved(object, message),
                Refusal { message, .. } if message.contains("does not exist") => self.not_found(object),
                refusal => self.write_refusal(Failure::Refusal(Box::new(refusal))),
            }),
            Err(failure) => Err(failure.into()),
        }
    }

    /// A branch that was set back would take the commit as a step forward: it is looked at first.
    async fn require_head(&self, repo: &RepoName, branch: &BranchName, head: &CommitSha) -> Result<(), Error> {
        let object = format!("branch {branch} of {repo}");
        match self.head_of(repo, branch).await? {
            Some(now) if now == head.as_str() => Ok(()),
            Some(now) => Err(self.moved(object, format!("its head is {now} and not {head}"))),
            None => Err(self.not_found(object)),
        }
    }

    /// What a branch is protected from is a 422 of many words, and a matter of rights.
    fn write_refusal(&self, failure: Failure) -> Error {
        match failure {
            Failure::Refusal(refusal) => match *refusal {
                Refusal { status: StatusCode::UNPROCESSABLE_ENTITY, message, error: Error::Refused { what, .. } }
                    if ["rule violations", "protected branch", "status check", "approving review"]
                        .iter()
                        .any(|words| message.contains(words)) =>
                {
                    Error::Forbidden { host: self.api.host().to_owned(), what, message }
                }
                refusal => refusal.error,
            },
            failure => failure.into(),
        }
    }
}
