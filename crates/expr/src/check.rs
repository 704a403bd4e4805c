//! What can be known to be wrong before an expression runs: names, members, functions, and types that never work.
//!
//! It infers a type for every node, [`Type::Any`] where nothing is known, and reports what no value of the types at
//! hand could make right. It goes on after each finding, so that all are reported at once; what follows from a finding
//! is not reported again.

mod calls;
mod operators;
#[cfg(test)]
mod tests;

use std::ops::Range;

use cel::Value;

use crate::functions::{self, type_of};
use crate::suggest::closest;
use crate::syntax::{Access, Element, Entry, Index, Kind, Loop, LoopKind, Node, Select};
use crate::{Code, Diagnostic, Names, Type};

/// The type of the result, and all that is wrong.
pub(crate) fn check(source: &str, root: &Node, names: &Names, expected: &Type) -> (Type, Vec<Diagnostic>) {
    let mut check = Check { source, names, locals: Vec::new(), found: Vec::new() };
    let actual = check.infer(root);
    if !expected.fits(&actual) {
        let what = match expected {
            Type::Bool => "the condition",
            _ => "the result",
        };
        let message = format!("{what} is {actual}, not {expected}");
        let mut diagnostic = Diagnostic::new(Code::TypeMismatch, message, source, root.span.clone());
        if *expected == Type::Bool {
            diagnostic = diagnostic.with_help("compare it with something, such as `... == 1`");
        }
        check.found.push(diagnostic);
    }
    check.found.sort_by_key(|d| (d.span.start, d.span.end));
    (actual, check.found)
}

struct Check<'a> {
    source: &'a str,
    names: &'a Names,
    /// The types of what the loops around the node bind.
    locals: Vec<Type>,
    found: Vec<Diagnostic>,
}

