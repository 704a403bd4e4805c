//! What each step type does, one file each, and [`drive`]: the loop that carries a run on.
//!
//! A step knows nothing of retries, timeouts or persistence: it performs, and reports an [`Outcome`]. What follows is the
//! engine's to decide. It touches the outside only through [`World`], which the controller and the local mode provide.

mod begin;
pub mod check;
mod context;
pub mod drive;
mod environment;
mod explain;
#[cfg(test)]
mod fake_git_host;
#[cfg(test)]
mod fake_server;
#[cfg(test)]
mod fake_world;
mod git_edits;
mod git_effect;
mod git_host;
mod http_client;
mod literals;
mod locks;
mod perform;
mod pods;
mod render;
mod runs;
mod text;
mod until;
mod world;

mod argocd_wait;
mod commit;
mod delay;
mod fail;
mod http;
mod job;
mod pipeline_run;
mod pull_request;
mod pull_request_wait;
mod resource;
mod set;
mod sources;
mod validate;
mod wait_for;

pub use begin::begin;
pub use context::StepContext;
pub use environment::allowed;
pub use http_client::HttpClient;
pub use locks::{Locks, Turn, lock_group};
pub use perform::{Perform, act, compute, example, look, undo};
pub use runs::Runs;
pub use sluice_engine::Outcome;
pub use world::{Report, World, read_secret, secret_text};
