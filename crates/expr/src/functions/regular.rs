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

/// How many compiled expressions are kept. One takes up to some hundred KiB.
const KEPT: usize = 64;

/// Bytes of the compiled form that are tried one after another; the first that is enough says what a search costs.
const SIZES: [usize; 5] = [1024, 4 * 1024, 16 * 1024, 64 * 1024, MAX_REGEX_PROGRAM_BYTES];

/// A compiled expression, and what it costs to search one byte with it. At worst each byte visits every state: some
/// 50 ns for each KiB of the compiled form.
pub(crate) struct Compiled {
    regex: Regex,
    steps_per_byte: u64,
}

static COMPILED: LazyLock<Mutex<HashMap<String, Arc<Compiled>>>> = LazyLock::new(Mutex::default);

/// Compiles an expression, or finds it compiled.
pub(crate) fn compile(pattern: &str) -> Result<Arc<Compiled>, Refusal> {
    if pattern.len() > MAX_REGEX_BYTES {
        return Err(Refusal::limit(format!(
            "the regular expression has {} bytes, {MAX_REGEX_BYTES} are allowed",
            pattern.len()
        )));
    }
    let kept = || COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(compiled) = kept().get(pattern) {
        return Ok(Arc::clone(compiled));
    }
    let compiled = Arc::new(compile_anew(pattern)?);
    let mut kept = kept();
    if kept.len() >= KEPT {
        // Whoever still needs one compiles it again: cheaper than to keep an order.
        kept.clear();
    }
    kept.insert(pattern.to_owned(), Arc::clone(&compiled));
    Ok(compiled)
}

fn compile_anew(pattern: &str) -> Result<Compiled, Refusal> {
    for size in SIZES {
        let built = RegexBuilder::new(pattern)
            .size_limit(size)
            .dfa_size_limit(2 * MAX_REGEX_PROGRAM_BYTES)
            .nest_limit(32)
            .build();
        match built {
            Ok(regex) => {
                return Ok(Compiled { regex, steps_per_byte: (size / 1024) as u64 });
            }
            Err(regex::Error::CompiledTooBig(_)) => {}
            Err(_) => {
                return Err(Refusal::failed(format!("`{pattern}` is no regular expression")));
            }
        }
    }
    Err(Refusal::limit(format!("the regular expression `{pattern}` is too large once compiled")))
}

/// The text and the expression, once the search is paid for.
fn prepare<'a>(meter: &mut Meter, values: &'a [Value]) -> Result<(&'a str, Arc<Compiled>), Refusal> {
    /// What it costs to compile one.
    const COMPILING: u64 = 1_000;
    let [Value::String(text), Value::String(pattern), ..] = values else {
        return Err(Refusal::r#type("a regular expression is matched with text"));
    };
    meter.charge(COMPILING)?;
    let compiled = compile(pattern)?;
    meter.charge(compiled.steps_per_byte.saturating_mul(text.len() as u64))?;
    Ok((text, compiled))
}

fn matches(meter: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    let (text, compiled) = prepare(meter, values)?;
    Ok(Value::Bool(compiled.regex.is_match(text)))
}

/// The first match, or an empty text.
fn find(meter: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    let (text, compiled) = prepare(meter, values)?;
    Ok(Value::from(compiled.regex.find(text).map_or("", |found| found.as_str())))
}

/// All matches, or as many as the limit says; all of them when it is negative.
fn find_all(meter: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    let (text, compiled) = prepare(meter, values)?;
    let limit = match values.get(2) {
        Some(Value::Int(limit)) => usize::try_from(*limit).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    let mut found = Vec::new();
    let mut size = 0;
    for part in compiled.regex.find_iter(text).take(limit) {
        size += part.len() + 16;
        meter.check_size(size)?;
        // Each match is a search of its own, so the clock is looked at often.
        meter.charge(64 + part.len() as u64)?;
        found.push(Value::from(part.as_str()));
    }
    Ok(Value::from(found))
}
