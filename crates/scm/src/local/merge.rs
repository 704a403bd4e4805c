//! Merging exactly one head: a real three-way merge, and never a fast-forward by way of a merge.
//!
//! Two references change, and no process survives a `kill -9` between them. So what is about to become of the base
//! branch is written into the record first, then the base branch is moved: from that moment, and only from then, the
//! record says that it is merged.

use gix::ObjectId;
use gix::merge::blob::builtin_driver::text::Labels;
use gix::merge::tree::TreatAsUnresolved;

use super::commits::{Draft, gone};
use super::lock::WriteLock;
use super::record::{Joined, Record, Stage};
use super::references::{Swap, Swapped, full_name};
use super::repo::Repo;
use super::state::Standing;
use crate::error::Error;
use crate::host::{Merge, MergeMethod, Merged, PullRequestState};
use crate::names::{BranchName, PullRequestNumber};

/// How often it is done anew when others push to the base branch at the same time.
const TRIES: usize = 5;

/// Why two commits do not merge that share no history.
pub(super) const UNRELATED: &str = "it has no commit in common with its base branch";

/// What two commits come to.
pub(super) enum Together {
    /// A tree.
    Clean(ObjectId),
    /// The files in which they conflict.
    Conflicts(Vec<String>),
    /// They have no common ancestor.
    Unrelated,
}

impl Repo {
    pub(super) fn merge_change(&self, number: PullRequestNumber, merge: &Merge) -> Result<Merged, Error> {
        let mut lock = self.lock()?;
        for _ in 0..TRIES {
            let mut record = self.record(number)?;
            let standing = self.standing(&record)?;
            if let Some(merged) = self.judge(number, &standing, merge)? {
                return Ok(merged);
            }
            let base = record.base().ok_or_else(|| self.not_mergeable(number, "its base branch has no valid name"))?;
            let Some(onto) = standing.base else { return Err(self.not_mergeable(number, gone(&base))) };
            record.head = standing.head;
            if let Some(merged) = self.move_base(&mut lock, &mut record, &base, onto, merge.method)? {
                return Ok(merged);
            }
        }
        let message = format!("its base branch moved {TRIES} times while it was merged");
        Err(self.moved(self.change_name(number), message))
    }

    /// How the change was merged; `None` when it is open with this head, and all else is an error.
    pub(super) fn merged_with(&self, number: PullRequestNumber, merge: &Merge) -> Result<Option<Merged>, Error> {
        self.judge(number, &self.standing(&self.record(number)?)?, merge)
    }

    fn judge(&self, number: PullRequestNumber, standing: &Standing, merge: &Merge) -> Result<Option<Merged>, Error> {
        let Standing { state, head, .. } = standing;
        merge.judge(&self.host, self.change_name(number), &head.to_string(), state.clone())
    }

    /// Makes the commits, writes down what they are for, and moves the base branch; `None` when it moved meanwhile.
    fn move_base(
        &self,
        lock: &mut WriteLock,
        record: &mut Record,
        base: &BranchName,
        onto: ObjectId,
        method: Option<MergeMethod>,
    ) -> Result<Option<Merged>, Error> {
        let commit = match method.unwrap_or(MergeMethod::Merge) {
            MergeMethod::Merge => self.join(record, onto)?,
            MergeMethod::Squash => self.squash(record, onto)?,
            MergeMethod::Rebase => self.rebase(record, onto)?,
        };
        let at = self.read_commit(commit)?.committed_at;
        let joined = Joined { commit: commit.to_string(), onto: onto.to_string(), by: self.person().to_owned(), at };
        record.facts.stage = Stage::Merging(joined.clone());
        self.write_record(lock, record)?;
        let why = format!("merge {}", self.change_name(record.number));
        let swap = Swap { name: &full_name(base), from: Some(onto), to: Some(commit), why: &why };
        if let Swapped::Moved(_) = self.swap(lock, &swap)? {
            return Ok(None);
        }
        record.facts.stage = Stage::Merged(joined.clone());
        // It is merged, whether this can be written down for good or not.
        if let Err(error) = self.write_record(lock, record) {
            tracing::warn!(%error, "the merge is done and could not be noted");
        }
        match self.merged(&joined)? {
            PullRequestState::Merged(merged) => Ok(Some(merged)),
            _ => Ok(None),
        }
    }

    /// A commit of both.
    fn join(&self, record: &Record, onto: ObjectId) -> Result<ObjectId, Error> {
        let tree = self.tree_together(&self.git, record.number, onto, record.head)?;
        let message = format!("Merge change #{} from {}\n\n{}", record.number, record.facts.head, record.title);
        self.write_commit(Draft { tree, parents: vec![onto, record.head], message: &message, author: None })
    }

