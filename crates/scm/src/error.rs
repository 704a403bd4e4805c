//! What goes wrong with a git host, sorted by what a caller may do about it.
//!
//! Messages name the host, the object and the remedy. They never hold a token or a URL's userinfo, and quote no more
//! than [`QUOTE_LIMIT`] characters of what a host said.

use std::time::Duration;

/// The most characters quoted from a host's answer.
pub const QUOTE_LIMIT: usize = 300;

/// Whether a request that got no usable answer may have taken effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was a read, or it never reached the host: nothing happened.
    NotApplied,
    /// It was a write and may have happened: look for its effect before doing it again.
    Unknown,
}

/// Why a git host did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// 404: the object does not exist, or the account may not see it.
    #[error("{what} not found on {host}: check the name, and the right to read it")]
    NotFound {
        /// The host, as `gitea git.example`.
        host: String,
        /// The object, as `repository shop/gitops`.
        what: String,
    },
    /// 401: the token is wrong, revoked or expired.
    #[error("{host} does not accept the {credential}: put a valid one into the provider's secret")]
    Unauthorized {
        /// The host.
        host: String,
        /// What it does not accept, as `token`.
        credential: String,
    },
    /// 403: the token is valid and may not do this.
    #[error("{host} forbids to {what}: {message}; give this account the right to")]
    Forbidden {
        /// The host.
        host: String,
        /// What was tried, as `merge pull request shop/gitops#7`.
        what: String,
        /// What the host said.
        message: String,
    },
    /// The object is there already: find it, check whose it is, then adopt it or stop.
    #[error("{what} already exists on {host}")]
    AlreadyExists {
        /// The host.
        host: String,
        /// The object.
        what: String,
    },
    /// The branch, or a file on it, is no longer what the caller read. Nothing was written: redo it from the new head.
    #[error("{what} moved on {host}: {message}")]
    BranchMoved {
        /// The host.
        host: String,
        /// The object, as `branch main of shop/gitops`.
        what: String,
        /// What differs.
        message: String,
    },
    /// The pull request cannot be merged yet, or not at all; nothing was merged. [`crate::GitHost::readiness`] says why.
    #[error("{what} cannot be merged on {host}: {why}")]
    NotMergeable {
        /// The host.
        host: String,
        /// The pull request.
        what: String,
        /// The reason, for a person.
        why: String,
    },
    /// 429, or a 403 that says so: nothing happened.
    #[error("{host} limits the rate of requests{}", .retry_after.map(|d| format!(": next in {} s", d.as_secs())).unwrap_or_default())]
    RateLimited {
        /// The host.
        host: String,
        /// How long the host asks to wait.
        retry_after: Option<Duration>,
    },
    /// 5xx, no connection, no answer in time, or an answer that was cut off or makes no sense.
    #[error("failed to {what}: {host} is unavailable: {message}{}", if *.outcome == Outcome::Unknown { " (it may have happened all the same)" } else { "" })]
    Unavailable {
        /// The host.
        host: String,
        /// What was tried.
        what: String,
        /// Whether it may have happened all the same.
        outcome: Outcome,
        /// What is known of the cause.
        message: String,
    },
    /// Any other refusal.
    #[error("{host} refused to {what}: {message} (HTTP {status})")]
    Refused {
        /// The host.
        host: String,
        /// What was tried.
        what: String,
        /// The HTTP status.
        status: u16,
        /// What the host said.
        message: String,
    },
    /// The host, or this client, cannot do that with this object.
    #[error("cannot {what} on {host}: {remedy}")]
    Unsupported {
        /// The host.
        host: String,
        /// What was tried.
        what: String,
        /// What to do instead.
        remedy: String,
    },
    /// An object that carries another key, or none, stands where ours should be. It was left alone.
    #[error("{what} on {host} was not made by this step: {message}")]
    NotOurs {
        /// The host.
        host: String,
        /// The object.
        what: String,
        /// What it carries instead, and what to do.
        message: String,
    },
}

impl Error {
    /// Whether the same call may succeed later with nothing changed by anyone.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Unavailable { .. })
    }

    /// Whether it is certain that the effect did *not* happen. Where it is not, look for the effect under the same key.
    pub fn end_is_known(&self) -> bool {
        !matches!(self, Self::Unavailable { outcome: Outcome::Unknown, .. })
    }
}
