//! JSON to CEL values and back, and how large a value is.
//!
//! Integers become `int`, so `n + 1` works; CEL's own conversion through serde would make them `uint`. Results go back
//! the way Kubernetes writes such fields: timestamps as RFC 3339, durations as `90s`, bytes as base64.

use std::collections::HashMap;
use std::sync::Arc;

use cel::Value;
use cel::objects::{Key, Map};
use serde_json::{Map as JsonMap, Number, Value as Json};

use crate::bounds::MAX_VALUE_DEPTH;
use crate::functions::{self, Opaque};
use crate::meter::{Meter, Refusal};
use crate::scope::{Members, Node};

/// What any value takes besides its text.
const BYTES_PER_VALUE: usize = 16;

/// Data of the scope, not yet converted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Data<'s> {
    Json(&'s Json),
    Members(&'s Members<'s>),
    Map(&'s JsonMap<String, Json>),
    List(&'s [&'s JsonMap<String, Json>]),
}

impl<'s> Data<'s> {
    pub(crate) fn of(node: &'s Node<'s>) -> Self {
        match node {
            Node::Borrowed(value) => Self::Json(value),
            Node::Owned(value) => Self::Json(value),
            Node::Object(members) => Self::Members(members),
            Node::Map(members) => Self::Map(members),
            Node::List(objects) => Self::List(objects),
        }
    }

    /// A member of an object; none of anything else.
    pub(crate) fn member(self, name: &str) -> Option<Self> {
        match self {
            Self::Json(value) => value.as_object()?.get(name).map(Self::Json),
            Self::Members(members) => members.get(name).map(Self::of),
            Self::Map(members) => members.get(name).map(Self::Json),
            Self::List(_) => None,
        }
    }

    /// Whether it has members, or could have.
    pub(crate) fn is_object(self) -> bool {
        matches!(self, Self::Members(_) | Self::Map(_) | Self::Json(Json::Object(_)))
    }

    /// The elements of a list; nothing for anything else.
    pub(crate) fn elements(self) -> Option<Vec<Self>> {
        match self {
            Self::Json(Json::Array(items)) => Some(items.iter().map(Self::Json).collect()),
            Self::List(objects) => Some(objects.iter().copied().map(Self::Map).collect()),
            Self::Json(_) | Self::Members(_) | Self::Map(_) => None,
        }
    }

    /// How many elements a list has; nothing for anything else.
    pub(crate) fn len(self) -> Option<usize> {
        match self {
            Self::Json(Json::Array(items)) => Some(items.len()),
            Self::List(objects) => Some(objects.len()),
            Self::Json(_) | Self::Members(_) | Self::Map(_) => None,
        }
    }

    /// An element of a list; none of anything else.
    pub(crate) fn element(self, at: usize) -> Option<Self> {
        match self {
            Self::Json(Json::Array(items)) => items.get(at).map(Self::Json),
            Self::List(objects) => objects.get(at).copied().map(Self::Map),
            Self::Json(_) | Self::Members(_) | Self::Map(_) => None,
        }
    }

