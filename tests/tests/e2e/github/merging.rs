//! Merging exactly one head, and saying what is missing.

use sluice_scm::{Blocker, Error, Merge, MergeMethod, Mergeable, PullRequest, PullRequestState, Scheduled};

use super::{FILE, Fixture, key, text};

fn exactly(pull: &PullRequest) -> Merge {
    Merge { head: pull.head_sha.clone(), method: None }
}

async fn blockers(f: &Fixture, pull: &PullRequest) -> Vec<Blocker> {
    let found = f.host.readiness(&f.name, pull).await.unwrap().blockers;
    // GitHub works out only when it is asked whether it merges.
    if found == [Blocker::Computing] { f.host.readiness(&f.name, pull).await.unwrap().blockers } else { found }
}

#[tokio::test]
async fn it_is_merged_with_the_recorded_head_by_each_method() {
    for method in [None, Some(MergeMethod::Merge), Some(MergeMethod::Squash), Some(MergeMethod::Rebase)] {
        let f = Fixture::with_one_file();
        let (made, pull) = f.open(&key("abcdefgh")).await;
        let wanted = Merge { head: pull.head_sha.clone(), method };
        assert_eq!(blockers(&f, &pull).await, []);
        let merged = f.host.merge(&f.name, pull.number, &wanted).await.unwrap();
        assert_eq!(f.repo.head("main").unwrap(), merged.commit.as_str(), "{method:?}");
        assert_eq!(merged.by.as_deref(), Some("sluice-bot"));
        assert!(merged.at.is_some(), "{merged:?}");
        assert_eq!(f.repo.file("main", FILE).unwrap().1, b"image: r/web:2\n");
        let again = f.host.merge(&f.name, pull.number, &wanted).await.unwrap();
        assert_eq!(again, merged, "merging twice is merging once");
        let scheduled = f.host.schedule_merge(&f.name, pull.number, &wanted).await.unwrap();
        assert_eq!(scheduled, Scheduled::Merged(merged.clone()));
        let seen = f.pull(pull.number).await;
        assert_eq!((seen.state, seen.head_sha), (PullRequestState::Merged(merged), made.sha));
    }
}

#[tokio::test]
async fn a_person_who_merges_is_named() {
    let f = Fixture::with_one_file();
    let (_, pull) = f.open(&key("abcdefgh")).await;
    let commit = f.repo.merge(pull.number.0, "alice");
    let PullRequestState::Merged(merged) = f.pull(pull.number).await.state else { panic!("it is merged") };
    assert_eq!((merged.commit.as_str(), merged.by.as_deref()), (commit.as_str(), Some("alice")));
}

#[tokio::test]
async fn a_repository_without_merge_commits_is_squashed_to() {
    let f = Fixture::with_one_file();
    let (_, pull) = f.open(&key("abcdefgh")).await;
    f.repo.allow_merge_commits(false);
    let by_commit = Merge { head: pull.head_sha.clone(), method: Some(MergeMethod::Merge) };
    let error = f.host.merge(&f.name, pull.number, &by_commit).await.unwrap_err();
    assert!(matches!(&error, Error::Unsupported { remedy, .. } if remedy.contains("Set `method`")), "{error}");
    f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap();
}

#[tokio::test]
async fn a_head_that_moved_is_not_merged() {
    let f = Fixture::with_one_file();
    let (_, pull) = f.open(&key("abcdefgh")).await;
    // A push between the look and the merge, which GitHub shows a moment late.
    let message = "Head branch was modified. Review and try the merge again.";
    f.repo.refuse_next(reqwest::Method::PUT, "/merge", 409, &[], message);
    let error = f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap_err();
    assert!(matches!(error, Error::BranchMoved { .. }) && error.end_is_known(), "{error}");

    f.repo.commit("sluice/abcdefgh", "Somebody else", &[text(FILE, "evil\n")]);
    let error = f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap_err();
    assert!(matches!(error, Error::BranchMoved { .. }) && error.end_is_known(), "{error}");
    assert_eq!(f.pull(pull.number).await.state, PullRequestState::Open);
}

#[tokio::test]
async fn the_head_is_sent_with_the_merge() {
    let f = Fixture::with_one_file();
    let (_, pull) = f.open(&key("abcdefgh")).await;
    let theirs = f.repo.commit("sluice/abcdefgh", "Somebody else", &[text(FILE, "evil\n")]);
    let evil = Merge { head: sluice_scm::CommitSha::parse(&theirs).unwrap(), method: None };
    f.repo.reset("sluice/abcdefgh", pull.head_sha.as_str());
    let error = f.host.merge(&f.name, pull.number, &evil).await.unwrap_err();
    assert!(matches!(error, Error::BranchMoved { .. }), "{error}");
}

