//! When the steps of a group are tried again from the first, and after which pause.

use std::fmt::Display;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::Backoff;

/// When a group that failed is tried again from its first step: how often, after which failures, and after which pause.
///
/// ```
/// # use std::time::Duration;
/// # use jiff::Timestamp;
/// use sluice_engine::flow::{Flow, Retry};
///
/// # struct Deploy { now: Timestamp }
/// # #[derive(Debug, PartialEq)] enum Refusal { Busy, Forbidden }
/// # impl std::fmt::Display for Refusal {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "{self:?}") }
/// # }
/// # impl Deploy { async fn open(&mut self) -> Result<(), Refusal> { Ok(()) } }
/// let retry = Retry::limit(3)
///     .when(|refusal| *refusal != Refusal::Forbidden)
///     .pause(Duration::from_secs(30), |deploy: &Deploy| deploy.now);
/// let flow = Flow::named("open/v1").retry("tries", retry, |tries| tries.step("open", Deploy::open)).build();
/// # assert!(flow.is_ok());
/// ```
pub struct Retry<C, E> {
    limit: Option<u32>,
    takes: Box<dyn Fn(&E) -> bool + Send + Sync>,
    text: fn(&E) -> String,
    pause: Option<Pause<C>>,
}

struct Pause<C> {
    backoff: Backoff,
    now: Box<dyn Fn(&C) -> Timestamp + Send + Sync>,
}

impl<C, E: Display> Retry<C, E> {
    /// So many further attempts after the first.
    pub fn limit(limit: u32) -> Self {
        Self { limit: Some(limit), ..Self::unlimited() }
    }

    /// Further attempts as long as it takes.
    pub fn unlimited() -> Self {
        Self { limit: None, takes: Box::new(|_| true), text: E::to_string, pause: None }
    }
}

impl<C, E> Retry<C, E> {
    /// Only failures of which `judge` says so are taken up; any other ends the attempts, and the apply returns it.
    #[must_use]
    pub fn when(self, judge: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self {
        Self { takes: Box::new(judge), ..self }
    }

    /// The pause before each further attempt. A flow reads no clock: `now` takes the time from the context.
    ///
    /// Without a pause a failed group waits for the caller's next apply, as what is waited for does.
    #[must_use]
    pub fn pause(self, pause: Duration, now: impl Fn(&C) -> Timestamp + Send + Sync + 'static) -> Self {
        self.backoff(pause, pause, now)
    }

    /// As [`Retry::pause`]; each further pause is twice the one before, up to `longest`.
    #[must_use]
    pub fn backoff(
        self,
        first: Duration,
        longest: Duration,
        now: impl Fn(&C) -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        let backoff = Backoff { initial: signed(first), factor: 2, max: signed(longest) };
        Self { pause: Some(Pause { backoff, now: Box::new(now) }), ..self }
    }

    /// Whether this failure of the attempt of this number is followed by another attempt.
    pub(super) fn takes(&self, failure: &E, attempt: u32) -> bool {
        self.limit.is_none_or(|limit| attempt <= limit) && (self.takes)(failure)
    }

    /// The failure in words.
    pub(super) fn text(&self, failure: &E) -> String {
        (self.text)(failure)
    }

    /// When the attempt of this number may begin, if there is a pause before it.
    pub(super) fn resume_at(&self, context: &C, attempt: u32) -> Option<Timestamp> {
        let Pause { backoff, now } = self.pause.as_ref()?;
        let pause = backoff.before(i32::try_from(attempt).unwrap_or(i32::MAX));
        Some(now(context).checked_add(pause).unwrap_or(Timestamp::MAX))
    }

    /// The time, if this retry knows it.
    pub(super) fn now(&self, context: &C) -> Option<Timestamp> {
        self.pause.as_ref().map(|pause| (pause.now)(context))
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
