//! How many of a pipeline's runs are kept after their end.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many runs are kept, by how they ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct HistoryLimits {
    /// How many runs that succeeded are kept, such as `20`; with `0` none. All of them unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub succeeded: Option<i32>,
    /// How many runs that failed or were aborted are kept, such as `20`; with `0` none. All of them unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub failed: Option<i32>,
}
