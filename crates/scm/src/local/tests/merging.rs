//! Merging exactly one head, and what people merge with plain git.

use super::{FILE, Fixture, branch, git, key, new_pull};
use crate::error::Error;
use crate::host::{Blocker, GitHost, Merge, MergeMethod, Mergeable, PullRequest, PullRequestState, Scheduled};

fn exactly(pull: &PullRequest) -> Merge {
    Merge { head: pull.head_sha.clone(), method: None }
}

#[tokio::test]
async fn it_is_merged_with_the_recorded_head_by_each_method() {
    for (method, parents) in
        [(None, 2), (Some(MergeMethod::Merge), 2), (Some(MergeMethod::Squash), 1), (Some(MergeMethod::Rebase), 1)]
    {
        let f = Fixture::with_one_file().await;
        let (made, pull) = f.open(&key("abcdefgh")).await;
        let moved = f.push("main", "other", "x");
        let wanted = Merge { head: pull.head_sha.clone(), method };
        assert_eq!(f.host.readiness(&f.name, &pull).await.unwrap().blockers, []);
        let merged = f.host.clone().signed_by("Bob").merge(&f.name, pull.number, &wanted).await.unwrap();
        let head = f.head("main").await.head;
        assert_eq!(head.sha, merged.commit, "{method:?}");
        assert_eq!((head.parents.len(), &head.parents[0]), (parents, &moved));
        assert!(merged.by.as_deref() == Some("Bob") && merged.at == Some(head.committed_at), "{merged:?}");
        let read = f.git(&["show", &format!("main:{FILE}"), "main:other"]);
        assert_eq!(read, "image: r/web:2\nx");
        let again = f.host.merge(&f.name, pull.number, &wanted).await.unwrap();
        assert_eq!(again, merged, "merging twice is merging once");
        assert_eq!(f.host.schedule_merge(&f.name, pull.number, &wanted).await.unwrap(), Scheduled::Merged(again));
        let seen = f.pull(pull.number).await;
        assert_eq!((seen.state, seen.head_sha), (PullRequestState::Merged(merged), made.sha));
        f.is_sound();
    }
}

#[tokio::test]
async fn a_merge_is_never_a_fast_forward_and_says_what_it_brings() {
    let f = Fixture::with_one_file().await;
    let before = f.head("main").await.head.sha;
    let (made, pull) = f.open(&key("abcdefgh")).await;
    f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap();
    let head = f.head("main").await.head;
    assert_eq!(head.parents, [before, made.sha]);
    assert_eq!(head.message, "Merge change #1 from sluice/abcdefgh\n\nDeploy web 2\n");
}

#[tokio::test]
async fn a_squash_of_many_names_them_and_a_rebase_keeps_their_authors() {
    for (method, expected) in [
        (MergeMethod::Squash, "Sluice Sluice Deploy web 2 (#1)\nSluice Sluice Begin"),
        (
            MergeMethod::Rebase,
            "Alice Sluice By hand\nSluice Sluice Deploy web 2\nAlice Alice By hand\nSluice Sluice Begin",
        ),
    ] {
        let f = Fixture::with_one_file().await;
        f.open(&key("abcdefgh")).await;
        let head = f.push("sluice/abcdefgh", "second", "x");
        let squash = method == MergeMethod::Squash;
        if !squash {
            f.push("main", "other", "x");
        }
        let number = f.host.open_changes(&f.name).await.unwrap()[0].number;
        let wanted = Merge { head, method: Some(method) };
        f.host.merge(&f.name, number, &wanted).await.unwrap();
        assert_eq!(f.git(&["log", "--format=%an %cn %s", "main"]), expected);
        if squash {
            let body = f.git(&["log", "-1", "--format=%b", "main"]);
            assert_eq!(body, "* Deploy web 2\n* By hand");
        }
        assert_eq!(f.git(&["diff", "--stat", "main", "sluice/abcdefgh", "--", FILE, "second"]), "");
    }
}

#[tokio::test]
async fn a_rebase_onto_where_it_is_keeps_the_very_commits_and_of_merges_there_is_none() {
    let f = Fixture::with_one_file().await;
    let (made, pull) = f.open(&key("abcdefgh")).await;
    let wanted = Merge { head: pull.head_sha.clone(), method: Some(MergeMethod::Rebase) };
    let merged = f.host.merge(&f.name, pull.number, &wanted).await.unwrap();
    assert_eq!((merged.commit, f.head("main").await.head.sha), (made.sha.clone(), made.sha));

    f.push("mine", "x", "y");
    f.push("main", "other", "y");
    let clone = f.clone();
    git(&clone, &["checkout", "-q", "mine"]);
    git(&clone, &["merge", "-q", "origin/main"]);
    git(&clone, &["push", "-q"]);
    let pull = f.host.open_pull_request(&f.name, &new_pull("mine", &key("otherkey"))).await.unwrap();
    let wanted = Merge { head: pull.head_sha.clone(), method: Some(MergeMethod::Rebase) };
    let error = f.host.merge(&f.name, pull.number, &wanted).await.unwrap_err();
    assert!(matches!(&error, Error::NotMergeable { why, .. } if why.contains("merges among its commits")), "{error}");
    f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap();
}

