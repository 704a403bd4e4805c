//! One file a command.

pub(crate) mod abort;
pub(crate) mod approve;
pub(crate) mod completion;
pub(crate) mod controller;
pub(crate) mod crds;
pub(crate) mod demo;
pub(crate) mod graph;
pub(crate) mod lint;
mod local;
pub(crate) mod pause;
mod preflight;
mod process;
pub(crate) mod reference;
pub(crate) mod reject;
pub(crate) mod resume;
pub(crate) mod retry;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod server;
pub(crate) mod skip;
pub(crate) mod trigger;
pub(crate) mod unlock;
mod verb;
pub(crate) mod watch;
