//! What the engine asks and a driver answers: conditions, lists, outputs, and whether something is tried again.

use jiff::Timestamp;
use sluice_api::{Reader, Retries, variables};
use sluice_engine::{Event, Failure, Question, StepAt};
use sluice_expr::Scope;

use super::{Drive, stage_of};
use crate::render;

impl Drive<'_, '_> {
    pub(super) fn evaluate(&mut self, question: Question, condition: &str, now: Timestamp) {
        let (field, scope) = match question {
            Question::StageWhen(stage) => ("when", self.scope(Reader::BeforeStage(stage))),
            Question::StageUntil(stage) => ("until.condition", self.scope(Reader::AfterSteps(stage))),
            Question::StepWhen(at) => ("when", self.scope(Reader::Step(at))),
        };
        let answer = render::condition(condition, field, &scope);
        self.note(Event::Answered(question, answer), now);
    }

    /// What an expression of this reader sees.
    pub(super) fn scope(&self, reader: Reader) -> Scope<'_> {
        self.run.variables.scope(self.run.program, &self.state, reader)
    }

    pub(super) fn compute_outputs(&mut self, now: Timestamp) {
        let outputs = render::values(&self.run.program.outputs, "outputs", &self.scope(Reader::Run));
        self.note(Event::OutputsComputed(outputs), now);
    }

    pub(super) fn judge_stage(&mut self, stage: usize, failures: &[(String, Failure)], now: Timestamp) {
        let name = self.state.stages.get(stage).map_or("", |stage| stage.name.as_str());
        let when = self.run.program.stage(name).and_then(|stage| stage.retry_when.as_deref());
        let mut failures = failures.iter();
        let retry = when.is_none_or(|when| {
            failures.all(|(step, failure)| self.holds(when, self.scope(Reader::AfterSteps(stage)), failure, name, step))
        });
        self.note(Event::StageJudged { stage, retry }, now);
    }

    pub(super) fn may_be_retried(&self, at: StepAt, failure: &Failure) -> bool {
        let Some(step) = self.run.program.step(&self.state, at) else { return false };
        let when = match &step.retries {
            Retries::Default => return failure.transient && failure.reason != sluice_engine::TIMEOUT,
            Retries::Transient => return failure.transient,
            Retries::When(when) => when,
        };
        self.holds(when, self.scope(Reader::Step(at)), failure, stage_of(&self.state, at), &step.name)
    }

    /// Whether this policy wants another attempt after such a failure.
    pub(super) fn holds(&self, when: &str, scope: Scope<'_>, failure: &Failure, stage: &str, step: &str) -> bool {
        let scope = scope.with_owned("failure", variables::failure(failure, stage, step));
        render::condition(when, "retry.when", &scope).unwrap_or_else(|error| {
            tracing::warn!(run = %self.run.identity.name, stage, step, error = %error.message, "cannot judge a retry");
            false
        })
    }
}
