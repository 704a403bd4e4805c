//! `fail`: stops with a message.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluice_engine::Nature;
use sluice_expr::Type;

use crate::step::StepType;

/// Fails with a message; with `when`, a guard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct Fail {
    /// Why; may contain `${{ }}`.
    #[schemars(length(min = 1, max = 2048))]
    pub message: String,
}

impl StepType for Fail {
    fn nature(&self) -> Nature {
        Nature::Pure
    }

    fn outputs(&self) -> Type {
        Type::object::<String>([])
    }
}
