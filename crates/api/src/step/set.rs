//! `set`: computes values.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sluice_engine::Nature;
use sluice_expr::Type;

use crate::step::StepType;

/// Computes values for later steps and touches nothing outside. Outputs: the values by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct Set {
    /// The values by name: any JSON, at most 64. Their strings may contain `${{ }}`, and a string that is a single `${{
    /// }}` keeps the type of its expression: `replicas: ${{ params.replicas * 2 }}` is a number.
    #[schemars(extend("x-kubernetes-preserve-unknown-fields" = true, "maxProperties" = 64))]
    pub values: Map<String, Value>,
}

impl StepType for Set {
    fn nature(&self) -> Nature {
        Nature::Pure
    }

    fn outputs(&self) -> Type {
        Type::object(self.values.keys().map(|name| (name.clone(), Type::Any)))
    }
}
