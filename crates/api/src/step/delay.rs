//! `delay`: waits for a time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluice_engine::{Nature, WaitKind, WaitTarget};
use sluice_expr::Type;

use crate::step::{Claim, StepType};

/// Waits for a length of time, or until a point in time. It costs nothing while it waits. No outputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline, extend("x-kubernetes-validations" = [{"rule": "has(self.duration) != has(self.until)", "message": "set either duration or until"}]))]
pub struct Delay {
    /// How long, such as `10m` or `1h30m`; may contain `${{ }}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub duration: Option<String>,
    /// Until when, as RFC 3339 with an offset, such as `2026-11-01T06:00:00Z`; may contain `${{ }}`. A time that has
    /// passed ends the wait at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub until: Option<String>,
}

impl StepType for Delay {
    fn nature(&self) -> Nature {
        Nature::Reads
    }

    fn outputs(&self) -> Type {
        Type::object::<String>([])
    }

    fn waiting_on(&self, _: &Claim<'_>) -> Option<WaitTarget> {
        let key = self.until.clone().or_else(|| self.duration.clone())?;
        Some(WaitTarget { kind: WaitKind::Time, key })
    }
}
