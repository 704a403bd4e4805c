//! What a scalar means, and how a value is written.
//!
//! A plain scalar is judged by YAML 1.2's core schema and by YAML 1.1 as `kubectl` (go-yaml) and PyYAML read it. Where
//! they differ it means nothing certain: it equals no value, and no string is written that way.

use granit_parser::ScalarStyle;
use serde_json::{Number, Value};

/// The value of a plain scalar, `None` where readers disagree or JSON has no such value (`.nan`).
pub(super) fn plain_value(text: &str) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Value::Null),
        "true" | "True" | "TRUE" => return Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Value::Bool(false)),
        // The merge key, and YAML 1.1's default value.
        "<<" | "=" => return None,
        _ => {}
    }
    const YAML_1_1_BOOLEANS: [&str; 6] = ["y", "n", "yes", "no", "on", "off"];
    const NOT_FINITE: [&str; 4] = [".nan", ".inf", "+.inf", "-.inf"];
    // Wider than any schema: `yEs` is a string to all, and quoted all the same.
    let lower = text.to_ascii_lowercase();
    let words = ["true", "false", "null"];
    if YAML_1_1_BOOLEANS.iter().chain(&NOT_FINITE).chain(&words).any(|word| *word == lower) {
        return None;
    }
    if let Some(value) = agreed_number(text) {
        return Some(value);
    }
    if looks_like_number(text) || looks_like_time(text) { None } else { Some(Value::String(text.to_owned())) }
}

/// The value of what is no string in a valid JSON file.
pub(super) fn json_value(text: &str) -> Option<Value> {
    match text {
        "null" => Some(Value::Null),
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        _ => {
            let int = text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
            // Not by serde_json: it rounds.
            int.ok().or_else(|| text.parse::<f64>().ok().and_then(Number::from_f64)).map(Value::Number)
        }
    }
}

/// A decimal number in the form that all readers take for the same number.
fn agreed_number(text: &str) -> Option<Value> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if is_digits(digits) {
        let leading_zero = digits.len() > 1 && digits.starts_with('0');
        let signed = text.strip_prefix('+').unwrap_or(text);
        let number = signed.parse::<i64>().map(Number::from).or_else(|_| signed.parse::<u64>().map(Number::from));
        return number.ok().filter(|_| !leading_zero).map(Value::Number);
    }
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    let (whole, fraction) = mantissa.split_once('.')?;
    // YAML 1.1 wants a sign in the exponent.
    let exponent_ok = exponent.is_none_or(|e| e.strip_prefix(['+', '-']).is_some_and(is_digits));
    let mantissa_ok = is_digits(whole) && (fraction.is_empty() || is_digits(fraction));
    if !mantissa_ok || !exponent_ok {
        return None;
    }
    text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number)
}

/// Whether some reader may take it for a number: signs, underscores, bases, exponents, base 60.
fn looks_like_number(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let all = |s: &str, fits: fn(char) -> bool| !s.is_empty() && s.chars().all(fits);
    let lower = text.to_ascii_lowercase();
    if let Some(rest) = lower.strip_prefix("0x") {
        return all(rest, |c| c.is_ascii_hexdigit() || matches!(c, '_' | '.' | 'p' | '+' | '-'));
    }
    if let Some(rest) = lower.strip_prefix("0b").or_else(|| lower.strip_prefix("0o")) {
        return all(rest, |c| c.is_ascii_digit() || c == '_');
    }
    let (mantissa, exponent) = lower.split_once('e').map_or((lower.as_str(), None), |(m, e)| (m, Some(e)));
    let exponent_fits =
        exponent.is_none_or(|e| all(e.strip_prefix(['+', '-']).unwrap_or(e), |c| c.is_ascii_digit() || c == '_'));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut base_60 = whole.split(':');
    // Ruby takes commas as it takes underscores.
    let first = base_60.next().unwrap_or_default().chars().all(|c| c.is_ascii_digit() || matches!(c, '_' | ','));
    let minute = |s: &str| all(s, |c| c.is_ascii_digit()) && (s.len() == 1 || s.len() == 2 && s.as_bytes()[0] <= b'5');
    mantissa.bytes().any(|b| b.is_ascii_digit())
        && exponent_fits
        && first
        && base_60.all(minute)
        && fraction.chars().all(|c| c.is_ascii_digit() || c == '_')
}

