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
    #[serde(default, skip_serializing_if = "is_default")]
    pub mode: RunMode,
    /// What becomes of an attached child that has not ended when this run is aborted: unless set, it is aborted, too, and
    /// the Abortion hooks of this run begin after its own. `Keep` leaves it alone, as a detached one always is.
    #[serde(default, skip_serializing_if = "is_default")]
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

/// As long as a label's value may be.
const MAX_NAME: usize = 63;

/// So much of the key is part of a name: 48 bits.
const KEY_DIGITS: usize = 12;

impl ChildRun {
    /// The name of the run that is started under this claim: the same for ever, and another one for every other claim.
    pub fn child_name(claim: &Claim<'_>) -> String {
        let key: String = claim.key.chars().take(KEY_DIGITS).collect();
        let place = format!("{}-{}", claim.run.name, kebab_case(claim.step));
        let place: String = place.chars().take(MAX_NAME - KEY_DIGITS - 1).collect();
        format!("{}-{key}", place.trim_end_matches(['-', '.']))
    }
}

/// `openPr` as names of objects have it: `open-pr`.
fn kebab_case(name: &str) -> String {
    name.chars().fold(String::new(), |mut text, letter| {
        if letter.is_ascii_uppercase() {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
        text
    })
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
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
        let key = format!("{}/{}", claim.run.namespace, Self::child_name(claim));
        (self.mode == RunMode::Attached).then_some(WaitTarget { kind: WaitKind::PipelineRun, key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variables::RunIdentity;

    fn name(run: &str, step: &str, key: &str) -> String {
        let run = RunIdentity { name: run.to_owned(), ..RunIdentity::default() };
        ChildRun::child_name(&Claim { run: &run, step, key, from: None })
    }

    #[test]
    fn the_name_says_whose_child_it_is_and_where_it_was_started() {
        assert_eq!(name("release-7", "smokeTest", "db9c408b07c12d21361a"), "release-7-smoke-test-db9c408b07c1");
    }

    #[test]
    fn a_long_name_is_cut_to_what_a_label_takes_and_stays_its_own() {
        let long = format!("a{}.b", "-very".repeat(12));
        let (one, other) = (name(&long, "work", "db9c408b07c12d21361a"), name(&long, "work", "ab9c408b07c12d21361a"));
        assert_eq!(one.len(), 63);
        assert_ne!(one, other);
        assert_eq!(name(&format!("{}-.b", "a".repeat(49)), "work", "db9c"), format!("{}-db9c", "a".repeat(49)));
    }
}
