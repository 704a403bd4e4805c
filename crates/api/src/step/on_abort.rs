//! [`OnAbort`]: what an abort does about an effect that a step already had.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an abort of the run does about the effect that the step already had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnAbort {
    /// It is taken back, before the Abortion hooks run.
    #[default]
    Undo,
    /// It is left as it is.
    Keep,
}
