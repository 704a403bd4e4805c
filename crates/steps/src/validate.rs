//! `validate`: checks over sources, measured several times if wanted, or over earlier outputs.
//!
//! What was counted so far is the step's `progress`, and with it the time of the next measurement: a look that comes
//! earlier measures nothing, so no event and no restart counts twice.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sluice_api::step::{CHECKS, Check, ConfigMistake, Validate};
use sluice_engine::{Failure, Outcome, Outputs};
use sluice_expr::Scope;
use tokio::time::Instant;

use crate::{
    Perform, StepContext, explain,
    literals::Literals,
    render,
    sources::{self, NoValue},
};

#[async_trait]
impl Perform for Validate {
    const EXAMPLE: &'static str = r#"
validate:
  sources:
    deployment: {resource: {apiVersion: apps/v1, kind: Deployment, name: "${{ params.application }}"}}
    errors:
      prometheus:
        url: https://prometheus.example
        query: sum(rate(http_requests_total{app="${{ params.application }}",code=~"5.."}[5m]))
  checks:
  - {name: every replica is ready, expr: deployment.object.status.readyReplicas == deployment.object.spec.replicas}
  - {name: next to no errors, expr: errors.value == null || errors.value < 0.1}
  count: 5
  interval: 1m
  failureLimit: 1
"#;

    fn literal_mistakes(&self) -> Vec<ConfigMistake> {
        Literals::default().sources(&self.sources).mistakes()
    }

    /// Without sources: all checks at once, over earlier outputs.
    fn compute(&self, context: &StepContext<'_>) -> Outcome {
        let judged = Judged::of(&self.checks, &context.scope);
        match judged.failure() {
            None => Outcome::Succeeded(judged.outputs(Map::new())),
            Some((reason, message)) => Outcome::Failed(Failure::definite(reason, message)),
        }
    }

    /// One measurement, if it is time for it.
    async fn look(&self, context: &StepContext<'_>) -> Outcome {
        if self.sources.is_empty() {
            return self.compute(context);
        }
        let tally = Tally::of(context.progress);
        if let Some(next_at) = tally.next_at.filter(|next_at| context.now < *next_at) {
            return tally.wait(next_at, self);
        }
        let started = Instant::now();
        let measured = sources::measure(&self.sources, context).await;
        let next_at = sources::next(context.now, started.elapsed(), self.interval());
        match measured {
            Err(NoValue::Ever(failure)) => Outcome::Failed(failure),
            Err(NoValue::Now(failure)) => tally.error(failure.message, next_at, self),
            Ok(values) => {
                let judged = Judged::of(&self.checks, &sources::scope(context, &values));
                tally.count(judged, values, next_at, self)
            }
        }
    }
}

/// What each check said of one measurement.
struct Judged {
    /// By the check's name; null where it could not be evaluated.
    checks: Map<String, Value>,
    /// What was false, with the values that were read.
    failed: Vec<String>,
    /// What could not be evaluated.
    errors: Vec<String>,
}

impl Judged {
    fn of(checks: &[Check], scope: &Scope<'_>) -> Self {
        let mut judged = Self { checks: Map::new(), failed: Vec::new(), errors: Vec::new() };
        for Check { name, expr } in checks {
            let said = |what: &str| format!("check {name:?} {what}: {expr}{}", explain::values_read(expr, scope));
            let value = match render::condition(expr, name, scope) {
                Ok(true) => Value::Bool(true),
                Ok(false) => {
                    judged.failed.push(said("failed"));
                    Value::Bool(false)
                }
                Err(failure) => {
                    judged.errors.push(format!("{}: {}", said("cannot be evaluated"), failure.message));
                    Value::Null
                }
            };
            judged.checks.insert(name.clone(), value);
        }
        judged
    }

