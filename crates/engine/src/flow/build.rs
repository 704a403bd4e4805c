//! The builder of a flow, and the checks of what it has built.

use super::act::{Act, AnyAct};
use super::elements::{Element, Elements, Kind};
use super::{BuildError, Flow, Retry};

/// The steps of a flow, or of a group in it, in the order in which they are done.
#[must_use = "a flow is made by `build`"]
pub struct Builder<C, E> {
    name: String,
    nodes: Vec<Node<C, E>>,
}

struct Node<C, E> {
    name: String,
    kind: Kind<C, E>,
    nodes: Vec<Self>,
}

impl<C, E> Builder<C, E> {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), nodes: Vec::new() }
    }

    /// A step: it does something to the outside world. Each apply performs at most one.
    ///
    /// It is performed at least once: again when it fails, and when the process dies before the new state is saved. So it
    /// looks for what it may have done already, or gives the outside world a key (see [`State::position`](super::State::position)).
    pub fn step(self, name: &str, act: impl Act<C, Result<(), E>>) -> Self {
        self.leaf(name, Kind::Step(AnyAct::new(act)))
    }

    /// A wait: it is over once `over` says `true`, and never asked again then.
    pub fn wait_for(self, name: &str, over: impl Act<C, Result<bool, E>>) -> Self {
        self.leaf(name, Kind::Wait(AnyAct::new(over)))
    }

    /// A named group: a part of the flow that reads as one thing, with names of its own.
    pub fn steps(self, name: &str, group: impl FnOnce(Self) -> Self) -> Self {
        self.group(name, Kind::Group, group)
    }

    /// A group that is done only if `condition` says `true`. The answer is saved before anything is done on account of it.
    pub fn case(self, name: &str, condition: impl Act<C, Result<bool, E>>, group: impl FnOnce(Self) -> Self) -> Self {
        self.group(name, Kind::Case(AnyAct::new(condition)), group)
    }

    /// A group that is done again from its first step when something in it fails, as `retry` says. Of several around each
    /// other the innermost is asked first.
    pub fn retry(self, name: &str, retry: Retry<C, E>, group: impl FnOnce(Self) -> Self) -> Self {
        self.group(name, Kind::Retry(retry), group)
    }

    /// A group that is done once, and again from its first step until `condition` says `true` after it.
    pub fn loop_until(
        self,
        name: &str,
        condition: impl Act<C, Result<bool, E>>,
        group: impl FnOnce(Self) -> Self,
    ) -> Self {
        self.group(name, Kind::Loop(AnyAct::new(condition)), group)
    }

    /// The flow.
    ///
    /// # Errors
    /// When a name is missing, doubled or cannot be saved, or a group is empty; the error says which and where.
    pub fn build(self) -> Result<Flow<C, E>, BuildError> {
        let Self { name, nodes } = self;
        if name.is_empty() {
            return Err(BuildError::UnnamedFlow);
        }
        check(&format!("flow {name:?}"), "", &nodes)?;
        let mut elements = Vec::new();
        add(&mut elements, None, nodes);
        Ok(Flow { name, elements: Elements(elements) })
    }

    fn leaf(self, name: &str, kind: Kind<C, E>) -> Self {
        self.with(Node { name: name.to_owned(), kind, nodes: Vec::new() })
    }

    fn group(self, name: &str, kind: Kind<C, E>, group: impl FnOnce(Self) -> Self) -> Self {
        let Self { name: _, nodes } = group(Self::new(name));
        self.with(Node { name: name.to_owned(), kind, nodes })
    }

    fn with(mut self, node: Node<C, E>) -> Self {
        self.nodes.push(node);
        self
    }
}

/// Checks the names in one place, and in the groups there.
fn check<C, E>(within: &str, path: &str, nodes: &[Node<C, E>]) -> Result<(), BuildError> {
    let within = || within.to_owned();
    if nodes.is_empty() {
        return Err(BuildError::Empty { within: within() });
    }
    for (index, Node { name, kind, nodes: inner }) in nodes.iter().enumerate() {
        if name.is_empty() {
            return Err(BuildError::Unnamed { within: within() });
        }
        if let Some(character) = name.chars().find(|it| matches!(it, '/' | '[' | ']') || it.is_control()) {
            return Err(BuildError::Reserved { name: name.clone(), within: within(), character });
        }
        if nodes[..index].iter().any(|earlier| earlier.name == *name) {
            return Err(BuildError::Duplicate { name: name.clone(), within: within() });
        }
        if kind.is_group() {
            let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            check(&format!("group {path:?}"), &path, inner)?;
        }
    }
    Ok(())
}

/// Adds nodes behind each other, each before what is in it.
fn add<C, E>(elements: &mut Vec<Element<C, E>>, parent: Option<usize>, nodes: Vec<Node<C, E>>) {
    let mut before: Option<usize> = None;
    for Node { name, kind, nodes } in nodes {
        let index = elements.len();
        elements.push(Element { name, kind, parent, first: None, next: None });
        match (before, parent) {
            (Some(before), _) => elements[before].next = Some(index),
            (None, Some(parent)) => elements[parent].first = Some(index),
            (None, None) => {}
        }
        before = Some(index);
        add(elements, Some(index), nodes);
    }
}
