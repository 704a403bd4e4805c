//! What a run does next: a pure state machine.
//!
//! Three functions carry a run from its start to its end, and every driver (the controller, the local
//! mode, the scenario and property tests) calls the same ones:
//!
//! - [`decide`] looks at a plan, a state, what was observed and the time, and names the next [`Action`];
//! - the driver carries the action out: it evaluates a condition, performs an effect, or waits;
//! - [`record`] takes what came of it, an [`Event`], and returns the state that follows.
//!
//! *Architecture invariant:* nothing here knows Kubernetes, reads a clock, draws a random number or does
//! I/O. Time and identifiers are arguments; equal input gives equal output. Expressions are opaque text:
//! the driver evaluates them and answers.

mod abort;
mod action;
mod clock;
mod decide;
mod event;
pub mod flow;
mod key;
mod limits;
mod outcome;
mod plan;
mod record;
mod retry;
mod state;

pub use abort::{Abort, AbortReason};
pub use action::{Action, Held, Mode, Observed, Question, StepAt, Task};
pub use decide::{TIMEOUT, decide};
pub use event::{Event, LockAnswer};
pub use key::Key;
pub use limits::{
    MAX_AT_ONCE, MAX_DEPTH, MAX_ITEMS, MAX_OUTPUTS_OF_A_RUN, MAX_OUTPUTS_OF_A_STEP, cut_to, nests_at_most,
};
pub use outcome::{End, Failure, Outcome, Outputs, Undone};
pub use plan::{Condition, ForEach, Hook, HookEvent, LockPlan, Nature, Plan, Stage, Step, Subject, Until};
pub use record::record;
pub use retry::{Backoff, Retry};
pub use state::{
    ActionOutcome, ActionResult, ActionType, Approval, Approver, Ending, Group, Guard, HookState, Lock, Next, Occasion,
    Paused, RunAction, RunPhase, RunState, StagePhase, StageState, StepPhase, StepState, Suspended, Undo, UndoPhase,
    WaitKind, WaitTarget, WaitingOn,
};
