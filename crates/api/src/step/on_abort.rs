//! [`OnAbort`]: what an abort, or another attempt of the stage, does about an effect that a step already had.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an abort of the run, or another attempt of the stage, does about the effect that the step already had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnAbort {
    /// It is taken back, before the Abortion hooks run or the stage is tried again; of a loop, that of the last iteration.
    #[default]
    Undo,
    /// It is left as it is.
    Keep,
}
