//! The types that the check knows.
//!
//! They describe JSON data first; the others are what CEL computes on the way. [`Type::Any`] is what is not known: it
//! fits everything, and the check says nothing about it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The type of a variable, a member or an expression.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Type {
    /// Not known; compatible with everything.
    #[default]
    Any,
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A JSON integer; 64 bits, signed.
    Int,
    /// An unsigned integer, such as the literal `1u`. No JSON value has it.
    Uint,
    /// What CEL computes with fractions, such as `1.5`. Where data is meant, say [`Type::Number`].
    Double,
    /// A JSON number: an int or a double, as it happens to be written. `2.0` may come back as `2`.
    Number,
    /// Text.
    String,
    /// Bytes, such as `b"..."`; base64 text as a result.
    Bytes,
    /// A point in time; RFC 3339 text as a result.
    Timestamp,
    /// A length of time; text such as `90s` as a result.
    Duration,
    /// A list whose elements have one type.
    List(Box<Type>),
    /// An object with any keys, whose values have one type.
    Map(Box<Type>),
    /// An object with exactly these members: an unknown one is an error.
    Object(Arc<BTreeMap<String, Type>>),
    /// An object with these members, and any others besides.
    Open(Arc<BTreeMap<String, Type>>),
    /// A value that may be absent: `a.?b`.
    Optional(Box<Type>),
    /// What `semver(...)` returns.
    Semver,
    /// What `quantity(...)` returns.
    Quantity,
    /// What `url(...)` returns.
    Url,
}

impl Type {
    /// A list of elements of type `element`.
    #[must_use]
    pub fn list(element: Type) -> Self {
        Self::List(Box::new(element))
    }

    /// An object with any keys and values of type `value`.
    #[must_use]
    pub fn map(value: Type) -> Self {
        Self::Map(Box::new(value))
    }

    /// A closed object with these members.
    pub fn object<N: Into<String>>(members: impl IntoIterator<Item = (N, Type)>) -> Self {
        Self::Object(Arc::new(members.into_iter().map(|(n, t)| (n.into(), t)).collect()))
    }

    /// An object with these members, and any others besides.
    pub fn open<N: Into<String>>(members: impl IntoIterator<Item = (N, Type)>) -> Self {
        Self::Open(Arc::new(members.into_iter().map(|(n, t)| (n.into(), t)).collect()))
    }

    /// The type of a JSON value, with closed objects.
    #[must_use]
    pub fn of(value: &serde_json::Value) -> Self {
        use serde_json::Value;
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Bool,
            Value::Number(number) if number.is_i64() => Self::Int,
            Value::Number(_) => Self::Double,
            Value::String(_) => Self::String,
            Value::Array(items) => {
                let mut types = items.iter().map(Self::of);
                let first = types.next().unwrap_or_default();
                Self::list(types.fold(first, Self::join))
            }
            Value::Object(members) => Self::object(members.iter().map(|(name, value)| (name, Self::of(value)))),
        }
    }

    /// The one type of a value that is either of two.
    pub(crate) fn join(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Self::List(a), Self::List(b)) => Self::list(a.join(*b)),
            (Self::Map(a), Self::Map(b)) => Self::map(a.join(*b)),
            (Self::Optional(a), Self::Optional(b)) => Self::Optional(Box::new(a.join(*b))),
            _ => Self::Any,
        }
    }

    /// Whether it is a number of any kind.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Uint | Self::Double | Self::Number)
    }

    /// Whether values of both types can be equal. Numbers of all kinds compare, and null compares with everything.
    pub(crate) fn compares(&self, other: &Self) -> bool {
        self.fits(other)
            || (self.is_number() && other.is_number())
            || matches!(self, Self::Null)
            || matches!(other, Self::Null)
    }

    /// Whether a value can be of both types.
    ///
    /// Numbers of different kinds are different types here: `1 + 1.0` is an error in CEL, `1 == 1.0` is not.
    pub(crate) fn fits(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => true,
            // Whatever is in them: they may be empty.
            (Self::List(_), Self::List(_)) | (Self::Optional(_), Self::Optional(_)) => true,
            (Self::Map(_) | Self::Object(_) | Self::Open(_), Self::Map(_) | Self::Object(_) | Self::Open(_)) => true,
            (Self::Number, Self::Int | Self::Double) | (Self::Int | Self::Double, Self::Number) => true,
            (a, b) => a == b,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "any value",
            Self::Null => "null",
            Self::Bool => "a bool",
            Self::Int => "an int",
            Self::Uint => "a uint",
            Self::Double => "a double",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Bytes => "bytes",
            Self::Timestamp => "a timestamp",
            Self::Duration => "a duration",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Object(_) | Self::Open(_) => "an object",
            Self::Optional(_) => "an optional",
            Self::Semver => "a semver",
            Self::Quantity => "a quantity",
            Self::Url => "a url",
        })
    }
}
