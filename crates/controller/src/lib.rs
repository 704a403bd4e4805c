//! The operator: it watches pipelines and runs, and carries every run on from its status.
//!
//! One reconcile goes one way:
//!
//! ```text
//! PipelineRun -> decode (pure) -> pin (reads) -> drive: engine::decide -> perform -> engine::record -> one status patch
//! ```
//!
//! # Guarantees
//! - A status patch carries the resourceVersion it was made from: a stale cache or a second controller gets a conflict
//!   before anything happens outside.
//! - No wait holds a worker: a waiting run is looked at again when what it waits for changes, or at its interval.
//! - A malformed object gets a condition and stops nothing else.
//!
//! *Architecture invariant:* of specs the controller writes only those of the runs that steps and triggers start, and requests to end them
//! (`runs`); and it touches the world outside Sluice's own kinds only as the run's service account (`sluice_client::accounts`).

mod clock;
mod context;
mod decode;
mod enforcement;
mod environments;
mod failures;
mod fences;
mod finalizer;
mod good_runs;
mod hints;
mod history;
mod locks;
mod memories;
mod operator;
mod patch;
mod pin;
mod pipelines;
mod quarantine;
mod reconcile;
mod reports;
mod revisions;
mod runs;
mod shared;
mod starts;
mod status;
mod suspensions;
mod triggers;
mod updates;
mod waits;
mod world;
mod written;

pub use operator::{Options, run};
use sluice_client::{accounts, causes, client, controllers, guarded, lean, refusals};
