//! Scenarios: a plan, what happens, and everything that follows.

mod abort;
mod abort_anywhere;
mod again;
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
mod outputs;
mod parallel;
mod persisted;
mod restarts;
mod retries;
mod timeouts;
mod undo;
mod writes;
