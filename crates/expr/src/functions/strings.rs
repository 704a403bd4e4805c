//! CEL's string extension. Whatever can grow is paid for before it is made.

use cel::Value;

use super::List;
use super::Run::{Cel, Guarded, Here};
use crate::convert::measure;
use crate::meter::{Meter, Refusal};

pub(super) const FUNCTIONS: List = &[
    ("string.contains(string) -> bool", Here(contains)),
    ("string.startsWith(string) -> bool", Here(starts_with)),
    ("string.endsWith(string) -> bool", Here(ends_with)),
    ("string.charAt(int) -> string", Cel),
    ("string.indexOf(string) -> int", Guarded(search)),
    ("string.indexOf(string, int) -> int", Guarded(search)),
    ("string.lastIndexOf(string) -> int", Guarded(search)),
    ("string.lastIndexOf(string, int) -> int", Guarded(search)),
    ("string.lowerAscii() -> string", Cel),
    ("string.upperAscii() -> string", Cel),
    ("string.trim() -> string", Cel),
    ("string.reverse() -> string", Cel),
    ("string.substring(int) -> string", Cel),
    ("string.substring(int, int) -> string", Cel),
    ("string.replace(string, string) -> string", Guarded(replace)),
    ("string.replace(string, string, int) -> string", Guarded(replace)),
    ("string.split(string) -> list<string>", Guarded(split)),
    ("string.split(string, int) -> list<string>", Guarded(split)),
    ("string.format(list) -> string", Guarded(format)),
    ("list.join() -> string", Guarded(join)),
    ("list.join(string) -> string", Guarded(join)),
    ("strings.quote(string) -> string", Cel),
];

/// The two strings of a call; the signature has seen to it that they are there.
fn two(values: &[Value]) -> (&str, &str) {
    match values {
        [Value::String(a), Value::String(b), ..] => (a, b),
        _ => ("", ""),
    }
}

fn contains(meter: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    let (text, part) = two(values);
    meter.charge_bytes(text.len())?;
    Ok(Value::Bool(text.contains(part)))
}

fn starts_with(meter: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    let (text, part) = two(values);
    meter.charge_bytes(part.len())?;
    Ok(Value::Bool(text.starts_with(part)))
}

fn ends_with(meter: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    let (text, part) = two(values);
    meter.charge_bytes(part.len())?;
    Ok(Value::Bool(text.ends_with(part)))
}

/// CEL compares at each position.
fn search(meter: &mut Meter, values: &[Value]) -> Result<(), Refusal> {
    let (text, part) = two(values);
    meter.charge_product(text.len(), part.len())
}

fn replace(meter: &mut Meter, values: &[Value]) -> Result<(), Refusal> {
    let [Value::String(text), Value::String(from), Value::String(to), limit @ ..] = values else {
        return Ok(());
    };
    meter.charge_bytes(text.len())?;
    let found = text.matches(from.as_str()).count();
    let replaced = match limit {
        [Value::Int(limit)] => usize::try_from(*limit).map_or(found, |limit| found.min(limit)),
        _ => found,
    };
    meter.allow(text.len().saturating_add(replaced.saturating_mul(to.len())))
}

fn split(meter: &mut Meter, values: &[Value]) -> Result<(), Refusal> {
    let (text, separator) = two(values);
    meter.charge_bytes(text.len())?;
    let parts = text.matches(separator).count() + 1;
    meter.allow(text.len().saturating_add(parts.saturating_mul(16)))
}

/// At most what is formatted, twice as long where it is written as hexadecimal, and the longest number a clause.
fn format(meter: &mut Meter, values: &[Value]) -> Result<(), Refusal> {
    const LONGEST_NUMBER: usize = 420;
    let [Value::String(text), arguments] = values else {
        return Ok(());
    };
    let clauses = text.matches('%').count();
    let arguments = measure(arguments, meter)?;
    meter.allow(
        text.len().saturating_add(arguments.saturating_mul(2)).saturating_add(clauses.saturating_mul(LONGEST_NUMBER)),
    )
}

fn join(meter: &mut Meter, values: &[Value]) -> Result<(), Refusal> {
    let [Value::List(items), separator @ ..] = values else {
        return Ok(());
    };
    meter.charge(items.len() as u64)?;
    let separator = match separator {
        [Value::String(separator)] => separator.len(),
        _ => 0,
    };
    let text: usize = items
        .iter()
        .map(|item| match item {
            Value::String(text) => text.len(),
            _ => 0,
        })
        .sum();
    meter.allow(text.saturating_add(items.len().saturating_mul(separator)))
}