#[tokio::test]
async fn a_head_that_moved_is_not_merged() {
    let f = Fixture::with_one_file().await;
    let (_, pull) = f.open(&key("abcdefgh")).await;
    f.push("sluice/abcdefgh", FILE, "evil\n");
    let error = f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap_err();
    assert!(matches!(error, Error::BranchMoved { .. }) && error.end_is_known(), "{error}");
    assert_eq!(f.pull(pull.number).await.state, PullRequestState::Open);
}

#[tokio::test]
async fn a_push_after_the_merge_does_not_change_what_was_merged() {
    let f = Fixture::with_one_file().await;
    let (made, pull) = f.open(&key("abcdefgh")).await;
    let merged = f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap();
    f.push("sluice/abcdefgh", "x", "y");
    assert_eq!(f.pull(pull.number).await.head_sha, made.sha);
    assert_eq!(f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap(), merged);
    f.git(&["update-ref", "refs/heads/main", "main^"]);
    assert_eq!(f.pull(pull.number).await.state, PullRequestState::Merged(merged), "nor does rewriting the base");
}

#[tokio::test]
async fn a_closed_one_is_not_merged() {
    let f = Fixture::with_one_file().await;
    let (_, pull) = f.open(&key("abcdefgh")).await;
    f.host.close_pull_request(&f.name, pull.number).await.unwrap();
    let error = f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap_err();
    assert!(matches!(&error, Error::NotMergeable { why, .. } if why.contains("closed")), "{error}");
    assert_eq!(f.host.readiness(&f.name, &pull).await.unwrap().blockers, [Blocker::NotOpen]);
}

#[tokio::test]
async fn a_conflict_is_not_merged_and_its_files_are_named() {
    let f = Fixture::with_one_file().await;
    let (_, pull) = f.open(&key("abcdefgh")).await;
    assert_eq!(pull.mergeable, Mergeable::Yes);
    let objects = f.git(&["count-objects"]);
    assert_eq!(f.pull(pull.number).await.mergeable, Mergeable::Yes);
    assert_eq!(f.git(&["count-objects"]), objects, "looking writes nothing");
    let theirs = f.push("main", FILE, "other\n");
    assert_eq!(f.pull(pull.number).await.mergeable, Mergeable::No);
    assert_eq!(f.host.readiness(&f.name, &pull).await.unwrap().blockers, [Blocker::Conflicts]);
    for method in [None, Some(MergeMethod::Squash), Some(MergeMethod::Rebase)] {
        let wanted = Merge { method, ..exactly(&pull) };
        let error = f.host.merge(&f.name, pull.number, &wanted).await.unwrap_err();
        let why = format!("it conflicts with its base branch in {FILE}");
        assert!(matches!(&error, Error::NotMergeable { why: said, .. } if *said == why), "{error}");
        assert!(!error.is_transient() && error.end_is_known());
    }
    assert_eq!(f.head("main").await.head.sha, theirs);
    assert_eq!(f.pull(pull.number).await.state, PullRequestState::Open);
}

#[tokio::test]
async fn other_lines_of_the_same_file_are_no_conflict() {
    let content = |top: &str, bottom: &str| format!("{top}\n1\n2\n3\n4\n5\n{bottom}\n");
    let f = Fixture::new(&[(FILE, &content("a", "b"))]).await;
    f.push("mine", FILE, &content("A", "b"));
    f.push("main", FILE, &content("a", "B"));
    let pull = f.host.open_pull_request(&f.name, &new_pull("mine", &key("abcdefgh"))).await.unwrap();
    f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap();
    assert_eq!(f.git(&["show", &format!("main:{FILE}")]) + "\n", content("A", "B"));
}

