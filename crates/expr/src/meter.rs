//! Counts what an evaluation costs, and ends it.
//!
//! One step is one node visited or [`BYTES_PER_STEP`] bytes touched. Whatever is about to do work that grows with its
//! operands pays before it starts, so no single operation is longer than the budget either.

use std::time::Instant;

use crate::ErrorKind;
use crate::bounds::{DEADLINE, MAX_STEPS, MAX_VALUE_BYTES};

/// Bytes that cost as much as one node.
pub(crate) const BYTES_PER_STEP: usize = 16;
/// Steps between two looks at the clock: some microseconds' worth.
const STEPS_PER_LOOK: u64 = 256;

/// An operation that did not take place, and why; whoever knows the node adds where.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Operands of the wrong type.
    pub(crate) fn r#type(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Type, message)
    }

    /// Operands of the right type that do not work.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed, message)
    }

    /// A bound.
    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Limit, message)
    }
}

/// What is left of one evaluation.
#[derive(Debug)]
pub(crate) struct Meter {
    steps: u64,
    next_look: u64,
    deadline: Instant,
}

impl Meter {
    /// A full budget, from now on.
    pub(crate) fn start() -> Self {
        Self { steps: 0, next_look: STEPS_PER_LOOK, deadline: Instant::now() + DEADLINE }
    }

    /// Pays for `steps` before they are done.
    pub(crate) fn charge(&mut self, steps: u64) -> Result<(), Refusal> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > MAX_STEPS {
            return Err(Refusal::limit(format!("the expression takes more than {MAX_STEPS} steps")));
        }
        if self.steps >= self.next_look {
            self.next_look = self.steps + STEPS_PER_LOOK;
            if Instant::now() > self.deadline {
                return Err(Refusal::limit(format!("the expression takes longer than {} ms", DEADLINE.as_millis())));
            }
        }
        Ok(())
    }

    /// Pays for going over `bytes` once.
    pub(crate) fn charge_bytes(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.charge((bytes / BYTES_PER_STEP) as u64 + 1)
    }

    /// Pays for a pass over `bytes` for each of `times`.
    pub(crate) fn charge_product(&mut self, times: usize, bytes: usize) -> Result<(), Refusal> {
        self.charge_bytes(times.saturating_mul(bytes))
    }

    /// Pays for a value of `bytes` that is about to be made, if it may be that large.
    pub(crate) fn allow(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.check_size(bytes)?;
        self.charge_bytes(bytes)
    }

    /// Whether a value may have so many bytes.
    pub(crate) fn check_size(&self, bytes: usize) -> Result<(), Refusal> {
        if bytes > MAX_VALUE_BYTES {
            return Err(Refusal::limit(format!(
                "a value of {bytes} bytes is too large, {MAX_VALUE_BYTES} are allowed"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deadline_ends_what_the_steps_would_allow() {
        let mut meter = Meter { deadline: Instant::now(), ..Meter::start() };
        std::thread::sleep(std::time::Duration::from_millis(1));
        let ended = (0..=STEPS_PER_LOOK).find_map(|_| meter.charge(1).err());
        assert_eq!(ended.unwrap().message, "the expression takes longer than 100 ms");
    }

    #[test]
    fn steps_end_it() {
        let mut meter = Meter::start();
        assert_eq!(meter.charge(MAX_STEPS + 1).unwrap_err().kind, ErrorKind::Limit);
        assert_eq!(Meter::start().charge_product(usize::MAX, usize::MAX).unwrap_err().kind, ErrorKind::Limit);
    }
}
