//! What a step is performed with.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sluice_api::RunIdentity;
use sluice_engine::Outputs;
use sluice_expr::Scope;

use crate::World;

/// What a step is performed with. Its configuration is rendered already.
pub struct StepContext<'a> {
    /// The step's name.
    pub step: &'a str,
    /// The run.
    pub run: &'a RunIdentity,
    /// The idempotency key of the effect.
    pub key: &'a str,
    /// How often the effect of this key was claimed: more than once when an earlier claim may have been carried out.
    pub claims: i32,
    /// When this attempt started.
    pub started_at: Timestamp,
    /// How long the attempt may take, if that is limited.
    pub timeout: Option<SignedDuration>,
    /// Now.
    pub now: Timestamp,
    /// What an earlier look at this attempt noted, if it noted something.
    pub progress: Option<&'a Value>,
    /// The outputs of the step it takes from (`from`, `commitFrom`).
    pub from: Option<&'a Outputs>,
    /// What its bare expressions see.
    pub scope: Scope<'a>,
    /// Everything outside.
    pub world: &'a dyn World,
}
