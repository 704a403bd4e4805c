//! The local mode by its command line: the real program, real files, real signals, and `git` as the judge.

#![allow(clippy::print_stdout, reason = "a test says what it did")]
#![allow(clippy::unwrap_used, reason = "a test ends with its first surprise")]

mod approval;
mod children;
mod demo;
mod ends;
mod flow;
mod output;
mod person;
mod retry;
mod signals;
mod sources;
mod state;
mod support;
mod terminal;
