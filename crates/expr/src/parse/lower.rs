//! CEL's tree to ours: operators and macros recognised, loop variables resolved, spans computed, bounds counted.

use std::ops::Range;

use cel::common::ast::{
    CallExpr, EntryExpr, Expr, IdedEntryExpr, IdedExpr, ListExpr, LiteralValue, SourceInfo, operators,
};

use crate::bounds::{MAX_DEPTH, MAX_LOOP_NESTING, MAX_NODES};
use crate::functions;
use crate::syntax::{Access, Binary, Call, Element, Entry, Index, Kind, Loop, LoopKind, Node, Select};
use crate::{Code, Diagnostic};

/// Lowers a whole expression.
pub(super) fn lower(source: &str, expression: IdedExpr, places: &SourceInfo) -> Result<Node, Diagnostic> {
    Lowering { source, places, locals: Vec::new(), loops: 0, depth: 0, nodes: 0 }.node(expression)
}

struct Lowering<'a> {
    source: &'a str,
    places: &'a SourceInfo,
    /// The loop variables around the node.
    locals: Vec<String>,
    /// How many loop bodies the node is in.
    loops: usize,
    depth: usize,
    nodes: usize,
}

type Lowered = Result<Node, Diagnostic>;

impl Lowering<'_> {
    fn node(&mut self, expression: IdedExpr) -> Lowered {
        let place = self.place(expression.id);
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(self.too_complex(format!("the expression has more than {MAX_NODES} parts"), place));
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(
                self.too_complex(format!("operators and calls are nested or chained deeper than {MAX_DEPTH}"), place)
            );
        }
        let lowered = match expression.expr {
            Expr::Literal(literal) => Ok(Node { kind: Kind::Literal(value(literal)), span: place }),
            Expr::Ident(name) => Ok(self.name(name, place)),
            Expr::Select(select) => {
                let of = self.node(*select.operand)?;
                Ok(self.select(of, select.field, place, Access::Plain))
            }
            Expr::List(list) => self.list(list, place),
            Expr::Map(map) => self.map(map.entries, place),
            Expr::Call(call) => self.call(call, place),
            Expr::Struct(_) => Err(self.syntax("there are no message types; write a map", place)),
            Expr::Comprehension(_) | Expr::Unspecified => Err(self.syntax("the expression is no CEL", place)),
        };
        self.depth -= 1;
        lowered
    }

    fn name(&self, name: String, span: Range<usize>) -> Node {
        // A leading dot skips the loop variables.
        let kind = match name.strip_prefix('.') {
            Some(root) => Kind::Name(root.to_owned()),
            None => match self.locals.iter().rposition(|local| *local == name) {
                Some(local) => Kind::Local(local),
                None => Kind::Name(name),
            },
        };
        Node { kind, span }
    }

    /// `place` is the dot before the member.
    fn select(&self, of: Node, member: String, place: Range<usize>, access: Access) -> Node {
        let from = place.end.max(of.span.end).min(self.source.len());
        let start = self.source[from..].find(member.as_str()).map_or(place.start, |at| from + at);
        let member_span = start..start + member.len();
        Node {
            span: of.span.start.min(place.start)..member_span.end.max(place.end),
            kind: Kind::Select(Box::new(Select { of, member, member_span, access })),
        }
    }

    fn list(&mut self, list: ListExpr, place: Range<usize>) -> Lowered {
        let mut elements = Vec::with_capacity(list.elements.len());
        for (at, element) in list.elements.into_iter().enumerate() {
            elements.push(Element { value: self.node(element)?, optional: list.optional_indices.contains(&at) });
        }
        let last = elements.last().map(|e| e.value.span.end);
        Ok(Node { span: self.closed(&place, last, ']'), kind: Kind::List(elements) })
    }

    fn map(&mut self, entries: Vec<IdedEntryExpr>, place: Range<usize>) -> Lowered {
        let mut lowered = Vec::with_capacity(entries.len());
        for entry in entries {
            let EntryExpr::MapEntry(entry) = entry.expr else {
                return Err(self.syntax("there are no message types; write a map", place));
            };
            lowered.push(Entry {
                key: self.node(entry.key)?,
                value: self.node(entry.value)?,
                optional: entry.optional,
            });
        }
        let last = lowered.last().map(|e: &Entry| e.value.span.end);
        Ok(Node { span: self.closed(&place, last, '}'), kind: Kind::Map(lowered) })
    }

    fn call(&mut self, call: CallExpr, place: Range<usize>) -> Lowered {
        let CallExpr { func_name, target, args } = call;
        let Some(target) = target else {
            return match operator(&func_name) {
                Some(operator) => self.operator(operator, args, place),
                None if func_name == operators::HAS => self.has(args, place),
                None => self.function(None, func_name, args, place),
            };
        };
        if let Expr::Ident(namespace) = &target.expr
            && functions::is_namespace(namespace)
            && !self.locals.contains(namespace)
        {
            let name = format!("{namespace}.{func_name}");
            return self.function(None, name, args, place);
        }
        match LoopKind::of(&func_name, args.len()) {
            Some(kind) => self.looping(kind, *target, args, place),
            None => self.function(Some(*target), func_name, args, place),
        }
    }

    fn operator(&mut self, operator: Operator, args: Vec<IdedExpr>, place: Range<usize>) -> Lowered {
        let mut nodes = Vec::with_capacity(args.len());
        for arg in args {
            nodes.push(self.node(arg)?);
        }
        let incomplete = |_| self.syntax("the expression is no CEL", place.clone());
        let start = nodes.iter().fold(place.start, |at, n| at.min(n.span.start));
        let end = nodes.iter().fold(place.end, |at, n| at.max(n.span.end));
        let mut span = balanced(self.source, start..end);
        let kind = match operator {
            Operator::Not | Operator::Negate => {
                let [of]: [Node; 1] = nodes.try_into().map_err(incomplete)?;
                match operator {
                    Operator::Not => Kind::Not(Box::new(of)),
                    _ => Kind::Negate(Box::new(of)),
                }
            }
            Operator::Conditional => Kind::Conditional(Box::new(nodes.try_into().map_err(incomplete)?)),
            Operator::And => Kind::And(Box::new(nodes.try_into().map_err(incomplete)?)),
            Operator::Or => Kind::Or(Box::new(nodes.try_into().map_err(incomplete)?)),
            Operator::Binary(operator) => Kind::Binary(operator, Box::new(nodes.try_into().map_err(incomplete)?)),
            Operator::Index { optional } => {
                let [of, index]: [Node; 2] = nodes.try_into().map_err(incomplete)?;
                span = span.start..self.closed(&place, Some(index.span.end), ']').end;
                Kind::Index(Box::new(Index { of, index, optional }))
            }
            Operator::OptionalSelect => {
                let [of, member]: [Node; 2] = nodes.try_into().map_err(incomplete)?;
                let Some(member) = member.string_literal().map(str::to_owned) else {
                    return Err(self.syntax("the expression is no CEL", place));
                };
                return Ok(self.select(of, member, place, Access::Optional));
            }
        };
        Ok(Node { kind, span })
    }

    fn has(&mut self, mut args: Vec<IdedExpr>, place: Range<usize>) -> Lowered {
        let argument = match (args.pop(), args.is_empty()) {
            (Some(argument), true) => self.node(argument)?,
            _ => return Err(self.syntax("`has` takes one argument, such as `a.b`", place)),
        };
        let span = self.called(&place, "has", Some(argument.span.end));
        match argument.kind {
            Kind::Select(mut select) if select.access == Access::Plain => {
                select.access = Access::Has;
                Ok(Node { kind: Kind::Select(select), span })
            }
            _ => Err(self
                .syntax("`has` asks for a member, such as `has(a.b)`", argument.span)
                .with_help("use `a.?b.hasValue()` or `k in a` for anything else")),
        }
    }

    fn looping(&mut self, kind: LoopKind, target: IdedExpr, args: Vec<IdedExpr>, place: Range<usize>) -> Lowered {
        let range = self.node(target)?;
        let mut args = args.into_iter();
        let variable = match args.next() {
            Some(IdedExpr { expr: Expr::Ident(name), .. }) if !name.starts_with('.') => name,
            other => {
                let at = other.map_or(place, |node| self.place(node.id));
                return Err(self.syntax("the first argument of a macro is a plain name", at));
            }
        };
        if !kind.over_optional() {
            self.loops += 1;
        }
        if self.loops > MAX_LOOP_NESTING {
            return Err(self.too_complex(format!("loops are nested deeper than {MAX_LOOP_NESTING}"), place));
        }
        let local = self.locals.len();
        self.locals.push(variable);
        let mut bodies = Vec::with_capacity(2);
        for arg in args {
            bodies.push(self.node(arg)?);
        }
        self.locals.pop();
        if !kind.over_optional() {
            self.loops -= 1;
        }
        let Some(body) = bodies.pop() else {
            return Err(self.syntax("the expression is no CEL", place));
        };
        let closed = self.closed(&place, Some(body.span.end), ')');
        Ok(Node {
            span: range.span.start..closed.end,
            kind: Kind::Loop(Box::new(Loop { kind, range, variable: local, filter: bodies.pop(), body })),
        })
    }

    /// `place` is the opening bracket.
    fn function(
        &mut self,
        target: Option<IdedExpr>,
        function: String,
        args: Vec<IdedExpr>,
        place: Range<usize>,
    ) -> Lowered {
        let target = target.map(|target| self.node(target)).transpose()?;
        let mut arguments = Vec::with_capacity(args.len());
        for arg in args {
            arguments.push(self.node(arg)?);
        }
        let function = function.trim_start_matches('.').to_owned();
        let last = arguments.last().map(|a| a.span.end);
        let span = self.called(&place, &function, last);
        let function_span = span.start..(span.start + function.len()).min(place.start.max(span.start));
        Ok(Node {
            span: target.as_ref().map_or(span.start, |t| t.span.start)..span.end,
            kind: Kind::Call(Box::new(Call { function, function_span, target, arguments })),
        })
    }

    /// From the name before the bracket at `place` to the closing bracket.
    fn called(&self, place: &Range<usize>, name: &str, last: Option<usize>) -> Range<usize> {
        let before = self.source[..place.start].trim_end();
        // White space is allowed around the dot of a namespace; then the name alone is meant.
        let short = name.rsplit('.').next().unwrap_or(name);
        let len = [name, short].into_iter().find(|n| before.ends_with(n)).map_or(0, str::len);
        before.len() - len..self.closed(place, last, ')').end
    }

    /// From the opening bracket at `place` to the closing one after `last`.
    fn closed(&self, place: &Range<usize>, last: Option<usize>, bracket: char) -> Range<usize> {
        let from = last.unwrap_or(place.end).max(place.end).min(self.source.len());
        let end = self.source[from..].find(bracket).map_or(from, |at| from + at + 1);
        place.start..end
    }

    /// The token that a node of CEL's tree belongs to.
    fn place(&self, id: u64) -> Range<usize> {
        match self.places.offset_for(id) {
            Some((start, last)) => {
                let range = start as usize..(last as usize).saturating_add(1);
                let valid = range.start <= range.end && self.source.get(range.clone()).is_some();
                if valid { range } else { 0..self.source.len() }
            }
            None => 0..self.source.len(),
        }
    }

    fn syntax(&self, message: &str, span: Range<usize>) -> Diagnostic {
        Diagnostic::new(Code::Syntax, message, self.source, span)
    }

    fn too_complex(&self, message: String, span: Range<usize>) -> Diagnostic {
        Diagnostic::new(Code::TooComplex, message, self.source, span)
            .with_help("compute parts of it in a step of their own")
    }
}

