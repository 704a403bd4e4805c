//! CEL's list extension, and what Kubernetes adds to it: `sum`, `min`, `max`, `isSorted`. `sortBy` is a loop; see
//! [`crate::syntax::LoopKind`].

use std::cmp::Ordering;

use cel::Value;

use super::List;
use super::Run::{Cel, Guarded, Here};
use crate::convert::measure;
use crate::meter::{Meter, Refusal};
use crate::operators;
use crate::syntax::Binary;

pub(super) const FUNCTIONS: List = &[
    ("lists.range(int) -> list<int>", Guarded(range)),
    ("list<T>.slice(int, int) -> list<T>", Cel),
    ("list.flatten() -> list", Cel),
    ("list.flatten(int) -> list", Cel),
    ("list<T>.distinct() -> list<T>", Guarded(each_with_each)),
    ("list<T>.reverse() -> list<T>", Cel),
    ("list<T>.sort() -> list<T>", Guarded(sort)),
    ("list<T>.min() -> T", Here(min)),
    ("list<T>.max() -> T", Here(max)),
    ("list<T>.sum() -> any", Here(sum)),
    ("list.isSorted() -> bool", Here(is_sorted)),
];

fn range(meter: &mut Meter, values: &[Value]) -> Result<(), Refusal> {
    match values {
        [Value::Int(n)] => meter.allow(usize::try_from(*n).unwrap_or(0).saturating_mul(16)),
        _ => Ok(()),
    }
}

fn each_with_each(meter: &mut Meter, values: &[Value]) -> Result<(), Refusal> {
    match values {
        [list @ Value::List(items)] => {
            let bytes = measure(list, meter)?;
            meter.charge_product(items.len(), bytes)
        }
        _ => Ok(()),
    }
}

fn sort(meter: &mut Meter, values: &[Value]) -> Result<(), Refusal> {
    match values {
        [list @ Value::List(items)] => {
            let bytes = measure(list, meter)?;
            let passes = items.len().checked_ilog2().unwrap_or(0) as usize + 2;
            meter.charge_product(passes, bytes)
        }
        _ => Ok(()),
    }
}

fn items(values: &[Value]) -> &[Value] {
    match values {
        [Value::List(items)] => items,
        _ => &[],
    }
}

/// The first element that no other is on the `wanted` side of.
fn extreme(meter: &mut Meter, values: &[Value], wanted: Ordering) -> Result<Value, Refusal> {
    let mut items = items(values).iter();
    let mut best =
        items.next().ok_or_else(|| Refusal::failed("an empty list has neither a least nor a greatest element"))?;
    for item in items {
        if operators::compare(meter, Binary::Less, item, best)? == wanted {
            best = item;
        }
    }
    Ok(best.clone())
}

fn min(meter: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    extreme(meter, values, Ordering::Less)
}

fn max(meter: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    extreme(meter, values, Ordering::Greater)
}

/// Of numbers or durations; 0 for an empty list.
fn sum(meter: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    let mut items = items(values).iter();
    let mut total = match items.next() {
        Some(first @ (Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Duration(_))) => first.clone(),
        Some(_) => return Err(Refusal::r#type("only numbers and durations have a sum")),
        None => return Ok(Value::Int(0)),
    };
    for item in items {
        total = operators::arithmetic(meter, Binary::Add, total, item.clone())?;
    }
    Ok(total)
}

fn is_sorted(meter: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    for pair in items(values).windows(2) {
        if let [a, b] = pair
            && operators::compare(meter, Binary::Less, a, b)? == Ordering::Greater
        {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}
