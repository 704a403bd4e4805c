//! `fail`: stops with a message.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluice_engine::Nature;
use sluice_expr::Type;

use crate::step::StepType;

/// Fails with a message. With the step's `when` it is a guard: the step fails when the expression is true. No outputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct Fail {
    /// Why, for people; may contain `${{ }}`.
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
