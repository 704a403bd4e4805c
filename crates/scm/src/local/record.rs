//! The record of a change: an annotated tag at `refs/sluice/changes/N`.
//!
//! Its target is the commit on offer. Its message is the title, the body, and in the last line `Sluice-Change:` with
//! JSON: all that the history cannot say. A change of the record is a new tag object in the place of the old one, by
//! compare-and-swap, so that a record is always whole.

use gix::ObjectId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::lock::WriteLock;
use super::references::{Swap, Swapped};
use super::repo::Repo;
use crate::error::Error;
use crate::names::{BranchName, PullRequestNumber};

/// Where the records are.
pub(super) const PREFIX: &str = "refs/sluice/changes/";

/// What the record's own line begins with.
const LINE: &str = "Sluice-Change: ";

/// A change as it was written down.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) number: PullRequestNumber,
    /// The commit on offer: the head branch's when this was written.
    pub(super) head: ObjectId,
    pub(super) title: String,
    pub(super) body: String,
    pub(super) facts: Facts,
    /// The tag object itself; `None` of one that is not written yet.
    pub(super) written: Option<ObjectId>,
}

/// What the record's line says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Facts {
    /// The branch with the changes.
    pub(super) head: String,
    /// The branch they go to.
    pub(super) base: String,
    /// Where that one stood when the change was opened.
    pub(super) opened_on: String,
    pub(super) opened_at: Timestamp,
    #[serde(flatten)]
    pub(super) stage: Stage,
}

/// How far it got, as far as it was written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "state")]
pub(super) enum Stage {
    /// Nothing was; the history may say more.
    Open,
    /// It is about to be merged as this commit. It is merged if and only if the base branch has that.
    Merging(Joined),
    /// It was merged.
    Merged(Joined),
    /// It was closed without a merge.
    Closed,
}

/// A merge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Joined {
    /// The commit on the base branch.
    pub(super) commit: String,
    /// Where the base branch stood before.
    pub(super) onto: String,
    /// Who merged.
    pub(super) by: String,
    pub(super) at: Timestamp,
}

impl Record {
    pub(super) fn base(&self) -> Option<BranchName> {
        BranchName::parse(&self.facts.base).ok()
    }

    pub(super) fn head_branch(&self) -> Option<BranchName> {
        BranchName::parse(&self.facts.head).ok()
    }

    fn message(&self) -> Result<String, serde_json::Error> {
        let Self { title, body, facts, .. } = self;
        Ok(format!("{title}\n\n{body}\n\n{LINE}{}\n", serde_json::to_string(facts)?))
    }
}

/// The title, the body and the facts of a tag's message.
fn parse(message: &str) -> Option<(String, String, Facts)> {
    let (rest, line) = message.strip_suffix('\n')?.rsplit_once("\n\n")?;
    let facts = serde_json::from_str(line.strip_prefix(LINE)?).ok()?;
    let (title, body) = rest.split_once("\n\n")?;
    Some((title.to_owned(), body.to_owned(), facts))
}

impl Repo {
    /// The numbers of all changes and their tags, newest first.
    pub(super) fn records(&self) -> Result<Vec<(PullRequestNumber, ObjectId)>, Error> {
        let all = self.references_below(PREFIX)?.into_iter();
        let mut numbered: Vec<_> =
            all.filter_map(|(name, id)| Some((PullRequestNumber(name.parse().ok()?), id))).collect();
        numbered.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
        Ok(numbered)
    }

    /// The record of this number.
    pub(super) fn record(&self, number: PullRequestNumber) -> Result<Record, Error> {
        match self.target(&format!("{PREFIX}{number}"))? {
            Some(tag) => self.read_record(number, tag),
            None => Err(self.not_found(self.change_name(number))),
        }
    }

    pub(super) fn read_record(&self, number: PullRequestNumber, tag: ObjectId) -> Result<Record, Error> {
        let intent = format!("read {}", self.change_name(number));
        let object = self.git.find_object(tag).map_err(|error| self.fault(&intent, &error))?;
        let head = (object.kind == gix::objs::Kind::Tag)
            .then(|| gix::objs::TagRefIter::from_bytes(&object.data, tag.kind()).target_id().ok())
            .flatten();
        // Taken from the bytes: a body may have lines that look like a signature.
        let text = std::str::from_utf8(&object.data).ok().and_then(|text| text.split_once("\n\n"));
        match (head, text.and_then(|(_, message)| parse(message))) {
            (Some(head), Some((title, body, facts))) => {
                Ok(Record { number, head, title, body, facts, written: Some(tag) })
            }
            _ => {
                let remedy = format!("{PREFIX}{number} is no record of a change; delete it with `git update-ref -d`");
                Err(self.unsupported(intent, remedy))
            }
        }
    }

    /// Writes the record down in the place of the one it was made from.
    pub(super) fn write_record(&self, lock: &mut WriteLock, record: &mut Record) -> Result<(), Error> {
        let intent = format!("write {}", self.change_name(record.number));
        let message = record.message().map_err(|error| self.unsupported(&intent, error.to_string()))?;
        let tag = gix::objs::Tag {
            target: record.head,
            target_kind: gix::objs::Kind::Commit,
            name: format!("change-{}", record.number).into(),
            tagger: Some(self.signature(Timestamp::now())),
            message: self.writable(&intent, &message)?.into(),
            signature: None,
        };
        let id = self.git.write_object(&tag).map_err(|error| self.fault(&intent, &error))?.detach();
        let name = format!("{PREFIX}{}", record.number);
        let swap = Swap { name: &name, from: record.written, to: Some(id), why: "change" };
        match self.swap(lock, &swap)? {
            Swapped::Done => {
                record.written = Some(id);
                Ok(())
            }
            Swapped::Moved(_) => Err(self.unavailable(intent, "somebody else wrote it meanwhile")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(body: &str, stage: Stage) -> Record {
        let facts = Facts {
            head: "sluice/x".into(),
            base: "main".into(),
            opened_on: "1".repeat(40),
            opened_at: "2026-05-04T12:00:00.5Z".parse().unwrap(),
            stage,
        };
        let head = ObjectId::null(gix::hash::Kind::Sha1);
        Record { number: PullRequestNumber(1), head, title: "Deploy".into(), body: body.into(), facts, written: None }
    }

    #[test]
    fn a_record_is_read_as_it_was_written_whatever_people_wrote() {
        let joined = Joined {
            commit: "2".repeat(40),
            onto: "3".repeat(40),
            by: "A".into(),
            at: "2026-05-04T12:00:00Z".parse().unwrap(),
        };
        for stage in [Stage::Open, Stage::Merging(joined.clone()), Stage::Merged(joined), Stage::Closed] {
            for body in
                ["", "x", "\n\nx\n", "Sluice-Change: {}\n\nSluice-Change: {}", "-----BEGIN PGP SIGNATURE-----\n\nx"]
            {
                let record = record(body, stage.clone());
                let (title, read, facts) = parse(&record.message().unwrap()).unwrap();
                assert_eq!((title.as_str(), read.as_str()), ("Deploy", body));
                assert_eq!(format!("{facts:?}"), format!("{:?}", record.facts));
            }
        }
    }

    #[test]
    fn another_tag_is_no_record() {
        for message in ["", "x\n", "Release\n\nNotes\n", "Sluice-Change: {}\n", "a\n\nb\n\nSluice-Change: {}\n"] {
            assert!(parse(message).is_none(), "{message:?}");
        }
    }
}
