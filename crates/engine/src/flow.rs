//! Long-running processes as flows of steps: an embeddable library, with no YAML and no Kubernetes.
//!
//! A flow is code that is built once: steps, waits, cases, retries and loops, each with a name. Where a process stands in it is a
//! [`State`]: a few words of serde data. [`Flow::apply`] takes the state, does what is next, and returns the new state, which
//! the caller saves. One worker carries any number of processes on: nothing that waits holds it.
//!
//! ```
//! use sluice_engine::flow::{BuildError, Flow, State};
//!
//! /// What the steps of one deployment need: clients of the outside world, and what it is about.
//! struct Deploy { version: u32, live: u32, request: Option<u32> }
//!
//! #[derive(Debug, thiserror::Error)]
//! #[error("the git host is away")]
//! struct Away;
//!
//! fn deploy() -> Result<Flow<Deploy, Away>, BuildError> {
//!     Flow::<Deploy, Away>::named("deploy/v1")
//!         .case("deploy", async |deploy| Ok(deploy.live != deploy.version), |group| {
//!             group
//!                 .step("createRequest", async |deploy| { deploy.request = Some(deploy.version); Ok(()) })
//!                 .wait_for("waitForMerge", async |deploy| Ok(deploy.live == deploy.version))
//!         })
//!         .build()
//! }
//!
//! # futures::executor::block_on(async {
//! let flow = deploy()?;
//! let mut context = Deploy { version: 2, live: 1, request: None };
//! let mut saved = serde_json::to_string(&flow.start())?;
//! while !serde_json::from_str::<State>(&saved)?.is_finished() {
//!     let state = flow.apply(&mut context, &serde_json::from_str(&saved)?).await?;
//!     saved = serde_json::to_string(&state)?; // The process may end here, and go on elsewhere.
//!     context.live = context.request.unwrap_or(context.live); // Meanwhile, in the outside world.
//! }
//! assert_eq!((context.request, context.live), (Some(2), 2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! Two examples go further: `crates/engine/examples/deploy_v1.rs` restarts between every two steps, and
//! `tests/examples/flow_controller.rs` is a small Kubernetes controller with the state in the status of its own kind.
//!
//! # What is in a flow
//!
//! | built by | does |
//! |---|---|
//! | [`step`](Builder::step) | something to the outside world, at least once |
//! | [`wait_for`](Builder::wait_for) | nothing until its condition is true; then it is over for good |
//! | [`steps`](Builder::steps) | a named group |
//! | [`case`](Builder::case) | its group, if its condition is true |
//! | [`retry`](Builder::retry) | its group, and again from its start when something in it fails, as a [`Retry`] says |
//! | [`loop_until`](Builder::loop_until) | its group once, and again until its condition is true |
//!
//! # Assumptions
//!
//! - The caller saves each state before it applies the next, and applies one process in one place at a time; a lock or an
//!   optimistic write (a resource version) is the caller's.
//! - A step bears being repeated: see [`Builder::step`].
//! - A flow stays as it is while a process follows it. A changed flow gets another name (`deploy/v2`), beside the old one
//!   until that has no process left: a state of another flow, or at a position that is not there, is an error and never a
//!   restart.
//!
//! *Architecture invariant:* nothing here knows a runtime, reads a clock or does I/O; what the steps do is the caller's.

mod act;
mod apply;
mod build;
mod elements;
mod error;
mod retry;
mod state;
mod transitions;

pub use act::{Act, ActOn};
pub use build::Builder;
pub use error::{BuildError, Error};
pub use retry::Retry;
pub use state::{Next, Phase, State};
pub use transitions::{Place, Transition, When};

/// A process as a flow of steps, over a context `C` that they work with and failures `E`.
///
/// Built once by [`Flow::named`], and shared by all processes that follow it.
pub struct Flow<C, E> {
    name: String,
    elements: elements::Elements<C, E>,
}

impl<C, E> Flow<C, E> {
    /// The builder of a flow. The name has the flow's version in it, such as `deploy/v1`.
    pub fn named(name: &str) -> Builder<C, E> {
        Builder::new(name)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The state of a process that has not begun.
    pub fn start(&self) -> State {
        let at = self.elements.write(&self.elements.start());
        State { flow: self.name.clone(), phase: Phase::Running, at, resume_at: None, failure: None }
    }
}

impl<C, E> std::fmt::Debug for Flow<C, E> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let paths = (0..self.elements.0.len()).map(|element| self.elements.path(element));
        formatter.debug_struct("Flow").field("name", &self.name).field("elements", &paths.collect::<Vec<_>>()).finish()
    }
}
