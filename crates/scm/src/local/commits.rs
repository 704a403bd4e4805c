//! Making commits.

use gix::ObjectId;
use gix::actor::Signature;
use jiff::Timestamp;

use super::references::{Swap, Swapped, full_name, object_id};
use super::repo::Repo;
use crate::error::Error;
use crate::host::{Commit, NewCommit, Onto};
use crate::names::BranchName;

/// A commit to be written.
pub(super) struct Draft<'a> {
    pub(super) tree: ObjectId,
    pub(super) parents: Vec<ObjectId>,
    pub(super) message: &'a str,
    /// `None` is the committer.
    pub(super) author: Option<Signature>,
}

impl Repo {
    /// Objects first, then the branch: whoever is killed in between leaves nothing that could be seen.
    pub(super) fn commit_files(&self, commit: &NewCommit) -> Result<Commit, Error> {
        let branch = commit.onto.branch();
        let parent = self.parent(&commit.onto)?;
        let tree = self.changed_tree(parent, &commit.files)?;
        let message = commit.key.with_trailer(&commit.message);
        let id = self.write_commit(Draft { tree, parents: vec![parent], message: &message, author: None })?;
        let from = match &commit.onto {
            Onto::NewBranch { .. } => None,
            Onto::Branch { .. } => Some(parent),
        };
        let swap = Swap { name: &full_name(branch), from, to: Some(id), why: "commit" };
        match self.swap(&mut self.lock()?, &swap)? {
            Swapped::Done => self.read_commit(id),
            Swapped::Moved(now) => Err(self.overtaken(&commit.onto, now)),
        }
    }

    /// The commit to build on, once it is sure that it can be.
    fn parent(&self, onto: &Onto) -> Result<ObjectId, Error> {
        match onto {
            Onto::NewBranch { branch, base, from } => {
                let head = self.existing_head(base)?;
                let from_id = self.known(from)?;
                if !self.is_reachable(from_id, head)? {
                    let message = format!("it is at {head}, which does not contain {from}");
                    return Err(self.moved(self.branch_name(base), message));
                }
                if self.target(&full_name(branch))?.is_some() {
                    return Err(self.already_exists(self.branch_name(branch)));
                }
                if let Some(other) = self.in_the_way_of(branch)? {
                    let remedy = format!("git keeps no such branch beside {other}; delete that one");
                    return Err(self.unsupported(format!("make {}", self.branch_name(branch)), remedy));
                }
                Ok(from_id)
            }
            Onto::Branch { branch, head } => {
                let now = self.existing_head(branch)?;
                if object_id(head) != Some(now) {
                    return Err(self.overtaken(onto, Some(now)));
                }
                Ok(now)
            }
        }
    }

    fn overtaken(&self, onto: &Onto, now: Option<ObjectId>) -> Error {
        let what = self.branch_name(onto.branch());
        match (onto, now) {
            (Onto::NewBranch { .. }, _) => self.already_exists(what),
            (Onto::Branch { head, .. }, Some(now)) => self.moved(what, format!("it is at {now} and not at {head}")),
            (Onto::Branch { .. }, None) => self.moved(what, "it is gone"),
        }
    }

    pub(super) fn write_commit(&self, draft: Draft<'_>) -> Result<ObjectId, Error> {
        let Draft { tree, parents, message, author } = draft;
        let intent = "write a commit";
        let committer = self.signature(Timestamp::now());
        let commit = gix::objs::Commit {
            tree,
            parents: parents.into(),
            author: author.unwrap_or_else(|| committer.clone()),
            committer,
            encoding: None,
            message: format!("{}\n", self.writable(intent, message)?.trim_end_matches('\n')).into(),
            extra_headers: vec![],
        };
        let id = self.git.write_object(&commit).map_err(|error| self.fault(intent, &error))?;
        Ok(id.detach())
    }

    /// The subject of a commit's message.
    pub(super) fn subject(&self, id: ObjectId) -> Result<String, Error> {
        Ok(self.read_commit(id)?.message.lines().next().unwrap_or_default().to_owned())
    }

    /// The commits of a branch's head that its base lacks, oldest first, along the line of first parents; `None` when
    /// there are merges among them.
    pub(super) fn line(&self, base: ObjectId, head: ObjectId) -> Result<Option<Vec<ObjectId>>, Error> {
        let between = self.commits_between(base, head)?;
        if between.values().any(|parents| parents.len() > 1) {
            return Ok(None);
        }
        let mut line = Vec::with_capacity(between.len());
        let mut next = Some(head);
        while let Some((commit, parents)) = next.and_then(|id| between.get_key_value(&id)) {
            line.push(*commit);
            next = parents.first().copied();
        }
        line.reverse();
        Ok(Some(line))
    }
}

/// Names a branch where it is gone.
pub(super) fn gone(branch: &BranchName) -> String {
    format!("its base branch {branch} is gone")
}
