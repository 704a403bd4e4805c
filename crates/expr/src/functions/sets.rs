//! Lists as sets, as Kubernetes defines it.

use cel::Value;

use super::List;
use super::Run::Here;
use crate::convert::measure;
use crate::meter::{Meter, Refusal};

pub(super) const FUNCTIONS: List = &[
    ("sets.contains(list, list) -> bool", Here(contains)),
    ("sets.equivalent(list, list) -> bool", Here(equivalent)),
    ("sets.intersects(list, list) -> bool", Here(intersects)),
];

/// Both lists, once comparing each element with each is paid for.
fn both<'a>(meter: &mut Meter, values: &'a [Value]) -> Result<[&'a [Value]; 2], Refusal> {
    let [first @ Value::List(a), second @ Value::List(b)] = values else {
        return Ok([&[], &[]]);
    };
    let bytes = measure(first, meter)?.max(measure(second, meter)?);
    meter.charge_product(a.len().max(b.len()), bytes)?;
    Ok([a, b])
}

fn has_all(a: &[Value], b: &[Value]) -> bool {
    b.iter().all(|item| a.contains(item))
}

fn contains(meter: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    let [a, b] = both(meter, values)?;
    Ok(Value::Bool(has_all(a, b)))
}

fn equivalent(meter: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    let [a, b] = both(meter, values)?;
    Ok(Value::Bool(has_all(a, b) && has_all(b, a)))
}

fn intersects(meter: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    let [a, b] = both(meter, values)?;
    Ok(Value::Bool(a.iter().any(|item| b.contains(item))))
}
