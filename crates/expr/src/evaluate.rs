//! Walks the tree over the scope.
//!
//! CEL's own interpreter has no budget, no positions and no order of map keys, copies what it reads, and lets `||`
//! absorb whatever stopped its other side. So the walk is ours, and the values, the arithmetic and the functions are
//! CEL's: each node pays before it works, a bound is absorbed by nothing, data of the scope is read in place, and maps
//! are gone through in the order of their keys, so that rendering is repeatable.
//!
//! It recurses as deep as the tree, which is bounded, and keeps its frames small: it runs on any worker's stack.

mod access;
mod loops;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ops::Range;

use cel::Value;
use cel::objects::{Key, Map};
use serde_json::Value as Json;

use crate::convert::{Data, measure, to_json};
use crate::functions::{self, optional, type_of};
use crate::meter::{Meter, Refusal};
use crate::operators;
use crate::suggest::closest;
use crate::syntax::{Binary, Call, Element, Entry, Kind, Node};
use crate::{ErrorKind, EvaluationError, Scope};

/// Evaluates a tree to JSON.
pub(crate) fn evaluate(source: &str, root: &Node, scope: &Scope<'_>) -> Result<Json, EvaluationError> {
    let mut evaluation = Evaluation { source, scope, meter: Meter::start(), locals: Vec::new() };
    let result = evaluation.operand(root)?;
    evaluation.result(result).map_err(|refusal| at(root, refusal))
}

struct Evaluation<'s> {
    source: &'s str,
    scope: &'s Scope<'s>,
    meter: Meter,
    /// What the loops around the node have bound.
    locals: Vec<Operand<'s>>,
}

/// What a node evaluates to.
#[derive(Clone, Debug)]
enum Operand<'s> {
    /// Not read yet.
    Data(Data<'s>),
    Value(Value),
}

type Evaluated<'s> = Result<Operand<'s>, EvaluationError>;

/// Adds where to why.
fn at(node: &Node, refusal: Refusal) -> EvaluationError {
    in_span(&node.span, refusal)
}

fn in_span(span: &Range<usize>, refusal: Refusal) -> EvaluationError {
    EvaluationError::new(refusal.kind, refusal.message, span.clone())
}

/// Whether an error ends the evaluation whatever is beside it.
fn is_final(error: &EvaluationError) -> bool {
    matches!(error.kind, ErrorKind::Limit | ErrorKind::Internal)
}

