//! What is sent to an API server, and what is made of its answers.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use kube::{Client, client::Body};
use sluice_api::ActionType;

use super::*;

/// An API server that gives these answers, one after the other, and what it was asked.
fn server(answers: Vec<(u16, Value)>) -> (Cluster, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let (heard, answers) = (asked.clone(), Arc::new(Mutex::new(VecDeque::from(answers))));
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let (heard, answers) = (heard.clone(), answers.clone());
        async move {
            let (parts, body) = request.into_parts();
            let body = String::from_utf8(body.collect_bytes().await?.to_vec()).unwrap();
            heard.lock().unwrap().push(format!("{} {} {body}", parts.method, parts.uri).trim_end().to_owned());
            let (code, answer) = answers.lock().unwrap().pop_front().expect("another question");
            let answer = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
            let answer = http::Response::builder().status(code).body(Body::from(answer.into_bytes()));
            Ok::<_, kube::Error>(answer.unwrap())
        }
    });
    let config = kube::Config::new(http::Uri::from_static("http://127.0.0.1:9"));
    (Cluster { client: Client::new(service, "shop"), namespace: "shop".to_owned(), config }, asked)
}

fn run(name: &str) -> Value {
    json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun", "metadata": {"name": name}, "spec": {"actions": []}})
}

fn refusal(code: u16, reason: &str, message: &str) -> (u16, Value) {
    let details = json!({"name": "web-1", "group": "sluice.dev", "kind": "pipelineruns"});
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "details": details,
        "code": code, "reason": reason, "message": message});
    (code, status)
}

fn abort() -> RunAction {
    RunAction::new(ActionType::Abort, "ada", Some("enough".to_owned()))
}

#[tokio::test(start_paused = true)]
async fn an_entry_is_appended_by_a_patch_and_again_when_others_were_faster() {
    let conflict = refusal(409, "Conflict", "the object has been modified");
    let (cluster, asked) = server(vec![conflict.clone(), conflict, (200, run("web-1"))]);
    let run = Runs::of(&cluster).append("web-1", &abort()).await.unwrap();
    assert_eq!(run.reference(), "pipelinerun.sluice.dev/web-1");
    let patch = "PATCH /apis/sluice.dev/v1alpha1/namespaces/shop/pipelineruns/web-1? \
                 [{\"op\":\"add\",\"path\":\"/spec/actions/-\",\
                 \"value\":{\"by\":\"ada\",\"reason\":\"enough\",\"type\":\"Abort\"}}]";
    assert_eq!(*asked.lock().unwrap(), [patch; 3]);
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_never_gets_in_is_given_up_with_a_remedy() {
    let conflict = refusal(409, "Conflict", "the object has been modified");
    let (cluster, asked) = server(vec![conflict; ATTEMPTS as usize]);
    let error = Runs::of(&cluster).append("web-1", &abort()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed to change run \"web-1\" in namespace \"shop\": others change it all the time; try again"
    );
    assert_eq!(asked.lock().unwrap().len(), ATTEMPTS as usize);
}

#[tokio::test]
async fn a_name_that_is_there_nowhere_brings_the_one_that_is_like_it() {
    let missing = || refusal(404, "NotFound", "pipelineruns.sluice.dev \"web-1\" not found");
    let list = |names: &[&str]| {
        let items: Vec<Value> = names.iter().map(|name| json!({"metadata": {"name": name}})).collect();
        (
            200,
            json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "items": items}),
        )
    };
    for (listed, expected) in [
        (list(&["db-7", "web-2"]), "there is no run \"web-1\" in namespace \"shop\"; did you mean \"web-2\"?"),
        (list(&[]), "there is no run \"web-1\" in namespace \"shop\""),
        (refusal(403, "Forbidden", "no"), "there is no run \"web-1\" in namespace \"shop\""),
    ] {
        let (cluster, _) = server(vec![missing(), listed]);
        assert_eq!(Runs::of(&cluster).get("web-1").await.unwrap_err().to_string(), expected);
    }
}

#[tokio::test]
async fn what_an_api_server_refuses_is_said_with_a_remedy() {
    let forbidden = "pipelineruns.sluice.dev \"web-1\" is forbidden: User \"bob\" cannot get resource";
    for (answer, expected) in [
        ((404, json!("404 page not found\n")), "the cluster has no kind PipelineRun"),
        (refusal(403, "Forbidden", forbidden), "is forbidden: User \"bob\" cannot get resource; ask for a role"),
        (
            refusal(
                403,
                "Forbidden",
                "pipelineruns.sluice.dev \"web-1\" is forbidden: ValidatingAdmissionPolicy 'sluice-actions' with binding \
                 'sluice-actions' denied request: bob needs the verb approve on stages/web.live: a Role gives it",
            ),
            "in namespace \"shop\": bob needs the verb approve on stages/web.live: a Role gives it",
        ),
        (refusal(401, "Unauthorized", "Unauthorized"), "Unauthorized; sign in again"),
        (refusal(503, "ServiceUnavailable", ""), "ServiceUnavailable; try again"),
    ] {
        let (cluster, _) = server(vec![answer]);
        let error = Runs::of(&cluster).get("web-1").await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn the_name_of_whoever_asks_is_the_one_that_the_api_server_knows() {
    let review = |status: Value| {
        (
            201,
            json!({"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {}, "status": status}),
        )
    };
    let (cluster, asked) = server(vec![review(json!({"userInfo": {"username": "system:serviceaccount:shop:robot"}}))]);
    assert_eq!(user(&cluster).await.unwrap(), "system:serviceaccount:shop:robot");
    assert!(asked.lock().unwrap()[0].starts_with("POST /apis/authentication.k8s.io/v1/selfsubjectreviews?"));
    let (cluster, _) = server(vec![review(json!({}))]);
    assert!(user(&cluster).await.unwrap_err().to_string().contains("does not say who you are"));
}

#[test]
fn the_answer_to_an_entry_is_the_one_of_its_place() {
    let answers = json!([{"index": 0, "result": "Applied"}, {"index": 1, "result": "Ignored", "message": "why"},
        {"index": 2, "result": "Postponed"}]);
    let mut run = Run(serde_json::from_value(run("web-1")).unwrap());
    run.0.data["spec"]["actions"] = json!(["a", "b", "c", "d", "e"]);
    assert_eq!(run.unanswered().len(), 5);
    run.0.data["status"] = json!({"actions": answers});
    let answer = |index| run.answer(index).map(|answer| (answer.result, answer.message.unwrap_or_default()));
    assert_eq!(answer(0), Some((ActionOutcome::Applied, String::new())));
    assert_eq!(answer(1), Some((ActionOutcome::Ignored, "why".to_owned())));
    // A word that this version does not know is none for success.
    assert_eq!(answer(2), Some((ActionOutcome::Ignored, "the answer is \"Postponed\"".to_owned())));
    assert_eq!(answer(3), None);
    assert_eq!(run.unanswered(), ["d", "e"]);
}

#[test]
fn a_run_is_named_as_kubectl_does() {
    for text in ["web-1", "plr/web-1", "pipelinerun/web-1", "pipelineruns/web-1", "pipelinerun.sluice.dev/web-1"] {
        assert_eq!(run_name(text).unwrap(), "web-1");
    }
    assert!(run_name("pl/web").unwrap_err().contains("no kind of run"));
    assert!(run_name("Web 1").unwrap_err().contains("lower-case"));
    assert!(run_name("../web").is_err() && run_name("").is_err());
}
