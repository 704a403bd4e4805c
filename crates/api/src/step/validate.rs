//! `validate`: checks what really runs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluice_engine::{Nature, Outputs, WaitKind, WaitTarget};
use sluice_expr::Type;

use crate::{
    Duration,
    step::{BareExpression, Sources, StepType, interval::interval, sources},
};

/// Measures sources at an interval and holds checks against them, or against earlier outputs with no source at all.
/// Fails when more measurements than `failureLimit` fail. Outputs: `checks` (each check's last value) and the sources'
/// last values by name. Times out after 1h unless `timeout` is set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline, extend("x-kubernetes-validations" = [{"rule": "has(self.sources) || !has(self.count) || self.count == 1", "message": "count needs sources: earlier outputs do not change"}]))]
pub struct Validate {
    /// What is measured, by name; at most 16.
    #[serde(default, skip_serializing_if = "Sources::is_empty")]
    #[schemars(extend("maxProperties" = 16))]
    pub sources: Sources,
    /// What has to be true of each measurement.
    #[schemars(length(min = 1, max = 50))]
    pub checks: Vec<Check>,
    /// How many measurements are made; 1 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10000))]
    pub count: Option<i32>,
    /// The pause between measurements; 10s unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
    /// How many measurements may fail; 0 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10000))]
    pub failure_limit: Option<i32>,
    /// How many measurements in a row may end in an error (the source does not answer, an expression cannot be
    /// evaluated); 4 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10000))]
    pub consecutive_error_limit: Option<i32>,
}

/// Something that has to be true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct Check {
    /// What it says, for people.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// A CEL expression over the sources by name and everything else a step sees; true or false.
    #[schemars(length(min = 1, max = 4096))]
    pub expr: String,
}

impl Validate {
    /// How many measurements are made.
    pub fn count(&self) -> i32 {
        self.count.unwrap_or(1)
    }

    /// The pause between measurements.
    pub fn interval(&self) -> Duration {
        interval(self.interval, sources::INTERVAL)
    }

    /// How many measurements may fail.
    pub fn failure_limit(&self) -> i32 {
        self.failure_limit.unwrap_or(0)
    }

    /// How many measurements in a row may end in an error.
    pub fn consecutive_error_limit(&self) -> i32 {
        self.consecutive_error_limit.unwrap_or(4)
    }
}

impl StepType for Validate {
    fn nature(&self) -> Nature {
        if self.sources.is_empty() { Nature::Pure } else { Nature::Reads }
    }

    fn outputs(&self) -> Type {
        let mut members = sources::types(&self.sources);
        members.push((sources::CHECKS.to_owned(), Type::map(Type::Bool)));
        Type::object(members)
    }

    fn default_timeout() -> Option<Duration> {
        Some(Duration::from_mins(60))
    }

    fn waiting_on(&self, _: Option<&Outputs>) -> Option<WaitTarget> {
        let names: Vec<&str> = self.checks.iter().map(|check| check.name.as_str()).collect();
        Some(WaitTarget { kind: WaitKind::Condition, key: names.join("; ") })
    }

    fn expressions(&self) -> Vec<BareExpression<'_>> {
        let checks = self.checks.iter().enumerate();
        checks
            .map(|(index, check)| BareExpression {
                path: format!("checks[{index}].expr"),
                source: &check.expr,
                extra: sources::types(&self.sources),
                expected: Type::Bool,
            })
            .collect()
    }

    fn mistakes(&self) -> Vec<(String, String)> {
        sources::mistakes(&self.sources)
    }
}
