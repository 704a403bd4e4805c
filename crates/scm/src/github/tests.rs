//! Answers that the double of GitHub in the end-to-end tests does not give: broken ones, limits, and redirects in GitHub's
//! own form.

use super::*;
use crate::error::Outcome;
use crate::fake_server::{Wire, answer, wire};
use crate::host::{FileChange, MergeMethod, Onto};

fn github(wire: &Wire) -> GitHub {
    let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    GitHub::new(client, &wire.url, "s3cret-token".to_owned().into()).unwrap().with_timeout(Duration::from_secs(2))
}

fn repo() -> RepoName {
    RepoName::parse("shop/gitops").unwrap()
}

fn branch(name: &str) -> BranchName {
    BranchName::parse(name).unwrap()
}

fn sha(digit: &str) -> CommitSha {
    CommitSha::parse(&digit.repeat(40)).unwrap()
}

async fn read_fails(answers: Vec<String>) -> Error {
    let wire = wire(answers).await;
    let error = github(&wire).repository(&repo()).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    error
}

async fn write_fails(answers: Vec<String>) -> Error {
    let wire = wire(answers).await;
    let pull = NewPullRequest {
        head: branch("b"),
        base: branch("main"),
        title: "t".into(),
        body: String::new(),
        key: EffectKey::parse("abcdefgh").unwrap(),
    };
    let error = github(&wire).open_pull_request(&repo(), &pull).await.unwrap_err();
    assert_eq!(wire.count("POST"), 1, "a write was repeated");
    assert!(wire.asked.lock().unwrap()[0].to_lowercase().contains("\r\ncontent-length: "), "a write in chunks");
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    error
}

fn outcome(error: &Error) -> Option<Outcome> {
    match error {
        Error::Unavailable { outcome, .. } => Some(*outcome),
        _ => None,
    }
}

fn found(name: &str) -> String {
    let body = format!(
        "{{\"full_name\": \"{name}\", \"default_branch\": \"main\", \"html_url\": \"http://u:p@h/{name}\", \"clone_url\": \"http://h/{name}.git\", \"archived\": true}}"
    );
    answer("200 OK", "", &body)
}

#[tokio::test]
async fn a_limit_says_when_to_come_back() {
    let used_up =
        "x-ratelimit-remaining: 0\r\nx-ratelimit-reset: 1377010541\r\ndate: Tue, 20 Aug 2013 14:50:41 GMT\r\n";
    let primary = answer("403 Forbidden", used_up, "{\"message\": \"API rate limit exceeded for user ID 1.\"}");
    let secondary = answer("429 Too Many Requests", "retry-after: 17\r\n", "{}");
    for (limited, seconds) in [(primary, 301), (secondary, 17)] {
        for error in [read_fails(vec![limited.clone()]).await, write_fails(vec![limited.clone()]).await] {
            assert!(
                matches!(error, Error::RateLimited { retry_after: Some(pause), .. } if pause.as_secs() == seconds),
                "{error}"
            );
            assert!(error.is_transient() && error.end_is_known());
        }
    }
}

#[tokio::test]
async fn a_broken_answer_leaves_the_end_of_a_write_unknown() {
    let cut = "HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{\"number\": 1".to_owned();
    let broken = answer("502 Bad Gateway", "", "<html>s3cret-token\n\n\u{7}oops</html>");
    for lost in [broken, String::new(), cut, answer("201 Created", "", "[]")] {
        let error = read_fails(vec![lost.clone()]).await;
        assert_eq!((outcome(&error), error.is_transient()), (Some(Outcome::NotApplied), true), "{error}");
        let error = write_fails(vec![lost]).await;
        assert_eq!((outcome(&error), error.is_transient()), (Some(Outcome::Unknown), true), "{error}");
    }
    let error = read_fails(vec![answer("502 Bad Gateway", "", "<html>s3cret-token\n\n\u{7}oops</html>")]).await;
    assert!(error.to_string().contains("HTTP 502: <html>… oops</html>"), "{error}");
}

/// A pull request from `b`, with these members besides.
fn pull(members: &str) -> String {
    format!(
        r#"{{"number": 7, "html_url": "http://h/7", "title": "t", "body": null, "created_at": "2026-05-04T12:00:00Z",
          "base": {{"ref": "main", "sha": "", "repo": {{"id": 1}}}}, {members}}}"#
    )
}

