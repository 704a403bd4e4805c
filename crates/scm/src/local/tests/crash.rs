//! What a killed process leaves behind.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{FILE, Fixture, branch, key, new_pull};
use crate::error::Error;
use crate::host::{GitHost, Merge, MergeMethod, PullRequestState};
use crate::local::record::{Joined, Stage};
use crate::local::repo::Repo;

/// Where the child of [`killed_anywhere_it_goes_on`] works.
const CHILD: &str = "SLUICE_TEST_LOCAL_CHILD";

fn opened(f: &Fixture) -> Repo {
    Repo::open(&f.host.place, &f.name).unwrap()
}

#[tokio::test]
async fn a_lock_file_that_a_killed_writer_of_ours_noted_is_removed() {
    let f = Fixture::with_one_file().await;
    let commit = f.commit_to_new_branch("sluice/k", &key("abcdefgh")).await;
    let lock_file = f.dir().join("refs/heads/sluice/k.lock");
    std::fs::create_dir_all(lock_file.parent().unwrap()).unwrap();
    std::fs::write(f.dir().join("sluice/lock"), "refs/heads/sluice/k.lock\npacked-refs.lock").unwrap();
    std::fs::write(&lock_file, "").unwrap();
    f.host.commit_files(&f.name, &commit).await.unwrap();
    assert!(!lock_file.exists());
}

#[tokio::test]
async fn a_lock_file_that_another_git_process_took_before_or_long_after_such_a_note_is_left_alone() {
    let f = Fixture::with_one_file().await;
    let commit = f.commit_to_new_branch("sluice/k", &key("abcdefgh")).await;
    let lock_file = f.dir().join("packed-refs.lock");
    let note = f.dir().join("sluice/lock");
    for earlier in [true, false] {
        std::fs::write(&note, "refs/heads/sluice/k.lock\npacked-refs.lock").unwrap();
        let written = note.metadata().unwrap().modified().unwrap();
        let minute = Duration::from_secs(60);
        let taken = if earlier { written - minute } else { written + minute };
        std::fs::File::create(&lock_file).unwrap().set_modified(taken).unwrap();
        let error = f.host.commit_files(&f.name, &commit).await.unwrap_err();
        assert!(error.to_string().contains(&format!("{}; if none runs", lock_file.display())), "{error}");
        assert!(lock_file.exists());
    }
}

#[tokio::test]
async fn a_lock_file_of_another_git_process_is_left_alone_and_said() {
    let f = Fixture::with_one_file().await;
    let commit = f.commit_to_new_branch("sluice/k", &key("abcdefgh")).await;
    for name in ["refs/heads/sluice/k.lock", "packed-refs.lock"] {
        let lock_file = f.dir().join(name);
        std::fs::create_dir_all(lock_file.parent().unwrap()).unwrap();
        std::fs::write(&lock_file, "").unwrap();
        let error = f.host.commit_files(&f.name, &commit).await.unwrap_err();
        assert!(error.is_transient() && error.end_is_known(), "{error}");
        assert!(error.to_string().contains(&format!("{}; if none runs", lock_file.display())), "{error}");
        assert!(lock_file.exists());
        std::fs::remove_file(lock_file).unwrap();
    }
    f.host.commit_files(&f.name, &commit).await.unwrap();
}

#[tokio::test]
async fn killed_before_the_branch_is_moved_nothing_is_seen() {
    let f = Fixture::with_one_file().await;
    let commit = f.commit_to_new_branch("sluice/k", &key("abcdefgh")).await;
    let repo = opened(&f);
    let parent = repo.head_of(&branch("main")).unwrap().unwrap();
    repo.changed_tree(parent, &commit.files).unwrap();
    assert_eq!(f.host.branch(&f.name, &branch("sluice/k")).await.unwrap(), None);
    f.host.commit_files(&f.name, &commit).await.unwrap();
    f.is_sound();
}

