//! Limits on the rate of requests, and a service that is away.

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use sluice_scm::Error;

use super::{Fixture, key, new_pull};

#[tokio::test]
async fn a_primary_limit_lasts_until_its_reset_and_a_secondary_one_as_long_as_it_says() {
    let f = Fixture::with_one_file();
    let primary = "API rate limit exceeded for installation.";
    // "Exceeding the rate limit" in the documentation of the REST API.
    let secondary = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
    let (used_up, left, retry) =
        (("x-ratelimit-remaining", "0"), ("x-ratelimit-remaining", "4000"), ("retry-after", "30"));
    for (status, header, message, expected) in [
        (403, used_up, primary, 1140..=1201),
        (429, used_up, primary, 1140..=1201),
        (403, retry, secondary, 30..=30),
        (429, retry, secondary, 30..=30),
        (403, left, secondary, 60..=60),
    ] {
        // Anew for each, so that a busy machine has a minute for one answer.
        let reset = || (Timestamp::now() + SignedDuration::from_mins(20)).as_second().to_string();
        let headers = [header, ("x-ratelimit-reset", &reset())];
        f.repo.refuse_next(Method::GET, "/branches/main", status, &headers, message);
        let read = f.host.branch(&f.name, &super::branch("main")).await.unwrap_err();
        let headers = [header, ("x-ratelimit-reset", &reset())];
        f.repo.refuse_next(Method::POST, "/pulls", status, &headers, message);
        let write = f.host.open_pull_request(&f.name, &new_pull("x", &key("abcdefgh"))).await.unwrap_err();
        for error in [read, write] {
            let Error::RateLimited { retry_after: Some(pause), .. } = &error else { panic!("{error}") };
            assert!(expected.contains(&pause.as_secs()), "{status} {header:?}: {error}");
            assert!(error.is_transient() && error.end_is_known());
        }
    }
}

#[tokio::test]
async fn a_service_that_is_away_leaves_the_end_of_a_reference_unknown_and_its_branch_is_found() {
    let f = Fixture::with_one_file();
    let commit = f.commit_to_new_branch("sluice/k", &key("abcdefgh")).await;
    f.repo.refuse_next(Method::POST, "/git/commits", 502, &[], "Server Error");
    let error = f.host.commit_files(&f.name, &commit).await.unwrap_err();
    assert!(error.is_transient() && error.end_is_known(), "nobody sees a commit without a reference: {error}");
    f.repo.refuse_next(Method::POST, "/git/refs", 502, &[], "Server Error");
    let error = f.host.commit_files(&f.name, &commit).await.unwrap_err();
    assert!(error.is_transient() && !error.end_is_known(), "{error}");
}
