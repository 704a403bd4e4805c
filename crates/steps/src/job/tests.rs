use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};
use sluice_engine::Outputs;

use super::*;
use crate::{
    context::LOOK_AGAIN,
    fake_server::{FakeServer, Received},
    fake_world::{FakeWorld, now, status},
};

const NAME: &str = "deploy-1-migrate-0123456789ab";
const KEY: &str = "0123456789abcdef0001";
const POD: &str = "p1";

fn config() -> step::Job {
    serde_json::from_value(json!({
        "template": {
            "metadata": {"labels": {"team": "shop"}, "annotations": {"n": 1}},
            "spec": {"containers": [{"name": "web", "image": "web:1", "args": ["up", 3], "env": [{"name": "A", "value": true}]}]},
        },
    }))
    .unwrap()
}

/// An API server with one namespace, which keeps one Job and its pod.
#[derive(Clone, Default)]
struct Cluster(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    job: Option<Value>,
    pod_status: Value,
    made: u32,
    /// Answers to the next requests of these methods and kinds, instead of what would come.
    refusals: Vec<(&'static str, &'static str, u16, Value, Refusal)>,
    requests: Vec<String>,
}

/// Whether a request that is refused is carried out all the same: its answer was lost.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Before,
    After,
}

impl Cluster {
    fn refuse(&self, method: &'static str, kind: &'static str, code: u16, body: Value, when: Refusal) {
        self.0.lock().unwrap().refusals.push((method, kind, code, body, when));
    }

    fn set(&self, status: Value, pod_status: Value) {
        let mut state = self.0.lock().unwrap();
        state.job.as_mut().unwrap()["status"] = status;
        state.pod_status = pod_status;
    }

    fn job(&self) -> Option<Value> {
        self.0.lock().unwrap().job.clone()
    }

    fn change(&self, change: impl FnOnce(&mut Option<Value>)) {
        change(&mut self.0.lock().unwrap().job);
    }

    fn made(&self) -> u32 {
        self.0.lock().unwrap().made
    }

    fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().requests)
    }

    async fn world(&self, owner: Option<&str>) -> FakeWorld {
        let cluster = self.clone();
        let server = FakeServer::start(move |request: &Received| cluster.answer(request)).await;
        let owner = owner.map(|uid| {
            serde_json::from_value(json!({
                "apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun", "name": "deploy-1", "uid": uid, "controller": true
            }))
            .unwrap()
        });
        FakeWorld { api_server: Some(server.url("").parse().unwrap()), owner, ..FakeWorld::default() }
    }

    fn answer(&self, request: &Received) -> (StatusCode, String) {
        let mut state = self.0.lock().unwrap();
        let path = request.path.split('?').next().unwrap_or_default();
        let kind = if path.starts_with("/apis/batch/v1/namespaces/shop/jobs") { "jobs" } else { "pods" };
        let method = request.method.as_str();
        state.requests.push(format!("{method} {kind}"));
        let refusal = state.refusals.iter().position(|it| (it.0, it.1) == (method, kind));
        let refusal = refusal.map(|at| state.refusals.remove(at));
        let refused = |code: u16, body: &Value| (StatusCode::from_u16(code).unwrap(), body.to_string());
        match &refusal {
            Some((_, _, code, body, Refusal::Before)) => refused(*code, body),
            Some((_, _, code, body, Refusal::After)) => {
                state.carry_out(method, kind, path, request);
                refused(*code, body)
            }
            None => {
                let (code, body) = state.carry_out(method, kind, path, request);
                refused(code, &body)
            }
        }
    }
}

impl State {
    fn carry_out(&mut self, method: &str, kind: &str, path: &str, request: &Received) -> (u16, Value) {
        let missing = || (404, status(404, "NotFound", "jobs.batch not found"));
        match (method, kind) {
            ("GET", "pods") => {
                (200, json!({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": self.pods()}))
            }
            ("GET", _) if path.ends_with(NAME) => self.job.clone().map_or_else(missing, |job| (200, job)),
            ("POST", _) if self.job.is_some() => (409, status(409, "AlreadyExists", "jobs.batch already exists")),
            ("POST", _) => {
                assert!(request.path.contains("fieldValidation=Strict"), "{}", request.path);
                let mut job: Value = serde_json::from_str(&request.body).unwrap();
                self.made += 1;
                job["metadata"]["uid"] = json!(format!("job-{}", self.made));
                self.job = Some(job.clone());
                (201, job)
            }
            ("DELETE", _) => {
                let options: Value = serde_json::from_str(&request.body).unwrap();
                assert_eq!(options["propagationPolicy"], "Background");
                match self.job.take() {
                    Some(job) if job["metadata"]["uid"] == options["preconditions"]["uid"] => {
                        (200, status(200, "", ""))
                    }
                    Some(job) => {
                        self.job = Some(job);
                        (409, status(409, "Conflict", "the UID in the precondition does not match"))
                    }
                    None => missing(),
                }
            }
            other => panic!("{other:?}"),
        }
    }

    fn pods(&self) -> Vec<Value> {
        let pod = json!({"metadata": {"name": POD}, "status": self.pod_status});
        if self.pod_status.is_null() { Vec::new() } else { vec![pod] }
    }
}

struct Call<'a> {
    world: &'a FakeWorld,
    claims: i32,
    progress: Option<Value>,
}

impl Call<'_> {
    fn context(&self) -> StepContext<'_> {
        StepContext {
            step: "migrate",
            key: KEY,
            claims: self.claims,
            progress: self.progress.as_ref(),
            timeout: Some(SignedDuration::from_secs(900)),
            ..self.world.context()
        }
    }

