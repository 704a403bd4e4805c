//! The ways through a flow, as data and as a Mermaid diagram.

use std::fmt::Write;

use serde::Serialize;

use super::Flow;
use super::elements::{Elements, Kind, Position};

/// One way from one place of a flow to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Transition {
    /// From where.
    pub from: Place,
    /// When it is taken.
    pub when: When,
    /// To where.
    pub to: Place,
}

/// A place of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Place {
    /// Before everything.
    Start,
    /// At a step, a wait, or the condition of a case or a loop: its names from the outermost group inwards, as in
    /// `deploy/createRequest`.
    At(String),
    /// Behind everything.
    End,
}

/// When a transition is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum When {
    /// At the beginning.
    Started,
    /// A step is done.
    Done,
    /// A wait is over.
    Over,
    /// A wait is not over.
    NotYet,
    /// A condition is true.
    Yes,
    /// A condition is false.
    No,
    /// Something failed, and a retry takes that up.
    Failed,
}

impl When {
    fn label(self) -> &'static str {
        match self {
            Self::Started | Self::Done | Self::Over => "",
            Self::NotYet => "not yet",
            Self::Yes => "yes",
            Self::No => "no",
            Self::Failed => "failed",
        }
    }
}

/// As [`Transition`], with elements in place of names.
struct Way {
    from: usize,
    when: When,
    to: Option<usize>,
}

impl<C, E> Elements<C, E> {
    /// Every way between two elements, or to the end, in the order of the elements they begin at.
    fn ways(&self) -> Vec<Way> {
        let mut ways = Vec::new();
        for from in 0..self.0.len() {
            // Counts lead nowhere else; enough of them are there for every group to take its own.
            let counts = vec![1; self.0.len()];
            let after = self.after(from, counts.clone()).map(|next| next.element);
            let inside = Some(self.enter_group(from, counts).element);
            let mut way = |when, to| ways.push(Way { from, when, to });
            match self.kind(from) {
                Kind::Group | Kind::Retry(_) => continue,
                Kind::Step(_) => way(When::Done, after),
                Kind::Wait(_) => {
                    way(When::Over, after);
                    way(When::NotYet, Some(from));
                }
                Kind::Case(_) => {
                    way(When::Yes, inside);
                    way(When::No, after);
                }
                Kind::Loop(_) => {
                    way(When::Yes, after);
                    way(When::No, inside);
                }
            }
            let at = Position { element: from, counts: vec![1; self.0.len()] };
            for (group, ..) in self.retries(&at) {
                way(When::Failed, Some(self.enter_group(group, Vec::new()).element));
            }
        }
        ways
    }
}

impl<C, E> Flow<C, E> {
    /// Every way through the flow, in its order.
    pub fn transitions(&self) -> Vec<Transition> {
        let place = |element| Place::At(self.elements.path(element));
        let first = self.elements.start().element;
        let start = Transition { from: Place::Start, when: When::Started, to: place(first) };
        let ways = self.elements.ways().into_iter().map(|Way { from, when, to }| Transition {
            from: place(from),
            when,
            to: to.map_or(Place::End, place),
        });
        std::iter::once(start).chain(ways).collect()
    }

    /// The flow as a [Mermaid](https://mermaid.js.org) flowchart: steps are boxes, waits are rounded, conditions are diamonds,
    /// groups are frames.
    pub fn mermaid(&self) -> String {
        let mut text = String::from("flowchart TD\n    start((\" \"))\n");
        self.nodes(&mut text, Some(0), 1);
        text.push_str("    finish(((\" \")))\n");
        // Writing to a string does not fail.
        _ = writeln!(text, "    start --> n{}", self.elements.start().element);
        for Way { from, when, to } in self.elements.ways() {
            let to = to.map_or_else(|| "finish".to_owned(), |to| format!("n{to}"));
            let arrow = if matches!(when, When::Failed | When::NotYet) { "-.->" } else { "-->" };
            _ = match when.label() {
                "" => writeln!(text, "    n{from} {arrow} {to}"),
                label => writeln!(text, "    n{from} {arrow}|{label}| {to}"),
            };
        }
        text
    }

    /// An element and what follows it in its group.
    fn nodes(&self, text: &mut String, first: Option<usize>, depth: usize) {
        let indent = "    ".repeat(depth);
        for index in std::iter::successors(first, |&it| self.elements.0[it].next) {
            let element = &self.elements.0[index];
            let name = escaped(&element.name);
            let node = match &element.kind {
                Kind::Step(_) => format!("n{index}[\"{name}\"]"),
                Kind::Wait(_) => format!("n{index}([\"{name}\"])"),
                Kind::Case(_) => format!("n{index}{{\"{name}?\"}}"),
                Kind::Loop(_) => format!("n{index}{{\"until {name}?\"}}"),
                Kind::Group | Kind::Retry(_) => String::new(),
            };
            if matches!(element.kind, Kind::Step(_) | Kind::Wait(_) | Kind::Case(_)) {
                _ = writeln!(text, "{indent}{node}");
            }
            if element.kind.is_group() {
                _ = writeln!(text, "{indent}subgraph g{index}[\"{name}\"]");
                self.nodes(text, element.first, depth + 1);
                if matches!(element.kind, Kind::Loop(_)) {
                    _ = writeln!(text, "{indent}    {node}");
                }
                _ = writeln!(text, "{indent}end");
            }
        }
    }
}

/// A name within the quotes of a diagram.
fn escaped(name: &str) -> String {
    name.chars().fold(String::new(), |mut text, character| {
        match character {
            '"' | '#' | '&' | '<' | '>' | '`' | '\\' => _ = write!(text, "#{};", u32::from(character)),
            _ => text.push(character),
        }
        text
    })
}
