//! What an example tells of its runs in the comments above them: `# Ends as PHASE[, REASON: MESSAGE]`, and `# Hooks: ` with
//! every hook that runs, in order.

use std::path::{Path, PathBuf};

use serde_json::Value;
use sluice_tests::paths;

/// An example of the flow or of hooks.
pub(super) struct Example {
    pub(super) file: PathBuf,
    pub(super) text: String,
    pub(super) runs: Vec<Told>,
}

/// What it tells of one run.
pub(super) struct Told {
    pub(super) run: String,
    phase: String,
    /// Its reason, and how its message begins.
    why: Option<(String, String)>,
    hooks: Option<String>,
}

/// How an end begins that comes once somebody aborts the run.
const ASKED_FOR: &str = "Aborted once";

/// Those of these directories under `examples/`.
pub(super) fn examples(directories: &[&str]) -> Vec<Example> {
    let is_there = |file: &PathBuf| {
        directories.iter().any(|directory| file.parent().is_some_and(|parent| parent.ends_with(directory)))
    };
    super::all().into_iter().filter(is_there).map(|file| Example::read(&file)).collect()
}

/// The one of this name.
pub(super) fn example(name: &str) -> Example {
    Example::read(&paths::workspace().join("examples").join(name))
}

impl Example {
    fn read(file: &Path) -> Self {
        let text = super::read(file);
        let runs: Vec<Told> = text.split("\n---\n").filter_map(Told::of).collect();
        assert!(!runs.is_empty(), "{} has no run", file.display());
        Self { file: file.to_owned(), text, runs }
    }

    /// Whether it has a step of this type.
    pub(super) fn has(&self, step_type: &str) -> bool {
        let (in_block, in_line) = (format!(" {step_type}:\n"), format!(" {step_type}: {{"));
        self.text.contains(&in_block) || self.text.contains(&in_line)
    }

    /// Whether somebody has to abort a run of it.
    pub(super) fn is_aborted(&self) -> bool {
        self.runs.iter().any(|run| run.phase.starts_with(ASKED_FOR))
    }
}

impl Told {
    /// What a manifest tells, if it is a run's.
    fn of(manifest: &str) -> Option<Self> {
        let name = manifest.split_once("kind: PipelineRun\nmetadata: {name: ")?.1.split_once('}')?.0;
        let comment = |start: &str| {
            let mut lines = manifest.lines().filter_map(|line| line.strip_prefix(start));
            lines.next().map(|line| line.trim_end_matches('.').to_owned())
        };
        let end = comment("# Ends as ").unwrap_or_else(|| panic!("run {name} does not say how it ends"));
        let (phase, why) = match end.split_once(", ") {
            Some((phase, why)) => (phase.to_owned(), why.split_once(": ").map(|(a, b)| (a.to_owned(), b.to_owned()))),
            None => (end, None),
        };
        Some(Self { run: name.to_owned(), phase, why, hooks: comment("# Hooks: ") })
    }

    /// Asserts that a run which has ended did so as it was told.
    pub(super) fn assert(&self, run: &Value) {
        let status = &run["status"];
        let phase = if self.phase.starts_with(ASKED_FOR) { "Aborted" } else { &*self.phase };
        assert_eq!(status["phase"], phase, "{}: {status:#}", self.run);
        if let Some((reason, message)) = &self.why {
            let said = status["ending"]["message"].as_str().unwrap_or_default();
            assert_eq!(status["ending"]["reason"], **reason, "{}: {status:#}", self.run);
            assert!(said.starts_with(message), "{}: {said}", self.run);
        }
        if let Some(told) = &self.hooks {
            let hooks = status["hooks"].as_array().into_iter().flatten();
            let text = |hook: &Value, member: &str| hook[member].as_str().unwrap_or_default().to_owned();
            let ran: Vec<String> =
                hooks.map(|hook| format!("{} {}", text(hook, "event"), text(hook, "hook"))).collect();
            assert_eq!(ran.join(", "), *told, "{}: {status:#}", self.run);
        }
        let hooks = status["hooks"].as_array().into_iter().flatten();
        hooks.for_each(|hook| assert_eq!(hook["phase"], "Succeeded", "{}: {status:#}", self.run));
    }
}