    /// The keys of an object, sorted; nothing for anything else.
    pub(crate) fn keys(self) -> Option<Vec<&'s str>> {
        let sorted = |members: &'s JsonMap<String, Json>| {
            let mut keys: Vec<&str> = members.keys().map(String::as_str).collect();
            keys.sort_unstable();
            keys
        };
        match self {
            Self::Json(value) => value.as_object().map(sorted),
            Self::Map(members) => Some(sorted(members)),
            Self::Members(members) => Some(members.keys().map(AsRef::as_ref).collect()),
            Self::List(_) => None,
        }
    }

    /// As a CEL value, which costs its size.
    pub(crate) fn to_value(self, meter: &mut Meter) -> Result<Value, Refusal> {
        let mut size = 0;
        self.convert(meter, &mut size, 0)
    }

    fn convert(self, meter: &mut Meter, size: &mut usize, depth: usize) -> Result<Value, Refusal> {
        grow(meter, size, BYTES_PER_VALUE, depth)?;
        Ok(match self {
            Self::Json(Json::Null) => Value::Null,
            Self::Json(Json::Bool(value)) => Value::Bool(*value),
            Self::Json(Json::Number(number)) => to_number(number),
            Self::Json(Json::String(text)) => {
                grow(meter, size, text.len(), depth)?;
                Value::String(Arc::new(text.clone()))
            }
            Self::Json(Json::Array(items)) => {
                let mut values = Vec::with_capacity(items.len());
                for item in items {
                    values.push(Self::Json(item).convert(meter, size, depth + 1)?);
                }
                Value::List(Arc::new(values))
            }
            Self::List(objects) => {
                let values = objects.iter().map(|object| Self::Map(object).convert(meter, size, depth + 1));
                Value::List(Arc::new(values.collect::<Result<_, _>>()?))
            }
            Self::Json(Json::Object(members)) | Self::Map(members) => {
                let members = members.iter().map(|(k, v)| (k.as_str(), Self::Json(v)));
                convert_members(members, meter, size, depth)?
            }
            Self::Members(members) => {
                let members = members.iter().map(|(k, v)| (k.as_ref(), Self::of(v)));
                convert_members(members, meter, size, depth)?
            }
        })
    }
}

impl Data<'_> {
    /// As JSON again, which costs its size.
    pub(crate) fn to_json(self, meter: &mut Meter) -> Result<Json, Refusal> {
        let mut size = 0;
        self.copy(meter, &mut size, 0)
    }

    fn copy(self, meter: &mut Meter, size: &mut usize, depth: usize) -> Result<Json, Refusal> {
        match self {
            Self::Json(value) => {
                measure_json(value, meter, size, depth)?;
                Ok(value.clone())
            }
            Self::Map(members) => {
                measure_members(members, meter, size, depth)?;
                Ok(Json::Object(members.clone()))
            }
            Self::List(objects) => {
                grow(meter, size, BYTES_PER_VALUE, depth)?;
                let copied = objects.iter().map(|object| Self::Map(object).copy(meter, size, depth + 1));
                Ok(Json::Array(copied.collect::<Result<_, _>>()?))
            }
            Self::Members(members) => {
                grow(meter, size, BYTES_PER_VALUE, depth)?;
                let mut copied = serde_json::Map::new();
                for (name, node) in members {
                    grow(meter, size, name.len(), depth)?;
                    let value = Data::of(node).copy(meter, size, depth + 1)?;
                    copied.insert(name.to_string(), value);
                }
                Ok(Json::Object(copied))
            }
        }
    }
}

fn measure_json(value: &Json, meter: &mut Meter, size: &mut usize, depth: usize) -> Result<(), Refusal> {
    if let Json::Object(members) = value {
        return measure_members(members, meter, size, depth);
    }
    grow(meter, size, BYTES_PER_VALUE, depth)?;
    match value {
        Json::String(text) => grow(meter, size, text.len(), depth),
        Json::Array(items) => items.iter().try_for_each(|item| measure_json(item, meter, size, depth + 1)),
        Json::Object(_) | Json::Null | Json::Bool(_) | Json::Number(_) => Ok(()),
    }
}

fn measure_members(
    members: &JsonMap<String, Json>,
    meter: &mut Meter,
    size: &mut usize,
    depth: usize,
) -> Result<(), Refusal> {
    grow(meter, size, BYTES_PER_VALUE, depth)?;
    members.iter().try_for_each(|(name, member)| {
        grow(meter, size, name.len(), depth)?;
        measure_json(member, meter, size, depth + 1)
    })
}

