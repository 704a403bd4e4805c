//! Semantic versions, as Kubernetes defines them: compared by precedence, so build metadata does not count.
//!
//! With a second argument `true`, what is commonly written is accepted too: `v1.2`, `01.2.3`.

use std::cmp::Ordering;
use std::fmt;

use cel::Value;

use super::Run::Here;
use super::{List, Opaque};
use crate::meter::{Meter, Refusal};

pub(super) const FUNCTIONS: List = &[
    ("semver(string) -> semver", Here(parse)),
    ("semver(string, bool) -> semver", Here(parse)),
    ("isSemver(string) -> bool", Here(is_semver)),
    ("isSemver(string, bool) -> bool", Here(is_semver)),
    ("semver.major() -> int", Here(major)),
    ("semver.minor() -> int", Here(minor)),
    ("semver.patch() -> int", Here(patch)),
    ("semver.isGreaterThan(semver) -> bool", Here(is_greater)),
    ("semver.isLessThan(semver) -> bool", Here(is_less)),
    ("semver.compareTo(semver) -> int", Here(compare_to)),
];

/// No version is longer.
const LONGEST: usize = 256;

/// A semantic version whose build metadata does not count.
#[derive(Clone, Debug)]
pub(crate) struct Version(semver::Version);

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.0.cmp_precedence(&other.0) == Ordering::Equal
    }
}

impl Eq for Version {}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn read(values: &[Value]) -> Option<Version> {
    let Some(Value::String(text)) = values.first() else {
        return None;
    };
    if text.len() > LONGEST {
        return None;
    }
    let lenient = matches!(values.get(1), Some(Value::Bool(true)));
    let parsed = match lenient {
        true => semver::Version::parse(&normalize(text)),
        false => semver::Version::parse(text),
    };
    parsed.ok().map(Version)
}

/// Without a `v`, with three numbers, without leading zeros.
fn normalize(text: &str) -> String {
    let text = text.strip_prefix('v').unwrap_or(text);
    let numbers_end = text.find(['-', '+']).unwrap_or(text.len());
    let (numbers, rest) = text.split_at(numbers_end);
    let mut numbers: Vec<&str> = numbers
        .split('.')
        .map(|number| match number.trim_start_matches('0') {
            "" if !number.is_empty() => "0",
            number => number,
        })
        .collect();
    while numbers.len() < 3 {
        numbers.push("0");
    }
    format!("{}{rest}", numbers.join("."))
}

fn parse(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    match read(values) {
        Some(version) => Ok(Opaque::Semver(version).into_value()),
        None => {
            let text: String = match values.first() {
                Some(Value::String(text)) => text.chars().take(40).collect(),
                _ => String::new(),
            };
            Err(Refusal::failed(format!(
                "`{text}` is no semantic version; write it like `1.4.2`, or accept `v1.4` with `semver(x, true)`"
            )))
        }
    }
}

fn is_semver(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    Ok(Value::Bool(read(values).is_some()))
}

fn version(values: &[Value], at: usize) -> Result<&semver::Version, Refusal> {
    match values.get(at).and_then(Opaque::in_value) {
        Some(Opaque::Semver(version)) => Ok(&version.0),
        _ => Err(Refusal::r#type("the value is no semver")),
    }
}

fn number(number: u64) -> Result<Value, Refusal> {
    i64::try_from(number).map(Value::Int).map_err(|_| Refusal::failed("the number does not fit an int"))
}

fn major(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    number(version(values, 0)?.major)
}

fn minor(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    number(version(values, 0)?.minor)
}

fn patch(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    number(version(values, 0)?.patch)
}

fn order(values: &[Value]) -> Result<Ordering, Refusal> {
    Ok(version(values, 0)?.cmp_precedence(version(values, 1)?))
}

fn is_greater(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    Ok(Value::Bool(order(values)? == Ordering::Greater))
}

fn is_less(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    Ok(Value::Bool(order(values)? == Ordering::Less))
}

fn compare_to(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    Ok(Value::Int(order(values)? as i64))
}
