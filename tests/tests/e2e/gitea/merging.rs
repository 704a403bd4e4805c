//! Merging exactly one head, and saying what is missing.

use std::time::Duration;

use sluice_scm::{Blocker, CommitSha, Error, Merge, MergeMethod, Merged, PullRequest, PullRequestState, Scheduled};

use super::{FILE, Fixture, key, number};

fn exactly(pull: &PullRequest) -> Merge {
    Merge { head: pull.head_sha.clone(), method: None }
}

/// Gitea works out first whether it merges at all.
async fn merge(f: &Fixture, pull: &PullRequest, merge: &Merge) -> Merged {
    for _ in 0..100 {
        match f.host.merge(&f.name, pull.number, merge).await {
            Err(Error::NotMergeable { why, .. }) if why.contains("still checking") => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            result => return result.unwrap(),
        }
    }
    panic!("it never became mergeable");
}

async fn blockers(f: &Fixture, pull: &PullRequest) -> Vec<Blocker> {
    for _ in 0..100 {
        let now = f.pull(pull.number).await;
        let found = f.host.readiness(&f.name, &now).await.unwrap().blockers;
        if !found.iter().any(|b| matches!(b, Blocker::Other(why) if why.contains("still checking"))) {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it never stopped checking");
}

#[tokio::test]
async fn it_is_merged_with_the_recorded_head_by_each_method() {
    for method in [None, Some(MergeMethod::Merge), Some(MergeMethod::Squash), Some(MergeMethod::Rebase)] {
        let f = Fixture::with_one_file().await;
        let (made, pull) = f.open(&key("abcdefgh")).await;
        let wanted = Merge { head: pull.head_sha.clone(), method };
        assert_eq!(blockers(&f, &pull).await, []);
        let merged = merge(&f, &pull, &wanted).await;
        assert_eq!(f.head("main").await.head.sha, merged.commit, "{method:?}");
        assert!(merged.by.is_some() && merged.at.is_some(), "{merged:?}");
        assert_eq!(f.repo.read(FILE, "main").await.unwrap(), "image: r/web:2\n");
        let again = f.host.merge(&f.name, pull.number, &wanted).await.unwrap();
        assert_eq!(again, merged, "merging twice is merging once");
        let seen = f.pull(pull.number).await;
        assert_eq!((seen.state, seen.head_sha), (PullRequestState::Merged(merged), made.sha));
    }
}

#[tokio::test]
async fn a_head_that_moved_is_not_merged() {
    let f = Fixture::with_one_file().await;
    let (_, pull) = f.open(&key("abcdefgh")).await;
    f.repo.commit("sluice/abcdefgh", "Somebody else", &[(FILE, "evil\n")]).await.unwrap();
    let error = f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap_err();
    assert!(matches!(error, Error::BranchMoved { .. }) && error.end_is_known(), "{error}");
    assert_eq!(f.pull(pull.number).await.state, PullRequestState::Open);
}

#[tokio::test]
async fn a_push_after_the_merge_does_not_change_what_was_merged() {
    let f = Fixture::with_one_file().await;
    let (made, pull) = f.open(&key("abcdefgh")).await;
    let merged = merge(&f, &pull, &exactly(&pull)).await;
    f.repo.commit("sluice/abcdefgh", "Later", &[("x", "y")]).await.unwrap();
    assert_eq!(f.pull(pull.number).await.head_sha, made.sha);
    assert_eq!(f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap(), merged);
}

#[tokio::test]
async fn a_closed_one_is_not_merged() {
    let f = Fixture::with_one_file().await;
    let (_, pull) = f.open(&key("abcdefgh")).await;
    f.repo.close(number(&pull)).await.unwrap();
    let error = f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap_err();
    assert!(matches!(&error, Error::NotMergeable { why, .. } if why.contains("closed")), "{error}");
    let closed = f.pull(pull.number).await;
    assert_eq!(f.host.readiness(&f.name, &closed).await.unwrap().blockers, [Blocker::NotOpen]);
}

#[tokio::test]
async fn a_conflict_is_not_merged_and_said() {
    let f = Fixture::with_one_file().await;
    let (_, pull) = f.open(&key("abcdefgh")).await;
    f.repo.commit("main", "Somebody else", &[(FILE, "other\n")]).await.unwrap();
    let error = f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap_err();
    assert!(matches!(&error, Error::NotMergeable { why, .. } if why.contains("conflicts")), "{error}");
    assert!(!error.is_transient() && error.end_is_known());
}

#[tokio::test]
async fn a_required_check_holds_it_back_until_it_succeeds() {
    let f = Fixture::with_one_file().await;
    f.repo.protect("main", &["ci/*"], 0).await.unwrap();
    let (made, pull) = f.open(&key("abcdefgh")).await;
    assert_eq!(blockers(&f, &pull).await, [Blocker::CheckPending("ci/*".into())]);
    let error = f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap_err();
    assert!(matches!(&error, Error::NotMergeable { why, .. } if why.contains("status checks")), "{error}");

    for (state, blocker) in
        [("pending", Blocker::CheckPending("ci/test".into())), ("failure", Blocker::CheckFailed("ci/test".into()))]
    {
        f.repo.set_status(made.sha.as_str(), "ci/test", state).await.unwrap();
        assert_eq!(blockers(&f, &pull).await, [blocker]);
    }
    f.repo.set_status(made.sha.as_str(), "ci/test", "success").await.unwrap();
    assert_eq!(blockers(&f, &pull).await, []);
    let merged = merge(&f, &pull, &exactly(&pull)).await;
    assert_eq!(f.head("main").await.head.sha, merged.commit);
}

#[tokio::test]
async fn required_reviews_hold_it_back_until_they_are_there() {
    let f = Fixture::with_one_file().await;
    f.repo.protect("main", &[], 1).await.unwrap();
    let (person, reviewer) = f.cluster.gitea().new_user("reviewer").await.unwrap();
    f.repo.permit(&person, "write").await.unwrap();
    let (_, pull) = f.open(&key("abcdefgh")).await;
    assert_eq!(blockers(&f, &pull).await, [Blocker::ReviewsMissing { have: 0, want: 1 }]);
    let error = f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap_err();
    assert!(matches!(error, Error::NotMergeable { .. }), "{error}");
    f.repo.as_person(&reviewer).review(number(&pull), "APPROVED").await.unwrap();
    assert_eq!(blockers(&f, &pull).await, []);
    merge(&f, &pull, &exactly(&pull)).await;
}

#[tokio::test]
async fn a_draft_is_not_merged() {
    let f = Fixture::with_one_file().await;
    let (_, pull) = f.open(&key("abcdefgh")).await;
    let title = serde_json::json!({"title": "WIP: later"});
    f.repo.call(reqwest::Method::PATCH, &format!("/pulls/{}", pull.number), Some(title)).await.unwrap();
    assert_eq!(blockers(&f, &pull).await, [Blocker::Draft]);
    let error = f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap_err();
    assert!(matches!(error, Error::NotMergeable { .. }), "{error}");
}

#[tokio::test]
async fn nothing_is_scheduled_because_gitea_would_merge_another_head() {
    let f = Fixture::with_one_file().await;
    f.repo.protect("main", &["ci/*"], 0).await.unwrap();
    let (_, pull) = f.open(&key("abcdefgh")).await;
    let scheduled = f.host.schedule_merge(&f.name, pull.number, &exactly(&pull)).await.unwrap();
    assert_eq!(scheduled, Scheduled::NotOffered);

    // Why: scheduled by a person for one head, merged with another. If this fails, Gitea has learnt to pin the head.
    let body =
        serde_json::json!({"do": "merge", "head_commit_id": pull.head_sha.as_str(), "merge_when_checks_succeed": true});
    let path = format!("/pulls/{}/merge", pull.number);
    f.repo.call(reqwest::Method::POST, &path, Some(body)).await.unwrap();
    let evil = f.repo.commit("sluice/abcdefgh", "Somebody else", &[(FILE, "evil\n")]).await.unwrap();
    for _ in 0..100 {
        f.repo.set_status(&evil, "ci/test", "success").await.unwrap();
        let now = f.pull(pull.number).await;
        if matches!(now.state, PullRequestState::Merged(_)) {
            assert_eq!(now.head_sha, CommitSha::parse(&evil).unwrap());
            let error = f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap_err();
            assert!(matches!(error, Error::BranchMoved { .. }), "{error}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("it was not merged");
}
