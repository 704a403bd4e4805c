//! The local mode: a run with no cluster. The manifests, the engine and the steps are those of the controller; what a cluster
//! keeps, a directory keeps: a run is one JSON file, and the version of the pipeline that it keeps to another.
//!
//! # Guarantees
//! - A run is carried on by one process at a time.
//! - A state is on disk before anything acts on it, whole or not at all: killed at any moment, `sluice resume` goes on from
//!   the same step, and no effect is repeated.
//! - A file that is not understood is never overwritten.

mod approval;
mod ask;
mod carry_on;
mod change;
mod choose;
mod directory;
mod family;
mod files;
mod kept;
mod lock;
mod objects;
mod remembered;
mod repositories;
mod signals;
mod sources;
mod start;
mod world;

pub(crate) use carry_on::{Ended, NOBODY_TO_ASK, Session, carry_on};
pub(crate) use choose::{Use, Wanted, choose};
pub(crate) use directory::{Error, StateDirectory, describe};
pub(crate) use kept::now;
pub(crate) use objects::Objects;
pub(crate) use remembered::{Remembered, directory_of};
pub(crate) use signals::{End, Signals};
pub(crate) use start::{Held, Refused, begin, session, take_up, user};
pub(crate) use world::{default_namespace, no_cluster, no_provider};