/// Whether it begins as a YAML 1.1 timestamp does: `2026-01-01`, alone or with a time.
fn looks_like_time(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let digits = |s: Option<&str>, lens: std::ops::RangeInclusive<usize>| {
        s.is_some_and(|s| lens.contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit()))
    };
    let (year, month, rest) = (parts.next(), parts.next(), parts.next().unwrap_or_default());
    let day = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let after = rest[day..].chars().next();
    digits(year, 4..=4)
        && digits(month, 1..=2)
        && (1..=2).contains(&day)
        && matches!(after, None | Some('T' | 't' | ' ' | '\t'))
}

/// Whether a string may be written plain and is read as that string by all.
fn is_safe_plain(text: &str, place: Place) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let second = text.chars().nth(1);
    let first_ok = match first {
        '-' => second.is_some_and(|c| c.is_alphanumeric()),
        '?' | ':' | ',' | '[' | ']' | '{' | '}' | '#' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => {
            false
        }
        _ => true,
    };
    let blank_end = text.starts_with([' ', '\t']) || text.ends_with([' ', '\t']);
    let comment = text.contains(" #") || text.contains("\t#");
    let colon = text.contains(": ") || text.contains(":\t") || text.ends_with(':');
    // Old libyaml, and with it go-yaml, stops at any `:` and `?` of a plain scalar in a flow collection.
    let flow = place.flow && (text.contains(['[', ']', '{', '}', ',', '?']) || (text.contains(':') && !place.colons));
    let marker = text.starts_with("---") || text.starts_with("...");
    first_ok
        && !blank_end
        && !comment
        && !colon
        && !flow
        && !marker
        && text.chars().all(is_printable)
        && plain_value(text).is_some_and(|value| value.is_string())
}

/// Printable in YAML on one line.
fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Where a value is written.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    /// In a flow collection.
    pub(super) flow: bool,
    /// A plain scalar with colons stands there already.
    pub(super) colons: bool,
    /// The file is JSON.
    pub(super) json: bool,
}

