//! The syntax tree that the check and the evaluation walk: CEL's own, with macros recognised, loop variables resolved
//! and every node's place in the source.
//!
//! [`crate::parse`] makes it and bounds it. So everything that walks a tree may recurse: it is at most
//! [`crate::bounds::MAX_DEPTH`] deep.

use std::ops::Range;

use cel::Value;

/// A node and the bytes of the source that it was written as.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) span: Range<usize>,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Literal(Value),
    /// A variable of the scope, or the name of a CEL type.
    Name(String),
    /// A variable that a loop binds; the innermost loop has the highest number.
    Local(usize),
    Select(Box<Select>),
    Index(Box<Index>),
    /// Elements; one with `?` is left out when it is absent.
    List(Vec<Element>),
    Map(Vec<Entry>),
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Box<[Node; 2]>),
    Or(Box<[Node; 2]>),
    /// `condition ? then : otherwise`
    Conditional(Box<[Node; 3]>),
    Binary(Binary, Box<[Node; 2]>),
    Call(Box<Call>),
    Loop(Box<Loop>),
}

/// `of.member`, `of.?member` or `has(of.member)`.
#[derive(Debug)]
pub(crate) struct Select {
    pub(crate) of: Node,
    pub(crate) member: String,
    pub(crate) member_span: Range<usize>,
    pub(crate) access: Access,
}

/// `of[index]` or `of[?index]`.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) of: Node,
    pub(crate) index: Node,
    pub(crate) optional: bool,
}

/// How a member is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// A missing one is an error.
    Plain,
    /// The result is an optional.
    Optional,
    /// The result says whether it is there.
    Has,
}

#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) value: Node,
    pub(crate) optional: bool,
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: Node,
    pub(crate) value: Node,
    pub(crate) optional: bool,
}

/// The operators that evaluate both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

impl Binary {
    /// As a person writes it.
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
        }
    }
}

/// `function(arguments)` or `target.function(arguments)`.
#[derive(Debug)]
pub(crate) struct Call {
    /// With its namespace where it has one: `math.abs`.
    pub(crate) function: String,
    pub(crate) function_span: Range<usize>,
    pub(crate) target: Option<Node>,
    pub(crate) arguments: Vec<Node>,
}

/// `range.kind(variable, body)`.
#[derive(Debug)]
pub(crate) struct Loop {
    pub(crate) kind: LoopKind,
    pub(crate) range: Node,
    /// The number of the variable, see [`Kind::Local`].
    pub(crate) variable: usize,
    /// What `map` with three arguments filters by.
    pub(crate) filter: Option<Node>,
    pub(crate) body: Node,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoopKind {
    All,
    Exists,
    ExistsOne,
    Map,
    Filter,
    SortBy,
    /// Over the one value of an optional, or none.
    OptMap,
    /// As `OptMap`, where the body is an optional itself.
    OptFlatMap,
}

impl LoopKind {
    /// The macro of that name and number of arguments.
    pub(crate) fn of(name: &str, arguments: usize) -> Option<Self> {
        Some(match (name, arguments) {
            ("all", 2) => Self::All,
            ("exists", 2) => Self::Exists,
            ("exists_one" | "existsOne", 2) => Self::ExistsOne,
            ("map", 2 | 3) => Self::Map,
            ("filter", 2) => Self::Filter,
            ("sortBy", 2) => Self::SortBy,
            ("optMap", 2) => Self::OptMap,
            ("optFlatMap", 2) => Self::OptFlatMap,
            _ => return None,
        })
    }

    /// Every name that [`LoopKind::of`] knows.
    pub(crate) const NAMES: &[&str] =
        &["all", "exists", "exists_one", "existsOne", "map", "filter", "sortBy", "optMap", "optFlatMap"];

    /// Whether the body must be a bool.
    pub(crate) fn asks(self) -> bool {
        matches!(self, Self::All | Self::Exists | Self::ExistsOne | Self::Filter)
    }

    /// Whether it goes over an optional rather than a list or map.
    pub(crate) fn over_optional(self) -> bool {
        matches!(self, Self::OptMap | Self::OptFlatMap)
    }
}

impl Node {
    /// The text of a string literal.
    pub(crate) fn string_literal(&self) -> Option<&str> {
        match &self.kind {
            Kind::Literal(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// Calls `visit` with each direct child, in the order of the source.
    pub(crate) fn children<'a>(&'a self, mut visit: impl FnMut(&'a Node)) {
        match &self.kind {
            Kind::Literal(_) | Kind::Name(_) | Kind::Local(_) => {}
            Kind::Select(select) => visit(&select.of),
            Kind::Index(index) => {
                visit(&index.of);
                visit(&index.index);
            }
            Kind::List(elements) => elements.iter().for_each(|e| visit(&e.value)),
            Kind::Map(entries) => entries.iter().for_each(|e| {
                visit(&e.key);
                visit(&e.value);
            }),
            Kind::Not(of) | Kind::Negate(of) => visit(of),
            Kind::And(sides) | Kind::Or(sides) | Kind::Binary(_, sides) => {
                sides.iter().for_each(visit);
            }
            Kind::Conditional(parts) => parts.iter().for_each(visit),
            Kind::Call(call) => {
                call.target.iter().for_each(&mut visit);
                call.arguments.iter().for_each(visit);
            }
            Kind::Loop(l) => {
                visit(&l.range);
                l.filter.iter().for_each(&mut visit);
                visit(&l.body);
            }
        }
    }
}
