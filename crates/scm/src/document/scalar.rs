//! What a YAML scalar means to kubectl: YAML 1.1 as Go's `yaml.v2` reads it, and then JSON as Go writes it.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Number, Value};

/// A scalar before it became JSON.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    /// More than an `i64` holds.
    Uint(u64),
    Float(f64),
    Text(String),
}

/// A scalar that has no meaning; the text says why.
pub(super) type Refusal = String;

/// What a scalar without quotes and with this tag, if any, means.
pub(super) fn resolve(tag: Option<&str>, text: &str) -> Result<Scalar, Refusal> {
    let Some(tag) = tag else { return Ok(plain(text)) };
    let kind = tag.strip_prefix("tag:yaml.org,2002:").unwrap_or(tag);
    let value = match kind {
        "str" => return Ok(Scalar::Text(text.to_owned())),
        "binary" => return binary(text),
        "bool" | "int" | "float" | "null" | "timestamp" => plain(text),
        // Anything else, such as `!secret`, is a string.
        _ => return Ok(Scalar::Text(text.to_owned())),
    };
    match (kind, value) {
        ("bool", value @ Scalar::Bool(_)) => Ok(value),
        ("int", value @ (Scalar::Int(_) | Scalar::Uint(_))) => Ok(value),
        ("float", Scalar::Int(value)) => Ok(Scalar::Float(value as f64)),
        ("float", value @ Scalar::Float(_)) => Ok(value),
        ("null", Scalar::Null) => Ok(Scalar::Null),
        ("timestamp", Scalar::Text(text)) if text.starts_with(|first: char| first.is_ascii_digit()) => {
            Ok(Scalar::Text(text))
        }
        _ => Err(format!("`{text}` is no {kind}, as its tag says")),
    }
}

fn binary(text: &str) -> Result<Scalar, Refusal> {
    let text: String = text.chars().filter(|char| !matches!(char, '\n' | '\r')).collect();
    let bytes = BASE64_STANDARD.decode(text).map_err(|_| "`!!binary` is followed by no base64".to_owned())?;
    Ok(Scalar::Text(String::from_utf8_lossy(&bytes).into_owned()))
}

/// What a scalar without quotes and tag means.
fn plain(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Scalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Scalar::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
        _ => number(text).unwrap_or_else(|| Scalar::Text(text.to_owned())),
    }
}

fn number(text: &str) -> Option<Scalar> {
    match text.bytes().next()? {
        b'.' => float(&without_separators(text)?),
        b'0'..=b'9' | b'+' | b'-' if !is_time(text) => {
            let text = text.replace('_', "");
            integer(&text).or_else(|| float(&text)).or_else(|| odd_binary(&text))
        }
        _ => None,
    }
}

/// Without underscores, if each stands between two digits.
fn without_separators(text: &str) -> Option<String> {
    let fits = text.split('_').collect::<Vec<_>>().windows(2).all(|pair| {
        pair[0].ends_with(|char: char| char.is_ascii_digit()) && pair[1].starts_with(|char: char| char.is_ascii_digit())
    });
    fits.then(|| text.replace('_', ""))
}

/// `2026-1-2` and all that follows such a date is text; only a tag would make it a time.
fn is_time(text: &str) -> bool {
    text.len() > 4 && text.as_bytes()[4] == b'-' && text.bytes().take(4).all(|byte| byte.is_ascii_digit())
}

/// Go's integers of any base: `0x1f`, `0o17`, `017`, `0b11`, each with a sign.
fn integer(text: &str) -> Option<Scalar> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        _ if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    match (negative, i64::try_from(magnitude)) {
        (false, Ok(value)) => Some(Scalar::Int(value)),
        (true, Ok(value)) => Some(Scalar::Int(-value)),
        (true, Err(_)) => (magnitude == i64::MIN.unsigned_abs()).then_some(Scalar::Int(i64::MIN)),
        // Go reads no sign before what only an unsigned integer holds.
        (false, Err(_)) => (!text.starts_with('+')).then_some(Scalar::Uint(magnitude)),
    }
}

fn float(text: &str) -> Option<Scalar> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", fraction)) => is_digits(fraction),
        Some((whole, fraction)) => is_digits(whole) && (fraction.is_empty() || is_digits(fraction)),
        None => is_digits(mantissa),
    };
    if !mantissa_fits || !exponent.is_none_or(is_digits) {
        return None;
    }
    text.parse::<f64>().ok().filter(|value| value.is_finite()).map(Scalar::Float)
}

/// `0b-1`: an oddity of yaml.v2.
fn odd_binary(text: &str) -> Option<Scalar> {
    let digits = text.strip_prefix("0b")?;
    i64::from_str_radix(digits, 2).ok().map(Scalar::Int)
}

impl Scalar {
    /// The JSON that kubectl sends.
    pub(super) fn into_json(self) -> Result<Value, Refusal> {
        match self {
            Self::Null => Ok(Value::Null),
            Self::Bool(value) => Ok(Value::Bool(value)),
            Self::Int(value) => Ok(Value::from(value)),
            Self::Uint(value) => json_float(value as f64),
            Self::Float(value) => json_float(value),
            Self::Text(text) => Ok(Value::String(text)),
        }
    }

    /// The key of an object that it becomes.
    pub(super) fn into_key(self) -> Result<String, Refusal> {
        match self {
            Self::Bool(value) => Ok(value.to_string()),
            Self::Int(value) => Ok(value.to_string()),
            Self::Float(value) => Ok(float_key(value)),
            Self::Text(text) => Ok(text),
            Self::Null => Err("a key is missing, or null".to_owned()),
            Self::Uint(value) => Err(format!("the key `{value}` is too large a number; quote it")),
        }
    }
}

/// A number as it is after Go has written it and read it again: `1.0` and `1e3` are integers.
pub(super) fn json_float(value: f64) -> Result<Value, Refusal> {
    /// From here on Go writes an exponent, and what has one stays a float.
    const EXPONENT: f64 = 1e21;
    if value.fract() == 0.0 && value.abs() < EXPONENT {
        // Exact: both are powers of two.
        let fits = (i64::MIN as f64..-(i64::MIN as f64)).contains(&value);
        if fits {
            return Ok(Value::from(value as i64));
        }
    }
    Number::from_f64(value).map(Value::Number).ok_or_else(|| "JSON has no number that is infinite or none".to_owned())
}

/// As Go writes a 32-bit float in its shortest form.
#[allow(clippy::cast_possible_truncation, reason = "kubectl does the same")]
fn float_key(value: f64) -> String {
    /// Where Go changes to an exponent, with the shortest form asked for.
    const LARGE: i32 = 6;
    if !value.is_finite() {
        let word = if value.is_nan() { ".nan" } else { ".inf" };
        return if value < 0.0 { format!("-{word}") } else { word.to_owned() };
    }
    let value = value as f32;
    let scientific = format!("{value:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..LARGE).contains(&exponent) {
        return value.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}
