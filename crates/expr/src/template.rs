//! Text with `${{ CEL }}` in it.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use crate::bounds::MAX_VALUE_BYTES;
use crate::lexical::expression_len;
use crate::{Code, Diagnostic, ErrorKind, EvaluationError, Expression, Names, Reference, Scope, Type};

const OPEN: &str = "${{";
const CLOSE: &str = "}}";
/// What is written for [`OPEN`] as text.
const ESCAPED: &str = "$${{";

/// Whether a text may have `${{ }}` in it, and so says what it is only once it is rendered. An escaped one counts, too.
pub fn may_interpolate(text: &str) -> bool {
    text.contains(OPEN)
}

/// Text with `${{ CEL }}` in it, compiled. Cloning is cheap.
///
/// - A text that is exactly one `${{ }}` renders to the value itself, of any type. White space inside the braces does
///   not count; any character outside of them does.
/// - Any other text renders to a string: strings as they are, numbers and booleans written plainly, timestamps and
///   durations in their usual form. Null, lists and maps have no form inside a text and are an error.
/// - `$${{` is a literal `${{`. A `$` anywhere else is a `$`.
/// - A `}}` inside a CEL string, map literal or comment does not end the interpolation.
///
/// ```
/// use serde_json::json;
/// use sluice_expr::{Scope, Template};
///
/// let params = json!({"replicas": 2});
/// let scope = Scope::new().with("params", &params);
/// let render = |text| Template::parse(text).and_then(|t| Ok(t.render(&scope).unwrap()));
/// assert_eq!(render("${{ params.replicas + 1 }}")?, json!(3));
/// assert_eq!(render("${{ params.replicas }} replicas")?, json!("2 replicas"));
/// assert_eq!(render("$${{ params }}")?, json!("${{ params }}"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: Arc<str>,
    parts: Arc<[Part]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Interpolation {
        expression: Expression,
        /// With its braces.
        span: Range<usize>,
        /// Where the source of the expression starts.
        offset: usize,
    },
}

impl Template {
    /// Finds and compiles every `${{ }}` of a text.
    ///
    /// # Errors
    ///
    /// The first `${{` without `}}`, or the first expression that does not compile. Spans are of the whole text.
    pub fn parse(text: &str) -> Result<Self, Diagnostic> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut at = 0;
        while let Some(found) = text[at..].find(OPEN) {
            let start = at + found;
            if found > 0 && text[..start].ends_with('$') {
                literal.push_str(&text[at..start - 1]);
                literal.push_str(OPEN);
                at = start + OPEN.len();
                continue;
            }
            literal.push_str(&text[at..start]);
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            let (part, end) = interpolation(text, start)?;
            parts.push(part);
            at = end;
        }
        literal.push_str(&text[at..]);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self { text: text.into(), parts: parts.into() })
    }

    /// The text as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.text
    }

    /// Whether there is nothing to evaluate in it.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.parts.iter().all(|p| matches!(p, Part::Literal(_)))
    }

    /// Everything known to be wrong with it; spans are of the whole text.
    #[must_use]
    pub fn check(&self, names: &Names) -> Vec<Diagnostic> {
        let alone = self.alone().is_some();
        let mut found = Vec::new();
        for part in self.parts.iter() {
            let Part::Interpolation { expression, span, offset } = part else {
                continue;
            };
            let of_part = expression.check(names, &Type::Any);
            let actual = expression.result_type(names);
            if of_part.is_empty() && !alone && !has_form(&actual) {
                let message = format!("{actual} has no form inside a text");
                let help = "name a member of it, or write nothing around the `${{ }}` to keep the value as it is";
                found.push(Diagnostic::new(Code::TypeMismatch, message, &self.text, span.clone()).with_help(help));
            }
            let moved = of_part.into_iter().map(|d| d.moved_into(&self.text, *offset));
            found.extend(moved);
        }
        found
    }

    /// The type of what it renders to as far as it is known.
    #[must_use]
    pub fn result_type(&self, names: &Names) -> Type {
        match self.alone() {
            Some(Part::Interpolation { expression, .. }) => expression.result_type(names),
            _ => Type::String,
        }
    }

    /// What its expressions read; spans are of the whole text.
    #[must_use]
    pub fn names(&self) -> Vec<Reference> {
        let mut found = Vec::new();
        for part in self.parts.iter() {
            if let Part::Interpolation { expression, offset, .. } = part {
                found.extend(expression.names().iter().map(|reference| Reference {
                    path: reference.path.clone(),
                    span: reference.span.start + offset..reference.span.end + offset,
                }));
            }
        }
        found
    }

    /// Renders it.
    ///
    /// # Errors
    ///
    /// The first expression that fails, a null, list or map inside a longer text, or a text that grows too long.
    /// Spans are of the whole text.
    pub fn render(&self, scope: &Scope<'_>) -> Result<Value, EvaluationError> {
        if let Some(Part::Interpolation { expression, offset, .. }) = self.alone() {
            return expression.evaluate(scope).map_err(|error| error.moved_by(*offset));
        }
        let mut text = String::new();
        for part in self.parts.iter() {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Interpolation { expression, span, offset } => {
                    let value = expression.evaluate(scope).map_err(|error| error.moved_by(*offset))?;
                    text.push_str(&plain(&value, expression, span)?);
                }
            }
            if text.len() > self.text.len().max(MAX_VALUE_BYTES) {
                return Err(EvaluationError::new(
                    ErrorKind::Limit,
                    format!("the text grows longer than {MAX_VALUE_BYTES} bytes"),
                    0..self.text.len(),
                ));
            }
        }
        Ok(Value::String(text))
    }

    /// The one interpolation that the text is, if it is one.
    fn alone(&self) -> Option<&Part> {
        match &*self.parts {
            [part @ Part::Interpolation { .. }] => Some(part),
            _ => None,
        }
    }
}