#[tokio::test]
async fn a_closed_one_is_not_merged() {
    let f = Fixture::with_one_file();
    let (_, pull) = f.open(&key("abcdefgh")).await;
    f.repo.close(pull.number.0);
    let error = f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap_err();
    assert!(matches!(&error, Error::NotMergeable { why, .. } if why.contains("closed")), "{error}");
    assert_eq!(blockers(&f, &pull).await, [Blocker::NotOpen]);
    assert_eq!(f.pull(pull.number).await.state, PullRequestState::Closed);
}

#[tokio::test]
async fn a_conflict_is_not_merged_and_said() {
    let f = Fixture::with_one_file();
    let (_, pull) = f.open(&key("abcdefgh")).await;
    f.repo.commit("main", "Somebody else", &[text(FILE, "other\n")]);
    assert_eq!(blockers(&f, &pull).await, [Blocker::Conflicts]);
    assert_eq!(f.pull(pull.number).await.mergeable, Mergeable::No);
    let error = f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap_err();
    assert!(matches!(&error, Error::NotMergeable { why, .. } if why.contains("not mergeable")), "{error}");
    assert!(!error.is_transient() && error.end_is_known());
}

#[tokio::test]
async fn a_draft_is_not_merged() {
    let f = Fixture::with_one_file();
    let (_, pull) = f.open(&key("abcdefgh")).await;
    f.repo.draft(pull.number.0, true);
    assert_eq!(blockers(&f, &pull).await, [Blocker::Draft]);
    let error = f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap_err();
    assert!(matches!(error, Error::NotMergeable { .. }), "{error}");
}

#[tokio::test]
async fn required_checks_and_reviews_hold_it_back_until_they_are_there() {
    for is_classic in [false, true] {
        let f = Fixture::with_one_file();
        let (made, pull) = f.open(&key("abcdefgh")).await;
        f.repo.require(&["ci", "lint"], 1, is_classic);
        let reviews = Blocker::ReviewsMissing { have: 0, want: 1 };
        let (ci, lint) = (Blocker::CheckPending("ci".into()), Blocker::CheckPending("lint".into()));
        assert_eq!(blockers(&f, &pull).await, [ci.clone(), lint, reviews.clone()], "classic: {is_classic}");
        let error = f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap_err();
        assert!(matches!(&error, Error::NotMergeable { why, .. } if why.contains("status check")), "{error}");

        let sha = made.sha.as_str();
        f.repo.set_check(sha, "ci", None);
        f.repo.set_status(sha, "lint", "failure");
        assert_eq!(blockers(&f, &pull).await, [ci, Blocker::CheckFailed("lint".into()), reviews.clone()]);
        f.repo.set_check(sha, "ci", Some("success"));
        f.repo.set_status(sha, "lint", "success");
        f.repo.review(pull.number.0, "bob", "CHANGES_REQUESTED");
        assert_eq!(blockers(&f, &pull).await, [reviews, Blocker::ChangesRequested("bob".into())]);
        f.repo.review(pull.number.0, "bob", "APPROVED");
        assert_eq!(blockers(&f, &pull).await, []);
        f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap();
    }
}

#[tokio::test]
async fn rules_that_the_token_may_not_read_are_left_out_and_said_to_be() {
    let f = Fixture::with_one_file();
    let (made, pull) = f.open(&key("abcdefgh")).await;
    f.repo.require(&["ci"], 1, true);
    assert_eq!(blockers(&f, &pull).await.len(), 2);
    let refuse = |paths: &[&str]| {
        for path in paths {
            let message = "Resource not accessible by personal access token";
            f.repo.refuse_next(reqwest::Method::GET, path, 403, &[], message);
        }
    };
    refuse(&["/rules/", "/protection", "/check-runs", "/status", "/reviews"]);
    let found = blockers(&f, &pull).await;
    assert!(matches!(&found[..], [Blocker::Other(why)] if why.contains("may not read")), "{found:?}");
    // What is seen of the checks is said.
    f.repo.set_status(made.sha.as_str(), "ci", "failure");
    refuse(&["/protection", "/check-runs"]);
    assert_eq!(blockers(&f, &pull).await, [Blocker::CheckFailed("ci".into())]);
}

#[tokio::test]
async fn nothing_is_scheduled_because_github_would_merge_another_head() {
    let f = Fixture::with_one_file();
    f.repo.require(&["ci"], 0, false);
    let (_, pull) = f.open(&key("abcdefgh")).await;
    let scheduled = f.host.schedule_merge(&f.name, pull.number, &exactly(&pull)).await.unwrap();
    assert_eq!(scheduled, Scheduled::NotOffered);
}