/// The bytes of a value in the style of what it replaces, `None` for a list or an object.
pub(super) fn render(value: &Value, old: ScalarStyle, place: Place) -> Option<String> {
    match value {
        Value::String(text) => Some(render_string(text, old, place)),
        Value::Null => Some("null".into()),
        Value::Bool(_) => Some(value.to_string()),
        Value::Number(number) => Some(render_number(number)),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// A string in the style of what it replaces, if that can hold it.
pub(super) fn render_string(text: &str, old: ScalarStyle, place: Place) -> String {
    let one_line = text.chars().all(is_printable);
    match old {
        _ if place.json => double_quoted(text),
        ScalarStyle::SingleQuoted if one_line => single_quoted(text),
        ScalarStyle::Plain if is_safe_plain(text, place) => text.to_owned(),
        ScalarStyle::Plain if one_line && text.contains(['"', '\\']) => single_quoted(text),
        _ => double_quoted(text),
    }
}

fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// With the escapes that JSON and YAML share.
fn double_quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if is_printable(c) => quoted.push(c),
            // All that is not printable is below U+10000.
            c => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

/// A number that JSON, YAML 1.1 and YAML 1.2 read alike: `1e30` is a string to YAML 1.1.
fn render_number(number: &Number) -> String {
    let text = number.to_string();
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with(['-', '+']) { "" } else { "+" };
    format!("{mantissa}{point}e{sign}{exponent}")
}

/// Whether two values are the same in value and type; `1` and `1.0` are not.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_f64(), b.as_f64()) {
            (Some(x), Some(y)) if a.is_f64() && b.is_f64() => x == y,
            _ => a == b,
        },
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plain(value: Value) -> String {
        render(&value, ScalarStyle::Plain, Place::default()).unwrap()
    }

    #[test]
    fn a_string_stays_plain_where_everyone_reads_it_as_that_string() {
        for text in [
            "web",
            "registry.example/web:1.10",
            "1.4.2",
            "v1.10",
            "a b",
            "a#b",
            "a:b",
            "-Xmx1g",
            "127.0.0.1",
            "grün",
            "日本",
            "it's",
            "say \"x\"",
            "a, b",
            "[",
            "1 2",
            "nope",
            "8080:80",
            "e3",
            "1e",
            "0xg",
            "infinity",
            "2026-1",
            "2026-01-01x",
            "sha256:0123",
            "a[0]",
            "${x}",
            "./x",
            "/etc",
            "=x",
            "<",
            "yesterday",
            "1.2.3-rc.1+b",
            "a\\b",
        ] {
            let quoted = text.starts_with('[');
            assert_eq!(plain(json!(text)) == text, !quoted, "{text}");
        }
    }

    #[test]
    fn a_string_is_quoted_where_its_plain_form_would_be_something_else() {
        for text in [
            "",
            "1.10",
            "1",
            "-1",
            "+1",
            "0777",
            "0o17",
            "0x1F",
            "0b1",
            "1_000",
            "1e3",
            "1E3",
            "12e5",
            "4e12345",
            ".5",
            "5.",
            "1:30",
            "1:30:00.5",
            "yes",
            "No",
            "ON",
            "off",
            "y",
            "N",
            "true",
            "False",
            "null",
            "~",
            "Null",
            "NULL",
            ".nan",
            ".Inf",
            "-.inf",
            "2026-01-01",
            "2026-1-1",
            "2026-01-01T00:00:00Z",
            "2026-01-01 00:00:00",
            "<<",
            "=",
            " x",
            "x ",
            "a #b",
            "a: b",
            "a:",
            "#x",
            "&x",
            "*x",
            "!x",
            "|",
            ">",
            "@x",
            "`x",
            "%x",
            "- x",
            "-",
            "?x",
            ":x",
            "{x",
            "}x",
            "]x",
            ",x",
            "\"x",
            "'x",
            "---",
            "--- x",
            "...",
            "a\nb",
            "a\tb",
            "a\rb",
            "\u{feff}",
            "a\u{7f}",
            "a\u{85}b",
            "\u{2028}",
            "\0",
            "123456789012345678901234567890",
            "1,000",
            "0.1e+3",
            "1e+3",
            "089",
            "0_1",
            "tRue",
        ] {
            assert_ne!(plain(json!(text)), text, "{text:?}");
        }
    }

    #[test]
    fn in_a_flow_collection_more_is_quoted() {
        let flow = Place { flow: true, ..Place::default() };
        for text in ["a,b", "a[0]", "x}", "a:b", "a?b"] {
            assert_ne!(render_string(text, ScalarStyle::Plain, flow), text, "{text}");
        }
        let colons = Place { colons: true, ..flow };
        assert_eq!(render_string("web:2", ScalarStyle::Plain, colons), "web:2");
    }

    #[test]
    fn quotes_are_kept() {
        let place = Place::default();
        assert_eq!(render_string("it's", ScalarStyle::SingleQuoted, place), "'it''s'");
        assert_eq!(render_string("x", ScalarStyle::DoubleQuoted, place), "\"x\"");
        assert_eq!(render_string("a\nb", ScalarStyle::SingleQuoted, place), "\"a\\nb\"");
        assert_eq!(
            render_string("a\"\\ \u{1}\u{85}ü😀", ScalarStyle::DoubleQuoted, place),
            "\"a\\\"\\\\ \\u0001\\u0085ü😀\""
        );
        assert_eq!(render_string("\"yes\": 1", ScalarStyle::Plain, place), "'\"yes\": 1'");
    }

    #[test]
    fn numbers_and_booleans_are_never_quoted() {
        assert_eq!(plain(json!(3)), "3");
        assert_eq!(plain(json!(-1.5)), "-1.5");
        assert_eq!(plain(json!(1e30)), "1.0e+30");
        assert_eq!(plain(json!(1e-7)), "1.0e-7");
        assert_eq!(plain(json!(1.0)), "1.0");
        assert_eq!(plain(json!(u64::MAX)), "18446744073709551615");
        assert_eq!(plain(json!(true)), "true");
        assert_eq!(render(&json!(null), ScalarStyle::DoubleQuoted, Place::default()).unwrap(), "null");
        assert_eq!(render(&json!([]), ScalarStyle::Plain, Place::default()), None);
    }

    #[test]
    fn what_readers_disagree_about_has_no_value() {
        for text in ["yes", "0777", "0o17", "1e3", "1:30", "1_000", "2026-01-01", ".nan", "<<", "007", "0x1F", ".5"] {
            assert_eq!(plain_value(text), None, "{text}");
        }
        assert_eq!(plain_value("1.10"), Some(json!(1.1)));
        assert_eq!(plain_value("5."), Some(json!(5.0)));
        assert_eq!(plain_value("+7"), Some(json!(7)));
        assert_eq!(plain_value("-0"), Some(json!(0)));
        assert_eq!(plain_value(""), Some(Value::Null));
    }

    #[test]
    fn one_is_not_one_point_zero() {
        assert!(same(&json!(1), &json!(1)) && same(&json!(0.0), &json!(-0.0)));
        assert!(!same(&json!(1), &json!(1.0)) && !same(&json!(1), &json!("1")) && !same(&json!(true), &json!("true")));
    }
}
