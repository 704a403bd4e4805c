//! References: where they point, and compare-and-swap.

use gix::ObjectId;
use gix::refs::Target;
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog};

use super::lock::WriteLock;
use super::repo::Repo;
use crate::error::Error;
use crate::names::{BranchName, CommitSha};

/// A move of one reference from what was read to something else; `None` is no reference.
pub(super) struct Swap<'a> {
    /// Its full name.
    pub(super) name: &'a str,
    pub(super) from: Option<ObjectId>,
    pub(super) to: Option<ObjectId>,
    /// For the reference's log, where the repository keeps one.
    pub(super) why: &'a str,
}

/// What became of a [`Swap`].
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Swapped {
    Done,
    /// It points at something else; nothing was changed.
    Moved(Option<ObjectId>),
}

impl Repo {
    /// The commit a branch points at.
    pub(super) fn head_of(&self, branch: &BranchName) -> Result<Option<ObjectId>, Error> {
        let intent = format!("read {}", self.branch_name(branch));
        let Some(head) = self.target(&full_name(branch))? else { return Ok(None) };
        let kind = self.git.find_header(head).map_err(|error| self.fault(&intent, &error))?.kind();
        if kind != gix::objs::Kind::Commit {
            return Err(self.unsupported(intent, format!("it points at a {kind}; make it point at a commit")));
        }
        Ok(Some(head))
    }

    /// Like [`Repo::head_of`], where the branch must be there.
    pub(super) fn existing_head(&self, branch: &BranchName) -> Result<ObjectId, Error> {
        self.head_of(branch)?.ok_or_else(|| self.not_found(self.branch_name(branch)))
    }

    /// What a reference points at; symbolic ones are followed.
    pub(super) fn target(&self, name: &str) -> Result<Option<ObjectId>, Error> {
        let fault = |error: &gix::Error| self.fault(&format!("read {name}"), error);
        let Some(mut found) = self.git.try_find_reference(name).map_err(|error| fault(&error))? else {
            return Ok(None);
        };
        while let Some(next) = found.follow() {
            found = next.map_err(|error| fault(&error))?;
        }
        Ok(found.target().try_id().map(ToOwned::to_owned))
    }

    /// Moves a reference if it still is what was read.
    pub(super) fn swap(&self, lock: &mut WriteLock, swap: &Swap<'_>) -> Result<Swapped, Error> {
        let Swap { name, from, to, .. } = *swap;
        let intent = format!("write {name}");
        let now = self.target(name)?;
        if now != from {
            return Ok(Swapped::Moved(now));
        }
        let lock_file = format!("{name}.lock");
        let noted = lock.note(&[lock_file.clone(), "packed-refs.lock".to_owned()]);
        noted.map_err(|error| self.io_fault(&intent, &self.dir, &error))?;
        let edited = self.edit(swap)?;
        // A note that stays costs the next writer a look at files that are not there.
        let _ = lock.forget();
        let Err(error) = edited else { return Ok(Swapped::Done) };
        match self.target(name)? {
            now if now == to => Ok(Swapped::Done),
            now if now == from => Err(self.unwritten(&intent, &[&lock_file, "packed-refs.lock"], &error)),
            now => Ok(Swapped::Moved(now)),
        }
    }

    fn edit(&self, swap: &Swap<'_>) -> Result<Result<(), gix::Error>, Error> {
        let Swap { name, from, to, why } = *swap;
        let expected =
            from.map_or(PreviousValue::MustNotExist, |id| PreviousValue::MustExistAndMatch(Target::Object(id)));
        let change = match to {
            Some(id) => {
                let log = LogChange { mode: RefLog::AndReference, force_create_reflog: false, message: why.into() };
                Change::Update { log, expected, new: Target::Object(id) }
            }
            None => Change::Delete { expected, log: RefLog::AndReference },
        };
        let full_name = name.try_into();
        let full_name = full_name.map_err(|error: gix::validate::reference::name::Error| {
            self.unsupported(format!("write {name}"), format!("{error}; choose another name"))
        })?;
        let edit = RefEdit { change, name: full_name, deref: true };
        let committer = self.signature(jiff::Timestamp::now());
        let mut time = gix::date::parse::TimeBuf::default();
        Ok(self.git.edit_references_as([edit], Some(committer.to_ref(&mut time))).map(drop))
    }

    /// Why a reference could not be written.
    fn unwritten(&self, intent: &str, lock_files: &[&str], error: &gix::Error) -> Error {
        let held = lock_files.iter().map(|name| self.dir.join(name)).find(|path| path.exists());
        match held {
            Some(path) => {
                let path = path.display();
                let message =
                    format!("another git process holds {path}; if none runs, one was killed: delete that file");
                self.unavailable(intent, message)
            }
            None => self.fault(intent, error),
        }
    }

    pub(super) fn delete_branch(&self, branch: &BranchName, head: &CommitSha) -> Result<(), Error> {
        let mut lock = self.lock()?;
        let Some(found) = self.target(&full_name(branch))? else { return Ok(()) };
        let from = object_id(head);
        let swap = Swap { name: &full_name(branch), from: from.or(Some(found.kind().null())), to: None, why: "delete" };
        match self.swap(&mut lock, &swap)? {
            Swapped::Done | Swapped::Moved(None) => Ok(()),
            Swapped::Moved(Some(now)) => {
                let message = format!("it is at {now} and not at {head}; it was left alone");
                Err(self.moved(self.branch_name(branch), message))
            }
        }
    }

    /// A branch that keeps one of this name from being made: git has no branch `a` beside `a/b`.
    pub(super) fn in_the_way_of(&self, branch: &BranchName) -> Result<Option<String>, Error> {
        let name = branch.as_str();
        for (at, _) in name.match_indices('/') {
            if self.target(&format!("refs/heads/{}", &name[..at]))?.is_some() {
                return Ok(Some(name[..at].to_owned()));
            }
        }
        let below = format!("refs/heads/{name}/");
        let first = self.references_below(&below)?.into_iter().next();
        Ok(first.map(|(rest, _)| format!("{name}/{rest}")))
    }

    /// All references whose names begin like this, by what follows, with what they point at; symbolic ones left out.
    pub(super) fn references_below(&self, prefix: &str) -> Result<Vec<(String, ObjectId)>, Error> {
        let fault = |error: &gix::Error| self.fault(&format!("list {prefix}"), error);
        let references = self.git.references().map_err(|error| fault(&error))?;
        let mut found = Vec::new();
        for reference in references.prefixed(prefix).map_err(|error| fault(&error))? {
            let reference = reference.map_err(|error| fault(&error))?;
            let name = reference.name().as_bstr().to_string();
            if let (Some(rest), Some(id)) = (name.strip_prefix(prefix), reference.target().try_id()) {
                found.push((rest.to_owned(), id.to_owned()));
            }
        }
        Ok(found)
    }
}

pub(super) fn full_name(branch: &BranchName) -> String {
    format!("refs/heads/{branch}")
}

/// `None` for an id of another length than this kind of repository has.
pub(super) fn object_id(sha: &CommitSha) -> Option<ObjectId> {
    ObjectId::from_hex(sha.as_str().as_bytes()).ok()
}
