//! One file a command.

pub(crate) mod controller;
pub(crate) mod crds;
