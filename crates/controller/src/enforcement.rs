//! Whether the API server checks who asks for what: the admission policies are in force.
//!
//! Anybody who may patch a run could otherwise approve it in another's name. That a policy is there proves nothing: it may be
//! bound to other namespaces, or only warn. So it is found out by trying, as the controller itself: an entry in a name that is
//! not its own, appended as a dry run to the very run, has to be refused, and by that policy.
//!
//! *Guarantees.* What is not proven counts as not in force, whatever the reason. A proof holds for its namespace and for 30
//! seconds. There is none of what was appended while the policies were not in force and nobody looked.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use kube::{
    Api, Client,
    api::{ObjectMeta, Patch, PatchParams},
};
use serde_json::json;
use sluice_api::{ActionType, PipelineRun, RunAction, names};

use crate::{causes::in_one_line, refusals::is_final};

/// What was found out holds for so long.
const TRUSTED_FOR: Duration = Duration::from_secs(30);

/// In whose name it is tried. Nobody is called that: names of users with a colon are the API server's own.
const NOBODY: &str = "sluice:nobody";

/// What the policy says of it: the first of its refusals in charts/sluice/templates/policies.yaml. A policy of somebody else that
/// refuses this, too, proves nothing.
const REFUSAL: &str = "by must be your own user name";

/// Where they were found to be in force, by namespace, and when.
#[derive(Default)]
pub(crate) struct Enforcement(Mutex<HashMap<String, Instant>>);

impl Enforcement {
    /// Whether the policies are in force for this run.
    ///
    /// # Errors
    /// When it cannot be said now: the API server does not answer, or has too much to do.
    pub(crate) async fn is_in_force(&self, client: &Client, run: &ObjectMeta) -> Result<bool, kube::Error> {
        let (namespace, name) = (run.namespace.as_deref().unwrap_or_default(), run.name.as_deref().unwrap_or_default());
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(namespace).copied();
        if known.is_some_and(|at| at.elapsed() < TRUSTED_FOR) {
            return Ok(true);
        }
        // Of before the request: it says nothing of later.
        let at = Instant::now();
        let is_in_force = match judge(forge(client, namespace, name).await)? {
            Verdict::Refused => true,
            Verdict::Accepted => false,
            Verdict::Unproven(why) => {
                tracing::warn!(namespace, run = name, %why, "it cannot be proven that the admission policies are in force");
                false
            }
        };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, at| at.elapsed() < TRUSTED_FOR);
        if is_in_force {
            known.insert(namespace.to_owned(), at);
        } else {
            known.remove(namespace);
        }
        Ok(is_in_force)
    }
}

/// What an attempt has shown.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// The policy is in force.
    Refused,
    /// Nobody objected.
    Accepted,
    /// It was refused for another reason.
    Unproven(String),
}

/// Tries to append to the run in another's name. Nothing of it is stored.
async fn forge(client: &Client, namespace: &str, name: &str) -> Result<(), kube::Error> {
    let runs: Api<PipelineRun> = Api::namespaced(client.clone(), namespace);
    let entry = RunAction::new(ActionType::Abort, NOBODY, None);
    let patch = json!([{"op": "add", "path": names::NEXT_ACTION, "value": entry}]);
    let patch = serde_json::from_value(patch).map_err(kube::Error::SerdeError)?;
    let params =
        PatchParams { dry_run: true, field_manager: Some(names::FIELD_MANAGER.to_owned()), ..Default::default() };
    // Only whether it is accepted matters, not the whole of the run.
    runs.patch_metadata(name, &params, &Patch::Json::<()>(patch)).await.map(drop)
}

