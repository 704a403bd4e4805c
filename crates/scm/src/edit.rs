//! Sets scalars in YAML and JSON files in place; every other byte stays as it is.
//!
//! Comments, quotes, order, indentation, line endings, a byte order mark and trailing blanks are kept, because nothing
//! is printed anew: the bytes of one scalar are replaced by others. What cannot be set that way (an alias, a block
//! scalar, a list) is refused with file, line, column and remedy. It never adds structure beyond one last key, and it
//! reads the result again: exactly the wanted values may differ, or the edit is refused.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde_json::Value;

use error::Fault;
use json::Format;
use locate::Target;
use scalar::Place;
use splice::Splice;
use tree::{Kind, NodeId, Tree};
use verify::Expected;

mod create;
mod error;
mod json;
mod locate;
mod path;
mod scalar;
mod splice;
mod tree;
mod verify;

#[cfg(test)]
mod tests;

pub use error::EditError;
pub use path::{Path, PathError};

/// The largest file that is edited.
pub const MAX_BYTES: usize = 1 << 20;

/// The most edits of one file.
pub const MAX_EDITS: usize = 100;

/// One value to be set.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// Where.
    pub path: Path,
    /// The value: a string, a number, a boolean or null. Its type counts: `"2"` stays a string, `2` a number.
    pub value: Value,
    /// Whether a missing last key is added to its mapping; otherwise it is an error.
    pub create: bool,
}

/// A file with its edits applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The whole file.
    pub content: Vec<u8>,
    /// Whether it differs from before.
    pub changed: bool,
}

/// Applies edits to a file, all or none; each sees the file as it was.
///
/// `file` is its name: it stands in messages, and `.json` makes it JSON; all else is YAML. It takes time in proportion
/// to the file's size times the number of edits, and no recursion.
///
/// *Idempotency:* applied to its own result it changes nothing, unless an edit changes what a path chooses by.
///
/// # Errors
/// See [`EditError`]: it names the file, and where it can the line and column, and what to do.
pub fn apply(file: &str, content: &[u8], edits: &[Edit]) -> Result<Edited, EditError> {
    let text = match std::str::from_utf8(content) {
        Ok(text) => text,
        Err(error) => {
            let valid = content.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok());
            let at = error.valid_up_to();
            return Err(Fault::at(at, "the file is not UTF-8; only UTF-8 can be edited")
                .in_file(file, valid.unwrap_or_default()));
        }
    };
    match rewrite(file, text, edits) {
        Ok(Some(new)) => Ok(Edited { content: new.into_bytes(), changed: true }),
        Ok(None) => Ok(Edited { content: content.to_vec(), changed: false }),
        Err(fault) => Err(fault.in_file(file, text)),
    }
}

/// The new text, `None` when it is the old one.
fn rewrite(file: &str, text: &str, edits: &[Edit]) -> Result<Option<String>, Fault> {
    if text.len() > MAX_BYTES {
        return Err(Fault::whole(format!("the file has {} bytes; at most {MAX_BYTES} can be edited", text.len())));
    }
    if edits.len() > MAX_EDITS {
        return Err(Fault::whole(format!("{} edits of one file; at most {MAX_EDITS} are allowed", edits.len())));
    }
    let is_json = json::format_of(file)? == Format::Json;
    let old = read(text, is_json)?;
    let (splices, expected) = plan(&old, text, edits)?;
    if splices.is_empty() {
        return Ok(None);
    }
    let new = splice::splice(text, splices)?;
    let reread = read(&new, is_json).map_err(|_| Fault::whole(verify::REFUSAL))?;
    verify::verify(&old, &reread, &expected)?;
    Ok(Some(new))
}

fn read(text: &str, is_json: bool) -> Result<Tree<'_>, Fault> {
    if is_json { json::parse(text) } else { Tree::parse(text) }
}

/// The bytes to change, and what the file says afterwards.
fn plan<'e>(old: &Tree<'_>, text: &str, edits: &'e [Edit]) -> Result<(Vec<Splice>, Expected<'e>), Fault> {
    let mut expected = Expected::default();
    let mut splices = vec![];
    let mut seen: HashMap<NodeId, &Value> = HashMap::new();
    for Edit { path, value, create } in edits {
        if value.is_array() || value.is_object() {
            return Err(Fault::whole(format!("`{path}`: only a string, a number, a boolean or null can be set")));
        }
        match locate::locate(old, text, path, *create)? {
            Target::Scalar { scalar, key, flow } => {
                match seen.entry(scalar) {
                    Entry::Occupied(other) if *other.get() == value => continue,
                    Entry::Occupied(_) => return Err(set_twice(old, scalar, path)),
                    Entry::Vacant(free) => free.insert(value),
                };
                if !old.has_value(scalar, value) {
                    splices.push(replace(old, text, scalar, key, flow, value, path)?);
                    expected.set.insert(scalar, value);
                }
            }
            Target::MissingIn(map) => {
                let Some(key) = path.last_key() else { continue };
                let added = expected.added.entry(map).or_default();
                match added.iter().find(|(other, _)| *other == key) {
                    Some((_, other)) if *other == value => {}
                    Some(_) => return Err(set_twice(old, map, path)),
                    None => added.push((key, value)),
                }
            }
        }
    }
    for (&map, added) in &expected.added {
        splices.extend(create::insert(old, text, map, added)?);
    }
    Ok((splices, expected))
}

fn set_twice(old: &Tree<'_>, id: NodeId, path: &Path) -> Fault {
    Fault::at(old.node(id).span.start, format!("`{path}`: two edits set this to different values; remove one of them"))
}

/// Puts a value in the place of a scalar, or after the colon of a key that has none.
fn replace(
    old: &Tree<'_>,
    text: &str,
    scalar: NodeId,
    key: Option<NodeId>,
    flow: bool,
    value: &Value,
    path: &Path,
) -> Result<Splice, Fault> {
    let node = old.node(scalar);
    let Kind::Scalar { text: was, style } = &node.kind else {
        return Err(Fault::at(node.span.start, format!("`{path}`: here is no scalar")));
    };
    let place = Place { flow, colons: was.contains(':'), json: old.json };
    let new = scalar::render(value, *style, place).unwrap_or_default();
    if !old.is_absent(scalar) {
        return Ok(Splice::replace(node.span.clone(), new));
    }
    let key_end = key.map_or(node.span.start, |key| old.node(key).span.end);
    let rest = text.get(key_end..).unwrap_or_default();
    match (key, rest.trim_start_matches([' ', '\t']).starts_with(':')) {
        (Some(_), true) => Ok(Splice::insert(key_end + rest.find(':').unwrap_or_default() + 1, format!(" {new}"))),
        _ => Err(Fault::at(
            node.span.start,
            format!("`{path}`: nothing is written here; write a value, such as null, to have it edited"),
        )),
    }
}