impl Check<'_> {
    fn infer(&mut self, node: &Node) -> Type {
        match &node.kind {
            Kind::Literal(value) => type_of(value),
            Kind::Name(name) => self.name(node, name),
            Kind::Local(local) => self.locals.get(*local).cloned().unwrap_or_default(),
            Kind::Select(select) => self.select(select),
            Kind::Index(index) => self.index(index),
            Kind::List(elements) => self.list(elements),
            Kind::Map(entries) => self.map(entries),
            Kind::Not(of) => {
                self.truth(of);
                Type::Bool
            }
            Kind::Negate(of) => self.negate(node, of),
            Kind::And(sides) | Kind::Or(sides) => {
                sides.iter().for_each(|side| self.truth(side));
                Type::Bool
            }
            Kind::Conditional(parts) => {
                let [condition, then, otherwise] = &**parts;
                self.truth(condition);
                self.infer(then).join(self.infer(otherwise))
            }
            Kind::Binary(operator, sides) => self.binary(node, *operator, sides),
            Kind::Call(call) => self.call(node, call),
            Kind::Loop(l) => self.looping(l),
        }
    }

    fn report(&mut self, code: Code, message: String, span: &Range<usize>) {
        let diagnostic = Diagnostic::new(code, message, self.source, span.clone());
        self.found.push(diagnostic);
    }

    /// As [`Check::report`], with the candidate that was probably meant, or with all of them if they are few.
    fn report_unknown<'b>(
        &mut self,
        code: Code,
        message: String,
        span: &Range<usize>,
        word: &str,
        candidates: impl IntoIterator<Item = &'b str>,
    ) {
        const FEW: usize = 12;
        let candidates: Vec<&str> = candidates.into_iter().collect();
        let diagnostic = Diagnostic::new(code, message, self.source, span.clone());
        self.found.push(match closest(word, candidates.iter().copied()) {
            Some(meant) => diagnostic.with_help(format!("did you mean `{meant}`?")),
            None if (1..=FEW).contains(&candidates.len()) => {
                let all: Vec<String> = candidates.iter().map(|candidate| format!("`{candidate}`")).collect();
                diagnostic.with_help(format!("there is {}", all.join(", ")))
            }
            None => diagnostic,
        });
    }

    /// The source of a node, for messages.
    fn text(&self, node: &Node) -> &str {
        const LONGEST: usize = 80;
        match self.source.get(node.span.clone()) {
            Some(text) if text.len() <= LONGEST => text,
            _ => "the expression",
        }
    }

    fn truth(&mut self, node: &Node) {
        let actual = self.infer(node);
        if !Type::Bool.fits(&actual) {
            let message = format!("`{}` is {actual}, not a bool", self.text(node));
            self.report(Code::TypeMismatch, message, &node.span);
        }
    }

    fn name(&mut self, node: &Node, name: &str) -> Type {
        if let Some(known) = self.names.get(name) {
            return known.clone();
        }
        if functions::type_named(name).is_none() {
            let names = self.names;
            let candidates = names.iter().map(|(name, _)| name);
            let message = format!("unknown name `{name}`");
            self.report_unknown(Code::UnknownName, message, &node.span, name, candidates);
        }
        Type::Any
    }

    fn select(&mut self, select: &Select) -> Type {
        let of = self.infer(&select.of);
        let (of, wrapped) = match of {
            Type::Optional(inner) => (*inner, true),
            of => (of, false),
        };
        let member =
            self.member(&select.of, &of, &select.member, &select.member_span, select.access == Access::Optional);
        match select.access {
            Access::Has => Type::Bool,
            Access::Plain if !wrapped => member,
            _ => Type::Optional(Box::new(member)),
        }
    }

    /// The type of a member of `of`, whose type is known; `lenient` where anything else has none, which is no error.
    fn member(&mut self, node: &Node, of: &Type, member: &str, span: &Range<usize>, lenient: bool) -> Type {
        match of {
            Type::Any => Type::Any,
            Type::Map(value) => (**value).clone(),
            Type::Object(members) => match members.get(member) {
                Some(known) => known.clone(),
                None => {
                    let message = format!("`{}` has no `{member}`", self.text(node));
                    let candidates = members.keys().map(String::as_str);
                    self.report_unknown(Code::UnknownMember, message, span, member, candidates);
                    Type::Any
                }
            },
            Type::Open(members) => members.get(member).cloned().unwrap_or_default(),
            _ if lenient => Type::Any,
            other => {
                let message = format!("`{}` is {other} and has no `{member}`", self.text(node));
                self.report(Code::TypeMismatch, message, span);
                Type::Any
            }
        }
    }

    fn index(&mut self, index: &Index) -> Type {
        let of = self.infer(&index.of);
        let key = self.infer(&index.index);
        let (of, wrapped) = match of {
            Type::Optional(inner) => (*inner, true),
            of => (of, false),
        };
        let lenient = index.optional || wrapped;
        let element = match (&of, index.index.string_literal()) {
            (Type::Object(_) | Type::Open(_), Some(member)) => {
                self.member(&index.of, &of, member, &index.index.span, lenient)
            }
            _ => self.element(index, &of, &key, lenient),
        };
        match lenient {
            true => Type::Optional(Box::new(element)),
            false => element,
        }
    }

    fn element(&mut self, index: &Index, of: &Type, key: &Type, lenient: bool) -> Type {
        let (element, indexes) = match of {
            Type::Any => (Type::Any, true),
            Type::List(element) => ((**element).clone(), *key == Type::Any || key.is_number()),
            Type::Map(value) => {
                let scalar = matches!(key, Type::Any | Type::Bool | Type::String);
                ((**value).clone(), scalar || key.is_number())
            }
            Type::Object(_) | Type::Open(_) => (Type::Any, Type::String.fits(key)),
            _ => (Type::Any, false),
        };
        if !indexes && !lenient {
            let message = format!("`{}` is {of}, which {key} does not index", self.text(&index.of));
            self.report(Code::TypeMismatch, message, &index.index.span);
        }
        element
    }

    fn list(&mut self, elements: &[Element]) -> Type {
        let mut joined: Option<Type> = None;
        for element in elements {
            let mut actual = self.infer(&element.value);
            if let (true, Type::Optional(inner)) = (element.optional, &actual) {
                actual = (**inner).clone();
            }
            joined = Some(match joined {
                Some(joined) => joined.join(actual),
                None => actual,
            });
        }
        Type::list(joined.unwrap_or_default())
    }

    /// A map whose keys are all written out is an object.
    fn map(&mut self, entries: &[Entry]) -> Type {
        let mut members = Some(Vec::with_capacity(entries.len()));
        let mut joined: Option<Type> = None;
        for entry in entries {
            let key = self.infer(&entry.key);
            if !matches!(key, Type::Any | Type::Bool | Type::Int | Type::Uint | Type::Number | Type::String) {
                let message = format!("{key} is no key of a map");
                self.report(Code::TypeMismatch, message, &entry.key.span);
            }
            let mut actual = self.infer(&entry.value);
            if let (true, Type::Optional(inner)) = (entry.optional, &actual) {
                actual = (**inner).clone();
            }
            match (entry.key.string_literal(), &mut members) {
                (Some(name), Some(members)) => members.push((name, actual.clone())),
                _ => members = None,
            }
            joined = Some(match joined {
                Some(joined) => joined.join(actual),
                None => actual,
            });
        }
        match members {
            Some(members) if !members.is_empty() => Type::object(members),
            _ => Type::map(joined.unwrap_or_default()),
        }
    }

    fn looping(&mut self, l: &Loop) -> Type {
        let range = self.infer(&l.range);
        let element = match (&range, l.kind.over_optional()) {
            (Type::Any, _) => Some(Type::Any),
            (Type::Optional(inner), true) | (Type::List(inner), false) => Some((**inner).clone()),
            (Type::Object(_) | Type::Open(_), false) if l.kind != LoopKind::SortBy => Some(Type::String),
            (Type::Map(_), false) if l.kind != LoopKind::SortBy => Some(Type::Any),
            _ => None,
        };
        let element = element.unwrap_or_else(|| {
            let wanted = match l.kind.over_optional() {
                true => "an optional",
                false => "a list or a map",
            };
            let message = format!("`{}` is {range}, not {wanted}", self.text(&l.range));
            self.report(Code::TypeMismatch, message, &l.range.span);
            Type::Any
        });
        self.locals.truncate(l.variable);
        self.locals.push(element.clone());
        if let Some(filter) = &l.filter {
            self.truth(filter);
        }
        let body = match l.kind.asks() {
            true => {
                self.truth(&l.body);
                Type::Bool
            }
            false => self.infer(&l.body),
        };
        self.locals.truncate(l.variable);
        match l.kind {
            LoopKind::All | LoopKind::Exists | LoopKind::ExistsOne => Type::Bool,
            LoopKind::Filter | LoopKind::SortBy => Type::list(element),
            LoopKind::Map => Type::list(body),
            LoopKind::OptMap => Type::Optional(Box::new(body)),
            LoopKind::OptFlatMap => body,
        }
    }
}

/// Whether a node is a literal that a function can be tried on.
fn literal(node: &Node) -> Option<&Value> {
    match &node.kind {
        Kind::Literal(value) => Some(value),
        _ => None,
    }
}