/// A span of operands with the brackets around them, which the tree does not have.
fn balanced(source: &str, mut span: Range<usize>) -> Range<usize> {
    let count = |span: &Range<usize>, bracket| source[span.clone()].matches(bracket).count();
    while count(&span, '(') > count(&span, ')') {
        match source[span.end..].find(|c: char| !c.is_whitespace()) {
            Some(at) if source[span.end + at..].starts_with(')') => span.end += at + 1,
            _ => break,
        }
    }
    while count(&span, ')') > count(&span, '(') {
        let before = source[..span.start].trim_end();
        match before.ends_with('(') {
            true => span.start = before.len() - 1,
            false => break,
        }
    }
    span
}

enum Operator {
    Not,
    Negate,
    And,
    Or,
    Conditional,
    Index { optional: bool },
    OptionalSelect,
    Binary(Binary),
}

fn operator(name: &str) -> Option<Operator> {
    Some(match name {
        operators::LOGICAL_NOT => Operator::Not,
        operators::NEGATE => Operator::Negate,
        operators::LOGICAL_AND => Operator::And,
        operators::LOGICAL_OR => Operator::Or,
        operators::CONDITIONAL => Operator::Conditional,
        operators::INDEX => Operator::Index { optional: false },
        operators::OPT_INDEX => Operator::Index { optional: true },
        operators::OPT_SELECT => Operator::OptionalSelect,
        operators::ADD => Operator::Binary(Binary::Add),
        operators::SUBSTRACT => Operator::Binary(Binary::Subtract),
        operators::MULTIPLY => Operator::Binary(Binary::Multiply),
        operators::DIVIDE => Operator::Binary(Binary::Divide),
        operators::MODULO => Operator::Binary(Binary::Remainder),
        operators::EQUALS => Operator::Binary(Binary::Equal),
        operators::NOT_EQUALS => Operator::Binary(Binary::NotEqual),
        operators::LESS => Operator::Binary(Binary::Less),
        operators::LESS_EQUALS => Operator::Binary(Binary::LessOrEqual),
        operators::GREATER => Operator::Binary(Binary::Greater),
        operators::GREATER_EQUALS => Operator::Binary(Binary::GreaterOrEqual),
        operators::IN => Operator::Binary(Binary::In),
        _ => return None,
    })
}

fn value(literal: LiteralValue) -> cel::Value {
    use cel::Value;
    match literal {
        LiteralValue::Null => Value::Null,
        LiteralValue::Boolean(b) => Value::Bool(*b.inner()),
        LiteralValue::Int(i) => Value::Int(*i.inner()),
        LiteralValue::UInt(u) => Value::UInt(*u.inner()),
        LiteralValue::Double(d) => Value::Float(*d.inner()),
        LiteralValue::String(s) => Value::String(s.into_inner().into()),
        LiteralValue::Bytes(b) => Value::Bytes(b.inner().to_vec().into()),
    }
}