impl<'s> Evaluation<'s> {
    fn operand(&mut self, node: &'s Node) -> Evaluated<'s> {
        self.meter.charge(1).map_err(|refusal| at(node, refusal))?;
        match &node.kind {
            Kind::Literal(value) => Ok(Operand::Value(value.clone())),
            Kind::Name(name) => self.name(node, name),
            Kind::Local(local) => self.local(node, *local),
            Kind::Select(select) => self.select(node, select),
            Kind::Index(index) => self.index(node, index),
            Kind::Conditional(parts) => self.conditional(parts),
            Kind::Loop(l) => self.looping(node, l),
            _ => self.computed(node).map(Operand::Value),
        }
    }

    /// What is a value of its own, never data of the scope.
    fn computed(&mut self, node: &'s Node) -> Result<Value, EvaluationError> {
        match &node.kind {
            Kind::List(elements) => self.list(node, elements),
            Kind::Map(entries) => self.map(node, entries),
            Kind::Not(of) => Ok(Value::Bool(!self.truth(of)?)),
            Kind::Negate(of) => {
                let value = self.value(of)?;
                operators::negate(&value).map_err(|refusal| at(node, refusal))
            }
            Kind::And(sides) => self.logic(sides, false),
            Kind::Or(sides) => self.logic(sides, true),
            Kind::Binary(operator, sides) => self.binary(node, *operator, sides),
            Kind::Call(call) => self.call(node, call),
            _ => {
                Err(EvaluationError::new(ErrorKind::Internal, "the expression cannot be evaluated", node.span.clone()))
            }
        }
    }

    /// As a CEL value.
    fn value(&mut self, node: &'s Node) -> Result<Value, EvaluationError> {
        let operand = self.operand(node)?;
        self.read(operand).map_err(|refusal| at(node, refusal))
    }

    fn read(&mut self, operand: Operand<'s>) -> Result<Value, Refusal> {
        match operand {
            Operand::Data(data) => data.to_value(&mut self.meter),
            Operand::Value(value) => Ok(value),
        }
    }

    fn result(&mut self, result: Operand<'s>) -> Result<Json, Refusal> {
        match result {
            Operand::Data(data) => data.to_json(&mut self.meter),
            Operand::Value(value) => {
                measure(&value, &mut self.meter)?;
                to_json(&value)
            }
        }
    }

    /// As a bool, which it has to be.
    fn truth(&mut self, node: &'s Node) -> Result<bool, EvaluationError> {
        match self.operand(node)? {
            Operand::Value(Value::Bool(value)) | Operand::Data(Data::Json(&Json::Bool(value))) => Ok(value),
            other => {
                let value = self.read(other).map_err(|refusal| at(node, refusal))?;
                let message = format!("`{}` is {}, not a bool", self.text(node), type_of(&value));
                Err(at(node, Refusal::r#type(message)))
            }
        }
    }

    /// The source of a node, for messages.
    fn text(&self, node: &Node) -> &'s str {
        const LONGEST: usize = 80;
        match self.source.get(node.span.clone()) {
            Some(text) if text.len() <= LONGEST => text,
            _ => "the expression",
        }
    }

    fn name(&mut self, node: &Node, name: &str) -> Evaluated<'s> {
        let scope = self.scope;
        if let Some(found) = scope.get(name) {
            return Ok(Operand::Data(Data::of(found)));
        }
        if let Some(r#type) = functions::type_named(name) {
            return Ok(Operand::Value(r#type));
        }
        let mut message = format!("unknown name `{name}`");
        if let Some(meant) = closest(name, scope.names()) {
            message.push_str(&format!("; did you mean `{meant}`?"));
        }
        Err(at(node, Refusal::new(ErrorKind::NoSuchName, message)))
    }

    fn local(&self, node: &Node, local: usize) -> Evaluated<'s> {
        self.locals
            .get(local)
            .cloned()
            .ok_or_else(|| EvaluationError::new(ErrorKind::Internal, "a loop variable has no value", node.span.clone()))
    }

    fn conditional(&mut self, parts: &'s [Node; 3]) -> Evaluated<'s> {
        let [condition, then, otherwise] = parts;
        if self.truth(condition)? { self.operand(then) } else { self.operand(otherwise) }
    }

    /// `&&` and `||`: `decides` is what either side settles it with, even beside an error of the other.
    fn logic(&mut self, sides: &'s [Node; 2], decides: bool) -> Result<Value, EvaluationError> {
        let [left, right] = sides;
        let left = self.truth(left);
        match &left {
            Ok(value) if *value == decides => return left.map(Value::Bool),
            Err(error) if is_final(error) => return left.map(Value::Bool),
            _ => {}
        }
        let right = self.truth(right)?;
        if right == decides {
            return Ok(Value::Bool(right));
        }
        left.map(Value::Bool)
    }

    fn list(&mut self, node: &'s Node, elements: &'s [Element]) -> Result<Value, EvaluationError> {
        let mut items = Vec::with_capacity(elements.len());
        for element in elements {
            let value = self.value(&element.value)?;
            items.extend(kept(value, element.optional));
        }
        self.made(node, Value::from(items))
    }

    fn map(&mut self, node: &'s Node, entries: &'s [Entry]) -> Result<Value, EvaluationError> {
        let mut map = HashMap::with_capacity(entries.len());
        for entry in entries {
            let key = self.value(&entry.key)?;
            let key: Key = key.try_into().map_err(|value: Value| {
                let message = format!("{} is no key of a map", type_of(&value));
                at(&entry.key, Refusal::r#type(message))
            })?;
            let value = self.value(&entry.value)?;
            let Some(value) = kept(value, entry.optional) else {
                continue;
            };
            if map.insert(key, value).is_some() {
                let message = format!("the key `{}` is there twice", self.text(&entry.key));
                return Err(at(&entry.key, Refusal::failed(message)));
            }
        }
        self.made(node, Value::Map(Map { map: map.into() }))
    }

    /// A value that was just put together, within its bounds.
    fn made(&mut self, node: &Node, value: Value) -> Result<Value, EvaluationError> {
        measure(&value, &mut self.meter).map_err(|refusal| at(node, refusal))?;
        Ok(value)
    }

    fn binary(&mut self, node: &'s Node, operator: Binary, sides: &'s [Node; 2]) -> Result<Value, EvaluationError> {
        let [left, right] = sides;
        if operator == Binary::In {
            return self.contains(node, left, right).map(Value::Bool);
        }
        let left = self.value(left)?;
        let right = self.value(right)?;
        self.operate(operator, left, right).map_err(|refusal| at(node, refusal))
    }

    fn operate(&mut self, operator: Binary, a: Value, b: Value) -> Result<Value, Refusal> {
        let meter = &mut self.meter;
        let truth = match operator {
            Binary::Equal => operators::equal(meter, &a, &b)?,
            Binary::NotEqual => !operators::equal(meter, &a, &b)?,
            Binary::Less => operators::compare(meter, operator, &a, &b)?.is_lt(),
            Binary::LessOrEqual => operators::compare(meter, operator, &a, &b)?.is_le(),
            Binary::Greater => operators::compare(meter, operator, &a, &b)?.is_gt(),
            Binary::GreaterOrEqual => operators::compare(meter, operator, &a, &b)?.is_ge(),
            _ => return operators::arithmetic(meter, operator, a, b),
        };
        Ok(Value::Bool(truth))
    }

    fn call(&mut self, node: &'s Node, call: &'s Call) -> Result<Value, EvaluationError> {
        let mut values = Vec::with_capacity(call.arguments.len() + 1);
        for value in call.target.iter().chain(&call.arguments) {
            values.push(self.value(value)?);
        }
        functions::invoke(&mut self.meter, &call.function, call.target.is_some(), &values)
            .map_err(|refusal| at(node, refusal))
    }
}

/// A value as an element or entry; one with `?` is what the optional holds, if anything.
fn kept(value: Value, optional_element: bool) -> Option<Value> {
    match &value {
        Value::Opaque(opaque) if optional_element => match optional(opaque) {
            Some(inner) => inner.cloned(),
            None => Some(value),
        },
        _ => Some(value),
    }
}
