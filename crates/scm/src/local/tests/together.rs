//! Many at once.

use std::sync::Arc;

use super::{FILE, Fixture, branch, key, new_pull, path_of, recently};
use crate::error::Error;
use crate::host::{FileChange, GitHost, Merge, NewCommit, Onto, PullRequestState};
use crate::names::RepoName;

/// Runs this eight times at once, each with its number.
async fn eight<T: Send + 'static, F: Future<Output = T> + Send + 'static>(run: impl Fn(usize) -> F) -> Vec<T> {
    let all: Vec<_> = (0..8).map(|n| tokio::spawn(run(n))).collect();
    let mut results = vec![];
    for one in all {
        results.push(one.await.unwrap());
    }
    results
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn of_many_that_make_one_branch_exactly_one_does() {
    let f = Arc::new(Fixture::with_one_file().await);
    let commit = f.commit_to_new_branch("sluice/k", &key("abcdefgh")).await;
    let results = eight(|n| {
        let (f, commit) = (f.clone(), NewCommit { key: key(&format!("key-number-{n}")), ..commit.clone() });
        async move { f.host.commit_files(&f.name, &commit).await }
    })
    .await;
    let head = f.head("sluice/k").await.head;
    let won: Vec<_> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
    assert_eq!(won, [&head]);
    let lost = results.iter().filter(|result| matches!(result, Err(Error::AlreadyExists { .. }))).count();
    assert_eq!(lost, 7, "{results:?}");
    f.is_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn of_many_commits_to_one_head_exactly_one_is_made() {
    let f = Arc::new(Fixture::with_one_file().await);
    let head = f.head("main").await.head.sha;
    let results = eight(|n| {
        let files = vec![FileChange { path: path_of(&format!("{n}.yaml")), content: vec![], replaces: None }];
        let onto = Onto::Branch { branch: branch("main"), head: head.clone() };
        let commit = NewCommit { onto, message: "Deploy".into(), key: key(&format!("key-number-{n}")), files };
        let f = f.clone();
        async move { f.host.commit_files(&f.name, &commit).await }
    })
    .await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    for (n, result) in results.iter().enumerate() {
        let found = f.host.find_commit(&f.name, &branch("main"), &key(&format!("key-number-{n}")), recently()).await;
        assert!(matches!(result, Ok(_) | Err(Error::BranchMoved { .. })), "{result:?}");
        assert_eq!(found.unwrap().as_ref(), result.as_ref().ok());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn of_many_that_open_one_change_exactly_one_does_and_others_get_numbers_of_their_own() {
    let f = Arc::new(Fixture::with_one_file().await);
    f.push("same", FILE, "x");
    for n in 0..8 {
        f.git(&["branch", &format!("own-{n}"), "same"]);
    }
    let results = eight(|n| {
        let f = f.clone();
        async move {
            let same = f.host.open_pull_request(&f.name, &new_pull("same", &key("abcdefgh"))).await;
            let own = f.host.open_pull_request(&f.name, &new_pull(&format!("own-{n}"), &key("abcdefgh"))).await;
            (same.is_ok(), own.unwrap().number.0)
        }
    })
    .await;
    assert_eq!(results.iter().filter(|(same, _)| *same).count(), 1);
    let mut numbers: Vec<_> = f.host.open_changes(&f.name).await.unwrap().iter().map(|pull| pull.number.0).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=9).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn of_many_that_make_one_repository_exactly_one_does() {
    let f = Arc::new(Fixture::with_one_file().await);
    let name = RepoName::parse("shop/other").unwrap();
    let results = eight(|n| {
        let (f, name) = (f.clone(), name.clone());
        async move { f.host.create(&name, &[(path_of(FILE), vec![])], &format!("Maker {n}")).await }
    })
    .await;
    let lost = results.iter().filter(|result| matches!(result, Err(Error::AlreadyExists { .. }))).count();
    assert_eq!(lost, 7, "{results:?}");
    let head = f.host.branch(&name, &branch("main")).await.unwrap().unwrap().head;
    assert!(results.contains(&Ok(head)), "{results:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn many_merges_at_once_are_each_done_once() {
    let f = Arc::new(Fixture::with_one_file().await);
    let mut pulls = vec![];
    for n in 0..4 {
        let head = format!("own-{n}");
        f.push(&head, &format!("{n}.yaml"), "x");
        pulls.push(f.host.open_pull_request(&f.name, &new_pull(&head, &key("abcdefgh"))).await.unwrap());
    }
    // Each by two.
    let results = eight(|n| {
        let (f, pull) = (f.clone(), pulls[n / 2].clone());
        async move {
            let merge = Merge { head: pull.head_sha, method: None };
            f.host.merge(&f.name, pull.number, &merge).await.unwrap().commit
        }
    })
    .await;
    assert!(results.chunks(2).all(|two| two[0] == two[1]), "{results:?}");
    assert_eq!(f.git(&["rev-list", "--count", "--merges", "main"]), "4");
    for pull in pulls {
        assert!(matches!(f.pull(pull.number).await.state, PullRequestState::Merged(_)));
    }
    f.is_sound();
}
