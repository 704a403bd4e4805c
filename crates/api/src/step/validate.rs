//! `validate`: checks what really runs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluice_engine::{Nature, WaitKind, WaitTarget};
use sluice_expr::Type;

use crate::{
    Duration,
    step::{BareExpression, Claim, ConfigMistake, Sources, StepType, interval::interval, sources},
};

/// Checks what really runs: measures sources at an interval and holds checks against them. Without sources, the checks
/// are held once against the outputs of earlier steps. The step fails when more measurements than `failureLimit` fail.
///
/// Times out after `1h` unless `timeout` is set. Outputs: `checks` (each check's last value by its name), and the
/// sources' last values by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline, extend("x-kubernetes-validations" = [{"rule": "has(self.sources) || !has(self.count) || self.count == 1", "message": "count needs sources: earlier outputs do not change"}]))]
pub struct Validate {
    /// What is measured, by names that the checks use: at most 16.
    #[serde(default, skip_serializing_if = "Sources::is_empty")]
    #[schemars(extend("maxProperties" = 16))]
    pub sources: Sources,
    /// What has to be true of each measurement. All checks of one are made, and every one that fails is reported.
    #[schemars(length(min = 1, max = 50))]
    pub checks: Vec<Check>,
    /// How many measurements are made; `1` unless set. More than one needs `sources`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10000))]
    pub count: Option<i32>,
    /// The pause between two measurements, such as `30s`; `10s` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
    /// How many measurements may fail before the step does; `0` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10000))]
    pub failure_limit: Option<i32>,
    /// How many measurements in a row may end in an error (a source does not answer, an expression cannot be evaluated)
    /// before the step fails; `4` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10000))]
    pub consecutive_error_limit: Option<i32>,
}

/// Each has a name for people and an expression.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct Check {
    /// What the check says, for people, such as `every replica is ready`; the name of its value in the output `checks`.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// A CEL expression that is true or false, such as `state.json.ready == params.replicas`. It sees the sources by
    /// name and everything else a step sees.
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

    fn waiting_on(&self, _: &Claim<'_>) -> Option<WaitTarget> {
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

    fn mistakes(&self) -> Vec<ConfigMistake> {
        sources::mistakes(&self.sources)
    }
}
