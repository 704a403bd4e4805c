//! Changes: open, find, read, close.

use jiff::Timestamp;

use super::record::{Facts, Record, Stage};
use super::repo::Repo;
use crate::error::Error;
use crate::host::{NewPullRequest, PullRequest, PullRequestState};
use crate::names::{BranchName, PullRequestNumber};

/// The most changes that are looked through for one answer.
const MAX_CHANGES: usize = 5_000;

impl Repo {
    pub(super) fn open_change(&self, pull: &NewPullRequest) -> Result<PullRequest, Error> {
        let NewPullRequest { head, base, title, body, key } = pull;
        let what = format!("change from {head} to {base} in {}", self.name);
        let mut lock = self.lock()?;
        let base_id = self.existing_head(base)?;
        let head_id = self.existing_head(head)?;
        if self.is_reachable(head_id, base_id)? {
            let remedy = format!("{base} has all commits of {head} already; commit to {head} first");
            return Err(self.unsupported(format!("open a {what}"), remedy));
        }
        let all = self.records()?;
        for (number, tag) in &all {
            let other = self.read_record(*number, *tag)?;
            let same = other.facts.head == head.as_str() && other.facts.base == base.as_str();
            if same && self.standing(&other)?.state == PullRequestState::Open {
                return Err(self.already_exists(what));
            }
        }
        let number = PullRequestNumber(all.first().map_or(1, |(newest, _)| newest.0 + 1));
        let facts = Facts {
            head: head.to_string(),
            base: base.to_string(),
            opened_on: base_id.to_string(),
            opened_at: Timestamp::now(),
            stage: Stage::Open,
        };
        let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut record = Record { number, head: head_id, title, body: key.with_marker(body), facts, written: None };
        self.write_record(&mut lock, &mut record)?;
        self.pull_request_of(&record)
    }

    /// The changes opened since, newest first; only those from one branch where it is given.
    pub(super) fn changes(&self, head: Option<&BranchName>, since: Timestamp) -> Result<Vec<PullRequest>, Error> {
        let mut found = vec![];
        for (seen, (number, tag)) in self.records()?.into_iter().enumerate() {
            if seen == MAX_CHANGES {
                let remedy = format!("there are more than {MAX_CHANGES} since {since}; look there by hand");
                return Err(self.unsupported(format!("find the changes of {}", self.name), remedy));
            }
            let record = self.read_record(number, tag)?;
            if record.facts.opened_at < since {
                break;
            }
            if head.is_none_or(|head| record.facts.head == head.as_str()) {
                found.push(self.pull_request_of(&record)?);
            }
        }
        Ok(found)
    }

    pub(super) fn change(&self, number: PullRequestNumber) -> Result<PullRequest, Error> {
        self.pull_request_of(&self.record(number)?)
    }

    pub(super) fn close_change(&self, number: PullRequestNumber) -> Result<PullRequest, Error> {
        let mut lock = self.lock()?;
        let mut record = self.record(number)?;
        let standing = self.standing(&record)?;
        if standing.state == PullRequestState::Open {
            record.facts.stage = Stage::Closed;
            record.head = standing.head;
            self.write_record(&mut lock, &mut record)?;
        }
        self.pull_request_of(&record)
    }
}
