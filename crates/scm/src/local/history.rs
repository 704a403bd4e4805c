//! Which commits there are, and which came before which.

use std::collections::{HashMap, HashSet};

use gix::ObjectId;
use gix::revision::walk::Sorting;
use gix::traverse::commit::simple::CommitTimeOrder;
use jiff::Timestamp;

use super::references::object_id;
use super::repo::Repo;
use crate::error::Error;
use crate::host::Commit;
use crate::names::{BranchName, CommitSha, EffectKey};

/// The most commits that are walked for one answer.
const MAX_COMMITS: usize = 50_000;

impl Repo {
    /// The object of a commit id, which must be there.
    pub(super) fn known(&self, sha: &CommitSha) -> Result<ObjectId, Error> {
        let what = || format!("commit {} of {}", sha.short(), self.name);
        let id = object_id(sha).ok_or_else(|| self.not_found(what()))?;
        let header = self.git.try_find_header(id).map_err(|error| self.fault(&format!("read {}", what()), &error))?;
        match header.map(|header| header.kind()) {
            Some(gix::objs::Kind::Commit) => Ok(id),
            _ => Err(self.not_found(what())),
        }
    }

    pub(super) fn find(&self, id: ObjectId) -> Result<gix::Commit<'_>, Error> {
        self.git.find_commit(id).map_err(|error| self.fault(&format!("read commit {id}"), &error))
    }

    pub(super) fn read_commit(&self, id: ObjectId) -> Result<Commit, Error> {
        let fault = |error: &gix::Error| self.fault(&format!("read commit {id}"), error);
        let commit = self.find(id)?;
        let parents = commit.parent_ids().map(|parent| self.sha(parent.detach())).collect::<Result<_, _>>()?;
        let message = commit.message_raw().map_err(|error| fault(&error))?.to_string();
        let seconds = commit.time().map_err(|error| fault(&error))?.seconds;
        let committed_at = Timestamp::from_second(seconds).unwrap_or(Timestamp::MIN);
        Ok(Commit { sha: self.sha(id)?, parents, message, committed_at })
    }

    pub(super) fn tree_of(&self, id: ObjectId) -> Result<gix::Tree<'_>, Error> {
        self.find(id)?.tree().map_err(|error| self.fault(&format!("read the tree of commit {id}"), &error))
    }

    /// The newest commit of a key.
    pub(super) fn commit_of(
        &self,
        branch: &BranchName,
        key: &EffectKey,
        since: Timestamp,
    ) -> Result<Option<Commit>, Error> {
        let head = self.existing_head(branch)?;
        let intent = format!("search {}", self.branch_name(branch));
        let fault = |error: &gix::Error| self.fault(&intent, error);
        let sorting = Sorting::ByCommitTimeCutoff { order: CommitTimeOrder::NewestFirst, seconds: since.as_second() };
        let walk = self.git.rev_walk([head]).sorting(sorting).all().map_err(|error| fault(&error))?;
        for (seen, info) in walk.enumerate() {
            if seen == MAX_COMMITS {
                let remedy =
                    format!("it has more than {MAX_COMMITS} commits since {since}; look there for `{key}` by hand");
                return Err(self.unsupported(intent, remedy));
            }
            let commit = self.read_commit(info.map_err(|error| fault(&error))?.id)?;
            // The cutoff says where to stop, not what to leave out.
            if commit.committed_at.as_second() >= since.as_second() && commit.carries(key) {
                return Ok(Some(commit));
            }
        }
        Ok(None)
    }

    /// Whether `ancestor` is `descendant` or comes before it.
    pub(super) fn is_reachable(&self, ancestor: ObjectId, descendant: ObjectId) -> Result<bool, Error> {
        Ok(ancestor == descendant || self.merge_base(ancestor, descendant)? == Some(ancestor))
    }

    /// The best common ancestor.
    pub(super) fn merge_base(&self, one: ObjectId, other: ObjectId) -> Result<Option<ObjectId>, Error> {
        let base = self.git.merge_base(one, other);
        Ok(base.map_err(|error| self.fault("compare commits", &error))?.map(gix::Id::detach))
    }

    /// The commits of `head` that `without` lacks, each with its parents.
    pub(super) fn commits_between(
        &self,
        without: ObjectId,
        head: ObjectId,
    ) -> Result<HashMap<ObjectId, Vec<ObjectId>>, Error> {
        let fault = |error: &gix::Error| self.fault("compare commits", error);
        let walk = self.git.rev_walk([head]).with_hidden([without]).all().map_err(|error| fault(&error))?;
        let mut found = HashMap::new();
        for info in walk {
            let info = info.map_err(|error| fault(&error))?;
            if found.len() == MAX_COMMITS {
                let remedy =
                    format!("{head} is more than {MAX_COMMITS} commits ahead of {without}; compare them by hand");
                return Err(self.unsupported("compare commits", remedy));
            }
            found.insert(info.id, info.parent_ids.to_vec());
        }
        Ok(found)
    }

    /// The commit that brought `head` into the history of `base`, which has it: the oldest on the line of first parents
    /// that does. It is `head` itself where `base` was moved there.
    pub(super) fn brought_by(&self, base: ObjectId, head: ObjectId) -> Result<ObjectId, Error> {
        let later = self.commits_between(head, base)?;
        let mut children: HashMap<ObjectId, Vec<ObjectId>> = HashMap::new();
        for (commit, parents) in &later {
            parents.iter().for_each(|parent| children.entry(*parent).or_default().push(*commit));
        }
        let mut have_it = HashSet::from([head]);
        let mut next = vec![head];
        while let Some(commit) = next.pop() {
            let more = children.get(&commit).into_iter().flatten();
            next.extend(more.filter(|child| have_it.insert(**child)));
        }
        let mut commit = base;
        while let Some(first) =
            later.get(&commit).and_then(|parents| parents.first()).filter(|id| have_it.contains(*id))
        {
            commit = *first;
        }
        Ok(commit)
    }
}
