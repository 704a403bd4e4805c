//! `waitFor`: waits until a condition over sources is true, or until a time.
//!
//! It keeps no count, so a look may come at any time: the sources are asked anew, and the run's state holds only what people
//! want to read.

use async_trait::async_trait;
use serde_json::{Map, Value};
use sluice_api::step::{ConfigMistake, WaitFor};
use sluice_engine::{Failure, Outcome};
use tokio::time::Instant;

use crate::{
    Perform, StepContext, explain,
    literals::Literals,
    render,
    sources::{self, NoValue},
    until,
};

#[async_trait]
impl Perform for WaitFor {
    const EXAMPLE: &'static str = r#"
timeout: 10m
waitFor:
  sources:
    state: {http: {url: "https://collector.example/states/${{ params.application }}"}}
  condition: state.json.done && state.json.version == params.version
  interval: 15s
"#;

    fn literal_mistakes(&self) -> Vec<ConfigMistake> {
        Literals::default().sources(&self.sources).point_in_time("until", self.until.as_deref()).mistakes()
    }

    async fn look(&self, context: &StepContext<'_>) -> Outcome {
        let WaitFor { sources, condition, until, interval: _ } = self;
        match (condition, until) {
            (None, Some(until)) => match until::parse(until, "waitFor.until") {
                Ok(until) => until::wait(until, context.now),
                Err(failure) => Outcome::Failed(failure),
            },
            (Some(condition), None) => {
                let started = Instant::now();
                let message = match sources::measure(sources, context).await {
                    Err(NoValue::Ever(failure)) => return Outcome::Failed(failure),
                    Err(NoValue::Now(failure)) => format!("{}; it is asked again", failure.message),
                    Ok(values) => match judge(condition, &values, context) {
                        Ok(()) => return Outcome::Succeeded(values),
                        Err(message) => message,
                    },
                };
                let look_at = sources::next(context.now, started.elapsed(), self.interval());
                Outcome::Waiting { look_at, not_before: None, message: Some(message), progress: None, act_again: false }
            }
            _ => {
                let message = "waitFor: set either condition with sources, or until";
                Outcome::Failed(Failure::definite("InvalidConfiguration", message))
            }
        }
    }
}

/// Whether the condition is true of these values; else what was seen.
fn judge(condition: &str, values: &Map<String, Value>, context: &StepContext<'_>) -> Result<(), String> {
    let scope = sources::scope(context, values);
    let seen = || explain::values_read(condition, &scope);
    match render::condition(condition, "condition", &scope) {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!("waits for `{condition}`{}", seen())),
        Err(failure) => Err(format!("waits for `{condition}`{}: {}", seen(), failure.message)),
    }
}

#[cfg(test)]
mod tests;
