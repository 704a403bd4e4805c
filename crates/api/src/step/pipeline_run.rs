//! `pipelineRun`: starts another run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sluice_engine::{Nature, WaitKind, WaitTarget};
use sluice_expr::Type;

use crate::{
    LocalReference, ParamValue,
    step::{Claim, OnAbort, StepType},
};

/// Starts a run of another Pipeline of the same namespace, the child, and waits until it has ended; or only starts it. A
/// child that did not succeed fails the step, with its reason and its message (`ChildFailed`, `ChildAborted`). After a crash
/// it is found again and never started twice; one that was deleted is not started again (`ChildGone`).
///
/// The child acts as its own pipeline's service account: the right to change a Pipeline is the right to start the others of
/// its namespace. A pipeline that is above the child already is refused (`Recursion`), and so are runs nested deeper than 8
/// (`TooDeep`). A timeout of the step leaves the child alone.
///
/// Outputs: `run` (`name`, `uid`), and of an attached child `outputs`, what its pipeline says in `outputs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct ChildRun {
    /// The Pipeline to run, in the same namespace; its name may contain `${{ }}`.
    pub pipeline_ref: LocalReference,
    /// The values of its parameters by name: text, which may contain `${{ }}`, or whole numbers. A text that is a single
    /// `${{ }}` passes the value of its expression on: true or false becomes text, and a null is left out, so that the
    /// default holds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, ParamValue>", extend("maxProperties" = 64))]
    pub params: BTreeMap<String, Value>,
    /// Whether the step waits for the child; `Attached` unless set.
    #[serde(default, skip_serializing_if = "crate::common::is_default")]
    pub mode: RunMode,
    /// What becomes of an attached child that has not ended when this run is aborted, or the stage is tried again (`retry`):
    /// unless set, it is aborted, too, and the Abortion hooks of this run begin after its own. `Keep` leaves it alone, as
    /// a detached one always is.
    #[serde(default, skip_serializing_if = "crate::common::is_default")]
    pub on_abort: OnAbort,
}

/// Whether a step waits for the run that it starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RunMode {
    /// The step waits until the run has ended; its result counts.
    #[default]
    Attached,
    /// The step has succeeded once the run exists.
    Detached,
}

impl StepType for ChildRun {
    fn nature(&self) -> Nature {
        Nature::Acts
    }

    fn outputs(&self) -> Type {
        let run = Type::object([("name", Type::String), ("uid", Type::String)]);
        match self.mode {
            RunMode::Attached => Type::object([("run", run), ("outputs", Type::map(Type::Any))]),
            RunMode::Detached => Type::object([("run", run)]),
        }
    }

    fn undoes(&self) -> bool {
        self.mode == RunMode::Attached && self.on_abort == OnAbort::Undo
    }

    fn waiting_on(&self, claim: &Claim<'_>) -> Option<WaitTarget> {
        let key = format!("{}/{}", claim.run.namespace, claim.object_name());
        (self.mode == RunMode::Attached).then_some(WaitTarget { kind: WaitKind::PipelineRun, key })
    }
}
