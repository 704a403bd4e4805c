//! What a step is performed with.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sluice_api::{RunIdentity, step::Claim};
use sluice_engine::{Failure, Outcome, Outputs};
use sluice_expr::Scope;

use crate::World;

/// After a look that failed.
pub(crate) const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(10);

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

impl<'a> StepContext<'a> {
    /// The claim that the step is performed under.
    pub(crate) fn claim(&self) -> Claim<'a> {
        let Self { run, step, key, from, .. } = *self;
        Claim { run, step, key, from }
    }

    /// What a failed look at something is that goes on whether it can be read or not: more waiting, where the failure may pass
    /// by itself.
    pub(crate) fn waits_or_fails(&self, failure: Failure) -> Outcome {
        if !failure.transient {
            return Outcome::Failed(failure);
        }
        let (message, progress) = (Some(failure.message), self.progress.cloned());
        Outcome::Waiting { look_at: self.now + LOOK_AGAIN, not_before: None, message, progress, act_again: false }
    }
}
