//! Which commit came before which.

use super::{FILE, Fixture, git, key};
use crate::error::Error;
use crate::host::{GitHost, Merge, MergeMethod};
use crate::names::CommitSha;

fn sha(text: &str) -> CommitSha {
    CommitSha::parse(text).unwrap()
}

async fn check(f: &Fixture, ancestor: &CommitSha, descendant: &CommitSha, expected: bool) {
    let found = f.host.is_ancestor(&f.name, ancestor, descendant).await.unwrap();
    assert_eq!(found, expected, "{ancestor} {descendant}");
}

#[tokio::test]
async fn a_commit_comes_before_itself_and_all_later_ones() {
    let f = Fixture::with_one_file().await;
    let first = f.head("main").await.head.sha;
    let second = f.push("main", "a", "2");
    let third = f.push("main", "a", "3");
    check(&f, &first, &first, true).await;
    check(&f, &first, &second, true).await;
    check(&f, &first, &third, true).await;
    check(&f, &third, &first, false).await;
    f.git(&["gc", "-q"]);
    check(&f, &first, &third, true).await;
    assert_eq!(f.head("main").await.head.sha, third, "also when all is packed");
}

#[tokio::test]
async fn a_merge_brings_its_head_and_a_squash_does_not() {
    for (method, head_stays) in [(MergeMethod::Merge, true), (MergeMethod::Squash, false)] {
        let f = Fixture::with_one_file().await;
        let (made, pull) = f.open(&key("abcdefgh")).await;
        check(&f, &made.sha, &f.head("main").await.head.sha, false).await;
        let wanted = Merge { head: made.sha.clone(), method: Some(method) };
        let merged = f.host.merge(&f.name, pull.number, &wanted).await.unwrap();
        let later = f.push("main", "later", "x");
        for descendant in [&merged.commit, &later] {
            check(&f, &merged.commit, descendant, true).await;
            check(&f, &made.sha, descendant, head_stays).await;
        }
    }
}

#[tokio::test]
async fn an_unrelated_branch_comes_neither_before_nor_after() {
    let f = Fixture::with_one_file().await;
    let ours = f.head("main").await.head.sha;
    let clone = f.clone();
    git(&clone, &["checkout", "-q", "--orphan", "other"]);
    git(&clone, &["commit", "-q", "-m", "root"]);
    git(&clone, &["push", "-q", "origin", "other"]);
    let theirs = sha(&git(&clone, &["rev-parse", "HEAD"]));
    check(&f, &ours, &theirs, false).await;
    check(&f, &theirs, &ours, false).await;
}

#[tokio::test]
async fn a_commit_that_is_not_there_is_an_error_and_not_a_no() {
    let f = Fixture::with_one_file().await;
    let ours = f.head("main").await.head.sha;
    let nowhere = sha(&"1".repeat(40));
    let blob = sha(&f.git(&["rev-parse", &format!("main:{FILE}")]));
    for (a, b) in [(&ours, &nowhere), (&nowhere, &ours), (&nowhere, &nowhere), (&blob, &ours)] {
        let error = f.host.is_ancestor(&f.name, a, b).await.unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
    }
}
