//! CEL's operators on values.

use std::cmp::Ordering;
use std::sync::Arc;

use cel::{ExecutionError, Value};

use crate::convert::measure;
use crate::functions::type_of;
use crate::meter::{Meter, Refusal};
use crate::syntax::Binary;

/// `a == b`. Values of different types are not equal, but numbers of different kinds may be.
pub(crate) fn equal(meter: &mut Meter, a: &Value, b: &Value) -> Result<bool, Refusal> {
    match (a, b) {
        (Value::List(_) | Value::Map(_) | Value::Opaque(_), _) => {
            measure(a, meter)?;
            measure(b, meter)?;
        }
        (Value::String(a), Value::String(b)) => meter.charge_bytes(a.len().min(b.len()))?,
        _ => {}
    }
    Ok(a == b)
}

/// How `a` and `b` are ordered, for the operator `operator`.
pub(crate) fn compare(meter: &mut Meter, operator: Binary, a: &Value, b: &Value) -> Result<Ordering, Refusal> {
    match (a, b) {
        (Value::String(a), Value::String(b)) => meter.charge_bytes(a.len().min(b.len()))?,
        (Value::Bytes(a), Value::Bytes(b)) => meter.charge_bytes(a.len().min(b.len()))?,
        _ => meter.charge(1)?,
    }
    match order(a, b) {
        Some(order) => Ok(order),
        None if is_number(a) && is_number(b) => Err(Refusal::failed("NaN has no order")),
        None => Err(not_defined(operator, a, b)),
    }
}

/// How two values are ordered, if they are: numbers, or values of one type. Among values of one type that all have an
/// order with the first, it is a total order.
pub(crate) fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Timestamp(a), Value::Timestamp(b)) => Some(a.cmp(b)),
        (Value::Duration(a), Value::Duration(b)) => Some(a.cmp(b)),
        _ if is_number(a) && is_number(b) => a.partial_cmp(b),
        _ => None,
    }
}

fn is_number(value: &Value) -> bool {
    matches!(value, Value::Int(_) | Value::UInt(_) | Value::Float(_))
}

/// `a + b`, `a - b`, `a * b`, `a / b`, `a % b`.
pub(crate) fn arithmetic(meter: &mut Meter, operator: Binary, a: Value, b: Value) -> Result<Value, Refusal> {
    match (operator, &a, &b) {
        (Binary::Add, Value::String(a), Value::String(b)) => {
            meter.allow(a.len() + b.len())?;
            let mut sum = String::with_capacity(a.len() + b.len());
            sum.push_str(a);
            sum.push_str(b);
            return Ok(Value::String(Arc::new(sum)));
        }
        (Binary::Add, Value::Bytes(a), Value::Bytes(b)) => {
            meter.allow(a.len() + b.len())?;
            return Ok(Value::Bytes(Arc::new([a.as_slice(), b.as_slice()].concat())));
        }
        (Binary::Add, Value::List(_), Value::List(_)) => {
            let bytes = measure(&a, meter)? + measure(&b, meter)?;
            meter.allow(bytes)?;
        }
        _ => meter.charge(1)?,
    }
    let types = (type_of(&a), type_of(&b));
    let result = match operator {
        Binary::Add => a + b,
        Binary::Subtract => a - b,
        Binary::Multiply => a * b,
        Binary::Divide => a / b,
        Binary::Remainder => a % b,
        _ => return Err(not_defined(operator, &a, &b)),
    };
    result.map_err(|error| match error {
        ExecutionError::UnsupportedBinaryOperator(..) => Refusal::r#type(undefined(operator, &types.0, &types.1)),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => Refusal::failed("division by zero"),
        ExecutionError::Overflow(..) => Refusal::failed(format!("`{}` overflows", operator.symbol())),
        other => Refusal::failed(other.to_string()),
    })
}

/// `-a`
pub(crate) fn negate(a: &Value) -> Result<Value, Refusal> {
    match a {
        Value::Int(int) => int.checked_neg().map(Value::Int).ok_or_else(|| Refusal::failed("`-` overflows")),
        Value::Float(float) => Ok(Value::Float(-float)),
        other => Err(Refusal::r#type(format!("`-` is not defined for {}", type_of(other)))),
    }
}

/// An operator between two types that it is not defined for.
pub(crate) fn undefined(operator: Binary, a: &crate::Type, b: &crate::Type) -> String {
    format!("`{}` is not defined for {a} and {b}", operator.symbol())
}

fn not_defined(operator: Binary, a: &Value, b: &Value) -> Refusal {
    Refusal::r#type(undefined(operator, &type_of(a), &type_of(b)))
}