fn convert_members<'s>(
    members: impl ExactSizeIterator<Item = (&'s str, Data<'s>)>,
    meter: &mut Meter,
    size: &mut usize,
    depth: usize,
) -> Result<Value, Refusal> {
    let mut map = HashMap::with_capacity(members.len());
    for (name, data) in members {
        grow(meter, size, name.len(), depth)?;
        let value = data.convert(meter, size, depth + 1)?;
        map.insert(Key::from(name), value);
    }
    Ok(Value::Map(Map { map: Arc::new(map) }))
}

/// Signed integers first, as the rest of the world does arithmetic with them.
fn to_number(number: &Number) -> Value {
    match number.as_i64() {
        Some(int) => Value::Int(int),
        None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
    }
}

/// Adds to the size of a value that is being made, within the bounds.
fn grow(meter: &mut Meter, size: &mut usize, by: usize, depth: usize) -> Result<(), Refusal> {
    if depth > MAX_VALUE_DEPTH {
        return Err(Refusal::limit(format!("lists and maps are nested deeper than {MAX_VALUE_DEPTH}")));
    }
    *size = size.saturating_add(by);
    meter.check_size(*size)?;
    meter.charge_bytes(by)
}

/// The bytes of a value, shared parts counted each time, as they would be written. Fails where a value may not be that
/// large or deep, so that no walk over a value is long.
pub(crate) fn measure(value: &Value, meter: &mut Meter) -> Result<usize, Refusal> {
    let mut size = 0;
    measure_into(value, meter, &mut size, 0)?;
    Ok(size)
}

fn measure_into(value: &Value, meter: &mut Meter, size: &mut usize, depth: usize) -> Result<(), Refusal> {
    let own = match value {
        Value::String(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        _ => 0,
    };
    grow(meter, size, BYTES_PER_VALUE, depth)?;
    // The text is there already; only its size counts.
    *size = size.saturating_add(own);
    match value {
        Value::List(items) => {
            for item in items.iter() {
                measure_into(item, meter, size, depth + 1)?;
            }
        }
        Value::Map(map) => {
            for (key, value) in map.map.iter() {
                if let Key::String(text) = key {
                    *size = size.saturating_add(text.len());
                }
                measure_into(value, meter, size, depth + 1)?;
            }
        }
        Value::Opaque(opaque) => {
            if let Some(Some(inner)) = functions::optional(opaque) {
                measure_into(inner, meter, size, depth + 1)?;
            }
        }
        _ => {}
    }
    meter.check_size(*size)
}

/// A result as JSON.
pub(crate) fn to_json(value: &Value) -> Result<Json, Refusal> {
    Ok(match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(value) => Json::from(*value),
        Value::UInt(value) => Json::from(*value),
        Value::Float(value) => Number::from_f64(*value)
            .map(Json::Number)
            .ok_or_else(|| Refusal::failed(format!("{value} has no form in JSON")))?,
        Value::String(text) => Json::String(text.as_ref().clone()),
        Value::Bytes(_) => Json::String(functions::text("base64.encode", value)?),
        Value::Timestamp(_) | Value::Duration(_) => Json::String(functions::text("string", value)?),
        Value::List(items) => Json::Array(items.iter().map(to_json).collect::<Result<_, _>>()?),
        Value::Map(map) => {
            let mut entries: Vec<_> = map.map.iter().collect();
            entries.sort_unstable_by(|a, b| a.0.cmp(b.0));
            let entries = entries.into_iter().map(|(key, value)| Ok((key.to_string(), to_json(value)?)));
            Json::Object(entries.collect::<Result<_, Refusal>>()?)
        }
        Value::Opaque(opaque) => match functions::optional(opaque) {
            Some(Some(inner)) => to_json(inner)?,
            Some(None) => Json::Null,
            None => match Opaque::of(opaque) {
                Some(known) => Json::String(known.to_string()),
                None => return Err(no_form(value)),
            },
        },
        Value::Struct(_) | Value::Function(..) => return Err(no_form(value)),
    })
}

fn no_form(value: &Value) -> Refusal {
    Refusal::r#type(format!("{} has no form in JSON", functions::type_name(value)))
}
