//! Several things under way at once, and the one action that serves them all.

use jiff::Timestamp;

use super::earlier;
use crate::{Action, Task};

/// Collects the next actions of everything that is under way.
///
/// A move that needs nothing from outside, or only the driver itself, comes first and alone: it may change what the
/// others do next. What is to be performed is performed together. Otherwise all of them wait.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    first: Option<Action>,
    tasks: Vec<Task>,
    until: Option<Timestamp>,
    waits: bool,
}

impl Lanes {
    pub(super) fn add(&mut self, action: Action) {
        match action {
            Action::Perform(tasks) => self.tasks.extend(tasks),
            Action::Wait { until } => {
                self.waits = true;
                self.until = earlier(self.until, until);
            }
            action => {
                self.first.get_or_insert(action);
            }
        }
    }

    /// Whether a move was found, which makes looking any further pointless.
    pub(super) fn has_move(&self) -> bool {
        self.first.is_some()
    }

    /// Whether nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none() && self.tasks.is_empty() && !self.waits
    }

    pub(super) fn action(self) -> Action {
        match self.first {
            Some(action) => action,
            None if self.tasks.is_empty() => Action::Wait { until: self.until },
            None => Action::Perform(self.tasks),
        }
    }
}
