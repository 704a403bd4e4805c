//! Expressions, bare and in texts.

use serde_json::Value;
use sluice_engine::{MAX_DEPTH, nests_at_most};
use sluice_expr::{Diagnostic, Expression, Reference, Template, Type, check_value, value_names};

use super::{Check, Mistake, Place, unseen::Unseen, view::View};
use crate::{Code, PipelineSpec, sight::Moment};

impl Check<'_> {
    /// Checks an expression, and returns it when nothing is wrong with it.
    pub(super) fn expression(
        &mut self,
        source: &str,
        view: &View<'_>,
        expected: &Type,
        path: &str,
    ) -> Option<Expression> {
        match Expression::compile(source) {
            Err(diagnostic) => {
                self.diagnostic(diagnostic, None, path.to_owned());
                None
            }
            Ok(expression) => {
                let found = expression.check(&view.names, expected);
                let is_right = found.is_empty();
                for diagnostic in found {
                    let unseen = self.unseen(&diagnostic, expression.names().iter(), view);
                    self.diagnostic(diagnostic, unseen, path.to_owned());
                }
                is_right.then_some(expression)
            }
        }
    }

    /// Checks a text with `${{ }}` in it, and returns it when nothing is wrong with it.
    pub(super) fn text(&mut self, source: &str, view: &View<'_>, path: &str) -> Option<Template> {
        match Template::parse(source) {
            Err(diagnostic) => {
                self.diagnostic(diagnostic, None, path.to_owned());
                None
            }
            Ok(template) => {
                let (found, read) = (template.check(&view.names), template.names());
                let is_right = found.is_empty();
                for diagnostic in found {
                    let unseen = self.unseen(&diagnostic, read.iter(), view);
                    self.diagnostic(diagnostic, unseen, path.to_owned());
                }
                is_right.then_some(template)
            }
        }
    }

    /// Checks a value with `${{ }}` in its texts. Its fields are named after `prefix`.
    pub(super) fn value(&mut self, value: &Value, view: &View<'_>, prefix: &str) {
        if !nests_at_most(value, MAX_DEPTH) {
            let message = format!("it nests deeper than {MAX_DEPTH} levels");
            let help = "flatten it, or write the inner part as a text".to_owned();
            return self.mistake(Code::InvalidValue, prefix.to_owned(), message, help);
        }
        let found = check_value(value, &view.names);
        if found.is_empty() {
            return;
        }
        let read = value_names(value);
        for located in found {
            let of_it = read.iter().filter(|reference| reference.path == located.path);
            let unseen = self.unseen(&located.what, of_it.map(|reference| &reference.what), view);
            self.diagnostic(located.what, unseen, format!("{prefix}.{}", located.path));
        }
    }

    pub(super) fn outputs(&mut self, spec: &PipelineSpec) {
        if spec.outputs.is_empty() {
            return;
        }
        let view = View::at(self.outline, Moment::RunEnds);
        self.value(&Value::Object(spec.outputs.clone()), &view, "spec.outputs");
    }

    /// What to say instead of a diagnostic about something that exists, but is not seen here.
    fn unseen<'r>(
        &self,
        diagnostic: &Diagnostic,
        mut references: impl Iterator<Item = &'r Reference>,
        view: &View<'_>,
    ) -> Option<Unseen> {
        let is_in = |reference: &&Reference| {
            reference.span.start <= diagnostic.span.start && diagnostic.span.end <= reference.span.end
        };
        Unseen::of(self.outline, view, references.find(is_in)?)
    }

    fn diagnostic(&mut self, diagnostic: Diagnostic, unseen: Option<Unseen>, path: String) {
        let Diagnostic { code, message, span, line, column, help } = diagnostic;
        let place = Some(Place { span, line, column });
        self.mistakes.push(match unseen {
            None => Mistake { code: code.into(), path, place, message, help },
            Some(Unseen { is_too_early, message, help }) => {
                let code = if is_too_early { Code::TooEarly } else { code.into() };
                Mistake { code, path, place, message, help: Some(help) }
            }
        });
    }
}
