//! A world that notes what is done to it, and answers as it was told.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use futures::executor::block_on;
use jiff::Timestamp;
use serde_json::json;
use sluice_engine::flow::{Act, Builder, Error, Flow, Next, State};

/// The context of the flows of these tests.
#[derive(Default)]
pub(crate) struct World {
    /// Steps that were performed and conditions that were asked, in order.
    pub(crate) log: Vec<&'static str>,
    /// Conditions that are true.
    pub(crate) yes: BTreeSet<&'static str>,
    /// What fails, and how often still.
    pub(crate) failing: BTreeMap<&'static str, u32>,
    pub(crate) now: Timestamp,
}

/// What failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken(pub(crate) &'static str);

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} is broken", self.0)
    }
}

impl std::error::Error for Broken {}

impl World {
    fn meet(&mut self, name: &'static str) -> Result<(), Broken> {
        self.log.push(name);
        match self.failing.get_mut(name) {
            Some(left) if *left > 0 => {
                *left -= 1;
                Err(Broken(name))
            }
            _ => Ok(()),
        }
    }

    /// What has happened since this was called last.
    pub(crate) fn news(&mut self) -> String {
        std::mem::take(&mut self.log).join(" ")
    }
}

/// A step that notes its name.
pub(crate) fn act(name: &'static str) -> impl Act<World, Result<(), Broken>> {
    async move |world: &mut World| world.meet(name)
}

/// A condition that is true when the world has its name.
pub(crate) fn ask(name: &'static str) -> impl Act<World, Result<bool, Broken>> {
    async move |world: &mut World| world.meet(name).map(|()| world.yes.contains(name))
}

/// A flow `test/v1`.
pub(crate) fn flow(content: impl FnOnce(Builder<World, Broken>) -> Builder<World, Broken>) -> Flow<World, Broken> {
    content(Flow::named("test/v1")).build().unwrap()
}

/// One apply, with the state on its way through JSON.
pub(crate) fn apply(flow: &Flow<World, Broken>, world: &mut World, state: &State) -> Result<State, Error<Broken>> {
    let saved = serde_json::to_string(state).unwrap();
    let read: State = serde_json::from_str(&saved).unwrap();
    assert_eq!(read, *state, "{saved}");
    block_on(flow.apply(world, &read))
}

/// Applies until the flow waits or is finished.
pub(crate) fn run(flow: &Flow<World, Broken>, world: &mut World, state: State) -> State {
    let mut state = apply(flow, world, &state).unwrap();
    while state.next() == Next::Apply {
        state = apply(flow, world, &state).unwrap();
    }
    state
}

/// A saved state of `test/v1`.
pub(crate) fn state_at(at: &str) -> State {
    serde_json::from_value(json!({"flow": "test/v1", "phase": "Running", "at": at})).unwrap()
}
