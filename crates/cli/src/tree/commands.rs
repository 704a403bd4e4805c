//! The commands with which people answer a run in a cluster, to be pasted into a shell.

use sluice_engine::StageState;

use crate::{cluster, shell};

/// What is to be typed about one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Commands {
    program: String,
    run: String,
    /// Where the run is, as this command was told.
    options: String,
}

impl Commands {
    /// Those about a run, that reach its cluster as this command did.
    pub(crate) fn of(run: &str, options: &cluster::Options) -> Self {
        Self { program: shell::own_command(), run: shell::quoted(run), options: options.to_arguments() }
    }

    /// Approves this attempt of a stage, or of this item of it: pasted later, it approves no other one.
    pub(crate) fn approve(&self, stage: &StageState) -> String {
        let item = stage.item.as_ref().map(|item| format!(" --item {}", shell::quoted(item))).unwrap_or_default();
        self.command("approve", &format!(" {}{item} --attempt {}", shell::quoted(&stage.name), stage.attempt))
    }

    /// Ends a pause.
    pub(crate) fn resume(&self) -> String {
        self.command("resume", "")
    }

    /// Shows the run again.
    pub(crate) fn watch(&self) -> String {
        self.command("watch", "")
    }

    /// Ends the run.
    pub(crate) fn abort(&self) -> String {
        self.command("abort", "")
    }

    fn command(&self, verb: &str, rest: &str) -> String {
        let Self { program, run, options } = self;
        format!("{program} {verb} {run}{rest}{options}")
    }

    #[cfg(test)]
    pub(super) fn example() -> Self {
        Self { program: "sluice".to_owned(), run: "deploy-1".to_owned(), options: " -n shop".to_owned() }
    }
}
