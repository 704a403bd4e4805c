//! Quantities of resources, as Kubernetes writes them: `500m`, `1.5Gi`, `2e3`. Exact to a billionth; finer ones are
//! rounded away from zero, as Kubernetes does.

use std::cmp::Ordering;
use std::fmt;

use cel::Value;

use super::Run::Here;
use super::{List, Opaque};
use crate::meter::{Meter, Refusal};

pub(super) const FUNCTIONS: List = &[
    ("quantity(string) -> quantity", Here(parse)),
    ("isQuantity(string) -> bool", Here(is_quantity)),
    ("quantity.sign() -> int", Here(sign)),
    ("quantity.isInteger() -> bool", Here(is_integer)),
    ("quantity.asInteger() -> int", Here(as_integer)),
    ("quantity.asApproximateFloat() -> double", Here(as_float)),
    ("quantity.add(quantity) -> quantity", Here(add)),
    ("quantity.add(int) -> quantity", Here(add)),
    ("quantity.sub(quantity) -> quantity", Here(sub)),
    ("quantity.sub(int) -> quantity", Here(sub)),
    ("quantity.isGreaterThan(quantity) -> bool", Here(is_greater)),
    ("quantity.isLessThan(quantity) -> bool", Here(is_less)),
    ("quantity.compareTo(quantity) -> int", Here(compare_to)),
];

/// Units of the representation in one.
const SCALE: i128 = 1_000_000_000;

/// A quantity in billionths, with the text that it was written as.
#[derive(Clone, Debug)]
pub(crate) struct Quantity {
    billionths: i128,
    text: String,
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.billionths == other.billionths
    }
}

impl Eq for Quantity {}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Quantity {
    fn new(billionths: i128) -> Self {
        let whole = (billionths / SCALE).unsigned_abs();
        let fraction = (billionths % SCALE).unsigned_abs();
        let sign = if billionths < 0 { "-" } else { "" };
        let text = match fraction {
            0 => format!("{sign}{whole}"),
            _ => {
                let fraction = format!("{fraction:09}");
                format!("{sign}{whole}.{}", fraction.trim_end_matches('0'))
            }
        };
        Self { billionths, text }
    }

    /// `<sign?><digits>.<digits?><suffix?>`; none for anything else, and beyond 10^20.
    fn read(text: &str) -> Option<Self> {
        const LONGEST: usize = 64;
        if text.len() > LONGEST {
            return None;
        }
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(number_end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
            return None;
        }
        let digits: i128 = match format!("{whole}{fraction}").trim_start_matches('0') {
            "" => 0,
            digits => digits.parse().ok()?,
        };
        let decimals = u32::try_from(fraction.len()).ok()?;
        let (multiplier, divisor) = scale(suffix)?;
        let numerator = digits.checked_mul(multiplier)?;
        let divisor = divisor.checked_mul(10_i128.checked_pow(decimals)?)?;
        // Away from zero.
        let billionths = numerator.checked_add(divisor - 1)? / divisor;
        Some(Self { billionths: if negative { -billionths } else { billionths }, text: text.to_owned() })
    }
}

/// What the number before a suffix is multiplied with and divided by, to be in billionths.
fn scale(suffix: &str) -> Option<(i128, i128)> {
    let ten = |power: u32| 10_i128.pow(power) * SCALE;
    let two = |power: u32| (1_i128 << power) * SCALE;
    Some(match suffix {
        "n" => (1, 1),
        "u" => (1_000, 1),
        "m" => (1_000_000, 1),
        "" => (SCALE, 1),
        "k" => (ten(3), 1),
        "M" => (ten(6), 1),
        "G" => (ten(9), 1),
        "T" => (ten(12), 1),
        "P" => (ten(15), 1),
        "E" => (ten(18), 1),
        "Ki" => (two(10), 1),
        "Mi" => (two(20), 1),
        "Gi" => (two(30), 1),
        "Ti" => (two(40), 1),
        "Pi" => (two(50), 1),
        "Ei" => (two(60), 1),
        exponent => {
            let power: i32 = exponent.strip_prefix(['e', 'E'])?.parse().ok()?;
            match power {
                0..=18 => (ten(power.unsigned_abs()), 1),
                -18..0 => (SCALE, 10_i128.pow(power.unsigned_abs())),
                _ => return None,
            }
        }
    })
}

fn parse(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    let text = match values.first() {
        Some(Value::String(text)) => text.as_str(),
        _ => "",
    };
    match Quantity::read(text) {
        Some(quantity) => Ok(Opaque::Quantity(quantity).into_value()),
        None => {
            let text: String = text.chars().take(40).collect();
            Err(Refusal::failed(format!("`{text}` is no quantity; write it like `500m` or `1.5Gi`")))
        }
    }
}

fn is_quantity(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    Ok(Value::Bool(matches!(values, [Value::String(text)] if Quantity::read(text).is_some())))
}

fn billionths(values: &[Value], at: usize) -> Result<i128, Refusal> {
    match values.get(at) {
        Some(Value::Int(int)) => Ok(i128::from(*int) * SCALE),
        other => match other.and_then(Opaque::in_value) {
            Some(Opaque::Quantity(quantity)) => Ok(quantity.billionths),
            _ => Err(Refusal::r#type("the value is no quantity")),
        },
    }
}

fn sign(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    let sign = billionths(values, 0)?.signum();
    Ok(Value::Int(i64::try_from(sign).unwrap_or(0)))
}

fn integer(values: &[Value]) -> Result<Option<i64>, Refusal> {
    let billionths = billionths(values, 0)?;
    Ok(match billionths % SCALE {
        0 => i64::try_from(billionths / SCALE).ok(),
        _ => None,
    })
}

fn is_integer(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    Ok(Value::Bool(integer(values)?.is_some()))
}

fn as_integer(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    integer(values)?.map(Value::Int).ok_or_else(|| Refusal::failed("the quantity is no int; use `asApproximateFloat`"))
}

fn as_float(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    Ok(Value::Float(billionths(values, 0)? as f64 / SCALE as f64))
}

fn of(sum: Option<i128>) -> Result<Value, Refusal> {
    sum.map(|sum| Opaque::Quantity(Quantity::new(sum)).into_value())
        .ok_or_else(|| Refusal::failed("the quantity is too large"))
}

fn add(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    of(billionths(values, 0)?.checked_add(billionths(values, 1)?))
}

fn sub(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    of(billionths(values, 0)?.checked_sub(billionths(values, 1)?))
}

fn order(values: &[Value]) -> Result<Ordering, Refusal> {
    Ok(billionths(values, 0)?.cmp(&billionths(values, 1)?))
}

fn is_greater(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    Ok(Value::Bool(order(values)? == Ordering::Greater))
}

fn is_less(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    Ok(Value::Bool(order(values)? == Ordering::Less))
}

fn compare_to(_: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    Ok(Value::Int(order(values)? as i64))
}
