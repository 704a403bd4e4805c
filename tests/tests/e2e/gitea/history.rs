//! Which commit came before which.

use sluice_scm::{CommitSha, Error, Merge, MergeMethod};

use super::{Fixture, key};

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
    let second = sha(&f.repo.commit("main", "2", &[("a", "2")]).await.unwrap());
    let third = sha(&f.repo.commit("main", "3", &[("a", "3")]).await.unwrap());
    check(&f, &first, &first, true).await;
    check(&f, &first, &second, true).await;
    check(&f, &first, &third, true).await;
    check(&f, &third, &first, false).await;
}

#[tokio::test]
async fn a_merge_brings_its_head_and_stays_below_somebody_else_s_later_one() {
    for (method, head_stays) in [(MergeMethod::Merge, true), (MergeMethod::Squash, false)] {
        let f = Fixture::with_one_file().await;
        let (made, pull) = f.open(&key("abcdefgh")).await;
        f.repo.branch("theirs", "main").await.unwrap();
        f.repo.commit("theirs", "Theirs", &[("theirs", "x")]).await.unwrap();
        let other = f.repo.open_pull("theirs", "main", "Theirs").await.unwrap();
        check(&f, &made.sha, &f.head("main").await.head.sha, false).await;

        let wanted = Merge { head: made.sha.clone(), method: Some(method) };
        let merged = loop {
            match f.host.merge(&f.name, pull.number, &wanted).await {
                Err(Error::NotMergeable { why, .. }) if why.contains("still checking") => {
                    tokio::task::yield_now().await
                }
                result => break result.unwrap(),
            }
        };
        let later = sha(&f.repo.merge(other).await.unwrap());
        let latest = sha(&f.repo.commit("main", "Later", &[("later", "x")]).await.unwrap());
        for descendant in [&merged.commit, &later, &latest] {
            check(&f, &merged.commit, descendant, true).await;
            check(&f, &made.sha, descendant, head_stays).await;
        }
        check(&f, &later, &merged.commit, false).await;
    }
}

#[tokio::test]
async fn unrelated_histories_have_nothing_in_common() {
    let f = Fixture::with_one_file().await;
    let ours = f.head("main").await.head.sha;
    // A second root commit in the same repository: a wiki page would be another; a fork's is the simplest by the API.
    let other = Fixture::new(&[("x", "y")]).await;
    let theirs = other.head("main").await.head.sha;
    let error = f.host.is_ancestor(&f.name, &ours, &theirs).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }) && error.to_string().contains(theirs.short()), "{error}");
    let error = f.host.is_ancestor(&f.name, &theirs, &ours).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }) && error.to_string().contains(theirs.short()), "{error}");
}

#[tokio::test]
async fn an_unrelated_branch_of_the_same_repository_comes_neither_before_nor_after() {
    let f = Fixture::with_one_file().await;
    let ours = f.head("main").await.head.sha;
    let theirs = sha(&orphan(&f).await);
    check(&f, &ours, &theirs, false).await;
    check(&f, &theirs, &ours, false).await;
}

/// Pushes a branch with a history of its own; the API has no way to.
async fn orphan(f: &Fixture) -> String {
    let dir = std::env::temp_dir().join(format!("sluice-{}", f.name.owner()));
    let git = |arguments: &[&str]| {
        let mut command = std::process::Command::new("git");
        command.args(["-c", "user.name=a", "-c", "user.email=a@example.invalid", "-c", "commit.gpgsign=false", "-C"]);
        let output = command.arg(&dir).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    std::fs::create_dir_all(&dir).unwrap();
    git(&["init", "-q"]);
    git(&["commit", "-q", "--allow-empty", "-m", "root"]);
    let url = f.repo.clone_url().replace("://", &format!("://x:{}@", f.cluster.gitea().token()));
    git(&["push", "-q", &url, "HEAD:refs/heads/orphan"]);
    let sha = git(&["rev-parse", "HEAD"]);
    std::fs::remove_dir_all(&dir).unwrap();
    sha
}

#[tokio::test]
async fn a_commit_that_is_not_there_is_an_error_and_not_a_no() {
    let f = Fixture::with_one_file().await;
    let ours = f.head("main").await.head.sha;
    let nowhere = sha(&"1".repeat(40));
    for (a, b) in [(&ours, &nowhere), (&nowhere, &ours), (&nowhere, &nowhere)] {
        let error = f.host.is_ancestor(&f.name, a, b).await.unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
    }
    let error = f.host.commit(&f.name, &nowhere).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }) && error.to_string().contains("111111111111"), "{error}");
}
