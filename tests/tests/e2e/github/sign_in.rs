//! Tokens that are wrong, and GitHub Apps.

use std::sync::Arc;

use jiff::SignedDuration;
use reqwest::Method;
use sluice_scm::github::App;
use sluice_scm::{Error, GitHost, GitHub, RepoName};
use sluice_tests::github;
use url::Url;

use super::{Fixture, branch, client, host, key};

/// As Sluice signs in for every step anew.
fn as_app(app: &github::App, installation: Option<u64>) -> Arc<dyn GitHost> {
    as_app_at(github::GitHub::shared().url(), app, installation)
}

fn as_app_at(url: &str, app: &github::App, installation: Option<u64>) -> Arc<dyn GitHost> {
    let url = Url::parse(url).unwrap();
    let app = App { id: app.id, private_key: app.private_key.clone().into(), installation };
    Arc::new(GitHub::as_app(client(), &url, &app).unwrap())
}

const HOUR: SignedDuration = SignedDuration::from_hours(1);

#[tokio::test]
async fn a_token_that_is_revoked_or_expired_is_named_as_the_cause_and_never_shown() {
    let f = Fixture::with_one_file();
    let commit = f.commit_to_new_branch("sluice/k", &key("abcdefgh")).await;
    let token = f.repo.new_token(true);
    let host = host(github::GitHub::shared().url(), &token);
    host.repository(&f.name).await.unwrap();
    f.repo.revoke(&token);
    for error in [
        host.repository(&f.name).await.unwrap_err(),
        host.commit_files(&f.name, &commit).await.unwrap_err(),
        host.pull_request(&f.name, sluice_scm::PullRequestNumber(1)).await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::Unauthorized { .. }) && !error.is_transient(), "{error}");
        assert!(error.to_string().contains("provider's secret") && !error.to_string().contains(&token), "{error}");
    }
}

#[tokio::test]
async fn an_organisation_that_wants_single_sign_on_says_so() {
    let f = Fixture::with_one_file();
    // "Authorizing a personal access token for use with single sign-on".
    let message = "Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization.";
    let headers = [("x-github-sso", "required; url=https://github.com/orgs/shop/sso?authorization_request=s3cret")];
    f.repo.refuse_next(Method::GET, "", 403, &headers, message);
    let error = f.host.repository(&f.name).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden { .. }) && error.to_string().contains("SAML"), "{error}");
    assert!(!error.to_string().contains("s3cret"), "{error}");
}

#[tokio::test]
async fn an_app_acts_with_a_token_of_its_installation_which_it_keeps() {
    let f = Fixture::with_one_file();
    let app = f.repo.new_app(HOUR);
    for installation in [None, Some(app.installation)] {
        for _ in 0..3 {
            as_app(&app, installation).repository(&f.name).await.unwrap();
        }
    }
    assert_eq!(
        f.repo.tokens_of(&app).len(),
        2,
        "one for the installation of the repository, one for that of the number"
    );
    let commit = f.commit_to_new_branch("sluice/k", &key("abcdefgh")).await;
    let made = as_app(&app, None).commit_files(&f.name, &commit).await.unwrap();
    assert_eq!(f.head("sluice/k").await.head, made);
    assert_eq!(f.repo.tokens_of(&app).len(), 2);
}

#[tokio::test]
async fn a_token_for_a_repository_is_good_for_no_other_one_of_the_installation() {
    let (f, other) = (Fixture::with_one_file(), Fixture::with_one_file());
    let app = f.repo.new_app(HOUR);
    other.repo.add_to(&app);
    let other = RepoName::parse(&other.repo.rename("another-one")).unwrap();
    let both = as_app(&app, None);
    both.repository(&f.name).await.unwrap();
    let token = f.repo.tokens_of(&app)[0].clone();
    let error = host(github::GitHub::shared().url(), &token).repository(&other).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    both.repository(&other).await.unwrap();
    assert_eq!(f.repo.tokens_of(&app).len(), 2);
}

#[tokio::test]
async fn an_app_reads_a_repository_that_was_renamed() {
    let f = Fixture::with_one_file();
    let app = f.repo.new_app(HOUR);
    let now = f.repo.rename("renamed-with-app");
    // Prism follows redirects by itself.
    let direct = as_app_at(github::GitHub::shared().direct_url(), &app, None);
    assert_eq!(direct.repository(&f.name).await.unwrap().name.as_str(), now);
}

#[tokio::test]
async fn many_that_start_at_once_fetch_one_token() {
    let f = Fixture::with_one_file();
    let app = f.repo.new_app(HOUR);
    let hosts: Vec<_> = (0..8).map(|_| as_app(&app, None)).collect();
    for found in futures::future::join_all(hosts.iter().map(|host| host.repository(&f.name))).await {
        found.unwrap();
    }
    assert_eq!(f.repo.tokens_of(&app).len(), 1);
}

#[tokio::test]
async fn a_token_that_is_about_to_expire_is_fetched_anew() {
    let f = Fixture::with_one_file();
    let app = f.repo.new_app(SignedDuration::from_mins(4));
    for _ in 0..2 {
        as_app(&app, None).repository(&f.name).await.unwrap();
    }
    assert_eq!(f.repo.tokens_of(&app).len(), 2);
}

#[tokio::test]
async fn a_token_that_is_no_longer_accepted_is_fetched_anew_and_the_write_is_made_once() {
    let f = Fixture::with_one_file();
    let app = f.repo.new_app(HOUR);
    let commit = f.commit_to_new_branch("sluice/k", &key("abcdefgh")).await;
    let host = as_app(&app, None);
    host.branch(&f.name, &branch("main")).await.unwrap();
    f.repo.revoke(&f.repo.tokens_of(&app)[0]);
    let made = host.commit_files(&f.name, &commit).await.unwrap();
    assert_eq!(f.head("sluice/k").await.head, made);
    assert_eq!(f.repo.tokens_of(&app).len(), 2);
    let refs = f.repo.requests().iter().filter(|request| request.ends_with("/git/refs")).count();
    assert_eq!(refs, 1, "{:?}", f.repo.requests());
}

#[tokio::test]
async fn a_wrong_key_a_missing_app_and_a_missing_installation_are_told_apart() {
    let (f, other) = (Fixture::with_one_file(), Fixture::with_one_file());
    let app = f.repo.new_app(HOUR);
    as_app(&app, None).repository(&f.name).await.unwrap();
    // With the other's key, nothing that was fetched with the right one is of use.
    let stolen = github::App { private_key: other.repo.new_app(HOUR).private_key, ..app.clone() };
    let error = as_app(&stolen, None).repository(&f.name).await.unwrap_err();
    assert!(matches!(error, Error::Unauthorized { .. }) && !error.is_transient(), "{error}");
    assert!(error.to_string().contains(&format!("private key of App {}", app.id)), "{error}");

    let error = as_app(&app, None).repository(&other.name).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    assert!(
        error.to_string().contains(&format!("installation of App {} for repository {}", app.id, other.name)),
        "{error}"
    );
    let error = as_app(&app, Some(1)).repository(&f.name).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }) && error.to_string().contains("installation 1"), "{error}");
}
