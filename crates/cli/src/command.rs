//! One file a command.

pub(crate) mod controller;
pub(crate) mod crds;
pub(crate) mod reference;
pub(crate) mod schema;