/// The interpolation at `start`, and where it ends.
fn interpolation(text: &str, start: usize) -> Result<(Part, usize), Diagnostic> {
    let inside = start + OPEN.len();
    let Some(len) = expression_len(&text[inside..]) else {
        return Err(Diagnostic::new(Code::UnclosedInterpolation, "`${{` has no `}}`", text, start..inside)
            .with_help(format!("write `{ESCAPED}` for a `{OPEN}` that is text")));
    };
    let source = &text[inside..inside + len];
    let offset = inside + (source.len() - source.trim_start().len());
    let end = inside + len + CLOSE.len();
    let span = start..end;
    if source.trim().is_empty() {
        return Err(Diagnostic::new(Code::Syntax, "the expression is empty", text, span));
    }
    let expression = Expression::compile(source.trim()).map_err(|d| d.moved_into(text, offset))?;
    let part = Part::Interpolation { expression, span, offset };
    Ok((part, end))
}

/// A value inside a longer text.
fn plain(value: &Value, expression: &Expression, span: &Range<usize>) -> Result<String, EvaluationError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(EvaluationError::new(
            ErrorKind::Type,
            format!("`{}` is {}, which has no form inside a text", expression.source(), Type::of(value)),
            span.clone(),
        )),
    }
}

/// Whether values of a type can stand inside a text.
fn has_form(actual: &Type) -> bool {
    !matches!(actual, Type::Null | Type::List(_) | Type::Map(_) | Type::Object(_) | Type::Open(_))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    fn check(text: &str, expected: Expect) {
        let params = json!({"version": "1.4.2", "n": 2, "none": null, "tags": ["a"], "on": true, "f": 1.5});
        let scope = Scope::new().with("params", &params);
        let said = match Template::parse(text).map(|template| template.render(&scope)) {
            Ok(Ok(value)) => value.to_string(),
            Ok(Err(error)) => format!("{:?} at `{}`: {error}", error.kind, &text[error.span.clone()]),
            Err(found) => format!("[{}] `{}`: {found}", found.code, &text[found.span.clone()]),
        };
        expected.assert_eq(&said);
    }

    #[test]
    fn text_around_values_is_text() {
        check("web:${{ params.version }}", expect![[r#""web:1.4.2""#]]);
        check("${{ params.n }}${{params.on}} ${{ params.f }}", expect![[r#""2true 1.5""#]]);
        check("for ${{ duration('90s') }}", expect![[r#""for 90s""#]]);
        check(" ${{ params.n }}", expect![[r#"" 2""#]]);
        check("", expect![[r#""""#]]);
        check("é ${{ 'é' + \"}}\" }} é", expect![[r#""é é}} é""#]]);
    }

    #[test]
    fn a_value_alone_keeps_its_type() {
        check("${{ params.n }}", expect!["2"]);
        check("${{params.tags}}", expect![[r#"["a"]"#]]);
        check("${{\n  params.none\n}}", expect!["null"]);
        check("${{ {'a': {'b': params.n}} }}", expect![[r#"{"a":{"b":2}}"#]]);
        check("${{ {'a': {'b': params.n}}}}", expect![[r#"{"a":{"b":2}}"#]]);
    }

    #[test]
    fn dollars_are_text() {
        check("$${{ params.n }}", expect![[r#""${{ params.n }}""#]]);
        check("a$${{ }} ${{ params.n }} $5 $$ ${x} $", expect![[r#""a${{ }} 2 $5 $$ ${x} $""#]]);
        check("${{ params.n }}$${{", expect![[r#""2${{""#]]);
        check("}} {{ x }}", expect![[r#""}} {{ x }}""#]]);
    }

    #[test]
    fn what_has_no_form_in_a_text_is_an_error() {
        check(
            "a ${{ params.none }}",
            expect!["Type at `${{ params.none }}`: `params.none` is null, which has no form inside a text"],
        );
        check(
            "${{ params.tags }} b",
            expect!["Type at `${{ params.tags }}`: `params.tags` is a list, which has no form inside a text"],
        );
    }

    #[test]
    fn errors_stand_where_they_are_in_the_whole_text() {
        check(
            "é: ${{ params.verion }}",
            expect!["NoSuchKey at `verion`: no such key `verion` in params; did you mean `version`?"],
        );
        check(
            "a ${{ params.n",
            expect!["[unclosed-interpolation] `${{`: `${{` has no `}}`; write `$${{` for a `${{` that is text"],
        );
        check("a ${{ params.n + }} b", expect!["[syntax] ``: the expression ends too early"]);
        check("a ${{  }} b", expect!["[syntax] `${{  }}`: the expression is empty"]);
        let text = "\n a ${{ param.n }} ${{ params.tags }}";
        let names = Names::new().with("params", Type::object([("tags", Type::list(Type::String))]));
        let template = Template::parse(text).unwrap();
        let found = template.check(&names);
        let said: Vec<String> =
            found.iter().map(|d| format!("{}:{} `{}`: {d}", d.line, d.column, &text[d.span.clone()])).collect();
        expect![[r#"
            2:8 `param`: unknown name `param`; did you mean `params`?
            2:19 `${{ params.tags }}`: a list has no form inside a text; name a member of it, or write nothing around the `${{ }}` to keep the value as it is"#]]
        .assert_eq(&said.join("\n"));
        assert_eq!(&text[template.names()[0].span.clone()], "param.n");
    }
}
