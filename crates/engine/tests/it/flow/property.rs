//! Random flows in random worlds: they end, and neither a restart nor a lost save changes the sequence of effects.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use futures::executor::block_on;
use proptest::prelude::*;
use sluice_engine::flow::{Act, Builder, Error, Flow, Next, Retry, State};

use super::support::Broken;

/// What a random flow consists of.
#[derive(Clone, Debug)]
enum Node {
    Step,
    Wait,
    Steps(Vec<Self>),
    Case(Vec<Self>),
    Retry(u32, Vec<Self>),
    Loop(Vec<Self>),
}

fn nodes() -> impl Strategy<Value = Vec<Node>> {
    let leaf = prop_oneof![3 => Just(Node::Step), 1 => Just(Node::Wait)];
    let node = leaf.prop_recursive(4, 24, 4, |inner| {
        let group = || prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            group().prop_map(Node::Steps),
            group().prop_map(Node::Case),
            (0..3_u32, group()).prop_map(|(limit, group)| Node::Retry(limit, group)),
            group().prop_map(Node::Loop),
        ]
    });
    prop::collection::vec(node, 1..5)
}

/// A world that answers by what was done to it, never by how often it was asked; waits and idle loops excepted, which end
/// after some time.
#[derive(Default)]
struct World {
    seed: u64,
    /// Where the applied state stands: the key of an effect.
    key: String,
    /// The keys of the effects, each once, in the order in which they came.
    effects: Vec<String>,
    /// How often each was asked since the last effect.
    asked: BTreeMap<(usize, &'static str), u32>,
    /// What fails no more, since somebody has seen to it.
    mended: BTreeSet<String>,
    /// What was asked or performed in this apply.
    in_this_apply: BTreeSet<&'static str>,
    performed: u32,
}

impl World {
    fn chance(&self, what: impl Hash, one_in: u64) -> bool {
        let mut hasher = DefaultHasher::new();
        (self.seed, what).hash(&mut hasher);
        hasher.finish().is_multiple_of(one_in)
    }

    fn meet(&mut self, name: &'static str) {
        assert!(self.in_this_apply.insert(name), "{name} twice in one apply");
    }

    fn act(&mut self, name: &'static str) -> Result<(), Broken> {
        self.meet(name);
        self.performed += 1;
        assert_eq!(self.performed, 1, "two steps in one apply");
        assert_eq!(self.key.rsplit('/').next(), Some(name), "a step away from its position");
        if self.chance(&self.key, 4) && !self.mended.contains(&self.key) {
            return Err(Broken(name));
        }
        if !self.effects.contains(&self.key) {
            self.effects.push(self.key.clone());
        }
        Ok(())
    }

