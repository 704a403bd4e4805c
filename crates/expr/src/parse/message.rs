//! What the parser says, for people.

use cel::ParseErrors;

use crate::bounds::MAX_PARSE_DEPTH;
use crate::{Code, Diagnostic};

/// The first error of a failed parse.
pub(super) fn first(source: &str, errors: &ParseErrors) -> Diagnostic {
    // The grammar's own errors say where it went wrong; the others follow from them.
    let error = errors.errors.iter().find(|e| e.msg.starts_with("Syntax error: ")).or(errors.errors.first());
    let Some(error) = error else {
        return Diagnostic::new(Code::Syntax, "the expression is no CEL", source, 0..source.len());
    };
    if error.msg.contains("Recursion limit") {
        return Diagnostic::new(
            Code::TooComplex,
            format!("brackets, calls or conditionals are nested deeper than {MAX_PARSE_DEPTH}"),
            source,
            offset(source, error.pos)..source.len(),
        );
    }
    let start = offset(source, error.pos);
    let end = start + token_len(&source[start..]);
    let message = plain(&error.msg);
    let diagnostic = Diagnostic::new(Code::Syntax, message, source, start..end);
    match help(source, start) {
        Some(help) => diagnostic.with_help(help),
        None => diagnostic,
    }
}

/// The byte that a line and a column, both from 1 and in characters, stand for.
fn offset(source: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line - 1).unwrap_or(0);
    let column = usize::try_from(column - 1).unwrap_or(0);
    let line_start: usize = source.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = &source[line_start..];
    line_start + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at)
}

/// The length of the word, or the one character, that `rest` starts with.
fn token_len(rest: &str) -> usize {
    let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    match word {
        0 => rest.chars().next().map_or(0, char::len_utf8),
        word => word,
    }
}

/// ANTLR's words without the lists of token names.
fn plain(message: &str) -> String {
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    let quoted = |prefix: &str| {
        let rest = message.strip_prefix(prefix)?;
        let rest = rest.split(" expecting ").next().unwrap_or(rest);
        Some(rest.trim_matches('\'').trim().to_owned())
    };
    if let Some(text) = quoted("token recognition error at: ") {
        return match text.as_str() {
            t if t.len() > 1 && message.contains("''") => {
                "a string is not closed, or holds an unknown escape".to_owned()
            }
            t => format!("unexpected `{t}`"),
        };
    }
    for prefix in ["mismatched input ", "extraneous input ", "no viable alternative at input "] {
        if let Some(text) = quoted(prefix) {
            return match text.as_str() {
                "<EOF>" => "the expression ends too early".to_owned(),
                text => format!("unexpected `{text}`"),
            };
        }
    }
    if let Some(rest) = message.strip_prefix("missing ") {
        let token = rest.split(" at ").next().unwrap_or(rest);
        return format!("missing `{}`", token.trim_matches('\''));
    }
    if message.starts_with("error recovery attempt limit") {
        return "the expression is no CEL".to_owned();
    }
    message.to_owned()
}

/// Help for what people write who think of another language.
fn help(source: &str, at: usize) -> Option<&'static str> {
    let rest = &source[at..];
    let word = &rest[..token_len(rest)];
    match word {
        "and" => Some("write `&&`"),
        "or" => Some("write `||`"),
        "not" => Some("write `!`"),
        "=" => Some("write `==` to compare"),
        "&" => Some("write `&&`"),
        "|" => Some("write `||`"),
        "$" => Some("this is CEL already; write it without `${{ }}`"),
        _ if source.trim_start().starts_with("not ") => Some("write `!` for `not`"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::Expression;

    fn check(source: &str, expected: Expect) {
        let found = Expression::compile(source).unwrap_err();
        let span = &source[found.span.clone()];
        expected.assert_eq(&format!("[{}] {}:{} `{span}`: {found}", found.code, found.line, found.column));
    }

    #[test]
    fn syntax_errors_say_where_and_what() {
        check("a ==", expect!["[syntax] 1:5 ``: the expression ends too early"]);
        check("a = 1", expect!["[syntax] 1:3 `=`: unexpected `=`; write `==` to compare"]);
        check("a and b", expect!["[syntax] 1:3 `and`: unexpected `and`; write `&&`"]);
        check("not a", expect!["[syntax] 1:5 `a`: unexpected `a`; write `!` for `not`"]);
        check("'é' +\n 'abc", expect!["[syntax] 2:2 `'`: a string is not closed, or holds an unknown escape"]);
        check("[1, 2", expect!["[syntax] 1:6 ``: the expression ends too early"]);
        check("f(1))", expect!["[syntax] 1:5 `)`: unexpected `)`"]);
        check("a ? b", expect!["[syntax] 1:6 ``: the expression ends too early"]);
        check("#", expect!["[syntax] 1:1 `#`: unexpected `#`"]);
        check("  ", expect!["[syntax] 1:1 `  `: the expression is empty"]);
        check("if", expect!["[syntax] 1:1 `if`: reserved identifier: if"]);
        check("99999999999999999999", expect!["[syntax] 1:1 `99999999999999999999`: invalid int literal"]);
        check(
            "has(a)",
            expect![
                "[syntax] 1:5 `a`: `has` asks for a member, such as `has(a.b)`; use `a.?b.hasValue()` or `k in a` for anything else"
            ],
        );
        check("xs.all(1, true)", expect!["[syntax] 1:8 `1`: the first argument of a macro is a plain name"]);
        check("Foo{a: 1}", expect!["[syntax] 1:4 `{`: there are no message types; write a map"]);
        check("${{ a }}", expect!["[syntax] 1:1 `$`: unexpected `$`; this is CEL already; write it without `${{ }}`"]);
    }

    #[test]
    fn bounds_say_which() {
        check(
            &format!("{}1{}", "(".repeat(40), ")".repeat(40)),
            expect![
                "[too-complex] 1:34 `(((((((1))))))))))))))))))))))))))))))))))))))))`: brackets, calls or conditionals are nested deeper than 32"
            ],
        );
        check(
            "a.all(x, b.all(y, c.all(z, z)))",
            expect![
                "[too-complex] 1:24 `(`: loops are nested deeper than 2; compute parts of it in a step of their own"
            ],
        );
    }
}