/// The record says what is about to become of the base branch, and the history whether it did.
#[tokio::test]
async fn killed_within_a_merge_it_is_merged_if_and_only_if_the_base_branch_moved() {
    let f = Fixture::with_one_file().await;
    let (made, pull) = f.open(&key("abcdefgh")).await;
    let repo = opened(&f);
    let onto = repo.head_of(&branch("main")).unwrap().unwrap();
    let squashed = f.git(&["commit-tree", "-p", "main", "-m", "Squashed", "sluice/abcdefgh^{tree}"]);
    let mut record = repo.record(pull.number).unwrap();
    let at = jiff::Timestamp::from_second(1_700_000_000).unwrap();
    let joined = Joined { commit: squashed.clone(), onto: onto.to_string(), by: "Bob".into(), at };
    record.facts.stage = Stage::Merging(joined);
    repo.write_record(&mut repo.lock().unwrap(), &mut record).unwrap();
    assert_eq!(f.pull(pull.number).await.state, PullRequestState::Open);

    f.git(&["update-ref", "refs/heads/main", &squashed]);
    let seen = f.pull(pull.number).await;
    let PullRequestState::Merged(merged) = seen.state else { panic!("{seen:?}") };
    assert_eq!((merged.commit.as_str(), merged.by.as_deref()), (squashed.as_str(), Some("Bob")));
    let wanted = Merge { head: made.sha, method: Some(MergeMethod::Squash) };
    assert_eq!(f.host.merge(&f.name, pull.number, &wanted).await.unwrap(), merged, "it is not merged twice");
}

/// A process that opens, merges and deletes without end is killed at many moments: the next one always goes on.
#[tokio::test]
async fn killed_anywhere_it_goes_on() {
    let f = Fixture::with_one_file().await;
    let mut left_half_way = 0;
    for round in 0..12_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "local::tests::crash::a_process_that_is_killed", "--nocapture", "--test-threads=1"]);
        let mut child = child.env(CHILD, f.root.path()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(said.any(|line| line.unwrap().ends_with("at work")), "round {round}");
        std::thread::sleep(Duration::from_millis(17 * round % 60));
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9), "round {round} ended by itself");
        f.is_sound();
        let of_child = format!("refs/heads/sluice/of-{}-*", child.id());
        if !f.git(&["for-each-ref", &of_child]).is_empty() {
            left_half_way += 1;
        }
        for pull in f.host.open_changes(&f.name).await.unwrap() {
            f.host.close_pull_request(&f.name, pull.number).await.unwrap();
            f.host.delete_branch(&f.name, &pull.head, &pull.head_sha).await.unwrap();
        }
        work(&f, &format!("after-round-{round}")).await.unwrap();
    }
    assert!(left_half_way > 0, "each was killed between two changes");
}

/// The other half of [`killed_anywhere_it_goes_on`]; without it, nothing.
#[tokio::test]
#[allow(clippy::print_stdout, reason = "how it tells its parent that it is at work")]
async fn a_process_that_is_killed() {
    let Some(root) = std::env::var_os(CHILD) else { return };
    let root_dir = tempfile::TempDir::new().unwrap();
    let f = Fixture {
        host: crate::Local::open(root.as_ref()).unwrap(),
        name: crate::RepoName::parse("shop/gitops").unwrap(),
        root: root_dir,
    };
    println!("at work");
    for n in 0.. {
        work(&f, &format!("of-{}-{n}", std::process::id())).await.unwrap();
    }
}

/// One change, from its branch to its merge.
async fn work(f: &Fixture, name: &str) -> Result<(), Error> {
    let name = format!("sluice/{name}");
    let mut commit = f.commit_to_new_branch(&name, &key("abcdefgh")).await;
    for change in commit.files.iter_mut().filter(|change| change.path.as_str() == FILE) {
        change.content = format!("image: {name}\n").into_bytes();
    }
    let made = f.host.commit_files(&f.name, &commit).await?;
    let pull = f.host.open_pull_request(&f.name, &new_pull(&name, &key("abcdefgh"))).await?;
    let merge = Merge { head: made.sha.clone(), method: Some(MergeMethod::Squash) };
    f.host.merge(&f.name, pull.number, &merge).await?;
    f.host.delete_branch(&f.name, &pull.head, &made.sha).await
}
