//! What an answer of the API server tells of sending the same request again.

/// Whether the same request would be refused again, until somebody changes something: the request is wrong (400, 405, 413, 415, 422), or a right,
/// a quota or a policy stands against it (403; a namespace that is being deleted says so, too).
///
/// Of the others each may pass by itself, as the [conventions] have it: credentials are renewed (401), what is not there may come (404), somebody
/// else wrote (409), and the API server was too slow or has too much to do (408, 429, 5xx). So may whatever gave no answer.
///
/// [conventions]: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#http-status-codes
pub fn is_final(error: &kube::Error) -> bool {
    why_final(error).is_some()
}

/// What the API server says of a request that it would refuse again, as [`is_final`] has it.
pub fn why_final(error: &kube::Error) -> Option<&str> {
    match error {
        kube::Error::Api(status) if matches!(status.code, 400 | 403 | 405 | 413 | 415 | 422) => Some(&status.message),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::{io, iter::repeat};

    use kube::core::Status;

    use super::*;

    fn answer(code: u16) -> kube::Error {
        let mut status = Status::failure("exceeded quota", "Any");
        status.code = code;
        kube::Error::Api(Box::new(status))
    }

    #[test]
    fn what_would_be_refused_again_is_told_from_what_may_pass() {
        let refused = [400, 403, 405, 413, 415, 422].into_iter().zip(repeat(true));
        let passing = [401, 404, 408, 409, 410, 429, 500, 502, 503, 504].into_iter().zip(repeat(false));
        for (code, expected) in refused.chain(passing) {
            assert_eq!(is_final(&answer(code)), expected, "{code}");
        }
        assert!(!is_final(&kube::Error::Service(Box::new(io::Error::other("connection reset")))));
    }

    #[test]
    fn a_refusal_says_why() {
        assert_eq!((why_final(&answer(403)), why_final(&answer(409))), (Some("exceeded quota"), None));
    }
}
