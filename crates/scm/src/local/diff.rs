//! What a change changes, as people read it.

use std::fmt::Write;

use gix::ObjectId;
use gix::diff::blob::{Algorithm, Hunk, InternedInput, diff_with_slider_heuristics};
use gix::diff::tree_with_rewrites::Change;
use gix::objs::tree::EntryMode;

use super::record::{Joined, Stage};
use super::repo::Repo;
use super::state::Standing;
use crate::edit::MAX_BYTES;
use crate::error::Error;
use crate::host::PullRequestState;
use crate::names::PullRequestNumber;

/// The lines shown around what changes.
const CONTEXT: u32 = 3;

/// The most text of all files together.
const MAX_TEXT: usize = 1 << 20;

/// One side of a file.
type Side = Option<(EntryMode, ObjectId)>;

impl Repo {
    /// From where the change left its base branch to its head.
    pub(super) fn diff_of_change(&self, number: PullRequestNumber) -> Result<String, Error> {
        let record = self.record(number)?;
        let Standing { state, head, base } = self.standing(&record)?;
        let parse = |id: &str| ObjectId::from_hex(id.as_bytes()).ok();
        let base = match (&record.facts.stage, &state, base) {
            (
                Stage::Merged(Joined { onto, .. }) | Stage::Merging(Joined { onto, .. }),
                PullRequestState::Merged(_),
                _,
            ) => parse(onto),
            (_, PullRequestState::Open, Some(base)) => Some(base),
            _ => parse(&record.facts.opened_on),
        };
        let fork = match base.filter(|base| self.git.has_object(base)) {
            Some(base) => self.merge_base(base, head)?,
            None => None,
        };
        self.diff(fork, head)
    }

    fn diff(&self, old: Option<ObjectId>, new: ObjectId) -> Result<String, Error> {
        let fault = |error: &gix::Error| self.fault("compare", error);
        let old = old.map(|old| self.tree_of(old)).transpose()?;
        let new = self.tree_of(new)?;
        let options = gix::diff::Options::default();
        let changes = self.git.diff_tree_to_tree(&old, &new, options).map_err(|error| fault(&error))?;
        let mut text = String::new();
        for change in changes {
            let path = change.location().to_string();
            let (before, after): (Side, Side) = match change {
                Change::Addition { entry_mode, id, .. } => (None, Some((entry_mode, id))),
                Change::Deletion { entry_mode, id, .. } => (Some((entry_mode, id)), None),
                Change::Modification { previous_entry_mode, previous_id, entry_mode, id, .. } => {
                    (Some((previous_entry_mode, previous_id)), Some((entry_mode, id)))
                }
                Change::Rewrite { .. } => continue,
            };
            if before.or(after).is_some_and(|(mode, _)| mode.is_tree()) {
                continue;
            }
            if text.len() > MAX_TEXT {
                text.push_str("... the rest is left out; see `git diff`\n");
                break;
            }
            text.push_str(&header(&path, before, after));
            match (self.lines(before)?, self.lines(after)?) {
                (Some(old), Some(new)) => text.push_str(&hunks(&path, before, after, &old, &new)),
                _ => {
                    let _ = writeln!(text, "Binary or large files differ");
                }
            }
        }
        Ok(text)
    }

    /// The text of one side; `None` of what is no text, or too large.
    fn lines(&self, side: Side) -> Result<Option<String>, Error> {
        let fault = |error: &gix::Error| self.fault("compare", error);
        match side {
            None => Ok(Some(String::new())),
            Some((mode, id)) if mode.is_commit() => Ok(Some(format!("Subproject commit {id}\n"))),
            Some((_, id)) => {
                let size = self.git.find_header(id).map_err(|error| fault(&error))?.size();
                if size > MAX_BYTES as u64 {
                    return Ok(None);
                }
                let content = self.git.find_blob(id).map_err(|error| fault(&error))?.take_data();
                Ok(String::from_utf8(content).ok().filter(|text| !text.contains('\0')))
            }
        }
    }
}

/// As git writes it.
fn header(path: &str, before: Side, after: Side) -> String {
    let mut text = format!("diff --git {} {}\n", quoted("a/", path), quoted("b/", path));
    let _ = match (before, after) {
        (None, Some((mode, _))) => writeln!(text, "new file mode {:06o}", mode.value()),
        (Some((mode, _)), None) => writeln!(text, "deleted file mode {:06o}", mode.value()),
        (Some((old, _)), Some((new, _))) if old != new => {
            writeln!(text, "old mode {:06o}\nnew mode {:06o}", old.value(), new.value())
        }
        _ => Ok(()),
    };
    text
}

/// A name with what git would quote is quoted; all others are as they are.
fn quoted(prefix: &str, path: &str) -> String {
    let plain = !path.contains(|c: char| c.is_control() || c == '"' || c == '\\');
    if plain { format!("{prefix}{path}") } else { format!("{:?}", format!("{prefix}{path}")) }
}

/// The hunks of one file, after the two lines that name it; nothing when only its mode differs.
fn hunks(path: &str, before: Side, after: Side, old: &str, new: &str) -> String {
    let input = InternedInput::new(old.as_bytes(), new.as_bytes());
    let diff = diff_with_slider_heuristics(Algorithm::Histogram, &input);
    let (old, new): (Vec<&str>, Vec<&str>) = (lines(old), lines(new));
    let mut all = diff.hunks().peekable();
    let mut text = String::new();
    if all.peek().is_some() {
        let name = |prefix, side: Side| side.map_or_else(|| "/dev/null".to_owned(), |_| quoted(prefix, path));
        let _ = write!(text, "--- {}\n+++ {}\n", name("a/", before), name("b/", after));
    }
    while let Some(first) = all.next() {
        let mut group = vec![first];
        while let Some(next) =
            all.next_if(|next| group.last().is_some_and(|last| next.before.start - last.before.end <= 2 * CONTEXT))
        {
            group.push(next);
        }
        write_group(&mut text, &group, &old, &new);
    }
    text
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Hunks that are close to each other, with the lines around and between them.
fn write_group(text: &mut String, group: &[Hunk], old: &[&str], new: &[&str]) {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return };
    let lead = first.before.start.min(CONTEXT);
    let trail = (old.len() as u32 - last.before.end).min(CONTEXT);
    let range = |start: u32, end: u32| match (end - start, start) {
        (0, _) => format!("{start},0"),
        (1, _) => format!("{}", start + 1),
        (length, _) => format!("{},{length}", start + 1),
    };
    let before = range(first.before.start - lead, last.before.end + trail);
    let after = range(first.after.start - lead, last.after.end + trail);
    let _ = writeln!(text, "@@ -{before} +{after} @@");
    let mut show = |sign: char, lines: &[&str], range: std::ops::Range<u32>| {
        for line in lines.get(range.start as usize..range.end as usize).unwrap_or_default() {
            let end = if line.ends_with('\n') { "" } else { "\n\\ No newline at end of file\n" };
            let _ = write!(text, "{sign}{line}{end}");
        }
    };
    let mut from = first.before.start - lead;
    for Hunk { before, after } in group {
        show(' ', old, from..before.start);
        show('-', old, before.clone());
        show('+', new, after.clone());
        from = before.end;
    }
    show(' ', old, from..last.before.end + trail);
}
