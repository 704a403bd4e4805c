//! One file a command.

pub(crate) mod abort;
pub(crate) mod controller;
pub(crate) mod crds;
pub(crate) mod demo;
pub(crate) mod graph;
pub(crate) mod lint;
mod local;
mod preflight;
pub(crate) mod reference;
pub(crate) mod resume;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod watch;