    /// One commit on the base branch, as hosts name it: with the message of the only one, or the subjects of all.
    fn squash(&self, record: &Record, onto: ObjectId) -> Result<ObjectId, Error> {
        let tree = self.tree_together(&self.git, record.number, onto, record.head)?;
        let line = self.line(onto, record.head)?.unwrap_or_default();
        let (subject, rest) = match line.as_slice() {
            [only] => {
                let message = self.read_commit(*only)?.message;
                let (subject, rest) = message.split_once('\n').unwrap_or((&message, ""));
                (subject.to_owned(), rest.to_owned())
            }
            line => {
                let subjects = line.iter().map(|id| self.subject(*id).map(|subject| format!("\n* {subject}")));
                (record.title.clone(), subjects.collect::<Result<String, _>>()?)
            }
        };
        let message = format!("{subject} (#{})\n{rest}", record.number);
        self.write_commit(Draft { tree, parents: vec![onto], message: message.trim_end(), author: None })
    }

    /// The same commits on the base branch's head: the very same where they are there already.
    fn rebase(&self, record: &Record, onto: ObjectId) -> Result<ObjectId, Error> {
        let Some(line) = self.line(onto, record.head)? else {
            let why = "there are merges among its commits, which cannot be rebased; use another method";
            return Err(self.not_mergeable(record.number, why));
        };
        if self.is_reachable(onto, record.head)? {
            return Ok(record.head);
        }
        line.into_iter().try_fold(onto, |onto, commit| self.replay(record.number, commit, onto))
    }

    /// One commit's change, message and author on top of another commit.
    fn replay(&self, number: PullRequestNumber, commit: ObjectId, onto: ObjectId) -> Result<ObjectId, Error> {
        let fault = |error: &gix::Error| self.fault(&format!("rebase commit {commit}"), error);
        let before = match self.find(commit)?.parent_ids().next() {
            Some(parent) => self.tree_of(parent.detach())?.id,
            None => self.git.empty_tree().id,
        };
        let (ours, theirs) = (self.tree_of(onto)?.id, self.tree_of(commit)?.id);
        let options = self.git.tree_merge_options().map_err(|error| fault(&error))?;
        let merged = self.git.merge_trees(before, ours, theirs, Labels::default(), options);
        let tree = match self.settle(merged.map_err(|error| fault(&error))?)? {
            Together::Clean(tree) => tree,
            Together::Conflicts(files) => return Err(self.conflict(number, &files)),
            Together::Unrelated => return Err(self.not_mergeable(number, UNRELATED)),
        };
        let found = self.find(commit)?;
        let author = found.author().and_then(|author| author.to_owned()).map_err(|error| fault(&error))?;
        let message = self.read_commit(commit)?.message;
        self.write_commit(Draft { tree, parents: vec![onto], message: &message, author: Some(author) })
    }

    /// The tree of both.
    fn tree_together(
        &self,
        git: &gix::Repository,
        number: PullRequestNumber,
        base: ObjectId,
        head: ObjectId,
    ) -> Result<ObjectId, Error> {
        match self.together(git, base, head)? {
            Together::Clean(tree) => Ok(tree),
            Together::Conflicts(files) => Err(self.conflict(number, &files)),
            Together::Unrelated => Err(self.not_mergeable(number, UNRELATED)),
        }
    }

    fn conflict(&self, number: PullRequestNumber, files: &[String]) -> Error {
        self.not_mergeable(number, format!("it conflicts with its base branch in {}", files.join(", ")))
    }

    /// What a merge would come to; nothing is written.
    pub(super) fn try_merge(&self, base: ObjectId, head: ObjectId) -> Result<Together, Error> {
        self.together(&self.git.clone().with_object_memory(), base, head)
    }

    fn together(&self, git: &gix::Repository, base: ObjectId, head: ObjectId) -> Result<Together, Error> {
        if self.merge_base(base, head)?.is_none() {
            return Ok(Together::Unrelated);
        }
        let fault = |error: &gix::Error| self.fault("merge", error);
        let options = git.tree_merge_options().map_err(|error| fault(&error))?;
        let merged = git.merge_commits(base, head, Labels::default(), options.into());
        self.settle(merged.map_err(|error| fault(&error))?.tree_merge)
    }

    fn settle(&self, mut merged: gix::merge::tree::Outcome<'_>) -> Result<Together, Error> {
        let how = TreatAsUnresolved::git();
        if merged.has_unresolved_conflicts(how) {
            let unresolved = merged.conflicts.iter().filter(|conflict| conflict.is_unresolved(how));
            let mut files: Vec<_> = unresolved.map(|conflict| conflict.ours.location().to_string()).collect();
            files.sort();
            files.dedup();
            return Ok(Together::Conflicts(files));
        }
        Ok(Together::Clean(merged.tree.write().map_err(|error| self.fault("merge", &error))?.detach()))
    }
}