#[tokio::test]
async fn no_program_of_the_repository_s_configuration_is_started() {
    let f = Fixture::with_one_file().await;
    let (_, pull) = f.open(&key("abcdefgh")).await;
    f.push("main", ".gitattributes", "* merge=evil filter=evil diff=evil\n");
    f.push("main", FILE, "other\n");
    let mark = f.root.path().join("started");
    let program = format!("touch {}", mark.display());
    for name in ["merge.evil.driver", "filter.evil.clean", "filter.evil.smudge", "diff.evil.textconv"] {
        f.git(&["config", name, &program]);
    }
    f.git(&["config", "merge.renormalize", "true"]);
    let hook = f.dir().join("hooks/post-update");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, format!("#!/bin/sh\n{program}\n")).unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let error = f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap_err();
    assert!(matches!(error, Error::NotMergeable { .. }), "{error}");
    f.host.diff(&f.name, pull.number).await.unwrap();
    f.host.delete_branch(&f.name, &pull.head, &pull.head_sha).await.unwrap();
    assert!(!mark.exists());
}

#[tokio::test]
async fn what_a_person_merged_with_plain_git_is_merged() {
    let f = Fixture::with_one_file().await;
    let (made, pull) = f.open(&key("abcdefgh")).await;
    f.push("main", "before", "x");
    let clone = f.clone();
    git(&clone, &["merge", "-q", "--no-ff", "-m", "By Alice", "origin/sluice/abcdefgh"]);
    git(&clone, &["push", "-q"]);
    let brought = f.head("main").await.head;
    f.push("main", "after", "x");
    let seen = f.pull(pull.number).await;
    let PullRequestState::Merged(merged) = seen.state else { panic!("{seen:?}") };
    assert_eq!((&merged.commit, merged.by.as_deref(), seen.head_sha), (&brought.sha, Some("Alice"), made.sha));
    assert_eq!(merged.at, Some(brought.committed_at));
    assert_eq!(f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap(), merged, "which is a success");
    git(&clone, &["push", "-q", "origin", ":sluice/abcdefgh"]);
    assert_eq!(f.pull(pull.number).await.state, PullRequestState::Merged(merged), "also without its branch");
}

#[tokio::test]
async fn a_fast_forward_by_a_person_brings_the_head_itself() {
    let f = Fixture::with_one_file().await;
    let (made, pull) = f.open(&key("abcdefgh")).await;
    let clone = f.clone();
    git(&clone, &["push", "-q", "origin", "origin/sluice/abcdefgh:main"]);
    f.push("main", "after", "x");
    let seen = f.pull(pull.number).await;
    let PullRequestState::Merged(merged) = seen.state else { panic!("{seen:?}") };
    assert_eq!((merged.commit, merged.by), (made.sha, None), "nothing says who pushed it");
}

#[tokio::test]
async fn a_person_may_push_on_top_and_merge_that() {
    let f = Fixture::with_one_file().await;
    let (_, pull) = f.open(&key("abcdefgh")).await;
    let theirs = f.push("sluice/abcdefgh", "x", "y");
    let clone = f.clone();
    git(&clone, &["merge", "-q", "--no-ff", "origin/sluice/abcdefgh"]);
    git(&clone, &["push", "-q"]);
    let seen = f.pull(pull.number).await;
    assert!(matches!(seen.state, PullRequestState::Merged(_)) && seen.head_sha == theirs, "{seen:?}");
}

#[tokio::test]
async fn a_base_branch_that_is_gone_is_said() {
    let f = Fixture::with_one_file().await;
    f.push("release", "r", "1");
    f.push("mine", "x", "y");
    let new = crate::host::NewPullRequest { base: branch("release"), ..new_pull("mine", &key("abcdefgh")) };
    let pull = f.host.open_pull_request(&f.name, &new).await.unwrap();
    f.git(&["branch", "-D", "release"]);
    let blockers = f.host.readiness(&f.name, &pull).await.unwrap().blockers;
    assert_eq!(blockers, [Blocker::Other("its base branch release is gone".into())]);
    let error = f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap_err();
    assert!(matches!(&error, Error::NotMergeable { why, .. } if why.contains("release is gone")), "{error}");
}

#[tokio::test]
async fn histories_with_nothing_in_common_are_not_merged() {
    let f = Fixture::with_one_file().await;
    let clone = f.clone();
    git(&clone, &["checkout", "-q", "--orphan", "other"]);
    git(&clone, &["commit", "-q", "-m", "root"]);
    git(&clone, &["push", "-q", "origin", "other"]);
    let pull = f.host.open_pull_request(&f.name, &new_pull("other", &key("abcdefgh"))).await.unwrap();
    let error = f.host.merge(&f.name, pull.number, &exactly(&pull)).await.unwrap_err();
    assert!(matches!(&error, Error::NotMergeable { why, .. } if why.contains("in common")), "{error}");
    assert!(f.host.diff(&f.name, pull.number).await.unwrap().contains("+image: r/web:1"));
}
