//! A length of time as people write it: `90s`, `5m`, `1h30m`.

use std::{borrow::Cow, fmt, str::FromStr};

use jiff::SignedDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of time: whole numbers with the units `h`, `m`, `s` and `ms`, as Kubernetes writes durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(SignedDuration);

/// The text is no length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no duration: write whole numbers with the units h, m, s or ms, as in 90s or 1h30m")]
pub struct ParseDurationError(String);

const MAX_LENGTH: usize = 32;

impl Duration {
    /// What it looks like, as a regular expression.
    pub const PATTERN: &str = "^([0-9]{1,9}(h|m|s|ms))+$";

    /// This many seconds.
    pub const fn from_secs(secs: i64) -> Self {
        Self(SignedDuration::from_secs(secs))
    }

    /// This many minutes.
    pub const fn from_mins(mins: i64) -> Self {
        Self(SignedDuration::from_mins(mins))
    }

    /// As a number to calculate with; never negative.
    pub fn get(self) -> SignedDuration {
        self.0
    }
}

impl FromStr for Duration {
    type Err = ParseDurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map(Self).ok_or_else(|| ParseDurationError(text.chars().take(64).collect()))
    }
}

fn parse(text: &str) -> Option<SignedDuration> {
    if text.is_empty() || text.len() > MAX_LENGTH {
        return None;
    }
    let mut sum = SignedDuration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        if digits > 9 {
            return None;
        }
        let number: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let part = match &rest[..unit] {
            "h" => SignedDuration::from_hours(number),
            "m" => SignedDuration::from_mins(number),
            "s" => SignedDuration::from_secs(number),
            "ms" => SignedDuration::from_millis(number),
            _ => return None,
        };
        sum = sum.checked_add(part)?;
        rest = &rest[unit..];
    }
    Some(sum)
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.subsec_millis();
        let seconds = self.0.as_secs();
        let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s"), (i64::from(millis), "ms")];
        if self.0.is_zero() {
            return f.write_str("0s");
        }
        parts.iter().filter(|(number, _)| *number != 0).try_for_each(|(number, unit)| write!(f, "{number}{unit}"))
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": Self::PATTERN, "maxLength": MAX_LENGTH})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_kubernetes_writes_them() {
        for (text, seconds) in [("90s", 90), ("1h30m", 5400), ("5m", 300), ("2h", 7200), ("0s", 0)] {
            assert_eq!(text.parse::<Duration>().unwrap().get().as_secs(), seconds, "{text}");
        }
        assert_eq!("1500ms".parse::<Duration>().unwrap().to_string(), "1s500ms");
        assert_eq!("90m".parse::<Duration>().unwrap().to_string(), "1h30m");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "90", "s", "-5s", "1d", "1.5h", "5 m", "9999999999h", "1h٣m", "1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h"]
        {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
    }
}
