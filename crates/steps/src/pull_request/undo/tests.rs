use sluice_scm::{Error, NewPullRequest};

use super::*;
use crate::{
    fake_git_host::{Claim, FakeHost, Fault, Repo, away, branch_name, forbidden, lost},
    fake_world::FakeWorld,
    pull_request::tests::{EDITED, FAULTS, WEB, act, config, fault, key, reference, until_success},
};

/// One call of undo; `None` when the caller died in it.
async fn undo(host: &FakeHost, world: &FakeWorld) -> Option<Result<(), Failure>> {
    let key = Claim::first().key();
    let context = StepContext { key: &key, claims: 2, step: "openPr", ..world.context() };
    let config = config();
    let undone = take_back(host, &config, &context);
    tokio::time::timeout(std::time::Duration::from_secs(3600), undone).await.ok()
}

/// A host with the pull request of the first key.
async fn opened() -> FakeHost {
    let host = FakeHost::new(WEB);
    until_success(&host, &mut Claim::first()).await;
    host
}

/// How the pull requests stand, and whether the branch is there.
fn left(host: &FakeHost) -> (Vec<&'static str>, bool) {
    let state = |pull: &PullRequest| match pull.state {
        PullRequestState::Open => "open",
        PullRequestState::Merged(_) => "merged",
        PullRequestState::Closed => "closed",
    };
    let repo = host.repo();
    (repo.pulls.iter().map(state).collect(), repo.branches.contains_key(&branch_name(&reference().branch.unwrap())))
}

#[tokio::test(start_paused = true)]
async fn an_open_pull_request_is_closed_and_its_branch_deleted() {
    let (host, world) = (opened().await, FakeWorld::default());
    for _ in 0..2 {
        assert_eq!(undo(&host, &world).await, Some(Ok(())));
        assert_eq!(left(&host), (vec!["closed"], false));
    }
    assert_eq!(host.repo().count("close_pull_request"), 1);
    assert_eq!(host.repo().branches.len(), 1, "the base stays");
    assert!(world.reports.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_made_of_an_attempt_that_broke_off_is_taken_back() {
    for (call, broke, made) in [
        ("commit_files", Fault::CrashBefore, false),
        ("commit_files", Fault::CrashAfter, true),
        ("open_pull_request", Fault::CrashBefore, true),
        ("open_pull_request", Fault::CrashAfter, true),
    ] {
        let host = FakeHost::new(WEB);
        host.fault(call, broke);
        assert_eq!(act(&host, &config(), &Claim::first()).await, None);
        assert_eq!(left(&host).1, made);
        assert_eq!(undo(&host, &FakeWorld::default()).await, Some(Ok(())));
        let (pulls, has_branch) = left(&host);
        assert!(!has_branch && !pulls.contains(&"open"), "{call}");
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_to_a_call_a_further_one_ends_it() {
    for call in ["find_pull_requests", "close_pull_request", "branch", "delete_branch"] {
        let is_write = matches!(call, "close_pull_request" | "delete_branch");
        for name in FAULTS.iter().filter(|name| is_write || !name.contains("l")) {
            let (host, world) = (opened().await, FakeWorld::default());
            host.fault(call, fault(name));
            if undo(&host, &world).await != Some(Ok(())) {
                assert_eq!(undo(&host, &world).await, Some(Ok(())), "{name} at {call}");
            }
            assert_eq!(left(&host), (vec!["closed"], false), "{name} at {call}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_to_take_back_is_a_success() {
    let host = FakeHost::new(EDITED);
    until_success(&host, &mut Claim::first()).await;
    assert_eq!(undo(&host, &FakeWorld::default()).await, Some(Ok(())));
    assert_eq!(host.repo().branches.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_merged_stays_as_it_is() {
    let merge = |repo: &mut Repo| drop(repo.merge_as(1, "alice"));
    let before = opened().await;
    merge(&mut before.repo());
    let meanwhile = opened().await;
    meanwhile.fault("close_pull_request", Fault::Meanwhile(Box::new(merge)));
    for host in [before, meanwhile] {
        assert_eq!(undo(&host, &FakeWorld::default()).await, Some(Ok(())));
        assert_eq!(left(&host).0, ["merged"]);
        assert_eq!(host.repo().count("delete_branch"), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_branch_of_a_pull_request_that_a_person_closed_is_deleted() {
    let host = opened().await;
    host.repo().close(1);
    assert_eq!(undo(&host, &FakeWorld::default()).await, Some(Ok(())));
    assert_eq!(left(&host), (vec!["closed"], false));
}

#[tokio::test(start_paused = true)]
async fn what_others_did_keeps_the_branch_and_is_reported() {
    type Deed = fn(&mut Repo);
    let push = |repo: &mut Repo| {
        drop(repo.push(&reference().branch.unwrap(), "staging/web.yaml", "image: mine\n", "Carol's fix"));
    };
    let deeds: [(Deed, &str, &[&str]); 2] = [
        (push, "its newest commit is somebody else's", &["closed"]),
        (
            |repo| {
                let new = NewPullRequest {
                    head: branch_name(&reference().branch.unwrap()),
                    base: branch_name("other"),
                    title: "Mine".to_owned(),
                    body: String::new(),
                    key: key(9),
                };
                repo.open(new).unwrap();
            },
            "https://git.example/shop/gitops/pulls/2 was opened from it by somebody else",
            &["closed", "open"],
        ),
    ];
    for (deed, why, pulls) in deeds {
        let (host, world) = (opened().await, FakeWorld::default());
        deed(&mut host.repo());
        assert_eq!(undo(&host, &world).await, Some(Ok(())));
        assert_eq!(left(&host), (pulls.to_vec(), true), "{why}");
        let reports = world.reports.lock().unwrap();
        let message = format!("kept branch {} of shop/gitops: {why}", reference().branch.unwrap());
        assert_eq!(reports[..], [Report { reason: "BranchKept".to_owned(), message, warning: true }]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_push_between_the_look_and_the_delete_keeps_the_branch() {
    let (host, world) = (opened().await, FakeWorld::default());
    let push = |repo: &mut Repo| {
        drop(repo.push(&reference().branch.unwrap(), "staging/web.yaml", "image: mine\n", "Carol's fix"));
    };
    host.fault("delete_branch", Fault::Meanwhile(Box::new(push)));
    let failure = undo(&host, &world).await.unwrap().unwrap_err();
    assert_eq!((failure.reason.as_str(), failure.transient), ("BranchMoved", true));
    assert_eq!(undo(&host, &world).await, Some(Ok(())));
    assert!(left(&host).1);
}

#[tokio::test(start_paused = true)]
async fn refusals_say_whether_a_further_call_may_help() {
    type Refusal = fn() -> Error;
    let refusals: [(Refusal, bool); 3] = [(away, true), (lost, true), (forbidden, false)];
    for call in ["find_pull_requests", "close_pull_request", "branch", "delete_branch"] {
        for (refusal, transient) in refusals {
            let host = opened().await;
            host.fault(call, Fault::Refused(refusal()));
            let failure = undo(&host, &FakeWorld::default()).await.unwrap().unwrap_err();
            assert_eq!((failure.transient, failure.message), (transient, refusal().to_string()), "{call}");
        }
    }
}