    async fn act(&self) -> Outcome {
        config().act(&self.context()).await
    }

    async fn look(&self) -> Outcome {
        config().look(&self.context()).await
    }

    async fn undo(&self) -> Result<(), Failure> {
        config().undo(&self.context()).await.map(|undone| assert_eq!(undone, Undone::Done))
    }
}

fn first(world: &FakeWorld) -> Call<'_> {
    Call { world, claims: 1, progress: None }
}

fn again(world: &FakeWorld) -> Call<'_> {
    Call { world, claims: 2, progress: None }
}

fn failure(outcome: Outcome) -> Failure {
    match outcome {
        Outcome::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

fn progress(outcome: Outcome) -> Value {
    match outcome {
        Outcome::Waiting { progress, .. } => progress.unwrap(),
        other => panic!("{other:?}"),
    }
}

fn complete() -> Value {
    json!({"conditions": [{"type": "Complete", "status": "True"}]})
}

fn left(message: &str) -> Value {
    let state = json!({"terminated": {"exitCode": 0, "message": message}});
    let web = json!({"name": "web", "image": "i", "imageID": "i", "ready": false, "restartCount": 0, "state": state});
    json!({"phase": "Succeeded", "containerStatuses": [web]})
}

#[tokio::test]
async fn a_job_is_made_once_followed_and_read() {
    let cluster = Cluster::default();
    let world = cluster.world(Some("6f1c")).await;
    let seen = progress(first(&world).act().await);
    assert_eq!(seen, json!({"job": NAME, "uid": "job-1", "active": 0, "ready": 0, "failed": 0}));
    assert_eq!(cluster.requests(), ["GET jobs", "GET pods", "POST jobs", "GET pods"]);
    cluster.set(complete(), left(r#"{"rows": 3}"#));
    let ended = Call { progress: Some(seen), ..first(&world) }.look().await;
    assert_eq!(ended, Outcome::Succeeded(Outputs::from_iter([("rows".to_owned(), json!(3))])));
    assert_eq!(cluster.made(), 1);
}

#[tokio::test]
async fn the_job_says_whose_it_is_and_runs_the_template_as_it_is_written() {
    let cluster = Cluster::default();
    first(&cluster.world(Some("6f1c")).await).act().await;
    let labels = json!({
        "app.kubernetes.io/managed-by": "sluice", "sluice.dev/pipeline": "deploy", "sluice.dev/run": "deploy-1",
        "sluice.dev/step": "migrate",
    });
    let mut of_pod = labels.clone();
    of_pod["team"] = json!("shop");
    let container =
        json!({"name": "web", "image": "web:1", "args": ["up", "3"], "env": [{"name": "A", "value": "true"}]});
    let expected = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {
            "name": NAME, "namespace": "shop", "uid": "job-1", "labels": labels, "annotations": {"sluice.dev/key": KEY},
            "ownerReferences": [{
                "apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun", "name": "deploy-1", "uid": "6f1c", "controller": true,
            }],
        },
        "spec": {
            "backoffLimit": 0, "activeDeadlineSeconds": 840,
            "template": {
                "metadata": {"labels": of_pod, "annotations": {"n": "1"}},
                "spec": {"restartPolicy": "Never", "containers": [container]},
            },
        },
    });
    assert_eq!(cluster.job().unwrap(), expected);
}

#[tokio::test]
async fn where_the_run_is_no_object_its_job_is_known_by_its_key_alone() {
    let cluster = Cluster::default();
    let world = cluster.world(None).await;
    first(&world).act().await;
    assert_eq!(cluster.job().unwrap()["metadata"].get("ownerReferences"), None);
    progress(again(&world).act().await);
    assert_eq!(cluster.made(), 1);
}

#[tokio::test]
async fn a_job_whose_making_was_not_recorded_is_found_again() {
    let lost = status(504, "Timeout", "it took too long");
    for (when, made) in [(Refusal::Before, 0), (Refusal::After, 1)] {
        let cluster = Cluster::default();
        let world = cluster.world(Some("6f1c")).await;
        cluster.refuse("POST", "jobs", 504, lost.clone(), when);
        let failure = failure(first(&world).act().await);
        assert_eq!((failure.transient, failure.end, cluster.made()), (true, End::Unknown, made));
        progress(again(&world).act().await);
        progress(again(&world).act().await);
        assert_eq!(cluster.made(), 1);
    }
}

#[tokio::test]
async fn a_job_that_another_process_made_meanwhile_is_adopted() {
    let cluster = Cluster::default();
    let world = cluster.world(Some("6f1c")).await;
    first(&world).act().await;
    cluster.refuse("GET", "jobs", 404, status(404, "NotFound", "not yet"), Refusal::Before);
    progress(again(&world).act().await);
    assert_eq!(cluster.made(), 1);
}

#[tokio::test]
async fn a_job_of_somebody_else_is_left_alone() {
    let other_key = |job: &mut Value| job["metadata"]["annotations"] = json!({"sluice.dev/key": "another"});
    let other_run = |job: &mut Value| job["metadata"]["ownerReferences"][0]["uid"] = json!("another");
    let unowned = |job: &mut Value| job["metadata"]["ownerReferences"] = json!([]);
    type Change = fn(&mut Value);
    let changes: [(Change, &str); 3] = [
        (other_key, "it lacks the annotation sluice.dev/key of this step; delete it, and retry the run"),
        (other_run, "it does not belong to this run; delete it, and retry the run"),
        (unowned, "it does not belong to this run; delete it, and retry the run"),
    ];
    for (change, why) in changes {
        let cluster = Cluster::default();
        let world = cluster.world(Some("6f1c")).await;
        first(&world).act().await;
        cluster.change(|job| change(job.as_mut().unwrap()));
        for outcome in [first(&world).act().await, again(&world).act().await, first(&world).look().await] {
            let failure = failure(outcome);
            assert_eq!((failure.reason.as_str(), failure.transient, failure.end), ("NotOurs", false, End::Known));
            assert_eq!(failure.message, format!("there is a Job shop/{NAME} that this step did not make: {why}"));
        }
        assert_eq!(again(&world).undo().await, Ok(()));
        assert!(cluster.job().is_some());
    }
}

#[tokio::test]
async fn a_job_that_was_seen_and_is_gone_is_not_made_again() {
    let cluster = Cluster::default();
    let world = cluster.world(Some("6f1c")).await;
    let seen = Call { progress: Some(progress(first(&world).act().await)), ..again(&world) };
    let deleted = cluster.job();
    let gone = |outcome| {
        let failure = failure(outcome);
        assert_eq!((failure.reason.as_str(), failure.transient, failure.end), ("JobGone", false, End::Known));
        assert_eq!(
            failure.message,
            format!("Job shop/{NAME} was deleted before its end was seen; it is not made again")
        );
    };
    cluster.change(|job| *job = None);
    gone(seen.look().await);
    gone(seen.act().await);
    gone(first(&world).look().await);
    let replaced = deleted.map(|mut job| {
        job["metadata"]["uid"] = json!("by hand");
        job
    });
    cluster.change(|job| *job = replaced);
    gone(seen.look().await);
    cluster.change(|job| {
        let job = job.as_mut().unwrap();
        job["metadata"]["uid"] = json!("job-1");
        job["metadata"]["deletionTimestamp"] = json!("2026-05-04T12:00:00Z");
    });
    gone(seen.look().await);
    assert_eq!(cluster.made(), 1);
}

#[tokio::test]
async fn refusals_say_what_to_do_and_whether_anything_was_made() {
    let forbidden = |verb: &str, kind: &str, group: &str| {
        let message = format!(
            r#"{kind} is forbidden: User "system:serviceaccount:shop:deployer" cannot {verb} resource "{kind}""#
        );
        crate::fake_world::forbidden(kind, group, &message)
    };
    let invalid = status(422, "Invalid", "spec.template.spec.containers[0].image: Required value");
    let unknown = status(400, "BadRequest", r#"strict decoding error: unknown field "spec.template.spec.contianers""#);
    let quota =
        status(403, "Forbidden", "jobs.batch is forbidden: exceeded quota: jobs, requested: 1, used: 9, limited: 9");
    let denied = status(403, "Forbidden", "admission webhook \"p\" denied the request: no");
    for (method, kind, code, body, expected, says) in [
        (
            "GET",
            "jobs",
            403,
            forbidden("get", "jobs", "batch"),
            ("Forbidden", false, End::Known),
            "the verb get on jobs.batch",
        ),
        ("GET", "pods", 403, forbidden("list", "pods", ""), ("Forbidden", false, End::Known), "the verb list on pods"),
        (
            "POST",
            "jobs",
            403,
            forbidden("create", "jobs", "batch"),
            ("Forbidden", false, End::Known),
            "the verb create on jobs.batch",
        ),
        ("POST", "jobs", 422, invalid, ("Invalid", false, End::Known), "containers[0].image: Required value"),
        ("POST", "jobs", 400, unknown, ("BadRequest", false, End::Known), "unknown field"),
        ("POST", "jobs", 403, denied, ("Forbidden", false, End::Known), "denied the request: no"),
        ("POST", "jobs", 403, quota, ("QuotaExceeded", true, End::Known), "exceeded quota"),
        (
            "POST",
            "jobs",
            429,
            status(429, "TooManyRequests", "slow down"),
            ("TooManyRequests", true, End::Known),
            "slow down",
        ),
        (
            "POST",
            "jobs",
            500,
            status(500, "InternalError", "webhook"),
            ("KubernetesUnavailable", true, End::Unknown),
            "webhook",
        ),
    ] {
        let cluster = Cluster::default();
        let world = cluster.world(Some("6f1c")).await;
        cluster.refuse(method, kind, code, body, Refusal::Before);
        let failure = failure(first(&world).act().await);
        assert_eq!((failure.reason.as_str(), failure.transient, failure.end), expected, "{}", failure.message);
        assert!(failure.message.contains(says) && failure.message.contains(NAME), "{}", failure.message);
        assert_eq!(cluster.made(), 0, "{says}");
    }
}

#[tokio::test]
async fn what_was_claimed_before_is_looked_for_again_whatever_goes_wrong() {
    let cluster = Cluster::default();
    let world = cluster.world(Some("6f1c")).await;
    cluster.refuse("GET", "jobs", 403, status(403, "Forbidden", "no"), Refusal::Before);
    let failure = failure(again(&world).act().await);
    assert_eq!((failure.reason.as_str(), failure.end), ("Forbidden", End::Unknown));
}

#[tokio::test]
async fn a_look_that_fails_for_the_moment_is_made_again_and_forgets_nothing() {
    let cluster = Cluster::default();
    let world = cluster.world(Some("6f1c")).await;
    let seen = progress(first(&world).act().await);
    for kind in ["jobs", "pods"] {
        cluster.refuse("GET", kind, 503, status(503, "ServiceUnavailable", "away"), Refusal::Before);
        let call = Call { progress: Some(seen.clone()), ..first(&world) };
        let Outcome::Waiting { look_at, message, progress, .. } = call.look().await else { panic!() };
        assert_eq!((look_at, progress), (now() + LOOK_AGAIN, Some(seen.clone())));
        assert!(message.unwrap().contains("away"));
    }
}

#[tokio::test]
async fn an_abort_deletes_a_job_that_has_not_ended_and_keeps_one_that_has() {
    let cluster = Cluster::default();
    let world = cluster.world(Some("6f1c")).await;
    assert_eq!(again(&world).undo().await, Ok(()), "nothing was made");
    first(&world).act().await;
    for failed in ["Complete", "Failed"] {
        cluster.set(json!({"conditions": [{"type": failed, "status": "True"}]}), Value::Null);
        assert_eq!(again(&world).undo().await, Ok(()));
        assert!(cluster.job().is_some(), "{failed}");
    }
    cluster.set(json!({"active": 1}), Value::Null);
    assert_eq!(again(&world).undo().await, Ok(()));
    assert_eq!(cluster.job(), None);
    assert_eq!(again(&world).undo().await, Ok(()), "it is gone");
}

#[tokio::test]
async fn an_abort_leaves_a_job_that_is_on_its_way_out_or_was_replaced() {
    let cluster = Cluster::default();
    let world = cluster.world(Some("6f1c")).await;
    first(&world).act().await;
    cluster.refuse("DELETE", "jobs", 409, status(409, "Conflict", "the UID in the precondition"), Refusal::Before);
    assert_eq!(again(&world).undo().await, Ok(()));
    cluster.change(|job| job.as_mut().unwrap()["metadata"]["deletionTimestamp"] = json!("2026-05-04T12:00:00Z"));
    cluster.requests();
    assert_eq!(again(&world).undo().await, Ok(()));
    assert_eq!(cluster.requests(), ["GET jobs"]);
}

#[tokio::test]
async fn an_undo_that_fails_says_whether_a_further_one_may_help() {
    for (method, code, transient) in
        [("GET", 503, true), ("GET", 403, false), ("DELETE", 503, true), ("DELETE", 403, false)]
    {
        let cluster = Cluster::default();
        let world = cluster.world(Some("6f1c")).await;
        first(&world).act().await;
        cluster.refuse(method, "jobs", code, status(code, "Because", "why"), Refusal::Before);
        let failure = again(&world).undo().await.unwrap_err();
        assert_eq!(failure.transient, transient, "{}", failure.message);
        assert!(failure.message.contains("why"), "{}", failure.message);
    }
}
