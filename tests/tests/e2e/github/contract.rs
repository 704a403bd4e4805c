//! That a violation of GitHub's description is found: in what is asked, and in what is answered.

use reqwest::Method;
use serde_json::{Value, json};
use sluice_scm::Error;
use sluice_tests::github::GitHub;

use super::{client, host};

async fn ask(method: Method, path: &str, token: &str, body: Option<Value>) -> (u16, String) {
    let url = format!("{}{path}", GitHub::shared().url());
    let mut request = client().request(method, url).bearer_auth(token).header("user-agent", "test");
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_wrong_request_is_refused_and_recorded() {
    let repo = GitHub::shared().new_repo(&[("a", "b")]);
    let place = format!("/repos/{}", repo.full_name());
    let wrong = [
        (Method::POST, format!("{place}/git/refs"), Some(json!({"ref": "refs/heads/x"})), "required property 'sha'"),
        (Method::GET, format!("{place}/pulls?state=merged"), None, "must be equal to one of the allowed values"),
        (Method::PUT, format!("{place}/pulls/1/merge"), Some(json!({"merge_method": "octopus"})), "allowed values"),
        (Method::PATCH, format!("{place}/git/refs/heads%2Fmain"), Some(json!({"sha": 7})), "must be string"),
        (Method::GET, format!("{place}/branches/a/b"), None, "no path matched"),
    ];
    for (number, (method, path, body, why)) in wrong.into_iter().enumerate() {
        let (status, said) = ask(method, &path, repo.token(), body).await;
        assert!(matches!(status, 404 | 422) && said.contains("stoplight.io"), "{status} {said}");
        let found = repo.violations();
        assert_eq!(found.len(), number + 1, "{found:?}");
        assert!(found[number].contains(why), "{found:?}");
    }
    assert!(repo.requests().is_empty(), "nothing of it reached the double");
    let (status, _) = ask(Method::GET, &place, repo.token(), None).await;
    assert_eq!((status, repo.violations().len()), (200, 5), "a right one passes");
}

#[tokio::test]
async fn a_wrong_answer_is_recorded_whatever_was_asked() {
    let repo = GitHub::shared().new_repo(&[("a", "b")]);
    let sha = "a".repeat(40);
    let get = |path: &str| (Method::GET, path.to_owned(), None);
    let operations = [
        get(""),
        get("/branches/main"),
        get("/branches/main/protection"),
        get("/rules/branches/main"),
        get("/commits"),
        get(&format!("/commits/{sha}/check-runs")),
        get(&format!("/commits/{sha}/status")),
        get(&format!("/compare/{sha}...{sha}")),
        get(&format!("/git/blobs/{sha}")),
        get(&format!("/git/commits/{sha}")),
        get("/git/ref/heads%2Fmain"),
        get(&format!("/git/trees/{sha}")),
        get("/pulls"),
        get("/pulls/1"),
        get("/pulls/1/reviews"),
        (Method::POST, "/git/blobs".to_owned(), Some(json!({"content": ""}))),
        (Method::POST, "/git/trees".to_owned(), Some(json!({"tree": []}))),
        (Method::POST, "/git/commits".to_owned(), Some(json!({"message": "m", "tree": sha}))),
        (Method::POST, "/git/refs".to_owned(), Some(json!({"ref": "refs/heads/x", "sha": sha}))),
        (Method::PATCH, "/git/refs/heads%2Fmain".to_owned(), Some(json!({"sha": sha}))),
        (Method::POST, "/pulls".to_owned(), Some(json!({"head": "x", "base": "main"}))),
        (Method::PATCH, "/pulls/1".to_owned(), Some(json!({"state": "closed"}))),
        (Method::PUT, "/pulls/1/merge".to_owned(), Some(json!({"sha": sha}))),
    ];
    for (number, (method, path, body)) in operations.into_iter().enumerate() {
        let status = match (&method, path.as_str()) {
            (&Method::POST, _) => 201,
            _ => 200,
        };
        repo.answer_next(method.clone(), "", status, json!("nonsense"));
        let place = format!("/repos/{}{path}", repo.full_name());
        let (status, said) = ask(method.clone(), &place, repo.token(), body).await;
        assert_eq!(status, 500, "{method} {path}: {said}");
        assert_eq!(repo.violations().len(), number + 1, "{method} {path}: {:?}", repo.violations());
    }
}

#[tokio::test]
async fn a_status_that_github_does_not_document_is_recorded() {
    let repo = GitHub::shared().new_repo(&[("a", "b")]);
    let name = sluice_scm::RepoName::parse(repo.full_name()).unwrap();
    let host = host(GitHub::shared().url(), repo.token());
    repo.refuse_next(Method::GET, "/branches/main", 418, &[], "I'm a teapot");
    let error = host.branch(&name, &super::branch("main")).await.unwrap_err();
    assert!(matches!(error, Error::Refused { status: 418, .. }), "{error}");
    assert!(repo.violations()[0].contains("Unable to match the returned status code"), "{:?}", repo.violations());
}
