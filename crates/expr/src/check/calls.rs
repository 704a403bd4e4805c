//! Types of calls.

use super::{Check, literal};
use crate::functions::{self, Overloads};
use crate::meter::Meter;
use crate::syntax::{Call, LoopKind, Node};
use crate::{Code, Diagnostic, Type};

impl Check<'_> {
    pub(super) fn call(&mut self, node: &Node, call: &Call) -> Type {
        let name = call.function.as_str();
        if LoopKind::NAMES.contains(&name) {
            call.target.iter().for_each(|target| drop(self.infer(target)));
            let message = format!(
                "`{name}` is called on a list or a map with a name and an expression, such as `xs.{name}(x, x > 1)`"
            );
            self.report(Code::WrongArgumentCount, message, &call.function_span);
            return Type::Any;
        }
        let mut types = Vec::with_capacity(call.arguments.len() + 1);
        for value in call.target.iter().chain(&call.arguments) {
            types.push(self.infer(value));
        }
        let Some(overloads) = functions::find(name) else {
            self.unknown_function(call);
            return Type::Any;
        };
        let member = call.target.is_some();
        let of_style: Vec<_> =
            overloads.functions.iter().map(|f| &f.signature).filter(|s| s.receiver.is_some() == member).collect();
        if of_style.is_empty() {
            self.wrong_style(call, overloads);
            return Type::Any;
        }
        let fitting: Vec<Type> = of_style.iter().filter_map(|s| s.result(&types)).collect();
        if let Some(joined) = fitting.into_iter().reduce(Type::join) {
            self.try_literals(call);
            return joined;
        }
        let count = call.arguments.len();
        if !of_style.iter().any(|s| s.takes_count(count)) {
            let message = format!(
                "`{}` does not take {count} argument{}; there is {}",
                call.function,
                if count == 1 { "" } else { "s" },
                overloads.listed()
            );
            self.report(Code::WrongArgumentCount, message, &node.span);
        } else {
            let given: Vec<String> = types.iter().map(Type::to_string).collect();
            let message =
                format!("`{}` is not defined for {}; there is {}", call.function, given.join(", "), overloads.listed());
            self.report(Code::TypeMismatch, message, &node.span);
        }
        Type::Any
    }

    fn unknown_function(&mut self, call: &Call) {
        let name = call.function.as_str();
        let span = &call.function_span;
        let message = format!("unknown function `{name}`");
        if name == "now" {
            let diagnostic = Diagnostic::new(Code::UnknownFunction, message, self.source, span.clone());
            let help = "expressions read no clock, so that a run can be repeated; take the time from a variable";
            return self.found.push(diagnostic.with_help(help));
        }
        let candidates = functions::names().chain(LoopKind::NAMES.iter().copied());
        self.report_unknown(Code::UnknownFunction, message, span, name, candidates);
    }

    /// A known name that is called on a value and should not be, or the other way around.
    fn wrong_style(&mut self, call: &Call, overloads: &Overloads) {
        let how = match call.target {
            Some(_) => "is not called on a value",
            None => "is called on a value",
        };
        let message = format!("`{}` {how}; there is {}", call.function, overloads.listed());
        self.report(Code::UnknownFunction, message, &call.function_span);
    }

    /// Constants that can never work: they would fail at every evaluation.
    fn try_literals(&mut self, call: &Call) {
        let refused = match (call.function.as_str(), &call.target, call.arguments.as_slice()) {
            ("matches" | "find" | "findAll", Some(_), [pattern, ..]) | ("matches", None, [_, pattern]) => pattern
                .string_literal()
                .and_then(|pattern| functions::compile_regex(pattern).err())
                .map(|refusal| (pattern, refusal)),
            (name @ ("duration" | "timestamp" | "semver" | "quantity"), None, arguments @ [first, ..]) => {
                let values: Option<Vec<_>> = arguments.iter().map(|a| literal(a).cloned()).collect();
                values
                    .and_then(|values| functions::invoke(&mut Meter::start(), name, false, &values).err())
                    .map(|refusal| (first, refusal))
            }
            _ => None,
        };
        if let Some((node, refusal)) = refused {
            self.report(Code::InvalidLiteral, refusal.message, &node.span);
        }
    }
}
