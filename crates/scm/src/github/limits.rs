//! GitHub's limits on the rate of requests, as its answers say them ("Rate limits for the REST API" in its documentation).

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

const REMAINING: &str = "x-ratelimit-remaining";
const RESET: &str = "x-ratelimit-reset";
const RETRY_AFTER: &str = "retry-after";

/// What the documentation asks for where the answer says no time.
const LEAST: Duration = Duration::from_secs(60);

/// The primary limit counts by the hour: a longer pause is a mistake of some clock.
const MOST: Duration = Duration::from_secs(60 * 60);

/// How long to pause, if the answer is a refusal by a limit.
///
/// No clock is read: the time at which the limit is reset is compared with the answer's own `date`.
pub(super) fn pause(status: StatusCode, headers: &HeaderMap, message: &str) -> Option<Duration> {
    if !matches!(status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS) {
        return None;
    }
    let retry_after = number(headers, RETRY_AFTER).and_then(|seconds| u64::try_from(seconds).ok());
    let is_used_up = number(headers, REMAINING) == Some(0);
    let message = message.to_lowercase();
    let is_said = message.contains("rate limit") || message.contains("abuse detection");
    if status == StatusCode::FORBIDDEN && retry_after.is_none() && !is_used_up && !is_said {
        return None;
    }
    let until_reset = if is_used_up { until_reset(headers) } else { None };
    Some(retry_after.map(Duration::from_secs).or(until_reset).unwrap_or(LEAST).min(MOST))
}

/// One second longer than the difference: both times are cut to whole seconds.
fn until_reset(headers: &HeaderMap) -> Option<Duration> {
    let seconds = number(headers, RESET)?.checked_sub(date(headers)?.as_second())?;
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0).saturating_add(1)))
}

/// When the host sent the answer.
pub(super) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(headers.get("date")?.as_bytes()).ok()
}

fn number(headers: &HeaderMap, name: &str) -> Option<i64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(status: u16, headers: &[(&'static str, &'static str)], message: &str) -> Option<u64> {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        pause(StatusCode::from_u16(status).unwrap(), &headers, message).map(|pause| pause.as_secs())
    }

    const DATE: (&str, &str) = ("date", "Tue, 20 Aug 2013 14:50:41 GMT");

    #[test]
    fn a_used_up_primary_limit_lasts_until_its_reset() {
        let headers = [DATE, (REMAINING, "0"), (RESET, "1377010541")];
        for status in [403, 429] {
            assert_eq!(seconds(status, &headers, "API rate limit exceeded for user ID 1."), Some(301));
        }
        let past = [DATE, (REMAINING, "0"), (RESET, "1377010200")];
        assert_eq!(seconds(403, &past, ""), Some(1), "a reset that has passed");
    }

    #[test]
    fn a_secondary_limit_lasts_as_long_as_it_says_or_a_minute() {
        let message = "You have exceeded a secondary rate limit.";
        assert_eq!(seconds(403, &[("retry-after", "17")], message), Some(17));
        assert_eq!(seconds(429, &[("retry-after", "17"), (REMAINING, "4999"), (RESET, "1377013266")], ""), Some(17));
        assert_eq!(seconds(403, &[(REMAINING, "4999"), (RESET, "1377013266"), DATE], message), Some(60));
        assert_eq!(seconds(429, &[], ""), Some(60));
    }

    #[test]
    fn what_cannot_be_read_is_a_minute_and_nothing_is_longer_than_an_hour() {
        assert_eq!(seconds(403, &[(REMAINING, "0"), (RESET, "soon"), DATE], ""), Some(60));
        assert_eq!(seconds(403, &[(REMAINING, "0"), (RESET, "1377010541")], ""), Some(60), "no date");
        assert_eq!(seconds(403, &[(REMAINING, "0"), (RESET, "9223372036854775807"), DATE], ""), Some(3600));
        assert_eq!(seconds(403, &[(REMAINING, "0"), (RESET, "-9223372036854775808"), DATE], ""), Some(60));
        assert_eq!(seconds(429, &[("retry-after", "86400")], ""), Some(3600));
    }

    #[test]
    fn other_refusals_are_no_limits() {
        assert_eq!(seconds(403, &[(REMAINING, "4999")], "Resource not accessible by integration"), None);
        assert_eq!(seconds(404, &[(REMAINING, "0")], "Not Found"), None);
        assert_eq!(seconds(422, &[("retry-after", "1")], ""), None);
    }
}
