//! What a person, or a program, sees of a run while it goes on: a live tree on a terminal, plain lines elsewhere, or JSON.
//!
//! What is written here never stops a run: a reader that has gone away is passed over.

mod screen;

use std::{
    env,
    io::{self, IsTerminal, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use sluice_api::PipelineRunStatus;

use crate::{
    changes::{self, Change},
    printable,
    tree::{self, Commands, Look},
};
use screen::Screen;

/// How a run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// A tree that is redrawn in place; needs a terminal.
    Tree,
    /// One line for each thing that happens.
    Plain,
    /// One JSON object a line for each thing that happens, and at the end the whole status.
    Json,
}

/// Shows one run.
pub(crate) struct Output {
    format: Format,
    run: String,
    screen: Mutex<Screen>,
    /// Where the run is shown beside another one.
    beside: Option<Arc<Output>>,
}

/// One line of JSON.
#[derive(Serialize)]
struct JsonLine<'a, T> {
    time: Timestamp,
    run: &'a str,
    #[serde(flatten)]
    what: T,
}

impl Format {
    /// What is used unless it is said: the tree, where one can be drawn.
    pub(crate) fn suitable() -> Self {
        let is_dumb = env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        if io::stdout().is_terminal() && !is_dumb { Self::Tree } else { Self::Plain }
    }
}

impl Output {
    /// Shows the run of this name, which stands like this.
    pub(crate) fn new(format: Format, run: &str, status: Option<&PipelineRunStatus>) -> Self {
        Self {
            format,
            run: run.to_owned(),
            screen: Mutex::new(Screen::new(run, status.cloned().unwrap_or_default())),
            beside: None,
        }
    }

    /// Shows with the run what a person may type about it.
    pub(crate) fn with_commands(self, commands: Commands) -> Self {
        self.screen().commands = Some(commands);
        self
    }

    /// Shows a run beside another one: as lines that say which run they are about, above that one's tree.
    pub(crate) fn beside(other: &Arc<Self>, run: &str, status: Option<&PipelineRunStatus>) -> Self {
        Self { beside: Some(other.clone()), ..Self::new(other.format, run, status) }
    }

    /// The run has moved on.
    pub(crate) fn changed(&self, before: &PipelineRunStatus, after: &PipelineRunStatus) {
        self.screen().status = after.clone();
        match self.format {
            Format::Tree if self.beside.is_some() => {
                changes::between(before, after).iter().for_each(|change| self.line(&change.line()));
            }
            Format::Tree => self.screen().draw(),
            Format::Plain | Format::Json => changes::between(before, after).iter().for_each(|change| self.tell(change)),
        }
    }

    /// People's requests were answered. The tree shows what came of those that were obeyed.
    pub(crate) fn answered(&self, answers: &[Change]) {
        match self.format {
            Format::Tree => {
                answers.iter().filter(|answer| answer.is_ignored()).for_each(|answer| self.note(&answer.line()));
            }
            Format::Plain | Format::Json => answers.iter().for_each(|answer| self.tell(answer)),
        }
    }

    /// Time has passed, or the terminal has another size.
    pub(crate) fn refresh(&self) {
        if self.format == Format::Tree && self.beside.is_none() {
            self.screen().refresh();
        }
    }

    /// Something else worth a line.
    pub(crate) fn note(&self, text: &str) {
        match self.format {
            Format::Tree if self.beside.is_none() => self.screen().note(&printable::lines(text)),
            Format::Tree | Format::Plain => {
                printable::lines(text).lines().for_each(|line| self.line(&format!("note {line}")))
            }
            Format::Json => self.json(json!({"kind": "note", "message": text})),
        }
    }

    /// Whether a person can be asked something here.
    pub(crate) fn can_ask(&self) -> bool {
        self.beside.is_none() && self.format != Format::Json && io::stdin().is_terminal() && io::stdout().is_terminal()
    }

    /// Asks; the answer comes from standard input. Asking again replaces the question.
    pub(crate) fn ask(&self, question: &str) {
        match self.format {
            Format::Tree if self.beside.is_none() => self.screen().ask(question),
            Format::Tree | Format::Plain => self.line(question),
            Format::Json => {}
        }
    }

    /// The question needs no answer any more, or was answered: then the person's line end has moved the cursor on.
    pub(crate) fn asked(&self, is_answered: bool) {
        if self.format == Format::Tree && self.beside.is_none() {
            self.screen().asked(is_answered);
        }
    }

    /// The run has ended, or is left.
    pub(crate) fn end(&self) {
        match self.format {
            Format::Tree if self.beside.is_none() => self.screen().end(),
            Format::Tree | Format::Plain => {}
            Format::Json => {
                let status = self.screen().status.clone();
                self.json(json!({"kind": "status", "status": status}));
            }
        }
    }

    fn tell(&self, change: &Change) {
        match self.format {
            Format::Json => self.json(change),
            Format::Tree | Format::Plain => self.line(&change.line()),
        }
    }

    fn line(&self, line: &str) {
        let line = match &self.beside {
            Some(_) => format!("{}: {line}", self.run),
            None => line.to_owned(),
        };
        if let Some(other) = self.beside.as_ref().filter(|_| self.format == Format::Tree) {
            return other.note(&line);
        }
        print(&format!("{} {line}\n", changes::time(Timestamp::now())));
    }

    fn json(&self, what: impl Serialize) {
        let line = JsonLine { time: crate::local::now(), run: &self.run, what };
        if let Ok(text) = serde_json::to_string(&line) {
            print(&format!("{text}\n"));
        }
    }

    fn screen(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Prints to standard output. Whatever comes of it is none of a run's business.
pub(crate) fn print(text: &str) {
    let _ = write(text);
}

/// Writes to standard output what a command is there to write. A reader that has gone away has read what it wanted.
///
/// # Errors
///
/// What is not written for another reason, such as a full disk.
pub(crate) fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}

/// Prints a line to standard error.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// What standard output can show.
pub(crate) fn look() -> Look {
    let size = terminal_size::terminal_size_of(io::stdout());
    let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    Look {
        // What is not a terminal has no size: whoever reads it breaks the lines, or does not.
        width: size.map(|(width, _)| usize::from(width.0)),
        height: size.map(|(_, height)| usize::from(height.0)),
        has_colour: io::stdout().is_terminal() && !is_set("NO_COLOR"),
        is_unicode: is_unicode(),
    }
}

/// Whether the locale's characters are those of Unicode, by the order in which POSIX takes the variables.
fn is_unicode() -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| env::var(name).ok().filter(|text| !text.is_empty()));
    let locale = locale.unwrap_or_default().to_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// The whole tree of a run, for the end of a command.
pub(crate) fn whole_tree(run: &str, status: &PipelineRunStatus) -> String {
    let rows = tree::of_run(run, status, None, Timestamp::now());
    let lines = Look { height: None, ..look() }.draw(&rows);
    lines.iter().map(|line| format!("{line}\n")).collect()
}
