//! Opening, finding and undoing pull requests.

use jiff::Timestamp;
use reqwest::Method;
use serde_json::json;
use sluice_scm::{CommitSha, Error, PullRequestNumber, PullRequestState};

use super::{Fixture, branch, key, new_pull, number, recently};

#[tokio::test]
async fn an_opened_pull_request_carries_the_key_and_is_read_back() {
    let f = Fixture::with_one_file().await;
    let (made, pull) = f.open(&key("abcdefgh")).await;
    assert!(pull.carries(&key("abcdefgh")) && pull.body.starts_with("Requested by alice.\n"), "{pull:?}");
    assert_eq!((pull.base.as_str(), pull.head.as_str()), ("main", "sluice/abcdefgh"));
    assert_eq!((pull.head_sha.clone(), pull.state.clone()), (made.sha, PullRequestState::Open));
    assert!(pull.url.ends_with(&format!("/pulls/{}", pull.number)) && !pull.draft, "{pull:?}");
    assert_eq!(f.pull(pull.number).await.url, pull.url);
}

#[tokio::test]
async fn a_second_open_one_is_a_conflict_whatever_its_key_and_the_first_is_found_by_its_own() {
    let f = Fixture::with_one_file().await;
    let (_, pull) = f.open(&key("abcdefgh")).await;
    for key in [key("abcdefgh"), key("otherkey")] {
        let error = f.host.open_pull_request(&f.name, &new_pull("sluice/abcdefgh", &key)).await.unwrap_err();
        assert!(matches!(error, Error::AlreadyExists { .. }) && error.end_is_known(), "{error}");
    }
    let found = f.host.find_pull_requests(&f.name, &pull.head, recently()).await.unwrap();
    assert_eq!(found.iter().map(|pull| pull.number).collect::<Vec<_>>(), [pull.number]);
    assert!(found[0].carries(&key("abcdefgh")) && !found[0].carries(&key("otherkey")), "{found:?}");
}

#[tokio::test]
async fn it_is_found_in_every_state() {
    let f = Fixture::with_one_file().await;
    let (_, closed) = f.open(&key("abcdefgh")).await;
    f.repo.close(number(&closed)).await.unwrap();
    let merged = f.host.open_pull_request(&f.name, &new_pull("sluice/abcdefgh", &key("abcdefgh"))).await.unwrap();
    f.repo.merge(number(&merged)).await.unwrap();
    f.repo.delete_branch("sluice/abcdefgh").await.unwrap();

    let head = branch("sluice/abcdefgh");
    let found = f.host.find_pull_requests(&f.name, &head, recently()).await.unwrap();
    assert_eq!(
        found.iter().map(|pull| pull.number).collect::<Vec<_>>(),
        [merged.number, closed.number],
        "newest first"
    );
    assert!(matches!(found[0].state, PullRequestState::Merged(_)) && found[1].state == PullRequestState::Closed);
    assert_eq!(found[0].head.as_str(), "sluice/abcdefgh", "also when the branch is gone");
    assert!(found.iter().all(|pull| pull.carries(&key("abcdefgh"))), "{found:?}");
    let later = Timestamp::now() + jiff::SignedDuration::from_hours(1);
    assert_eq!(f.host.find_pull_requests(&f.name, &head, later).await.unwrap(), []);
}

#[tokio::test]
async fn it_is_found_among_more_than_a_page() {
    let f = &Fixture::with_one_file().await;
    let (_, pull) = f.open(&key("abcdefgh")).await;
    for tens in 0..6 {
        let noise = (0..10).map(|n| async move {
            let name = format!("noise-{tens}{n}");
            f.repo.branch(&name, "sluice/abcdefgh").await?;
            f.repo.open_pull(&name, "main", "noise").await
        });
        futures::future::try_join_all(noise).await.unwrap();
    }
    let found = f.host.find_pull_requests(&f.name, &pull.head, recently()).await.unwrap();
    assert_eq!(found.iter().map(|pull| pull.number).collect::<Vec<_>>(), [pull.number]);
}

#[tokio::test]
async fn a_fork_s_branch_of_the_same_name_is_ignored() {
    let f = Fixture::with_one_file().await;
    let (person, stranger) = f.cluster.gitea().new_user("stranger").await.unwrap();
    let theirs = f.repo.as_person(&stranger);
    theirs.call(Method::POST, "/forks", Some(json!({}))).await.unwrap();
    let fork = stranger.repo(&person, "gitops");
    fork.branch("sluice/abcdefgh", "main").await.unwrap();
    fork.commit("sluice/abcdefgh", "m\n\nSluice-Key: abcdefgh", &[("evil", "x")]).await.unwrap();
    let body = json!({"head": format!("{person}:sluice/abcdefgh"), "base": "main", "title": "t", "body": "<!-- sluice-key: abcdefgh -->"});
    let opened = theirs.call(Method::POST, "/pulls", Some(body)).await.unwrap();

    assert_eq!(f.host.find_pull_requests(&f.name, &branch("sluice/abcdefgh"), recently()).await.unwrap(), []);
    let number = PullRequestNumber(opened["number"].as_u64().unwrap());
    let error = f.host.pull_request(&f.name, number).await.unwrap_err();
    assert!(matches!(error, Error::NotOurs { .. }) && error.to_string().contains("fork"), "{error}");
    assert_eq!(f.host.branch(&f.name, &branch("sluice/abcdefgh")).await.unwrap(), None);
}

#[tokio::test]
async fn a_missing_branch_is_named() {
    let f = Fixture::with_one_file().await;
    let error = f.host.open_pull_request(&f.name, &new_pull("nope", &key("abcdefgh"))).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }) && error.to_string().contains("branch nope"), "{error}");
}

#[tokio::test]
async fn undoing_closes_the_pull_request_and_deletes_the_branch_twice_as_well_as_once() {
    let f = Fixture::with_one_file().await;
    let (made, pull) = f.open(&key("abcdefgh")).await;
    for _ in 0..2 {
        let closed = f.host.close_pull_request(&f.name, pull.number).await.unwrap();
        assert_eq!((closed.state, closed.head_sha), (PullRequestState::Closed, made.sha.clone()));
    }
    for _ in 0..2 {
        f.host.delete_branch(&f.name, &pull.head, &made.sha).await.unwrap();
    }
    assert_eq!(f.host.branch(&f.name, &pull.head).await.unwrap(), None);
    let gone = f.pull(pull.number).await;
    assert_eq!(
        (gone.state, gone.head.as_str(), gone.head_sha),
        (PullRequestState::Closed, "sluice/abcdefgh", made.sha)
    );
}

#[tokio::test]
async fn a_branch_that_somebody_pushed_to_is_not_deleted() {
    let f = Fixture::with_one_file().await;
    let (made, pull) = f.open(&key("abcdefgh")).await;
    let theirs = f.repo.commit("sluice/abcdefgh", "Mine", &[("x", "y")]).await.unwrap();
    let error = f.host.delete_branch(&f.name, &pull.head, &made.sha).await.unwrap_err();
    assert!(matches!(error, Error::BranchMoved { .. }), "{error}");
    assert_eq!(f.head("sluice/abcdefgh").await.head.sha, CommitSha::parse(&theirs).unwrap());
}

#[tokio::test]
async fn closing_a_merged_one_changes_nothing() {
    let f = Fixture::with_one_file().await;
    let (_, pull) = f.open(&key("abcdefgh")).await;
    f.repo.merge(number(&pull)).await.unwrap();
    let found = f.host.close_pull_request(&f.name, pull.number).await.unwrap();
    assert!(matches!(found.state, PullRequestState::Merged(_)), "{found:?}");
}
