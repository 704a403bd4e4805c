//! A step made ready to be performed: its rendered configuration, and what goes with it.

use jiff::{SignedDuration, Timestamp};
use sluice_api::Reader;
use sluice_engine::{Failure, Outputs, RunState, StepAt};

use super::Run;
use crate::{StepContext, render};

/// A step's rendered configuration and what goes with it.
pub(super) struct Prepared<'a> {
    at: StepAt,
    name: &'a str,
    timeout: Option<SignedDuration>,
    pub(super) config: sluice_api::StepConfig,
    from: Option<&'a Outputs>,
    scope: sluice_expr::Scope<'a>,
}

impl<'a> Prepared<'a> {
    pub(super) fn of(run: &Run<'a>, state: &'a RunState, at: StepAt) -> Result<Self, Failure> {
        let missing = || Failure::definite("PlanMismatch", "the run's state has a step that its pipeline has not");
        let step = run.program.step(state, at).ok_or_else(missing)?;
        let scope = run.variables.scope(run.program, state, Reader::Step(at));
        let config = render::config(&step.config, &scope)?;
        let from = match config.takes_from() {
            Some(from) => Some(outputs_of(run, state, at, from.step)?),
            None => None,
        };
        let timeout = step.timeout.map(sluice_api::Duration::get);
        Ok(Self { at, name: &step.name, timeout, config, from, scope })
    }

    pub(super) fn context(&self, run: &Run<'a>, state: &'a RunState, now: Timestamp) -> StepContext<'a> {
        let step = self.at.of(state);
        StepContext {
            step: self.name,
            run: run.identity,
            key: step.and_then(|step| step.key.as_deref()).unwrap_or_default(),
            claims: step.map_or(0, |step| step.claims),
            started_at: step.and_then(|step| step.started_at).unwrap_or(now),
            timeout: self.timeout,
            now,
            progress: step.and_then(|step| step.progress.as_ref()),
            from: self.from,
            scope: self.scope.clone(),
            world: run.world,
        }
    }
}

/// The outputs of an earlier step; an error when it did not run.
fn outputs_of<'a>(run: &Run<'a>, state: &'a RunState, at: StepAt, name: &str) -> Result<&'a Outputs, Failure> {
    run.program.outputs_of(state, at, name).ok_or_else(|| {
        Failure::definite("StepDidNotRun", format!("step {name:?}, from which this one takes its input, was skipped"))
    })
}
