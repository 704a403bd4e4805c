//! Members, elements and keys.

use cel::Value;
use cel::objects::{Key, KeyRef};
use serde_json::Value as Json;

use super::{Evaluated, Evaluation, Operand, at, in_span};
use crate::convert::Data;
use crate::functions::{optional, to_optional, type_of};
use crate::meter::Refusal;
use crate::operators;
use crate::suggest::closest;
use crate::syntax::{Access, Index, Node, Select};
use crate::{ErrorKind, EvaluationError};

/// What looking for something in a value found.
enum Found<'s> {
    There(Operand<'s>),
    Missing,
    /// The value has nothing to look for.
    NotACollection,
}

impl<'s> Evaluation<'s> {
    pub(super) fn select(&mut self, node: &'s Node, select: &'s Select) -> Evaluated<'s> {
        let of = self.operand(&select.of)?;
        let (of, wrapped) = match unwrapped(of) {
            Ok(unwrapped) => unwrapped,
            Err(Absent) => return Ok(absent(select.access)),
        };
        let found = member(&of, &select.member);
        match (select.access, found) {
            (Access::Has, Found::There(_)) => Ok(Operand::Value(Value::Bool(true))),
            (Access::Has, Found::Missing) => Ok(Operand::Value(Value::Bool(false))),
            (Access::Plain, Found::There(value)) if !wrapped => Ok(value),
            (_, Found::There(value)) => self.some(node, value),
            (Access::Plain, Found::Missing) if !wrapped => {
                let message = self.missing(&of, &select.of, &select.member);
                let refusal = Refusal::new(ErrorKind::NoSuchKey, message);
                Err(in_span(&select.member_span, refusal))
            }
            (_, Found::Missing) => Ok(Operand::Value(to_optional(None))),
            (Access::Optional, Found::NotACollection) => Ok(Operand::Value(to_optional(None))),
            // A list that an optional holds has no members; CEL calls that missing.
            (access, Found::NotACollection) if wrapped && matches!(describe(&of), crate::Type::List(_)) => {
                Ok(absent(access))
            }
            (_, Found::NotACollection) => {
                let message =
                    format!("`{}` is {} and has no `{}`", self.text(&select.of), describe(&of), select.member);
                Err(in_span(&select.member_span, Refusal::r#type(message)))
            }
        }
    }

    pub(super) fn index(&mut self, node: &'s Node, index: &'s Index) -> Evaluated<'s> {
        let of = self.operand(&index.of)?;
        let (of, wrapped) = match unwrapped(of) {
            Ok(unwrapped) => unwrapped,
            Err(Absent) => return Ok(Operand::Value(to_optional(None))),
        };
        let key = self.value(&index.index)?;
        let found = element(&of, &key);
        if index.optional || wrapped {
            return match found {
                Found::There(value) => self.some(node, value),
                _ => Ok(Operand::Value(to_optional(None))),
            };
        }
        match found {
            Found::There(value) => Ok(value),
            Found::Missing => {
                let refusal = Refusal::new(ErrorKind::NoSuchKey, self.missing_element(&of, &index.of, &key));
                Err(at(&index.index, refusal))
            }
            Found::NotACollection => {
                let message =
                    format!("`{}` is {}, which {} does not index", self.text(&index.of), describe(&of), type_of(&key));
                Err(at(node, Refusal::r#type(message)))
            }
        }
    }

    /// `needle in haystack`: an element of a list, or a key of a map.
    pub(super) fn contains(
        &mut self,
        node: &'s Node,
        needle: &'s Node,
        haystack: &'s Node,
    ) -> Result<bool, EvaluationError> {
        let needle = self.value(needle)?;
        let haystack = self.operand(haystack)?;
        self.is_in(&needle, &haystack).map_err(|refusal| at(node, refusal))
    }

    fn is_in(&mut self, needle: &Value, haystack: &Operand<'s>) -> Result<bool, Refusal> {
        if let Operand::Data(data) = haystack
            && let Some(items) = data.elements()
        {
            for item in items {
                self.meter.charge(1)?;
                let item = item.to_value(&mut self.meter)?;
                if operators::equal(&mut self.meter, needle, &item)? {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        match haystack {
            Operand::Value(Value::List(items)) => {
                for item in items.iter() {
                    self.meter.charge(1)?;
                    if operators::equal(&mut self.meter, needle, item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            map => match element(map, needle) {
                Found::There(_) => Ok(true),
                Found::Missing => Ok(false),
                Found::NotACollection => {
                    Err(Refusal::r#type(format!("`in` is not defined for {} and {}", type_of(needle), describe(map))))
                }
            },
        }
    }

    fn some(&mut self, node: &Node, value: Operand<'s>) -> Evaluated<'s> {
        let value = self.read(value).map_err(|refusal| at(node, refusal))?;
        Ok(Operand::Value(to_optional(Some(value))))
    }

    /// "no such key `version` in steps.actual.outputs; it has: url, number"
    fn missing(&self, of: &Operand<'s>, place: &Node, key: &str) -> String {
        const LISTED: usize = 8;
        let keys = keys(of);
        let mut message = format!("no such key `{}` in {}", shorten(key), self.text(place));
        if let Some(meant) = closest(key, keys.iter().map(String::as_str)) {
            message.push_str(&format!("; did you mean `{meant}`?"));
        } else if keys.is_empty() {
            message.push_str(", which is empty");
        } else {
            let listed: Vec<_> = keys.iter().take(LISTED).map(|key| shorten(key)).collect();
            message.push_str(&format!("; it has: {}", listed.join(", ")));
            if keys.len() > LISTED {
                message.push_str(&format!(" and {} more", keys.len() - LISTED));
            }
        }
        message
    }

    fn missing_element(&self, of: &Operand<'s>, place: &Node, key: &Value) -> String {
        let len = match of {
            Operand::Data(data) => data.len(),
            Operand::Value(Value::List(items)) => Some(items.len()),
            Operand::Value(_) => None,
        };
        let len = match len {
            Some(len) => len,
            None => {
                let key = match key.clone().try_into() {
                    Ok(Key::String(text)) => text.as_ref().clone(),
                    Ok(other) => other.to_string(),
                    Err(_) => String::new(),
                };
                return self.missing(of, place, &key);
            }
        };
        let place = self.text(place);
        match key {
            Value::Int(at) => format!("no element {at} in {place}, which has {len}"),
            _ => format!("no such element in {place}, which has {len}"),
        }
    }
}

/// An empty optional: whatever is read of it is one, too.
struct Absent;

/// What an optional holds, and whether it was one.
fn unwrapped<'s>(of: Operand<'s>) -> Result<(Operand<'s>, bool), Absent> {
    if let Operand::Value(Value::Opaque(opaque)) = &of
        && let Some(inner) = optional(opaque)
    {
        return match inner {
            Some(inner) => Ok((Operand::Value(inner.clone()), true)),
            None => Err(Absent),
        };
    }
    Ok((of, false))
}

fn absent<'s>(access: Access) -> Operand<'s> {
    Operand::Value(match access {
        Access::Has => Value::Bool(false),
        _ => to_optional(None),
    })
}

fn member<'s>(of: &Operand<'s>, name: &str) -> Found<'s> {
    match of {
        Operand::Data(data) => match data.member(name) {
            Some(found) => Found::There(Operand::Data(found)),
            None if data.is_object() => Found::Missing,
            None => Found::NotACollection,
        },
        Operand::Value(Value::Map(map)) => match map.get(&KeyRef::String(name)) {
            Some(found) => Found::There(Operand::Value(found.clone())),
            None => Found::Missing,
        },
        Operand::Value(_) => Found::NotACollection,
    }
}

fn element<'s>(of: &Operand<'s>, key: &Value) -> Found<'s> {
    let position = || position(key);
    match of {
        Operand::Data(data) if data.len().is_some() => match (position(), key) {
            (Some(at), _) => data.element(at).map_or(Found::Missing, |item| Found::There(Operand::Data(item))),
            (None, Value::Int(_) | Value::UInt(_) | Value::Float(_)) => Found::Missing,
            _ => Found::NotACollection,
        },
        Operand::Value(Value::List(items)) => match (position(), key) {
            (Some(at), _) => items.get(at).map_or(Found::Missing, |item| Found::There(Operand::Value(item.clone()))),
            (None, Value::Int(_) | Value::UInt(_) | Value::Float(_)) => Found::Missing,
            _ => Found::NotACollection,
        },
        Operand::Value(Value::Map(map)) => {
            let whole = whole(key);
            let Ok(key) = KeyRef::try_from(whole.as_ref().unwrap_or(key)) else {
                return match key {
                    Value::Float(_) => Found::Missing,
                    _ => Found::NotACollection,
                };
            };
            map.get(&key).map_or(Found::Missing, |found| Found::There(Operand::Value(found.clone())))
        }
        Operand::Data(data) if data.is_object() => match key {
            Value::String(name) => member(of, name),
            Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Bool(_) => Found::Missing,
            _ => Found::NotACollection,
        },
        _ => Found::NotACollection,
    }
}

/// A double without fraction is as good a key as the int.
fn whole(key: &Value) -> Option<Value> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match key {
        Value::Float(float) if float.fract() == 0.0 && float.abs() <= EXACT => Some(Value::Int(*float as i64)),
        _ => None,
    }
}

fn position(key: &Value) -> Option<usize> {
    match whole(key).as_ref().unwrap_or(key) {
        Value::Int(at) => usize::try_from(*at).ok(),
        Value::UInt(at) => usize::try_from(*at).ok(),
        _ => None,
    }
}

/// The keys of a map or object, sorted.
fn keys(of: &Operand<'_>) -> Vec<String> {
    match of {
        Operand::Data(data) => data.keys().unwrap_or_default().into_iter().map(str::to_owned).collect(),
        Operand::Value(Value::Map(map)) => {
            let mut keys: Vec<&Key> = map.map.keys().collect();
            keys.sort_unstable();
            keys.into_iter().map(Key::to_string).collect()
        }
        Operand::Value(_) => Vec::new(),
    }
}

fn shorten(key: &str) -> String {
    const LONGEST: usize = 40;
    match key.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}...", &key[..at]),
        None => key.to_owned(),
    }
}

/// The type of an operand, for messages.
pub(super) fn describe(of: &Operand<'_>) -> crate::Type {
    match of {
        Operand::Data(Data::Members(_) | Data::Map(_)) => crate::Type::map(crate::Type::Any),
        Operand::Data(Data::List(_)) => crate::Type::list(crate::Type::Any),
        Operand::Data(Data::Json(value)) => match value {
            Json::Array(_) => crate::Type::list(crate::Type::Any),
            Json::Object(_) => crate::Type::map(crate::Type::Any),
            scalar => crate::Type::of(scalar),
        },
        Operand::Value(value) => type_of(value),
    }
}
