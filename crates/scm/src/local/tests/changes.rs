//! Opening, finding and undoing changes.

use jiff::Timestamp;

use super::{FILE, Fixture, branch, git, key, new_pull, recently};
use crate::error::Error;
use crate::host::{GitHost, PullRequestState};
use crate::names::PullRequestNumber;
use crate::repository_url::same_repository;

#[tokio::test]
async fn an_opened_change_carries_the_key_and_is_read_back() {
    let f = Fixture::with_one_file().await;
    let (made, pull) = f.open(&key("abcdefgh")).await;
    assert!(pull.carries(&key("abcdefgh")) && pull.body.starts_with("Requested by alice.\n"), "{pull:?}");
    assert_eq!((pull.base.as_str(), pull.head.as_str()), ("main", "sluice/abcdefgh"));
    assert_eq!((&pull.head_sha, &pull.state, pull.draft), (&made.sha, &PullRequestState::Open, false));
    assert_eq!(pull.url, format!("file://{}#changes/1", f.dir().display()));
    assert_eq!(f.pull(pull.number).await, pull);
    f.is_sound();
}

#[tokio::test]
async fn plain_git_shows_a_change() {
    let f = Fixture::with_one_file().await;
    f.open(&key("abcdefgh")).await;
    let clone = f.clone();
    git(&clone, &["fetch", "-q", "origin", "refs/sluice/*:refs/sluice/*"]);
    let said = git(&clone, &["show", "sluice/changes/1"]);
    for part in [
        "tag change-1\nTagger: Sluice <sluice@localhost>",
        "\nDeploy web 2\n\nRequested by alice.\n\n<!-- sluice-key: abcdefgh -->\n",
        r#"Sluice-Change: {"head":"sluice/abcdefgh","base":"main","openedOn":""#,
        r#""state":"Open"}"#,
        "-image: r/web:1\n+image: r/web:2",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
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
    assert_eq!(found, [pull]);
    assert!(found[0].carries(&key("abcdefgh")) && !found[0].carries(&key("otherkey")), "{found:?}");
}

#[tokio::test]
async fn it_is_found_in_every_state_newest_first() {
    let f = Fixture::with_one_file().await;
    let (_, closed) = f.open(&key("abcdefgh")).await;
    f.host.close_pull_request(&f.name, closed.number).await.unwrap();
    let merged = f.host.open_pull_request(&f.name, &new_pull("sluice/abcdefgh", &key("abcdefgh"))).await.unwrap();
    let clone = f.clone();
    git(&clone, &["merge", "-q", "--no-ff", "origin/sluice/abcdefgh"]);
    git(&clone, &["push", "-q", "origin", "main", ":sluice/abcdefgh"]);
    let (_, other) = f.open(&key("otherkey")).await;

    let head = branch("sluice/abcdefgh");
    let found = f.host.find_pull_requests(&f.name, &head, recently()).await.unwrap();
    assert_eq!(found.iter().map(|pull| pull.number).collect::<Vec<_>>(), [merged.number, closed.number]);
    assert!(matches!(found[0].state, PullRequestState::Merged(_)) && found[1].state == PullRequestState::Closed);
    assert!(found.iter().all(|pull| pull.head == head && pull.carries(&key("abcdefgh"))), "{found:?}");
    let later = Timestamp::now() + jiff::SignedDuration::from_hours(1);
    assert_eq!(f.host.find_pull_requests(&f.name, &head, later).await.unwrap(), []);
    assert_eq!(f.host.open_changes(&f.name).await.unwrap(), [other]);
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let f = Fixture::with_one_file().await;
    let error = f.host.open_pull_request(&f.name, &new_pull("nope", &key("abcdefgh"))).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }) && error.to_string().contains("branch nope"), "{error}");
    let error = f.host.pull_request(&f.name, PullRequestNumber(7)).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }) && error.to_string().contains("change shop/gitops#7"), "{error}");
    f.git(&["branch", "same", "main"]);
    let error = f.host.open_pull_request(&f.name, &new_pull("same", &key("abcdefgh"))).await.unwrap_err();
    assert!(error.to_string().contains("main has all commits of same already"), "{error}");
    f.git(&["update-ref", "refs/sluice/changes/7", "main"]);
    let error = f.host.pull_request(&f.name, PullRequestNumber(7)).await.unwrap_err();
    assert!(error.to_string().contains("refs/sluice/changes/7 is no record of a change"), "{error}");
}

#[tokio::test]
async fn undoing_closes_the_change_and_deletes_the_branch_twice_as_well_as_once() {
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
    f.git(&["gc", "-q", "--prune=now"]);
    let gone = f.pull(pull.number).await;
    assert_eq!(
        (gone.state, gone.head.as_str(), gone.head_sha),
        (PullRequestState::Closed, "sluice/abcdefgh", made.sha)
    );
    assert!(f.host.diff(&f.name, pull.number).await.unwrap().contains("+image: r/web:2"), "its commit is kept");
    f.is_sound();
}

