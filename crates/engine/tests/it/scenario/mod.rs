//! Scenarios: a plan, what happens, and everything that follows.

mod abort;
mod abort_anywhere;
mod again;
mod approvals;
mod asked;
mod bound;
mod conditions;
mod dag;
mod flow;
mod foreign;
mod held;
mod hook_steps;
mod hooks;
mod hooks_on_abort;
mod items;
mod limits;
mod locks;
mod outputs;
mod parallel;
mod pauses;
mod persisted;
mod restarts;
mod retries;
mod timeouts;
mod undo;
mod writes;