fn open_pull(sha: &str) -> String {
    pull(&format!(r#""state": "open", "head": {{"ref": "b", "sha": "{sha}", "repo": {{"id": 1}}}}"#))
}

#[tokio::test]
async fn an_answer_without_sense_leaves_the_end_of_a_write_unknown() {
    let error = write_fails(vec![answer("201 Created", "", &open_pull("no sha"))]).await;
    assert_eq!(outcome(&error), Some(Outcome::Unknown), "{error}");

    let open = answer("200 OK", "", &open_pull(&"a".repeat(40)));
    let wire = wire(vec![open.clone(), answer("200 OK", "", "{\"merged\": true, \"sha\": null}"), open]).await;
    let merge = Merge { head: sha("a"), method: Some(MergeMethod::Squash) };
    let error = github(&wire).merge(&repo(), PullRequestNumber(7), &merge).await.unwrap_err();
    assert_eq!((outcome(&error), wire.count("PUT")), (Some(Outcome::Unknown), 1), "{error}");
    assert!(error.to_string().contains("merge pull request shop/gitops#7"), "{error}");
}

#[tokio::test]
async fn a_pull_request_that_is_merged_and_names_no_commit_is_looked_at_again() {
    let head = format!(r#""head": {{"ref": "b", "sha": "{}", "repo": {{"id": 1}}}}"#, "a".repeat(40));
    let merged = format!(r#""state": "closed", "merged_at": "2026-05-04T12:00:00Z", "merge_commit_sha": null, {head}"#);
    let wire = wire(vec![answer("200 OK", "", &pull(&merged))]).await;
    let error = github(&wire).pull_request(&repo(), PullRequestNumber(7)).await.unwrap_err();
    assert_eq!((outcome(&error), error.is_transient()), (Some(Outcome::NotApplied), true), "{error}");
}

#[tokio::test]
async fn a_method_that_the_repository_forbids_is_no_matter_of_waiting() {
    for (method, said) in [
        (MergeMethod::Merge, "Merge commits are not allowed on this repository."),
        (MergeMethod::Squash, "Squash merges are not allowed on this repository."),
        (MergeMethod::Rebase, "Rebase merges are not allowed on this repository."),
    ] {
        let open = answer("200 OK", "", &open_pull(&"a".repeat(40)));
        let refused = answer("405 Method Not Allowed", "", &format!("{{\"message\": \"{said}\"}}"));
        let wire = wire(vec![open.clone(), refused, open]).await;
        let merge = Merge { head: sha("a"), method: Some(method) };
        let error = github(&wire).merge(&repo(), PullRequestNumber(7), &merge).await.unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }) && !error.is_transient(), "{error:?}");
        let shown = error.to_string();
        assert!(shown.contains(&format!("with the method `{method}`")) && shown.contains("Set `method`"), "{shown}");
    }
}

#[tokio::test]
async fn a_web_page_instead_of_an_api_is_a_wrong_url() {
    let page = answer("404 Not Found", "content-type: text/html; charset=utf-8\r\n", "<html>Page not found</html>");
    for error in [read_fails(vec![page.clone()]).await, write_fails(vec![page]).await] {
        assert!(matches!(error, Error::Unsupported { .. }), "{error:?}");
        assert!(error.to_string().contains("https://HOST/api/v3"), "{error}");
    }
    let missing = answer("404 Not Found", "content-type: application/json\r\n", "{\"message\": \"Not Found\"}");
    let error = read_fails(vec![missing]).await;
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
}

#[tokio::test]
async fn a_git_object_whose_answer_is_lost_changed_nothing_and_a_reference_may_have() {
    let commit = |digit: &str| {
        let (own, other) = (digit.repeat(40), "c".repeat(40));
        let body = format!(
            "{{\"sha\": \"{own}\", \"message\": \"m\", \"committer\": {{\"date\": \"2026-05-04T12:00:00Z\"}}, \"parents\": [], \"tree\": {{\"sha\": \"{other}\"}}}}"
        );
        answer("201 Created", "", &body)
    };
    let object = || answer("201 Created", "", &format!("{{\"sha\": \"{}\", \"tree\": []}}", "d".repeat(40)));
    let mut answers = vec![commit("a"), object()];
    for expected in [Outcome::NotApplied, Outcome::NotApplied, Outcome::NotApplied, Outcome::Unknown] {
        let wire = wire([answers.clone(), vec![answer("500 Oops", "", "")]].concat()).await;
        let files = vec![FileChange { path: RepoPath::parse("a.yaml").unwrap(), content: vec![], replaces: None }];
        let onto = Onto::NewBranch { branch: branch("b"), base: branch("main"), from: sha("a") };
        let new = NewCommit { onto, message: "m".into(), key: EffectKey::parse("abcdefgh").unwrap(), files };
        let error = github(&wire).commit_files(&repo(), &new).await.unwrap_err();
        assert_eq!(outcome(&error), Some(expected), "{error}");
        answers.push(if answers.len() == 4 { commit("b") } else { object() });
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_did_nothing() {
    let nowhere = Wire { url: Url::parse("http://127.0.0.1:1/").unwrap(), asked: Arc::default() };
    let error = github(&nowhere).delete_branch(&repo(), &branch("b"), &sha("a")).await.unwrap_err();
    assert!(error.is_transient() && error.end_is_known(), "{error}");
}

#[tokio::test]
async fn reads_follow_a_renamed_repository_and_writes_name_it() {
    // "Follow redirects" in the REST API's best practices: by the repository's number.
    let renamed = |status: &str| answer(status, "location: /sub/repositories/1296269\r\n", "{\"message\": \"Moved\"}");
    let wire = wire(vec![renamed("301 Moved Permanently"), found("shop/new")]).await;
    let repository = github(&wire).repository(&repo()).await.unwrap();
    assert_eq!((repository.name.as_str(), repository.html_url.as_str()), ("shop/new", "http://h/shop/new"));
    assert!(repository.read_only, "it is archived");
    let asked = wire.asked.lock().unwrap().clone();
    assert!(asked[0].starts_with("GET /sub/repos/shop/gitops HTTP"), "{asked:?}");
    assert!(asked[1].starts_with("GET /sub/repositories/1296269 HTTP"), "{asked:?}");
    assert!(asked.iter().all(|request| request.to_lowercase().contains("authorization: bearer s3cret-token")));
    assert!(asked.iter().all(|request| request.to_lowercase().contains("accept: application/vnd.github+json")));

    let moved = vec![renamed("307 Temporary Redirect"), renamed("301 Moved Permanently"), found("shop/new")];
    let error = write_fails(moved).await;
    assert!(error.to_string().contains("shop/gitops has moved to shop/new"), "{error}");
    assert!(!error.is_transient() && error.end_is_known());
}

#[tokio::test]
async fn the_token_goes_to_no_other_host() {
    let elsewhere = answer("301 Moved Permanently", "location: http://evil.example/x\r\n", "");
    for error in [read_fails(vec![elsewhere.clone()]).await, write_fails(vec![elsewhere]).await] {
        assert!(error.to_string().contains("another host"), "{error}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n\"{}", "x".repeat(17 << 20));
    let error = read_fails(vec![endless]).await;
    assert!(error.to_string().contains("more than 16777216 bytes"), "{error}");
}

#[tokio::test]
async fn what_is_missing_for_a_permission_is_said() {
    // "Troubleshooting the REST API: Resource not accessible", and its header.
    let forbidden = answer(
        "403 Forbidden",
        "x-accepted-github-permissions: pull_requests=write\r\nx-ratelimit-remaining: 4999\r\n",
        "{\"message\": \"Resource not accessible by personal access token\"}",
    );
    let error = write_fails(vec![forbidden]).await;
    assert!(matches!(error, Error::Forbidden { .. }), "{error:?}");
    assert!(error.to_string().contains("(it takes pull_requests=write)"), "{error}");
    let missing = answer("404 Not Found", "", "{\"message\": \"Not Found\"}");
    let error = write_fails(vec![missing.clone(), found("shop/gitops")]).await;
    assert!(matches!(error, Error::Forbidden { .. }) && error.to_string().contains("read and not write"), "{error}");
    let error = write_fails(vec![missing.clone(), missing]).await;
    assert!(matches!(&error, Error::NotFound { what, .. } if what == "repository shop/gitops"), "{error}");
}

#[test]
fn the_url_is_that_of_an_api_and_the_credentials_are_credentials() {
    let new = |url: &str, token: &str| {
        GitHub::new(Client::new(), &Url::parse(url).unwrap(), token.to_owned().into()).unwrap_err()
    };
    for (url, token, remedy) in [
        ("http://api.github.com/", "t", "give its URL with https"),
        ("http://api.shop.ghe.com/", "t", "give its URL with https"),
        ("https://user:s3cret@api.github.com/", "t", "without credentials"),
        ("ftp://h/", "t", "http or https"),
        ("https://github.com/", "t", "https://api.github.com"),
        ("https://api.github.com/", "t\n x", "no token"),
        ("https://api.github.com/", " ", "empty"),
    ] {
        let error = new(url, token);
        assert!(matches!(error, Error::Unsupported { .. }) && error.to_string().contains(remedy), "{error}");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
    let app = App { id: 7, private_key: "no key".to_owned().into(), installation: None };
    let error = GitHub::as_app(Client::new(), &Url::parse("https://api.github.com").unwrap(), &app).unwrap_err();
    assert!(error.to_string().contains("no RSA key in PEM"), "{error}");
}
