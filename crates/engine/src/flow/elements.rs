//! What a flow consists of, in one list; the ways between its positions; and how a position is written.

use super::Retry;
use super::act::AnyAct;

/// Everything in a flow, each element before what is in it.
pub(super) struct Elements<C, E>(pub(super) Vec<Element<C, E>>);

/// A step, a wait, or a group of some kind.
pub(super) struct Element<C, E> {
    pub(super) name: String,
    pub(super) kind: Kind<C, E>,
    /// The group that it is in.
    pub(super) parent: Option<usize>,
    /// The first element in it.
    pub(super) first: Option<usize>,
    /// What follows it in its group.
    pub(super) next: Option<usize>,
}

/// What an element is.
pub(super) enum Kind<C, E> {
    Step(AnyAct<C, Result<(), E>>),
    Wait(AnyAct<C, Result<bool, E>>),
    Group,
    Case(AnyAct<C, Result<bool, E>>),
    Retry(Retry<C, E>),
    Loop(AnyAct<C, Result<bool, E>>),
}

impl<C, E> Kind<C, E> {
    pub(super) fn is_group(&self) -> bool {
        !matches!(self, Self::Step(_) | Self::Wait(_))
    }

    /// Whether its attempts or iterations are counted.
    fn is_counted(&self) -> bool {
        matches!(self, Self::Retry(_) | Self::Loop(_))
    }
}

/// Where a process stands: at something that is asked or performed next.
///
/// A loop is passed at two positions of its element: before it is entered, and, one count more, at its condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) element: usize,
    /// The attempts of the retries and the iterations of the loops that it is in, from the outermost.
    pub(super) counts: Vec<u32>,
}

impl<C, E> Elements<C, E> {
    pub(super) fn kind(&self, element: usize) -> &Kind<C, E> {
        &self.0[element].kind
    }

    /// The first position of all.
    pub(super) fn start(&self) -> Position {
        self.enter(0, Vec::new())
    }

    /// The position at an element that is reached from outside it: inwards to what is asked or performed first.
    pub(super) fn enter(&self, mut element: usize, mut counts: Vec<u32>) -> Position {
        while let (Kind::Group | Kind::Retry(_) | Kind::Loop(_), Some(first)) =
            (self.kind(element), self.0[element].first)
        {
            if self.kind(element).is_counted() {
                counts.push(1);
            }
            element = first;
        }
        Position { element, counts }
    }

    /// The first position in a group, in the attempt, iteration or case that the counts say.
    pub(super) fn enter_group(&self, group: usize, counts: Vec<u32>) -> Position {
        match self.0[group].first {
            Some(first) => self.enter(first, counts),
            None => Position { element: group, counts },
        }
    }

    /// The position behind an element that is through: the next of its group, or a loop's condition, or behind the group;
    /// nothing at the end of all.
    pub(super) fn after(&self, mut element: usize, mut counts: Vec<u32>) -> Option<Position> {
        loop {
            if let Some(next) = self.0[element].next {
                return Some(self.enter(next, counts));
            }
            element = self.0[element].parent?;
            match self.kind(element) {
                Kind::Loop(_) => return Some(Position { element, counts }),
                Kind::Retry(_) => _ = counts.pop(),
                Kind::Group | Kind::Case(_) | Kind::Step(_) | Kind::Wait(_) => {}
            }
        }
    }

    /// The groups around an element, from the innermost.
    fn around(&self, element: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(self.0[element].parent, |&group| self.0[group].parent)
    }

    /// The retries that a position is in, from the innermost, each with the counts up to its own.
    pub(super) fn retries(&self, at: &Position) -> impl Iterator<Item = (usize, &Retry<C, E>, Vec<u32>)> {
        let depth = self.around(at.element).filter(|&group| self.kind(group).is_counted()).count();
        let counts = at.counts[..depth.min(at.counts.len())].to_vec();
        let counted = self.around(at.element).filter(|&group| self.kind(group).is_counted());
        counted.enumerate().filter_map(move |(inner, group)| match self.kind(group) {
            Kind::Retry(retry) => Some((group, retry, counts[..counts.len().saturating_sub(inner)].to_vec())),
            _ => None,
        })
    }

    /// The names on the way to an element, without counts.
    pub(super) fn path(&self, element: usize) -> String {
        self.write(&Position { element, counts: Vec::new() })
    }

    /// A position as it is saved.
    pub(super) fn write(&self, at: &Position) -> String {
        let mut way: Vec<usize> = self.around(at.element).collect();
        way.reverse();
        way.push(at.element);
        let mut counts = at.counts.iter();
        let segments = way.into_iter().map(|element| {
            let Element { name, kind, .. } = &self.0[element];
            match kind.is_counted().then(|| counts.next()).flatten() {
                Some(count) => format!("{name}[{count}]"),
                None => name.clone(),
            }
        });
        segments.collect::<Vec<_>>().join("/")
    }

    /// A position as [`Elements::write`] writes it, if there is such a one.
    pub(super) fn read(&self, text: &str) -> Option<Position> {
        let mut counts = Vec::new();
        let mut siblings = Some(0);
        let mut segments = text.split('/').peekable();
        while let Some(segment) = segments.next() {
            let (name, count) = split(segment)?;
            let element = std::iter::successors(siblings, |&it| self.0[it].next).find(|&it| self.0[it].name == name)?;
            let is_last = segments.peek().is_none();
            match (self.kind(element), count) {
                (Kind::Loop(_), Some(count)) => counts.push(count),
                (Kind::Retry(_), Some(count)) if !is_last => counts.push(count),
                (Kind::Group, None) if !is_last => {}
                (Kind::Step(_) | Kind::Wait(_) | Kind::Case(_), None) => {}
                _ => return None,
            }
            if is_last {
                return Some(Position { element, counts });
            }
            siblings = Some(self.0[element].first?);
        }
        None
    }
}

/// A name and its count, if it has one.
fn split(segment: &str) -> Option<(&str, Option<u32>)> {
    let Some((name, rest)) = segment.split_once('[') else { return Some((segment, None)) };
    let digits = rest.strip_suffix(']')?;
    let count: u32 = digits.parse().ok()?;
    (count > 0 && count.to_string() == digits).then_some((name, Some(count)))
}
