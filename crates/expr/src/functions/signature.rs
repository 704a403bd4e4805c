//! Signatures as text: `string.split(string, int) -> list<string>`, `list<T>.reverse() -> list<T>`.

use cel::Value;

use super::type_of;
use crate::Type;

/// What a function takes and returns.
pub(crate) struct Signature {
    pub(crate) text: &'static str,
    /// With its namespace: `math.abs`.
    pub(crate) name: &'static str,
    pub(crate) receiver: Option<Shape>,
    pub(crate) arguments: Vec<Shape>,
    /// Whether the last argument may be repeated.
    pub(crate) repeats: bool,
    result: Shape,
}

/// A type in a signature, which may name the type variable `T`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    Exact(Type),
    Variable,
    List(Box<Shape>),
    Optional(Box<Shape>),
}

impl Signature {
    /// Reads a signature of one of our own lists; what it cannot read is any value.
    pub(super) fn parse(text: &'static str) -> Self {
        let (head, result) = text.split_once(" -> ").unwrap_or((text, "any"));
        let (path, arguments) = head.split_once('(').unwrap_or((head, ")"));
        // A receiver is a type, a namespace is none: `string.split`, `math.abs`.
        let (receiver, name) = match path.rsplit_once('.') {
            Some((receiver, name)) => match Shape::parse(receiver) {
                Some(shape) => (Some(shape), name),
                None => (None, path),
            },
            None => (None, path),
        };
        let arguments = arguments.trim_end_matches(')');
        let repeats = arguments.ends_with(", ...");
        let arguments = arguments
            .trim_end_matches(", ...")
            .split(", ")
            .filter(|argument| !argument.is_empty())
            .map(|argument| Shape::parse(argument).unwrap_or(Shape::Exact(Type::Any)))
            .collect();
        Self {
            text,
            name,
            receiver,
            arguments,
            repeats,
            result: Shape::parse(result).unwrap_or(Shape::Exact(Type::Any)),
        }
    }

    /// Whether it takes so many arguments, the receiver not counted.
    pub(crate) fn takes_count(&self, count: usize) -> bool {
        count == self.arguments.len() || (self.repeats && count > self.arguments.len())
    }

    /// Whether it takes these values, the receiver first where it has one.
    pub(super) fn takes(&self, values: &[Value]) -> bool {
        let types: Vec<Type> = values.iter().map(type_of).collect();
        self.result(&types).is_some()
    }

    /// The type of the result for values of these types, the receiver first where it has one; none where it does not
    /// take them.
    pub(crate) fn result(&self, types: &[Type]) -> Option<Type> {
        let receivers = usize::from(self.receiver.is_some());
        if !self.takes_count(types.len().checked_sub(receivers)?) {
            return None;
        }
        let last = self.arguments.last();
        let shapes = self.receiver.iter().chain(&self.arguments);
        let shapes = shapes.chain(std::iter::from_fn(|| last));
        let mut variable = None;
        let fits = shapes.zip(types).all(|(s, t)| s.bind(t, &mut variable));
        fits.then(|| self.result.build(variable.unwrap_or_default()))
    }
}

impl Shape {
    fn parse(text: &str) -> Option<Self> {
        let inner = |prefix: &str| {
            let inner = text.strip_prefix(prefix)?.strip_suffix('>')?;
            Self::parse(inner).map(Box::new)
        };
        if let Some(element) = inner("list<") {
            return Some(Self::List(element));
        }
        if let Some(value) = inner("optional<") {
            return Some(Self::Optional(value));
        }
        Some(Self::Exact(match text {
            "T" => return Some(Self::Variable),
            "any" | "type" => Type::Any,
            "null" => Type::Null,
            "bool" => Type::Bool,
            "int" => Type::Int,
            "uint" => Type::Uint,
            "double" => Type::Double,
            "string" => Type::String,
            "bytes" => Type::Bytes,
            "timestamp" => Type::Timestamp,
            "duration" => Type::Duration,
            "list" => Type::list(Type::Any),
            "map" => Type::map(Type::Any),
            "semver" => Type::Semver,
            "quantity" => Type::Quantity,
            "url" => Type::Url,
            _ => return None,
        }))
    }

    /// Whether a value of type `actual` fits; what is in a list or an optional is bound, never refused, since it may be
    /// empty.
    fn bind(&self, actual: &Type, variable: &mut Option<Type>) -> bool {
        match (self, actual) {
            (Self::Exact(expected), _) => expected.fits(actual),
            (Self::Variable, _) => {
                *variable = Some(match variable.take() {
                    Some(bound) => bound.join(actual.clone()),
                    None => actual.clone(),
                });
                true
            }
            (_, Type::Any) => true,
            (Self::List(shape), Type::List(actual)) | (Self::Optional(shape), Type::Optional(actual)) => {
                shape.bind(actual, variable);
                true
            }
            _ => false,
        }
    }

    fn build(&self, variable: Type) -> Type {
        match self {
            Self::Exact(exact) => exact.clone(),
            Self::Variable => variable,
            Self::List(shape) => Type::list(shape.build(variable)),
            Self::Optional(shape) => Type::Optional(Box::new(shape.build(variable))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_variable_binds_from_the_receiver_to_the_result() {
        let reverse = Signature::parse("list<T>.reverse() -> list<T>");
        assert_eq!(reverse.name, "reverse");
        assert_eq!(reverse.result(&[Type::list(Type::Int)]), Some(Type::list(Type::Int)));
        assert_eq!(reverse.result(&[Type::String]), None);
    }

    #[test]
    fn a_namespace_is_no_receiver() {
        let abs = Signature::parse("math.abs(int) -> int");
        assert_eq!((abs.name, abs.receiver), ("math.abs", None));
    }
}