fn judge(answer: Result<(), kube::Error>) -> Result<Verdict, kube::Error> {
    match answer {
        Ok(()) => Ok(Verdict::Accepted),
        Err(kube::Error::Api(status)) if status.message.contains(REFUSAL) && matches!(status.code, 403 | 422) => {
            Ok(Verdict::Refused)
        }
        // Missing rights of the controller, another policy or webhook, a list that is full. The run has to go on all the same:
        // its abort may be among what is asked.
        Err(error) if is_final(&error) => Ok(Verdict::Unproven(in_one_line(&error))),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use kube::{client::Body, core::Status};

    use super::*;

    const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../charts/sluice/templates/policies.yaml");

    fn refusal(code: u16, message: &str) -> Result<(), kube::Error> {
        let mut status = Status::failure(message, "Any");
        status.code = code;
        Err(kube::Error::Api(Box::new(status)))
    }

    #[test]
    fn the_policy_says_first_what_is_looked_for() {
        let chart = std::fs::read_to_string(CHART).unwrap();
        let (_, validations) = chart.split_once("  validations:\n").unwrap();
        let (first, _) = validations.split_once("reason:").unwrap();
        assert!(first.contains(&format!("'{REFUSAL}")), "{first}");
    }

    #[test]
    fn only_the_refusal_of_the_policy_is_a_proof() {
        let words = format!("ValidatingAdmissionPolicy 'a' with binding 'a' denied request: {REFUSAL}: robot");
        assert_eq!(judge(refusal(403, &words)).unwrap(), Verdict::Refused);
        assert_eq!(judge(Ok(())).unwrap(), Verdict::Accepted);
        for (code, message) in [
            (403, "User \"robot\" cannot patch resource \"pipelineruns\""),
            (422, "ValidatingAdmissionPolicy 'labels' denied request: every run has a label"),
            (422, "spec.actions: Too many: 129: must have at most 128 items"),
            (400, "admission webhook \"x\" does not support dry run"),
            (500, &words),
        ] {
            let verdict = judge(refusal(code, message));
            assert!(!matches!(verdict, Ok(Verdict::Refused | Verdict::Accepted)), "{code} {message}: {verdict:?}");
        }
    }

    #[test]
    fn who_gets_no_answer_asks_again() {
        for code in [404, 409, 429, 500, 503] {
            assert!(judge(refusal(code, "later")).is_err(), "{code}");
        }
    }

    /// A server that answers each request so, and how often it was asked.
    fn server(code: u16, message: &str) -> (Client, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let (counted, message) = (asked.clone(), message.to_owned());
        let answer = move |request: http::Request<Body>| {
            counted.fetch_add(1, Ordering::Relaxed);
            let uri = request.uri().to_string();
            assert!(uri.contains("/namespaces/shop/pipelineruns/web?") && uri.contains("dryRun=All"), "{uri}");
            let body = match code {
                200 => json!({"metadata": {"name": "web"}}),
                _ => json!({"kind": "Status", "status": "Failure", "message": message, "reason": "Any", "code": code}),
            };
            let answer = http::Response::builder().status(code).body(Body::from(body.to_string().into_bytes()));
            std::future::ready(answer)
        };
        (Client::new(tower::service_fn(answer), "default"), asked)
    }

    fn run() -> ObjectMeta {
        ObjectMeta { namespace: Some("shop".to_owned()), name: Some("web".to_owned()), ..ObjectMeta::default() }
    }

    #[tokio::test]
    async fn a_proof_is_asked_for_once_and_its_lack_every_time() {
        let enforcement = Enforcement::default();
        let (none, asked) = server(200, "");
        for _ in 0..2 {
            assert!(!enforcement.is_in_force(&none, &run()).await.unwrap());
        }
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        let (policy, asked) = server(403, REFUSAL);
        for _ in 0..3 {
            assert!(enforcement.is_in_force(&policy, &run()).await.unwrap());
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        // What was proven for one namespace says nothing of another.
        let other = ObjectMeta { namespace: Some("other".to_owned()), ..run() };
        assert!(!enforcement.0.lock().unwrap().contains_key(other.namespace.as_deref().unwrap()));
    }

    #[tokio::test]
    async fn without_the_right_to_try_nothing_is_proven() {
        let (forbidden, _) = server(403, "cannot patch resource");
        assert!(!Enforcement::default().is_in_force(&forbidden, &run()).await.unwrap());
    }
}
