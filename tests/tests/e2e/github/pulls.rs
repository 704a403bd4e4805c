//! Opening, finding and undoing pull requests.

use jiff::Timestamp;
use sluice_scm::{CommitSha, Error, PullRequestNumber, PullRequestState};

use super::{FILE, Fixture, branch, key, new_pull, recently, text};

#[tokio::test]
async fn an_opened_pull_request_carries_the_key_and_is_read_back() {
    let f = Fixture::with_one_file();
    let (made, pull) = f.open(&key("abcdefgh")).await;
    assert!(pull.carries(&key("abcdefgh")) && pull.body.starts_with("Requested by alice.\n"), "{pull:?}");
    assert_eq!((pull.base.as_str(), pull.head.as_str()), ("main", "sluice/abcdefgh"));
    assert_eq!((pull.head_sha.clone(), pull.state.clone()), (made.sha, PullRequestState::Open));
    assert_eq!(pull.url, format!("https://github.com/{}/pull/{}", f.name, pull.number));
    assert!(!pull.draft);
    assert_eq!(f.pull(pull.number).await.url, pull.url);
    f.repo.draft(pull.number.0, true);
    assert!(f.pull(pull.number).await.draft);
}

#[tokio::test]
async fn a_second_open_one_is_a_conflict_whatever_its_key_and_the_first_is_found_by_its_own() {
    let f = Fixture::with_one_file();
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
async fn it_is_found_in_every_state_and_among_many() {
    let f = Fixture::with_one_file();
    let (_, closed) = f.open(&key("abcdefgh")).await;
    f.repo.close(closed.number.0);
    let merged = f.host.open_pull_request(&f.name, &new_pull("sluice/abcdefgh", &key("abcdefgh"))).await.unwrap();
    f.repo.merge(merged.number.0, "alice");
    f.host.delete_branch(&f.name, &merged.head, &merged.head_sha).await.unwrap();
    for number in 0..3 {
        let noise = format!("sluice/abcdefgh-{number}");
        f.repo.commit(&noise, "Noise", &[text("noise", &noise)]);
        f.host.open_pull_request(&f.name, &new_pull(&noise, &key("otherkey"))).await.unwrap();
    }
    let head = branch("sluice/abcdefgh");
    let found = f.host.find_pull_requests(&f.name, &head, recently()).await.unwrap();
    let numbers: Vec<_> = found.iter().map(|pull| pull.number).collect();
    assert_eq!(numbers, [merged.number, closed.number], "newest first");
    assert!(matches!(found[0].state, PullRequestState::Merged(_)) && found[1].state == PullRequestState::Closed);
    assert_eq!(found[0].head, head, "also when the branch is gone");
    assert!(found.iter().all(|pull| pull.carries(&key("abcdefgh"))), "{found:?}");
    let later = Timestamp::now() + jiff::SignedDuration::from_hours(1);
    assert_eq!(f.host.find_pull_requests(&f.name, &head, later).await.unwrap(), []);
}

#[tokio::test]
async fn a_fork_s_branch_of_the_same_name_is_ignored() {
    let f = Fixture::with_one_file();
    let number = PullRequestNumber(f.repo.open_from_fork("sluice/abcdefgh", "<!-- sluice-key: abcdefgh -->"));
    assert_eq!(f.host.find_pull_requests(&f.name, &branch("sluice/abcdefgh"), recently()).await.unwrap(), []);
    let error = f.host.pull_request(&f.name, number).await.unwrap_err();
    assert!(matches!(error, Error::NotOurs { .. }) && error.to_string().contains("fork"), "{error}");
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let f = Fixture::with_one_file();
    let error = f.host.open_pull_request(&f.name, &new_pull("nope", &key("abcdefgh"))).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }) && error.to_string().contains("branch nope"), "{error}");
    let error = f.host.pull_request(&f.name, PullRequestNumber(7)).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }) && error.to_string().contains("#7"), "{error}");
    let main = CommitSha::parse(&f.repo.head("main").unwrap()).unwrap();
    f.repo.commit("same", "Away", &[text("x", "y")]);
    f.repo.reset("same", main.as_str());
    let error = f.host.open_pull_request(&f.name, &new_pull("same", &key("abcdefgh"))).await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }) && error.to_string().contains("No commits between"), "{error}");
}

#[tokio::test]
async fn undoing_closes_the_pull_request_and_deletes_the_branch_twice_as_well_as_once() {
    let f = Fixture::with_one_file();
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
    let f = Fixture::with_one_file();
    let (made, pull) = f.open(&key("abcdefgh")).await;
    let theirs = f.repo.commit("sluice/abcdefgh", "Mine", &[text(FILE, "y")]);
    let error = f.host.delete_branch(&f.name, &pull.head, &made.sha).await.unwrap_err();
    assert!(matches!(error, Error::BranchMoved { .. }), "{error}");
    assert_eq!(f.repo.head("sluice/abcdefgh"), Some(theirs));
}

#[tokio::test]
async fn closing_a_merged_one_changes_nothing() {
    let f = Fixture::with_one_file();
    let (_, pull) = f.open(&key("abcdefgh")).await;
    f.repo.merge(pull.number.0, "alice");
    let found = f.host.close_pull_request(&f.name, pull.number).await.unwrap();
    assert!(matches!(found.state, PullRequestState::Merged(_)), "{found:?}");
}
