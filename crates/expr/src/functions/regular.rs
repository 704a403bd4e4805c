//! Regular expressions: `matches`, and `find` and `findAll` as Kubernetes defines them.
//!
//! An expression is compiled once and kept. Its length and the size of its compiled form are bounded; matching is
//! linear in the text, at a cost that the size of the compiled form bounds.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use cel::Value;
use regex::{Regex, RegexBuilder};

use super::List;
use super::Run::Here;
use crate::bounds::{MAX_REGEX_BYTES, MAX_REGEX_PROGRAM_BYTES};
use crate::meter::{Meter, Refusal};

pub(super) const FUNCTIONS: List = &[
    ("matches(string, string) -> bool", Here(matches)),
    ("string.matches(string) -> bool", Here(matches)),
    ("string.find(string) -> string", Here(find)),
    ("string.findAll(string) -> list<string>", Here(find_all)),
    ("string.findAll(string, int) -> list<string>", Here(find_all)),
];

/// How many compiled expressions are kept.
const KEPT: usize = 256;

type Kept = HashMap<String, Arc<Regex>>;

static COMPILED: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);

/// Compiles an expression, or finds it compiled.
pub(crate) fn compile(pattern: &str) -> Result<Arc<Regex>, Refusal> {
    if pattern.len() > MAX_REGEX_BYTES {
        return Err(Refusal::limit(format!(
            "the regular expression has {} bytes, {MAX_REGEX_BYTES} are allowed",
            pattern.len()
        )));
    }
    let kept = || COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(regex) = kept().get(pattern) {
        return Ok(Arc::clone(regex));
    }
    let regex = RegexBuilder::new(pattern)
        .size_limit(MAX_REGEX_PROGRAM_BYTES)
        .dfa_size_limit(2 * MAX_REGEX_PROGRAM_BYTES)
        .nest_limit(32)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => {
                Refusal::limit(format!("the regular expression `{pattern}` is too large once compiled"))
            }
            _ => Refusal::failed(format!("`{pattern}` is no regular expression")),
        })?;
    let regex = Arc::new(regex);
    let mut kept = kept();
    if kept.len() >= KEPT {
        // Whoever still needs one compiles it again: cheaper than to keep an order.
        kept.clear();
    }
    kept.insert(pattern.to_owned(), Arc::clone(&regex));
    Ok(regex)
}

/// The text and the expression, once the search is paid for.
fn prepare<'a>(meter: &mut Meter, values: &'a [Value]) -> Result<(&'a str, Arc<Regex>), Refusal> {
    let [Value::String(text), Value::String(pattern), ..] = values else {
        return Err(Refusal::r#type("a regular expression is matched with text"));
    };
    // Compiling costs some hundred times the length of the pattern; searching, up to one step a byte.
    meter.charge(1_000 + 4 * text.len() as u64)?;
    Ok((text, compile(pattern)?))
}

fn matches(meter: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    let (text, regex) = prepare(meter, values)?;
    Ok(Value::Bool(regex.is_match(text)))
}

/// The first match, or an empty text.
fn find(meter: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    let (text, regex) = prepare(meter, values)?;
    Ok(Value::from(regex.find(text).map_or("", |found| found.as_str())))
}

/// All matches, or as many as the limit says; all of them when it is negative.
fn find_all(meter: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    let (text, regex) = prepare(meter, values)?;
    let limit = match values.get(2) {
        Some(Value::Int(limit)) => usize::try_from(*limit).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    let mut found = Vec::new();
    let mut size = 0;
    for part in regex.find_iter(text).take(limit) {
        size += part.len() + 16;
        meter.check_size(size)?;
        // Each match is a search of its own, so the clock is looked at often.
        meter.charge(64 + part.len() as u64)?;
        found.push(Value::from(part.as_str()));
    }
    Ok(Value::from(found))
}
