//! CEL's standard library: sizes, conversions, times, optionals, base64.

use cel::Value;

use super::Run::{Cel, Guarded, Here};
use super::{List, Opaque, optional, to_optional, type_name};
use crate::meter::{Meter, Refusal};

pub(super) const FUNCTIONS: List = &[
    ("size(string) -> int", Here(size)),
    ("size(bytes) -> int", Here(size)),
    ("size(list) -> int", Here(size)),
    ("size(map) -> int", Here(size)),
    ("string.size() -> int", Here(size)),
    ("bytes.size() -> int", Here(size)),
    ("list.size() -> int", Here(size)),
    ("map.size() -> int", Here(size)),
    ("type(any) -> type", Here(type_of)),
    ("dyn(any) -> any", Here(same)),
    ("bool(bool) -> bool", Cel),
    ("bool(string) -> bool", Cel),
    ("int(int) -> int", Cel),
    ("int(uint) -> int", Cel),
    ("int(double) -> int", Cel),
    ("int(string) -> int", Cel),
    ("int(timestamp) -> int", Cel),
    ("uint(uint) -> uint", Cel),
    ("uint(int) -> uint", Cel),
    ("uint(double) -> uint", Cel),
    ("uint(string) -> uint", Cel),
    ("double(double) -> double", Cel),
    ("double(int) -> double", Cel),
    ("double(uint) -> double", Cel),
    ("double(string) -> double", Cel),
    ("string(string) -> string", Cel),
    ("string(bool) -> string", Cel),
    ("string(int) -> string", Cel),
    ("string(uint) -> string", Cel),
    ("string(double) -> string", Cel),
    ("string(bytes) -> string", Cel),
    ("string(timestamp) -> string", Cel),
    ("string(duration) -> string", Cel),
    ("bytes(bytes) -> bytes", Cel),
    ("bytes(string) -> bytes", Cel),
    ("base64.encode(bytes) -> string", Cel),
    ("base64.decode(string) -> bytes", Cel),
    ("timestamp(timestamp) -> timestamp", Cel),
    ("timestamp(string) -> timestamp", Cel),
    ("timestamp(int) -> timestamp", Cel),
    ("duration(duration) -> duration", Cel),
    ("duration(string) -> duration", Guarded(is_duration)),
    ("timestamp.getFullYear() -> int", Cel),
    ("timestamp.getMonth() -> int", Cel),
    ("timestamp.getDayOfYear() -> int", Cel),
    ("timestamp.getDayOfMonth() -> int", Cel),
    ("timestamp.getDate() -> int", Cel),
    ("timestamp.getDayOfWeek() -> int", Cel),
    ("timestamp.getHours() -> int", Cel),
    ("timestamp.getMinutes() -> int", Cel),
    ("timestamp.getSeconds() -> int", Cel),
    ("timestamp.getMilliseconds() -> int", Cel),
    ("timestamp.getFullYear(string) -> int", Cel),
    ("timestamp.getMonth(string) -> int", Cel),
    ("timestamp.getDayOfYear(string) -> int", Cel),
    ("timestamp.getDayOfMonth(string) -> int", Cel),
    ("timestamp.getDate(string) -> int", Cel),
    ("timestamp.getDayOfWeek(string) -> int", Cel),
    ("timestamp.getHours(string) -> int", Cel),
    ("timestamp.getMinutes(string) -> int", Cel),
    ("timestamp.getSeconds(string) -> int", Cel),
    ("timestamp.getMilliseconds(string) -> int", Cel),
    ("duration.getHours() -> int", Cel),
    ("duration.getMinutes() -> int", Cel),
    ("duration.getSeconds() -> int", Cel),
    ("duration.getMilliseconds() -> int", Cel),
    ("optional.of(T) -> optional<T>", Here(optional_of)),
    ("optional.ofNonZeroValue(T) -> optional<T>", Here(optional_of_non_zero)),
    ("optional.none() -> optional<any>", Here(optional_none)),
    ("optional<T>.hasValue() -> bool", Here(has_value)),
    ("optional<T>.value() -> T", Here(value)),
    ("optional<T>.or(optional<T>) -> optional<T>", Here(or)),
    ("optional<T>.orValue(T) -> T", Here(or_value)),
];

/// Characters, bytes, elements or entries.
fn size(meter: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    let size = match values {
        [Value::String(text)] => {
            meter.charge_bytes(text.len())?;
            text.chars().count()
        }
        [Value::Bytes(bytes)] => bytes.len(),
        [Value::List(items)] => items.len(),
        [Value::Map(map)] => map.map.len(),
        _ => return Err(Refusal::r#type("only text, bytes, lists and maps have a size")),
    };
    Ok(Value::Int(i64::try_from(size).unwrap_or(i64::MAX)))
}

fn type_of(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    Ok(Opaque::Type(values.first().map_or("null_type", type_name)).into_value())
}

fn same(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    Ok(values.first().cloned().unwrap_or(Value::Null))
}

/// CEL would read `1h1d` as one hour, leaving out what it does not understand.
fn is_duration(_: &mut Meter, values: &[Value]) -> Result<(), Refusal> {
    let [Value::String(text)] = values else {
        return Ok(());
    };
    let mut rest = text.strip_prefix('-').unwrap_or(text);
    let mut parts = 0;
    while !rest.is_empty() && rest != "0" {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let unit = ["ms", "us", "ns", "h", "m", "s"].into_iter().find(|unit| rest[number..].starts_with(unit));
        match unit {
            Some(unit) if number > 0 => rest = &rest[number + unit.len()..],
            _ => return Err(not_a_duration(text)),
        }
        parts += 1;
    }
    if rest == "0" && parts > 0 || rest.is_empty() && parts == 0 {
        return Err(not_a_duration(text));
    }
    Ok(())
}

fn not_a_duration(text: &str) -> Refusal {
    let text: String = text.chars().take(40).collect();
    Refusal::failed(format!("`{text}` is no duration; write it like `90s` or `1h30m`"))
}

fn optional_of(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    Ok(to_optional(values.first().cloned()))
}

fn optional_of_non_zero(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    Ok(to_optional(values.first().filter(|v| !v.is_zero()).cloned()))
}

fn optional_none(_: &mut Meter, _: &[Value]) -> Result<Value, Refusal> {
    Ok(to_optional(None))
}

/// What is in the optional that a function is called on.
fn receiver(values: &[Value]) -> Result<Option<&Value>, Refusal> {
    match values.first() {
        Some(Value::Opaque(opaque)) => optional(opaque),
        _ => None,
    }
    .ok_or_else(|| Refusal::r#type("the value is no optional"))
}

fn has_value(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    Ok(Value::Bool(receiver(values)?.is_some()))
}

fn value(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    receiver(values)?.cloned().ok_or_else(|| Refusal::failed("the optional is empty; use `orValue`"))
}

fn or(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    let chosen = if receiver(values)?.is_some() { 0 } else { 1 };
    Ok(values.get(chosen).cloned().unwrap_or(Value::Null))
}

fn or_value(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    let value = receiver(values)?.or(values.get(1));
    Ok(value.cloned().unwrap_or(Value::Null))
}
