//! `delay`: waits for a time. It holds no worker: a wait is a time to look again, kept in the run's state.

use async_trait::async_trait;
use jiff::Timestamp;
use sluice_api::step::{ConfigMistake, Delay};
use sluice_engine::{Failure, Outcome};

use crate::{Perform, StepContext, literals::Literals, until};

#[async_trait]
impl Perform for Delay {
    const EXAMPLE: &'static str = r#"
delay:
  duration: 10m
"#;

    fn literal_mistakes(&self) -> Vec<ConfigMistake> {
        Literals::default()
            .duration("duration", self.duration.as_deref())
            .point_in_time("until", self.until.as_deref())
            .mistakes()
    }

    async fn look(&self, context: &StepContext<'_>) -> Outcome {
        match end(self, context) {
            Ok(end) => until::wait(end, context.now),
            Err(failure) => Outcome::Failed(failure),
        }
    }
}

/// When the wait ends. A length counts from the start of the attempt, so that a restart does not begin it anew.
fn end(delay: &Delay, context: &StepContext<'_>) -> Result<Timestamp, Failure> {
    let invalid = |message: String| Failure::definite("InvalidConfiguration", message);
    match (&delay.duration, &delay.until) {
        (Some(duration), None) => {
            let duration: sluice_api::Duration =
                duration.parse().map_err(|error| invalid(format!("delay.duration: {error}")))?;
            Ok(context.started_at.checked_add(duration.get()).unwrap_or(Timestamp::MAX))
        }
        (None, Some(until)) => until::parse(until, "delay.until"),
        _ => Err(invalid("delay: set either duration or until".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::fake_world::{FakeWorld, now};

    /// What a look says this long after the start of the attempt.
    async fn look(duration: Option<&str>, until: Option<&str>, after: SignedDuration) -> Outcome {
        let world = FakeWorld::default();
        let context = StepContext { now: now() + after, ..world.context() };
        Delay { duration: duration.map(str::to_owned), until: until.map(str::to_owned) }.look(&context).await
    }

    fn waiting_until(time: &str) -> Outcome {
        let message = Some(format!("waits until {time}"));
        Outcome::Waiting { look_at: time.parse().unwrap(), not_before: None, message, progress: None, act_again: false }
    }

    #[tokio::test]
    async fn a_length_of_time_counts_from_the_start_of_the_attempt() {
        let minutes = SignedDuration::from_mins;
        assert_eq!(look(Some("10m"), None, minutes(0)).await, waiting_until("2026-05-04T12:10:00Z"));
        assert_eq!(look(Some("10m"), None, minutes(9)).await, waiting_until("2026-05-04T12:10:00Z"));
        assert_eq!(look(Some("10m"), None, minutes(10)).await, Outcome::Succeeded(Default::default()));
    }

    #[tokio::test]
    async fn a_point_in_time_may_have_passed() {
        let look = |until| look(None, Some(until), SignedDuration::ZERO);
        assert_eq!(look("2026-05-04T12:00:00Z").await, Outcome::Succeeded(Default::default()));
        assert_eq!(look("2026-05-04T13:00:00+02:00").await, Outcome::Succeeded(Default::default()));
        assert_eq!(look("2026-05-04T15:00:00+02:00").await, waiting_until("2026-05-04T13:00:00Z"));
    }

    #[tokio::test]
    async fn what_is_no_time_is_said_to_be_none() {
        for (duration, until, message) in [
            (
                Some("ten minutes"),
                None,
                "delay.duration: \"ten minutes\" is no duration: write whole numbers with the units h, m, s or ms, as in 90s or 1h30m",
            ),
            (
                None,
                Some("2026-05-04T12:00:00"),
                "delay.until: \"2026-05-04T12:00:00\" is no point in time: write it in RFC 3339 with an offset, such as 2026-11-01T06:00:00Z or 2026-11-01T08:00:00+02:00",
            ),
            (None, None, "delay: set either duration or until"),
        ] {
            let Outcome::Failed(failure) = look(duration, until, SignedDuration::ZERO).await else { panic!() };
            assert_eq!((failure.reason.as_str(), failure.message.as_str()), ("InvalidConfiguration", message));
        }
    }

    #[tokio::test]
    async fn an_endless_wait_does_not_overflow() {
        let outcome = look(Some("999999999h999999999h"), None, SignedDuration::ZERO).await;
        assert!(matches!(outcome, Outcome::Waiting { look_at, .. } if look_at == Timestamp::MAX));
    }
}
