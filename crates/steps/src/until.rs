//! Waiting for a point in time.

use jiff::Timestamp;
use sluice_engine::{Failure, Outcome, Outputs};

/// Reads a point in time of a rendered configuration; `field` is where it stands.
pub(crate) fn parse(text: &str, field: &str) -> Result<Timestamp, Failure> {
    read(text).map_err(|message| Failure::definite("InvalidConfiguration", format!("{field}: {message}")))
}

/// Reads a point in time; the error says the remedy.
pub(crate) fn read(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| {
        let shown: String = text.chars().take(64).collect();
        let remedy = "write it in RFC 3339 with an offset, such as 2026-11-01T06:00:00Z or 2026-11-01T08:00:00+02:00";
        format!("{shown:?} is no point in time: {remedy}")
    })
}

/// Succeeds without outputs once it is time.
pub(crate) fn wait(until: Timestamp, now: Timestamp) -> Outcome {
    if now >= until {
        return Outcome::Succeeded(Outputs::new());
    }
    let message = Some(format!("waits until {until}"));
    Outcome::Waiting { look_at: until, not_before: None, message, progress: None, act_again: false }
}
