//! `waitFor`: waits until a condition is true, or until a time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluice_engine::{Nature, WaitKind, WaitTarget};
use sluice_expr::Type;

use crate::{
    Duration,
    step::{BareExpression, Claim, ConfigMistake, Sources, StepType, interval::interval, sources},
};

/// Waits until a condition over measured sources is true, or until a point in time. A source that does not answer is
/// asked again.
///
/// Times out after `1h` unless `timeout` is set. Outputs: the sources' last values by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline, extend("x-kubernetes-validations" = [{"rule": "has(self.condition) != has(self.until) && has(self.condition) == has(self.sources)", "message": "set either condition with sources, or until"}]))]
pub struct WaitFor {
    /// What is measured, by names that the condition uses: at most 16.
    #[serde(default, skip_serializing_if = "Sources::is_empty")]
    #[schemars(extend("minProperties" = 1, "maxProperties" = 16))]
    pub sources: Sources,
    /// A CEL expression that ends the wait when it is true, such as `state.json.done`. It sees the sources by name and
    /// everything else a step sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub condition: Option<String>,
    /// Instead of a condition: the point in time that ends the wait, as RFC 3339 with an offset, such as
    /// `2026-11-01T06:00:00Z`; may contain `${{ }}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub until: Option<String>,
    /// The pause between two measurements, such as `30s`; `10s` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
}

impl WaitFor {
    /// The pause between measurements.
    pub fn interval(&self) -> Duration {
        interval(self.interval, sources::INTERVAL)
    }
}

impl StepType for WaitFor {
    fn nature(&self) -> Nature {
        Nature::Reads
    }

    fn outputs(&self) -> Type {
        Type::object(sources::types(&self.sources))
    }

    fn default_timeout() -> Option<Duration> {
        Some(Duration::from_mins(60))
    }

    fn waiting_on(&self, _: &Claim<'_>) -> Option<WaitTarget> {
        let condition = self.condition.clone().map(|key| WaitTarget { kind: WaitKind::Condition, key });
        condition.or_else(|| Some(WaitTarget { kind: WaitKind::Time, key: self.until.clone()? }))
    }

    fn expressions(&self) -> Vec<BareExpression<'_>> {
        let Some(source) = &self.condition else { return Vec::new() };
        let extra = sources::types(&self.sources);
        let path = "condition".to_owned();
        vec![BareExpression { path, source, extra, expected: Type::Bool }]
    }

    fn mistakes(&self) -> Vec<ConfigMistake> {
        sources::mistakes(&self.sources)
    }
}