    /// Why it is no success: a reason and a message with every check that is not true.
    fn failure(&self) -> Option<(&'static str, String)> {
        let reason = match (self.failed.as_slice(), self.errors.as_slice()) {
            ([], []) => return None,
            ([], _) => "ExpressionFailed",
            _ => "CheckFailed",
        };
        let messages: Vec<&str> = self.failed.iter().chain(&self.errors).map(String::as_str).collect();
        Some((reason, messages.join("; ")))
    }

    fn outputs(self, mut values: Map<String, Value>) -> Outputs {
        values.insert(CHECKS.to_owned(), Value::Object(self.checks));
        values
    }
}

/// What was counted so far; the step's `progress`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Tally {
    /// Measurements that ended with a verdict.
    measured: i32,
    /// Those of them in which a check was false.
    failed: i32,
    /// Measurements that ended in an error; they are not among the measured.
    errors: i32,
    /// The last of those in a row.
    consecutive_errors: i32,
    /// When the next measurement is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_at: Option<Timestamp>,
    /// What the last verdict was.
    #[serde(skip_serializing_if = "Map::is_empty")]
    checks: Map<String, Value>,
    /// Why the last measurement was no success.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<String>,
}

impl Tally {
    fn of(progress: Option<&Value>) -> Self {
        // A progress of an unknown shape is not this step's: count anew.
        progress.and_then(|progress| Self::deserialize(progress).ok()).unwrap_or_default()
    }

    /// Counts a measurement with a verdict.
    fn count(mut self, judged: Judged, values: Map<String, Value>, next_at: Timestamp, step: &Validate) -> Outcome {
        // Of a measurement that failed and could not be evaluated, the failure counts: more values would not mend it.
        let Some((reason, message)) = judged.failure() else {
            return self.verdict(judged, values, None, next_at, step);
        };
        if reason == "ExpressionFailed" {
            return self.error(message, next_at, step);
        }
        self.failed += 1;
        self.verdict(judged, values, Some(message), next_at, step)
    }

    fn verdict(
        mut self,
        judged: Judged,
        values: Map<String, Value>,
        failure: Option<String>,
        next_at: Timestamp,
        step: &Validate,
    ) -> Outcome {
        self.measured += 1;
        self.consecutive_errors = 0;
        let limit = step.failure_limit();
        if let Some(message) = failure.as_ref().filter(|_| self.failed > limit) {
            let of = if step.count() == 1 { String::new() } else { format!(" ({})", self.describe(step)) };
            return Outcome::Failed(Failure::definite("CheckFailed", format!("{message}{of}")));
        }
        if self.measured >= step.count() {
            return Outcome::Succeeded(judged.outputs(values));
        }
        self.checks = judged.checks;
        self.last = failure;
        self.wait(next_at, step)
    }

    /// Counts a measurement without a verdict.
    fn error(mut self, message: String, next_at: Timestamp, step: &Validate) -> Outcome {
        self.errors += 1;
        self.consecutive_errors += 1;
        let limit = step.consecutive_error_limit();
        if self.consecutive_errors > limit {
            let message = format!("{} measurements in a row ended in an error: {message}", self.consecutive_errors);
            return Outcome::Failed(Failure::definite("MeasurementFailed", message));
        }
        self.last = Some(message);
        self.wait(next_at, step)
    }

    fn wait(mut self, next_at: Timestamp, step: &Validate) -> Outcome {
        self.next_at = Some(next_at);
        let last = self.last.as_ref().map(|last| format!("; last: {last}")).unwrap_or_default();
        let message = Some(format!("{}{last}", self.describe(step)));
        Outcome::Waiting { look_at: next_at, not_before: None, message, progress: Some(json!(self)), act_again: false }
    }

    fn describe(&self, step: &Validate) -> String {
        let Self { measured, failed, errors, .. } = self;
        let may_fail = step.failure_limit();
        format!("measured {measured} of {}: {failed} failed ({may_fail} may), {errors} errors", step.count())
    }
}

#[cfg(test)]
mod tests;
