//! What may go wrong between a person and an object, said with the remedy.

use std::{error::Error as _, iter::successors};

use crate::printable;

/// Nothing was changed, unless the API server did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("failed to ask the API server {what}: {}", reason(source))]
    Ask { what: &'static str, source: kube::Error },
    #[error("the API server does not say who you are: check the user of the kubeconfig's context")]
    Nobody,
    #[error("the cluster has no kind {kind}: install Sluice, or choose another cluster with --context")]
    NoKind { kind: &'static str },
    #[error("there is no {what} {name:?} in namespace {namespace:?}{hint}")]
    NoObject { what: &'static str, name: String, namespace: String, hint: String },
    #[error("failed to {verb} {what} {name:?} in namespace {namespace:?}: {}", reason(source))]
    Object { verb: &'static str, what: &'static str, name: String, namespace: String, source: kube::Error },
    #[error("failed to change {what} {name:?} in namespace {namespace:?}: others change it all the time; try again")]
    Contended { what: &'static str, name: String, namespace: String },
    #[error("failed to write the patch as JSON")]
    Patch(#[source] serde_json::Error),
}

impl RequestError {
    /// Whether the API server has decided against it: for want of a right, or by a rule.
    pub(crate) fn is_refusal(&self) -> bool {
        let Self::Object { source: kube::Error::Api(status), .. } = self else { return false };
        matches!(status.code, 403 | 422)
    }

    /// Whether there is no object of that name.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::NoObject { .. })
    }

    /// Whether there is an object of that name already.
    pub(crate) fn is_taken(&self) -> bool {
        matches!(self, Self::Object { source: kube::Error::Api(status), .. } if status.code == 409)
    }

    /// Whether it may have been done all the same.
    pub(crate) fn leaves_open(&self) -> bool {
        match self {
            Self::Object { source: kube::Error::Api(status), .. } => status.code >= 500,
            Self::Object { .. } => true,
            _ => false,
        }
    }

    /// Whether the same may go well a little later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Ask { source, .. } | Self::Object { source, .. } => match source {
                kube::Error::Api(status) => status.code == 429 || status.code >= 500,
                _ => true,
            },
            Self::Nobody | Self::NoKind { .. } | Self::NoObject { .. } | Self::Contended { .. } | Self::Patch(_) => {
                false
            }
        }
    }
}

/// What comes before the message of an admission policy, behind its name and that of its binding.
const DENIED: &str = " denied request: ";

/// Why the API server did not do it, and what there is to do about it.
fn reason(error: &kube::Error) -> String {
    let kube::Error::Api(status) = error else {
        let causes = successors(error.source(), |&cause| cause.source());
        let cause = causes.last().map_or_else(|| error.to_string(), ToString::to_string);
        return printable::line(&format!("the API server cannot be reached: {cause}"));
    };
    let remedy = match status.code {
        401 => "; sign in again, or correct the user of the kubeconfig's context",
        403 => "; ask for a role with that right, such as `edit`",
        429 | 500.. => "; try again",
        _ => "",
    };
    let message = if status.message.is_empty() { &status.reason } else { &status.message };
    if let Some((_, message)) = message.split_once(DENIED) {
        // A policy says itself what there is to do about it.
        return printable::line(message);
    }
    printable::line(&format!("{message}{remedy}"))
}