#[tokio::test]
async fn a_branch_that_somebody_pushed_to_is_not_deleted() {
    let f = Fixture::with_one_file().await;
    let (made, pull) = f.open(&key("abcdefgh")).await;
    let theirs = f.push("sluice/abcdefgh", "x", "y");
    let error = f.host.delete_branch(&f.name, &pull.head, &made.sha).await.unwrap_err();
    assert!(matches!(error, Error::BranchMoved { .. }), "{error}");
    assert_eq!(f.head("sluice/abcdefgh").await.head.sha, theirs);
}

#[tokio::test]
async fn deleting_the_branch_of_an_open_change_closes_it() {
    let f = Fixture::with_one_file().await;
    let (made, pull) = f.open(&key("abcdefgh")).await;
    let clone = f.clone();
    git(&clone, &["push", "-q", "origin", ":sluice/abcdefgh"]);
    let closed = f.pull(pull.number).await;
    assert_eq!((closed.state, closed.head_sha), (PullRequestState::Closed, made.sha));
}

#[tokio::test]
async fn taking_the_branch_back_closes_it() {
    let f = Fixture::with_one_file().await;
    let (_, pull) = f.open(&key("abcdefgh")).await;
    f.git(&["update-ref", "refs/heads/sluice/abcdefgh", "main"]);
    assert_eq!(f.pull(pull.number).await.state, PullRequestState::Closed);
}

#[tokio::test]
async fn closing_a_merged_one_changes_nothing() {
    let f = Fixture::with_one_file().await;
    let (_, pull) = f.open(&key("abcdefgh")).await;
    f.git(&["update-ref", "refs/heads/main", "sluice/abcdefgh"]);
    let found = f.host.close_pull_request(&f.name, pull.number).await.unwrap();
    assert!(matches!(found.state, PullRequestState::Merged(_)), "{found:?}");
}

#[tokio::test]
async fn the_diff_is_the_one_that_git_shows() {
    let long = |changed: &[usize]| {
        let line = |n| if changed.contains(&n) { format!("line {n} changed\n") } else { format!("line {n}\n") };
        (1..=40).map(line).collect::<String>()
    };
    let f = Fixture::new(&[(FILE, "image: r/web:1\n"), ("long", &long(&[])), ("end", "a"), ("gone", "x\n")]).await;
    let clone = f.clone();
    git(&clone, &["checkout", "-q", "-b", "mine"]);
    std::fs::write(clone.join("long"), long(&[1, 5, 20, 40])).unwrap();
    std::fs::write(clone.join("end"), "a\nb").unwrap();
    std::fs::write(clone.join("new file"), "1\n2\n").unwrap();
    std::fs::write(clone.join("binary"), b"\0").unwrap();
    git(&clone, &["rm", "-q", "gone"]);
    git(&clone, &["add", "-A"]);
    git(&clone, &["commit", "-q", "-m", "Mine"]);
    git(&clone, &["push", "-q", "origin", "mine"]);
    f.push("main", FILE, "theirs\n");
    let pull = f.host.open_pull_request(&f.name, &new_pull("mine", &key("abcdefgh"))).await.unwrap();
    let shown = f.git(&["diff", "--no-renames", "--diff-algorithm=histogram", "main...mine"]);
    let plain = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with("index ") && !line.starts_with("Binary "));
        // What git adds behind a hunk's place.
        let cut = |line: &str| match line.strip_prefix("@@ ").and_then(|rest| rest.split_once(" @@")) {
            Some((place, _)) => format!("@@ {place} @@"),
            None => line.trim_end_matches('\t').to_owned(),
        };
        lines.map(cut).collect::<Vec<_>>()
    };
    let ours = f.host.diff(&f.name, pull.number).await.unwrap();
    assert_eq!(plain(&ours), plain(&shown), "{ours}\n{shown}");
    let merge = crate::host::Merge { head: pull.head_sha, method: None };
    f.host.merge(&f.name, pull.number, &merge).await.unwrap();
    assert_eq!(f.host.diff(&f.name, pull.number).await.unwrap(), ours, "after the merge as before");
}

#[tokio::test]
async fn a_repository_says_its_branch_and_urls() {
    let f = Fixture::with_one_file().await;
    let found = f.host.repository(&f.name).await.unwrap();
    assert_eq!((found.name.as_str(), found.default_branch.as_str(), found.read_only), ("shop/gitops", "main", false));
    let url = format!("file://{}", f.dir().display());
    assert!(found.clone_urls.iter().any(|known| same_repository(known, &url)), "{found:?}");
    f.git(&["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    assert_eq!(f.host.repository(&f.name).await.unwrap().default_branch.as_str(), "trunk");
    let head = f.git(&["rev-parse", "main"]);
    std::fs::write(f.dir().join("HEAD"), format!("{head}\n")).unwrap();
    let error = f.host.repository(&f.name).await.unwrap_err().to_string();
    assert!(error.contains("symbolic-ref HEAD refs/heads/main"), "{error}");
}
