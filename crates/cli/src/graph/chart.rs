//! The text of a flowchart. Whatever a label says, it stays a label.

use std::fmt::Write;

use crate::printable;

/// Longer texts are cut: a diagram is an overview.
const MAX_TEXT: usize = 80;

/// What a node looks like.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// A step.
    Box,
    /// Something that waits, and where a run begins.
    Round,
    /// Another run.
    Child,
    /// A condition. A diamond would grow with its text.
    Condition,
    /// A list for each item of which something is done.
    Each,
    /// A place where ways part or meet.
    Point,
}

/// What an edge looks like.
#[derive(Clone, Copy, Debug)]
pub(super) enum Line {
    /// What comes next.
    Full,
    /// What happens only sometimes.
    Dotted,
}

/// A flowchart that is being written.
#[derive(Debug)]
pub(super) struct Chart {
    text: String,
    depth: usize,
}

impl Chart {
    pub(super) fn new() -> Self {
        Self { text: "flowchart TD\n".to_owned(), depth: 1 }
    }

    /// Begins a frame, around what follows until [`Chart::close`], one below the other or one beside the other.
    pub(super) fn open(&mut self, id: &str, title: &str, runs_down: bool) {
        self.line(&format!("subgraph {id}[\"{}\"]", label(title)));
        self.depth += 1;
        self.line(if runs_down { "direction TB" } else { "direction LR" });
    }

    pub(super) fn close(&mut self) {
        self.depth -= 1;
        self.line("end");
    }

    pub(super) fn node(&mut self, id: &str, shape: Shape, lines: &[&str]) {
        let (open, close) = match shape {
            Shape::Box => ("[", "]"),
            Shape::Round => ("([", "])"),
            Shape::Child => ("[[", "]]"),
            Shape::Condition => ("{{", "}}"),
            Shape::Each => ("[/", "/]"),
            Shape::Point => ("((", "))"),
        };
        let text = labels(lines);
        let text = if text.is_empty() { " ".to_owned() } else { text };
        self.line(&format!("{id}{open}\"{text}\"{close}"));
    }

    pub(super) fn edge(&mut self, line: Line, from: &str, to: &str, lines: &[&str]) {
        let arrow = match line {
            Line::Full => "-->",
            Line::Dotted => "-.->",
        };
        let text = labels(lines);
        let text = if text.is_empty() { text } else { format!("|\"{text}\"|") };
        self.line(&format!("{from} {arrow}{text} {to}"));
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    fn line(&mut self, line: &str) {
        let indent = "    ".repeat(self.depth);
        // Writing to a text cannot fail.
        _ = writeln!(self.text, "{indent}{line}");
    }
}

/// What something of this sort and name is called in the chart: no keyword, and nothing that ends a word.
pub(super) fn id(sort: &str, name: &str) -> String {
    let fits = |letter: char| if letter.is_ascii_alphanumeric() || letter == '_' { letter } else { '_' };
    format!("{sort}_{}", name.chars().map(fits).collect::<String>())
}

/// The lines within quotes; those that say nothing are left out.
fn labels(lines: &[&str]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| label(line)).filter(|line| !line.is_empty()).collect();
    lines.join("<br/>")
}

/// A text within quotes. Beside its quotes, Mermaid knows codes (`#35;`), directives (`%%{`), HTML, Markdown and icons
/// (`fa:`) there, so everything but plain letters is written as a code.
fn label(text: &str) -> String {
    let text = printable::line(text);
    let cut = text.char_indices().nth(MAX_TEXT).map(|(at, _)| format!("{}…", text[..at].trim_end()));
    cut.unwrap_or(text).chars().fold(String::new(), |mut label, letter| {
        match letter {
            _ if letter.is_alphanumeric() || " .,()='/?!+-…".contains(letter) => label.push(letter),
            _ => _ = write!(label, "#{};", u32::from(letter)),
        }
        label
    })
}
