//! How a change stands: what its record says, and what the history says since.

use gix::ObjectId;
use jiff::Timestamp;

use super::commits::gone;
use super::merge::Together;
use super::record::{Joined, Record, Stage};
use super::repo::{Repo, SLUICE};
use crate::error::Error;
use crate::host::{Blocker, Mergeable, Merged, PullRequest, PullRequestState};
use crate::names::PullRequestNumber;

/// A change as it stands now.
pub(super) struct Standing {
    pub(super) state: PullRequestState,
    /// The head branch's commit, or the last one where the change has ended.
    pub(super) head: ObjectId,
    /// The base branch's commit; `None` where it is gone.
    pub(super) base: Option<ObjectId>,
}

impl Repo {
    /// What the record and the two branches come to.
    pub(super) fn standing(&self, record: &Record) -> Result<Standing, Error> {
        let base = record.base().map_or(Ok(None), |base| self.head_of(&base))?;
        let ended = |state| Ok(Standing { state, head: record.head, base });
        match &record.facts.stage {
            Stage::Closed => return ended(PullRequestState::Closed),
            Stage::Merged(joined) => return ended(self.merged(joined)?),
            Stage::Merging(joined) if self.has(base, &joined.commit)? => return ended(self.merged(joined)?),
            Stage::Merging(_) | Stage::Open => {}
        }
        let head = record.head_branch().map_or(Ok(None), |head| self.head_of(&head))?;
        let offered = head.unwrap_or(record.head);
        if let Some(base) = base {
            for candidate in [offered, record.head] {
                if self.is_reachable(candidate, base)? && !self.was_there(record, candidate)? {
                    let state = PullRequestState::Merged(self.merged_by_people(base, candidate)?);
                    return Ok(Standing { state, head: candidate, base: Some(base) });
                }
            }
            // Somebody took the branch back to where it has nothing of its own.
            if head.is_some() && self.is_reachable(offered, base)? {
                return ended(PullRequestState::Closed);
            }
        }
        let state = if head.is_some() { PullRequestState::Open } else { PullRequestState::Closed };
        Ok(Standing { state, head: offered, base })
    }

    /// Whether the base branch had this commit before the change was opened.
    fn was_there(&self, record: &Record, id: ObjectId) -> Result<bool, Error> {
        match ObjectId::from_hex(record.facts.opened_on.as_bytes()) {
            Ok(opened_on) if self.git.has_object(opened_on) => self.is_reachable(id, opened_on),
            _ => Ok(false),
        }
    }

    /// Whether the base branch has a commit, which may never have been there.
    fn has(&self, base: Option<ObjectId>, commit: &str) -> Result<bool, Error> {
        match (base, ObjectId::from_hex(commit.as_bytes())) {
            (Some(base), Ok(commit)) if self.git.has_object(commit) => self.is_reachable(commit, base),
            _ => Ok(false),
        }
    }

    pub(super) fn merged(&self, joined: &Joined) -> Result<PullRequestState, Error> {
        let Joined { commit, by, at, .. } = joined;
        let commit = ObjectId::from_hex(commit.as_bytes());
        let commit = commit.map_err(|error| self.unsupported("read a change", error.to_string()))?;
        Ok(PullRequestState::Merged(Merged { commit: self.sha(commit)?, by: Some(by.clone()), at: Some(*at) }))
    }

    /// How people brought it, with plain git: a moved branch does not say who moved it.
    fn merged_by_people(&self, base: ObjectId, head: ObjectId) -> Result<Merged, Error> {
        let id = self.brought_by(base, head)?;
        let commit = self.find(id)?;
        let fault = |error: &gix::Error| self.fault(&format!("read commit {id}"), error);
        let committer = commit.committer().map_err(|error| fault(&error))?;
        let by = (id != head).then(|| committer.name.to_string()).filter(|name| !name.is_empty() && name != SLUICE);
        let at = Timestamp::from_second(committer.seconds()).ok();
        Ok(Merged { commit: self.sha(id)?, by, at })
    }

    /// The change as the trait describes it.
    pub(super) fn pull_request_of(&self, record: &Record) -> Result<PullRequest, Error> {
        let Standing { state, head, base } = self.standing(record)?;
        let mergeable = match (&state, base) {
            (PullRequestState::Open, Some(base)) => match self.try_merge(base, head)? {
                Together::Clean(_) => Mergeable::Yes,
                Together::Conflicts(_) | Together::Unrelated => Mergeable::No,
            },
            (PullRequestState::Open, None) => Mergeable::No,
            _ => Mergeable::Unknown,
        };
        let named = |name: Option<_>| {
            name.ok_or_else(|| self.unsupported("read a change", format!("{} has a wrong branch", record.number)))
        };
        Ok(PullRequest {
            number: record.number,
            url: format!("{}#changes/{}", self.url(), record.number),
            state,
            draft: false,
            title: record.title.clone(),
            body: record.body.clone(),
            base: named(record.base())?,
            head: named(record.head_branch())?,
            head_sha: self.sha(head)?,
            mergeable,
            opened_at: record.facts.opened_at,
        })
    }

    pub(super) fn blockers(&self, number: PullRequestNumber) -> Result<Vec<Blocker>, Error> {
        let record = self.record(number)?;
        let Standing { state, head, base } = self.standing(&record)?;
        if state != PullRequestState::Open {
            return Ok(vec![Blocker::NotOpen]);
        }
        let Some(base) = base else {
            return Ok(vec![Blocker::Other(record.base().map_or_else(String::new, |base| gone(&base)))]);
        };
        Ok(match self.try_merge(base, head)? {
            Together::Clean(_) => vec![],
            Together::Conflicts(_) => vec![Blocker::Conflicts],
            Together::Unrelated => vec![Blocker::Other(super::merge::UNRELATED.to_owned())],
        })
    }
}
