//! CEL's math extension.

use std::cmp::Ordering;

use cel::Value;

use super::List;
use super::Run::{Cel, Here};
use crate::meter::{Meter, Refusal};
use crate::operators;
use crate::syntax::Binary;

pub(super) const FUNCTIONS: List = &[
    ("math.greatest(any, ...) -> any", Here(greatest)),
    ("math.least(any, ...) -> any", Here(least)),
    ("math.ceil(double) -> double", Cel),
    ("math.floor(double) -> double", Cel),
    ("math.round(double) -> double", Cel),
    ("math.trunc(double) -> double", Cel),
    ("math.isInf(double) -> bool", Cel),
    ("math.isNaN(double) -> bool", Cel),
    ("math.isFinite(double) -> bool", Cel),
    ("math.abs(double) -> double", Cel),
    ("math.abs(int) -> int", Cel),
    ("math.abs(uint) -> uint", Cel),
    ("math.sign(double) -> double", Cel),
    ("math.sign(int) -> int", Cel),
    ("math.sign(uint) -> uint", Cel),
    ("math.sqrt(double) -> double", Cel),
    ("math.sqrt(int) -> double", Cel),
    ("math.sqrt(uint) -> double", Cel),
    ("math.bitAnd(int, int) -> int", Cel),
    ("math.bitAnd(uint, uint) -> uint", Cel),
    ("math.bitOr(int, int) -> int", Cel),
    ("math.bitOr(uint, uint) -> uint", Cel),
    ("math.bitXor(int, int) -> int", Cel),
    ("math.bitXor(uint, uint) -> uint", Cel),
    ("math.bitNot(int) -> int", Cel),
    ("math.bitNot(uint) -> uint", Cel),
    ("math.bitShiftLeft(int, int) -> int", Cel),
    ("math.bitShiftLeft(uint, int) -> uint", Cel),
    ("math.bitShiftRight(int, int) -> int", Cel),
    ("math.bitShiftRight(uint, int) -> uint", Cel),
];

/// The first of the numbers, or of the numbers in the one list, that none is on the `wanted` side of.
fn extreme(meter: &mut Meter, values: &[Value], wanted: Ordering) -> Result<Value, Refusal> {
    let numbers = match values {
        [Value::List(items)] => items.as_slice(),
        values => values,
    };
    let mut best: Option<&Value> = None;
    for number in numbers {
        if !matches!(number, Value::Int(_) | Value::UInt(_) | Value::Float(_)) {
            return Err(Refusal::r#type("`math.greatest` and `math.least` take numbers, or one list of them"));
        }
        let better = match best {
            Some(best) => operators::compare(meter, Binary::Less, number, best)? == wanted,
            None => true,
        };
        if better {
            best = Some(number);
        }
    }
    best.cloned().ok_or_else(|| Refusal::failed("an empty list has neither a least nor a greatest number"))
}

fn greatest(meter: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    extreme(meter, values, Ordering::Greater)
}

fn least(meter: &mut Meter, values: &[Value]) -> Result<Value, Refusal> {
    extreme(meter, values, Ordering::Less)
}
