//! Answers that a real server gives too seldom to wait for. All else is tested against a real one.

use super::*;
use crate::error::Outcome;
use crate::fake_server::{Wire, answer, wire};

fn gitea(wire: &Wire) -> Gitea {
    let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    Gitea::new(client, &wire.url, "s3cret-token".to_owned().into()).unwrap().with_timeout(Duration::from_millis(500))
}

fn repo() -> RepoName {
    RepoName::parse("shop/gitops").unwrap()
}

async fn read_fails(answers: Vec<String>) -> Error {
    let wire = wire(answers).await;
    let error = gitea(&wire).repository(&repo()).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    error
}

async fn write_fails(answers: Vec<String>) -> Error {
    let wire = wire(answers).await;
    let pull = NewPullRequest {
        head: BranchName::parse("b").unwrap(),
        base: BranchName::parse("main").unwrap(),
        title: "t".into(),
        body: String::new(),
        key: EffectKey::parse("abcdefgh").unwrap(),
    };
    let error = gitea(&wire).open_pull_request(&repo(), &pull).await.unwrap_err();
    assert_eq!(wire.asked.lock().unwrap().iter().filter(|r| r.starts_with("POST")).count(), 1, "a write was repeated");
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    error
}

fn outcome(error: &Error) -> Option<Outcome> {
    match error {
        Error::Unavailable { outcome, .. } => Some(*outcome),
        _ => None,
    }
}

#[tokio::test]
async fn a_rate_limit_says_when_to_come_back() {
    let limited = || answer("429 Too Many Requests", "retry-after: 17\r\n", "{}");
    for error in [read_fails(vec![limited()]).await, write_fails(vec![limited()]).await] {
        assert!(
            matches!(error, Error::RateLimited { retry_after: Some(after), .. } if after.as_secs() == 17),
            "{error}"
        );
        assert!(error.is_transient() && error.end_is_known());
    }
    let disguised = read_fails(vec![answer("403 Forbidden", "", "{\"message\": \"API rate limit exceeded\"}")]).await;
    assert!(matches!(disguised, Error::RateLimited { .. }));
}

#[tokio::test]
async fn a_server_error_leaves_the_end_of_a_write_unknown() {
    let broken = || answer("502 Bad Gateway", "", "<html>s3cret-token\n\n\u{7}oops</html>");
    let error = read_fails(vec![broken()]).await;
    assert_eq!((outcome(&error), error.end_is_known(), error.is_transient()), (Some(Outcome::NotApplied), true, true));
    assert!(error.to_string().contains("HTTP 502: <html>… oops</html>"), "{error}");
    let error = write_fails(vec![broken()]).await;
    assert_eq!((outcome(&error), error.end_is_known()), (Some(Outcome::Unknown), false));
}

#[tokio::test]
async fn an_answer_that_never_comes_or_is_cut_off_leaves_the_end_unknown() {
    let cut = "HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{\"number\": 1".to_owned();
    for answers in
        [String::new(), cut.clone(), answer("201 Created", "", "{\"number\": 1"), answer("201 Created", "", "[]")]
    {
        let error = write_fails(vec![answers]).await;
        assert_eq!(outcome(&error), Some(Outcome::Unknown), "{error}");
    }
    let error = read_fails(vec![cut]).await;
    assert_eq!(outcome(&error), Some(Outcome::NotApplied), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_did_nothing() {
    let wire = wire(vec![]).await;
    let nowhere = Wire { url: Url::parse("http://127.0.0.1:1/").unwrap(), asked: wire.asked.clone() };
    let (branch, head) = (BranchName::parse("b").unwrap(), CommitSha::parse(&"a".repeat(40)).unwrap());
    let error = gitea(&nowhere).delete_branch(&repo(), &branch, &head).await.unwrap_err();
    assert!(error.is_transient() && error.end_is_known(), "{error}");
}

#[tokio::test]
async fn a_redirect_is_followed_for_reads_within_the_origin_only() {
    let elsewhere = answer("301 Moved Permanently", "location: http://evil.example/x\r\n", "");
    let error = read_fails(vec![elsewhere.clone()]).await;
    assert!(error.to_string().contains("another host"), "{error}");
    let renamed = answer("307 Temporary Redirect", "location: /sub/api/v1/repos/shop/new\r\n", "");
    let error = write_fails(vec![renamed.clone()]).await;
    assert!(error.to_string().contains("/sub/api/v1/repos/shop/new; use the new name"), "{error}");
    let found = answer(
        "200 OK",
        "",
        "{\"full_name\": \"shop/new\", \"default_branch\": \"main\", \"html_url\": \"http://u:p@h/shop/new\", \"clone_url\": \"http://h/shop/new.git\"}",
    );
    let wire = wire(vec![renamed, found]).await;
    let repository = gitea(&wire).repository(&repo()).await.unwrap();
    assert_eq!((repository.name.as_str(), repository.html_url.as_str()), ("shop/new", "http://h/shop/new"));
    assert!(wire.asked.lock().unwrap()[0].starts_with("GET /sub/api/v1/repos/shop/gitops "));
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n\"{}", "x".repeat(17 << 20));
    let error = read_fails(vec![endless]).await;
    assert!(error.to_string().contains("more than 16777216 bytes"), "{error}");
}

#[tokio::test]
async fn a_url_with_credentials_is_refused_and_not_shown() {
    let url = Url::parse("https://user:s3cret@git.example/").unwrap();
    let error = Gitea::new(Client::new(), &url, "t".to_owned().into()).unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }) && !format!("{error:?}").contains("s3cret"), "{error:?}");
    assert!(Gitea::new(Client::new(), &Url::parse("ftp://h/").unwrap(), "t".to_owned().into()).is_err());
    let error = Gitea::new(Client::new(), &Url::parse("https://h/").unwrap(), "t\n x".to_owned().into()).unwrap_err();
    assert!(error.to_string().contains("token"), "{error}");
}
