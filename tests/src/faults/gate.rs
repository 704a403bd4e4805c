//! Numbers the writes and decides which of them meets its fault. No I/O.

use std::collections::BTreeMap;

use hyper::{Method, StatusCode};

use super::{Position, Write};

/// What happens at a write.
pub(super) enum Fault {
    /// The process is killed.
    Kill(Box<dyn Fn() + Send + Sync>),
    /// The caller gets this status instead of the answer.
    Answer(StatusCode),
}

/// The state that all connections share.
pub(super) struct Gate {
    pub(super) counts: fn(&Method, &str) -> bool,
    pub(super) writes: Vec<Write>,
    pub(super) faults: BTreeMap<usize, (Position, Fault)>,
    /// The process is being killed: nothing of it passes any more.
    pub(super) dying: bool,
    /// How often it was killed; connections of an earlier life are dead.
    pub(super) life: u64,
}

/// What to do with a write.
pub(super) enum Entry {
    /// Pass it on, as number so and so.
    Pass(usize, Option<(Position, Fault)>),
    /// Its sender is dead or dying.
    Refuse,
}

impl Gate {
    pub(super) fn new(counts: fn(&Method, &str) -> bool) -> Self {
        Self { counts, writes: Vec::new(), faults: BTreeMap::new(), dying: false, life: 0 }
    }

    /// A write arrives on a connection of a life.
    pub(super) fn enter(&mut self, mut write: Write, life: u64) -> Entry {
        if self.dying || life != self.life {
            return Entry::Refuse;
        }
        let number = self.writes.len() + 1;
        write.number = number;
        self.writes.push(write);
        let fault = self.faults.remove(&number);
        // From here on: nothing that the process does while it waits for its end shall pass.
        self.dying = matches!(fault, Some((_, Fault::Kill(_))));
        Entry::Pass(number, fault)
    }

    /// The upstream answered.
    pub(super) fn answered(&mut self, number: usize, status: StatusCode) {
        // The log may have been cleared meanwhile.
        if let Some(write) = self.writes.get_mut(number.wrapping_sub(1)) {
            write.status = Some(status.as_u16());
        }
    }

    /// The process is dead.
    pub(super) fn died(&mut self) {
        self.dying = false;
        self.life += 1;
    }
}
