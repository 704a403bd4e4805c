//! Why a request has no answer.

use std::error::Error;

use sluice_engine::Failure;

use super::addresses::ClosedAddress;
use crate::text::cut;

/// Why a request has no answer. What a step makes of it depends on what became of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// The request is wrong and would be refused again.
    Wrong(Failure),
    /// Nothing was sent.
    NotSent(Failure),
    /// It was sent, at least in part, and no answer came.
    Lost(Failure),
}

impl Unanswered {
    pub(super) fn closed(what: &str, closed: &ClosedAddress) -> Self {
        Self::Wrong(Failure::definite("AddressForbidden", format!("{what}: {closed}")))
    }

    /// What a client's error means for the request described by `what`.
    pub(super) fn of(what: &str, error: reqwest::Error) -> Self {
        if let Some(closed) = sources(&error).find_map(|source| source.downcast_ref::<ClosedAddress>()) {
            return Self::closed(what, closed);
        }
        let (connect, timeout, build) = (error.is_connect(), error.is_timeout(), error.is_builder());
        let why = describe(&error.without_url());
        if build {
            return Self::Wrong(Failure::definite("InvalidRequest", format!("{what}: {why}")));
        }
        if connect {
            return Self::NotSent(Failure::transient("ConnectionFailed", format!("{what}: failed to connect: {why}")));
        }
        let why = if timeout { "no answer in time".to_owned() } else { format!("the answer was lost: {why}") };
        Self::Lost(Failure::transient("NoAnswer", format!("{what}: {why}")))
    }

    /// The failure itself.
    #[cfg(test)]
    pub(crate) fn into_failure(self) -> Failure {
        match self {
            Self::Wrong(failure) | Self::NotSent(failure) | Self::Lost(failure) => failure,
        }
    }
}

fn sources<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The innermost cause, which says most: the ones around it only say that something failed.
pub(super) fn describe(error: &reqwest::Error) -> String {
    let innermost = sources(error).last().map(ToString::to_string).unwrap_or_default();
    cut(&innermost, 300)
}