    fn ask(&mut self, name: &'static str, patience: u32) -> bool {
        self.meet(name);
        let effects = self.effects.len();
        let asked = self.asked.entry((effects, name)).or_default();
        *asked += 1;
        *asked > patience || effects > 60 || self.chance((name, effects), 2)
    }
}

fn act(name: &'static str) -> impl Act<World, Result<(), Broken>> {
    async move |world: &mut World| world.act(name)
}

fn asks(name: &'static str) -> impl Act<World, Result<bool, Broken>> {
    async move |world: &mut World| Ok(world.ask(name, 8))
}

/// As `asks`, but for a case: the same answer for the same world, however often.
fn holds(name: &'static str) -> impl Act<World, Result<bool, Broken>> {
    async move |world: &mut World| Ok(world.ask(name, u32::MAX))
}

/// Names that live as long as the tests.
const NAMES: [&str; 64] = names();

const fn names() -> [&'static str; 64] {
    const ALL: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";
    let mut names = [""; 64];
    let (mut index, mut rest) = (0, ALL);
    while index < names.len() {
        let (name, behind) = rest.split_at(1);
        names[index] = name;
        rest = behind;
        index += 1;
    }
    names
}

fn add(
    flow: Builder<World, Broken>,
    nodes: &[Node],
    names: &mut impl Iterator<Item = &'static str>,
) -> Builder<World, Broken> {
    nodes.iter().fold(flow, |flow, node| {
        let Some(name) = names.next() else { return flow };
        match node {
            Node::Step => flow.step(name, act(name)),
            Node::Wait => flow.wait_for(name, asks(name)),
            Node::Steps(inner) => flow.steps(name, |group| add(group, inner, names)),
            Node::Case(inner) => flow.case(name, holds(name), |group| add(group, inner, names)),
            Node::Retry(limit, inner) => flow.retry(name, Retry::limit(*limit), |group| add(group, inner, names)),
            Node::Loop(inner) => flow.loop_until(name, asks(name), |group| add(group, inner, names)),
        }
    })
}

/// The flow of these nodes; none when there are more of them than names.
fn build(nodes: &[Node]) -> Option<Flow<World, Broken>> {
    add(Flow::named("random/v1"), nodes, &mut NAMES.into_iter()).build().ok()
}

/// One apply that the world watches.
fn apply(flow: &Flow<World, Broken>, world: &mut World, state: &State) -> Result<State, Error<Broken>> {
    world.in_this_apply.clear();
    world.performed = 0;
    world.key = state.position().unwrap_or_default().to_owned();
    block_on(flow.apply(world, state))
}

const MANY: usize = 20_000;

/// The effects of a process that runs in one go.
fn in_one_go(nodes: &[Node], seed: u64) -> Option<Vec<String>> {
    let flow = build(nodes)?;
    let mut world = World { seed, ..World::default() };
    let mut state = flow.start();
    for _ in 0..MANY {
        match apply(&flow, &mut world, &state) {
            Ok(next) => state = next,
            Err(Error::Failed { at, .. }) => _ = world.mended.insert(at),
            Err(error) => panic!("{error}"),
        }
        if state.next() == Next::Nothing {
            return Some(world.effects);
        }
    }
    panic!("no end: {state:?}")
}

/// The effects of a process that is started anew for every apply, and whose save is lost at some of them.
fn with_restarts(nodes: &[Node], seed: u64, lost: &BTreeSet<usize>) -> Option<Vec<String>> {
    let mut world = World { seed, ..World::default() };
    let mut saved = serde_json::to_string(&build(nodes)?.start()).ok()?;
    for number in 0..MANY {
        let flow = build(nodes)?;
        let state: State = serde_json::from_str(&saved).unwrap();
        match apply(&flow, &mut world, &state) {
            Ok(_) if lost.contains(&number) => {}
            Ok(next) => saved = serde_json::to_string(&next).unwrap(),
            Err(Error::Failed { at, .. }) => _ = world.mended.insert(at),
            Err(error) => panic!("{error}"),
        }
        if state.is_finished() {
            return Some(world.effects);
        }
    }
    panic!("no end: {saved}")
}

proptest! {
    #[test]
    fn restarts_and_lost_saves_never_change_the_sequence_of_effects(
        nodes in nodes(), seed: u64, lost in prop::collection::btree_set(0..40_usize, 0..5),
    ) {
        let at_once = in_one_go(&nodes, seed);
        prop_assert_eq!(&with_restarts(&nodes, seed, &BTreeSet::new()), &at_once);
        prop_assert_eq!(&with_restarts(&nodes, seed, &lost), &at_once);
    }

    #[test]
    fn what_is_read_is_a_position_or_an_error(nodes in nodes(), at in "([A-F](\\[[0-9]{1,2}\\])?/?){0,4}") {
        let Some(flow) = build(&nodes) else { return Ok(()) };
        let state = serde_json::json!({"flow": "random/v1", "phase": "Running", "at": at});
        let state: State = serde_json::from_value(state).unwrap();
        match apply(&flow, &mut World::default(), &state) {
            Ok(_) | Err(Error::Failed { .. }) => {}
            Err(error) => prop_assert_eq!(error, Error::UnknownPosition { flow: "random/v1".to_owned(), at }),
        }
    }

    #[test]
    fn every_transition_leads_somewhere_that_others_begin_at(nodes in nodes()) {
        let Some(flow) = build(&nodes) else { return Ok(()) };
        let transitions = flow.transitions();
        for transition in &transitions {
            let is_end = transition.to == sluice_engine::flow::Place::End;
            prop_assert!(is_end || transitions.iter().any(|next| next.from == transition.to), "{:?}", transition);
        }
    }
}
