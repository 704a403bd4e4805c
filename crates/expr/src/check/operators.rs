//! Types of operators.

use super::Check;
use crate::operators::undefined;
use crate::syntax::{Binary, Node};
use crate::{Code, Type};

impl Check<'_> {
    pub(super) fn negate(&mut self, node: &Node, of: &Node) -> Type {
        let actual = self.infer(of);
        match actual {
            Type::Any | Type::Int | Type::Double | Type::Number => actual,
            other => {
                let message = format!("`-` is not defined for {other}");
                self.report(Code::TypeMismatch, message, &node.span);
                Type::Any
            }
        }
    }

    pub(super) fn binary(&mut self, node: &Node, operator: Binary, sides: &[Node; 2]) -> Type {
        let [left, right] = sides;
        let (a, b) = (self.infer(left), self.infer(right));
        match operator {
            Binary::Equal | Binary::NotEqual => {
                if !a.compares(&b) {
                    let always = match operator {
                        Binary::Equal => "false",
                        _ => "true",
                    };
                    let message = format!(
                        "`{}` is {a} and `{}` is {b}: `{}` is always {always}",
                        self.text(left),
                        self.text(right),
                        operator.symbol()
                    );
                    self.report(Code::TypeMismatch, message, &node.span);
                }
                Type::Bool
            }
            Binary::In => {
                self.contains(node, &a, &b);
                Type::Bool
            }
            Binary::Less | Binary::LessOrEqual | Binary::Greater | Binary::GreaterOrEqual => {
                if !has_order(&a, &b) {
                    self.report(Code::TypeMismatch, undefined(operator, &a, &b), &node.span);
                }
                Type::Bool
            }
            _ => self.arithmetic(node, operator, &a, &b),
        }
    }

    fn contains(&mut self, node: &Node, needle: &Type, haystack: &Type) {
        let message = match haystack {
            Type::Any => return,
            Type::List(element) if needle.compares(element) => return,
            Type::List(element) => format!("{needle} is never in a list whose elements are {element}"),
            Type::Map(_) if matches!(needle, Type::Any | Type::Bool | Type::String) => return,
            Type::Map(_) if needle.is_number() => return,
            Type::Object(_) | Type::Open(_) if Type::String.fits(needle) => return,
            other => undefined(Binary::In, needle, other),
        };
        self.report(Code::TypeMismatch, message, &node.span);
    }

    fn arithmetic(&mut self, node: &Node, operator: Binary, a: &Type, b: &Type) -> Type {
        let mut result: Option<Type> = None;
        for (left, right, type_of_result) in rows(operator) {
            if left.fits(a) && right.fits(b) {
                result = Some(match result {
                    Some(result) => result.join(type_of_result.clone()),
                    None => type_of_result.clone(),
                });
            }
        }
        match (result, a, b) {
            (Some(_), Type::List(a), Type::List(b)) => Type::list((**a).clone().join((**b).clone())),
            (Some(result), ..) => result,
            (None, ..) => {
                let mut message = undefined(operator, a, b);
                if a.is_number() && b.is_number() {
                    message.push_str("; convert one, such as with `double(...)`");
                } else if operator == Binary::Add && (*a == Type::String || *b == Type::String) {
                    message.push_str("; convert one with `string(...)`");
                }
                self.report(Code::TypeMismatch, message, &node.span);
                Type::Any
            }
        }
    }
}

fn has_order(a: &Type, b: &Type) -> bool {
    let ordered = |t: &Type| {
        t.is_number()
            || matches!(t, Type::Any | Type::String | Type::Bytes | Type::Bool | Type::Timestamp | Type::Duration)
    };
    ordered(a) && ordered(b) && (a.fits(b) || (a.is_number() && b.is_number()))
}

/// Left, right and result of an operator's overloads.
fn rows(operator: Binary) -> Vec<(Type, Type, Type)> {
    let same = |t: Type| (t.clone(), t.clone(), t);
    let mut rows = vec![same(Type::Int), same(Type::Uint)];
    if operator != Binary::Remainder {
        rows.push(same(Type::Double));
    }
    match operator {
        Binary::Add => rows.extend([
            same(Type::String),
            same(Type::Bytes),
            same(Type::list(Type::Any)),
            same(Type::Duration),
            (Type::Timestamp, Type::Duration, Type::Timestamp),
            (Type::Duration, Type::Timestamp, Type::Timestamp),
        ]),
        Binary::Subtract => rows.extend([
            same(Type::Duration),
            (Type::Timestamp, Type::Duration, Type::Timestamp),
            (Type::Timestamp, Type::Timestamp, Type::Duration),
        ]),
        _ => {}
    }
    rows
}
