//! HTTP: health of every process, and `sluice server`, which takes what others report.
//!
//! ```text
//! request -> path, method, receiver, rate -> signature's form, secret -> body -> signature -> what is reported -> API server -> answer
//! ```
//!
//! # Guarantees
//! - A report is answered with 202 only once it is stored: what is sent again until then is stored once.
//! - Nothing of a request is parsed before its signature is proved, and nothing is taken while there is no secret.
//! - What requests and connections may hold is bounded, in memory and in time, whoever sends them.
//!
//! *Architecture invariant:* the server starts nothing and reads nothing of a git host. It makes ComponentUpdates and writes the
//! status of Receivers, and reads their Secrets as their service accounts; what follows is the controller's.

mod health;
mod listen;
mod receivers;
mod server;

pub use health::health;
pub use receivers::{
    MAX_BODY, address_of,
    component::{Mistake, Report},
    signature::{COMPONENT_HEADER, sign},
};
pub use server::{Error, Options, run};
