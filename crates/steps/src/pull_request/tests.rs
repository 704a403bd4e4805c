use std::{sync::LazyLock, time::Duration};

use sluice_engine::Outcome;
use sluice_scm::Error;

use super::*;
use crate::{
    fake_git_host::{
        Claim, FakeHost, Fault, Repo, away, branch_name, forbidden, later, lost, not_found, rate_limited, unauthorized,
    },
    fake_world::FakeWorld,
};

pub(super) const WEB: &str = "image: registry.example/web:1.0 # the shop\nreplicas: 2\n";
pub(super) const EDITED: &str = "image: registry.example/web:1.1 # the shop\nreplicas: 3\n";

/// Its HTTP client takes a while to make.
static WORLD: LazyLock<FakeWorld> = LazyLock::new(FakeWorld::default);

pub(super) fn config() -> Config {
    serde_saphyr::from_str(
        "providerRef: {name: gitea}
repository: shop/gitops
title: Deploy web 1.1
body: For the sale.
edits:
- {file: staging/web.yaml, set: {path: image, value: 'registry.example/web:1.1'}}
- {file: staging/web.yaml, set: {path: replicas, value: 3}}
",
    )
    .unwrap()
}

/// One call of `act` under this claim; `None` when the caller died in it.
pub(super) async fn act(host: &FakeHost, config: &Config, claim: &Claim) -> Option<Outcome> {
    let key = claim.key();
    let context = StepContext { key: &key, claims: claim.claims, step: "openPr", ..WORLD.context() };
    let opened = async { outcome_of(&context, open(host, config, &context).await.map(|opened| outputs(&opened))) };
    tokio::time::timeout(Duration::from_secs(3600), opened).await.ok()
}

/// Calls `act` as the engine does until it succeeds: after a crash or an unknown end with the same key, after a known
/// end with another one.
pub(super) async fn until_success(host: &FakeHost, claim: &mut Claim) -> Opened {
    for _ in 0..10 {
        match act(host, &config(), claim).await {
            Some(Outcome::Succeeded(outputs)) => return serde_json::from_value(outputs.into()).unwrap(),
            Some(Outcome::Failed(failure)) if failure.end == End::Known => claim.anew(),
            _ => claim.again(),
        }
    }
    panic!("it never succeeds");
}

async fn failure(host: &FakeHost, config: &Config, claims: i32) -> Failure {
    match act(host, config, &Claim { epoch: 1, claims }).await {
        Some(Outcome::Failed(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

pub(super) fn reference() -> Opened {
    let branch = format!("sluice/deploy-1-openPr-{}", Claim::first().key());
    Opened {
        url: Some("https://git.example/shop/gitops/pulls/1".to_owned()),
        number: Some(1),
        branch: Some(branch),
        head_commit: Some(format!("{:040x}", 2)),
        changed: true,
        repository: "shop/gitops".to_owned(),
        base: "main".to_owned(),
        provider_ref: LocalReference { name: "gitea".to_owned() },
    }
}

/// Exactly one commit, one branch and one pull request of all keys.
fn assert_once(repo: &Repo, what: &str) {
    let commits: usize = (1..10).map(|epoch| repo.commits_of(&key(epoch)).len()).sum();
    assert_eq!((commits, repo.branches.len(), repo.pulls.len()), (1, 2, 1), "{what}: {:?}", repo.calls);
}

pub(super) fn key(epoch: i32) -> EffectKey {
    EffectKey::parse(&Claim { epoch, claims: 1 }.key()).unwrap()
}

#[tokio::test]
async fn edits_become_one_commit_on_a_branch_of_the_key_and_a_pull_request() {
    let host = FakeHost::new(WEB);
    assert_eq!(until_success(&host, &mut Claim::first()).await, reference());
    let repo = host.repo();
    assert_once(&repo, "no fault");
    let branch = reference().branch.unwrap();
    assert_eq!(repo.file(&branch, "staging/web.yaml"), EDITED);
    assert_eq!(repo.file("main", "staging/web.yaml"), WEB);
    let message = format!("Deploy web 1.1\n\nSluice-Run: shop/deploy-1\nSluice-Key: {}", key(1));
    assert_eq!(repo.head(&branch).message, message);
    let pull = &repo.pulls[0];
    assert_eq!((pull.title.as_str(), pull.base.as_str()), ("Deploy web 1.1", "main"));
    assert_eq!(pull.body, format!("For the sale.\n\n<!-- sluice-key: {} -->", key(1)));
    // A key that was never acted on is not looked for.
    assert_eq!(repo.calls, ["repository", "branch", "read_file", "commit_files", "open_pull_request"]);
}

/// Everything that can go wrong at one call, beside the refusals that end the step.
pub(super) const FAULTS: &[&str] =
    &["crash before", "crash after", "answer lost", "lost before", "late", "later", "away", "rate limit"];

pub(super) fn fault(name: &str) -> Fault {
    match name {
        "crash before" => Fault::CrashBefore,
        "crash after" => Fault::CrashAfter,
        "answer lost" => Fault::AnswerLost,
        "lost before" => Fault::Refused(lost()),
        "late" => Fault::Late(0),
        "later" => Fault::Late(2),
        "away" => Fault::Refused(away()),
        "rate limit" => Fault::Refused(rate_limited()),
        _ => unreachable!(),
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_to_a_write_there_is_one_commit_one_branch_and_one_pull_request() {
    for call in ["commit_files", "open_pull_request"] {
        for name in FAULTS {
            let host = FakeHost::new(WEB);
            host.fault(call, fault(name));
            let mut claim = Claim::first();
            let opened = until_success(&host, &mut claim).await;
            assert_once(&host.repo(), &format!("{name} at {call}"));
            if claim.epoch == 1 {
                assert_eq!(opened, reference(), "{name} at {call}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_to_any_two_calls_there_is_one_commit_one_branch_and_one_pull_request() {
    let calls = ["branch", "find_pull_requests", "read_file", "commit_files", "open_pull_request"];
    let is_write = |call: &str| matches!(call, "commit_files" | "open_pull_request");
    let points = || calls.iter().flat_map(|call| FAULTS.iter().map(move |name| (*call, *name)));
    let fits = |(call, name): &(&str, &str)| {
        is_write(call) || !matches!(*name, "answer lost" | "lost before" | "late" | "later")
    };
    for first in points().filter(fits) {
        for second in points().filter(fits) {
            let host = FakeHost::new(WEB);
            host.fault(first.0, fault(first.1));
            host.fault(second.0, fault(second.1));
            let mut claim = Claim::first();
            let opened = until_success(&host, &mut claim).await;
            assert_once(&host.repo(), &format!("{first:?}, then {second:?}"));
            if claim.epoch == 1 {
                assert_eq!(opened, reference(), "{first:?}, then {second:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_looked_into_at_once() {
    let host = FakeHost::new(WEB);
    host.fault("commit_files", Fault::AnswerLost);
    let outcome = act(&host, &config(), &Claim::first()).await;
    assert!(matches!(outcome, Some(Outcome::Succeeded(_))), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_leaves_the_end_unknown_when_the_host_stays_away() {
    let host = FakeHost::new(WEB);
    host.fault("commit_files", Fault::Refused(lost()));
    host.fault("find_pull_requests", Fault::Refused(away()));
    let failure = failure(&host, &config(), 1).await;
    assert_eq!((failure.reason.as_str(), failure.transient, failure.end), ("GitHostUnavailable", true, End::Unknown));
}

#[tokio::test]
async fn refusals_are_failures_that_say_what_to_do() {
    for (call, error, reason, transient, end) in [
        ("branch", not_found("repository shop/gitops"), "RepositoryNotFound", false, End::Known),
        ("branch", unauthorized(), "Unauthorized", false, End::Known),
        ("branch", rate_limited(), "RateLimited", true, End::Known),
        ("commit_files", forbidden(), "Forbidden", false, End::Known),
        ("commit_files", rate_limited(), "RateLimited", true, End::Known),
        ("open_pull_request", forbidden(), "Forbidden", false, End::Unknown),
        ("open_pull_request", rate_limited(), "RateLimited", true, End::Unknown),
    ] {
        let host = FakeHost::new(WEB);
        host.fault(call, Fault::Refused(error.clone()));
        let failure = failure(&host, &config(), 1).await;
        let seen = (failure.reason.as_str(), failure.transient, failure.end);
        assert_eq!(seen, (reason, transient, end), "{call}: {error}");
        assert_eq!(failure.message, error.to_string());
        assert_eq!(failure.retry_after.is_some(), reason == "RateLimited");
    }
}

#[tokio::test]
async fn a_key_that_was_claimed_before_is_never_given_up() {
    let host = FakeHost::new(WEB);
    host.fault("find_pull_requests", Fault::Refused(unauthorized()));
    let failure = failure(&host, &config(), 2).await;
    assert_eq!((failure.reason.as_str(), failure.end), ("Unauthorized", End::Unknown));
}

#[tokio::test(start_paused = true)]
async fn a_base_that_moves_under_the_commit_is_read_anew() {
    let host = FakeHost::new(WEB);
    let moved = |repo: &mut Repo| drop(repo.push("main", "staging/web.yaml", "image: other\nreplicas: 9\n", "Person"));
    host.fault("commit_files", Fault::Meanwhile(Box::new(moved)));
    let mut claim = Claim::first();
    let opened = until_success(&host, &mut claim).await;
    assert_eq!(claim.epoch, 1, "a moved branch needs no further attempt");
    let repo = host.repo();
    assert_once(&repo, "moved");
    let edited = "image: registry.example/web:1.1\nreplicas: 3\n";
    assert_eq!(repo.file(&opened.branch.unwrap(), "staging/web.yaml"), edited);
}

#[tokio::test(start_paused = true)]
async fn a_base_that_never_rests_is_a_transient_failure() {
    let host = FakeHost::new(WEB);
    for round in 0..20 {
        let text = format!("image: other\nreplicas: {}\n", round + 10);
        let moved = move |repo: &mut Repo| drop(repo.push("main", "staging/web.yaml", &text, "Person"));
        host.fault("commit_files", Fault::Meanwhile(Box::new(moved)));
    }
    let failure = failure(&host, &config(), 1).await;
    assert_eq!((failure.reason.as_str(), failure.transient), ("BranchMoved", true));
    assert_eq!(host.repo().branches.len(), 1);
}

#[tokio::test]
async fn no_change_is_a_success_without_a_pull_request() {
    let host = FakeHost::new(EDITED);
    let opened = until_success(&host, &mut Claim::first()).await;
    let nothing = Opened { url: None, number: None, branch: None, head_commit: None, changed: false, ..reference() };
    assert_eq!(opened, nothing);
    let repo = host.repo();
    assert_eq!((repo.branches.len(), repo.pulls.len()), (1, 0));
    assert!(serde_json::to_value(&opened).unwrap()["url"].is_null());
}

/// A pull request that was opened, and its outputs lost in a crash.
async fn opened_and_forgotten() -> (FakeHost, Claim) {
    let host = FakeHost::new(WEB);
    host.fault("open_pull_request", Fault::CrashAfter);
    let mut claim = Claim::first();
    assert_eq!(act(&host, &config(), &claim).await, None);
    claim.again();
    (host, claim)
}

#[tokio::test(start_paused = true)]
async fn what_people_did_to_a_pull_request_that_was_not_recorded_yet_does_not_matter() {
    type Deed = fn(&mut Repo);
    let deeds: [(&str, Deed); 4] = [
        ("closed", |repo| repo.close(1)),
        ("merged, and something else on top", |repo| {
            repo.merge_as(1, "alice");
            repo.push("main", "staging/web.yaml", "image: newer\nreplicas: 9\n", "Bob's change");
        }),
        ("pushed onto", |repo| {
            let head = repo.pulls[0].head.to_string();
            repo.push(&head, "staging/web.yaml", "image: mine\n", "Carol's fix");
        }),
        ("described anew", |repo| {
            let body = format!("Better words.\n{}", repo.pulls[0].body);
            repo.pulls[0].body = body;
        }),
    ];
    for (what, deed) in deeds {
        let (host, mut claim) = opened_and_forgotten().await;
        deed(&mut host.repo());
        assert_eq!(until_success(&host, &mut claim).await, reference(), "{what}");
        assert_eq!((claim.epoch, host.repo().pulls.len()), (1, 1), "{what}");
        assert_eq!(host.repo().commits_of(&key(1)).len(), 1, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_effect_is_found_however_old_its_key_is() {
    let (host, claim) = opened_and_forgotten().await;
    let world = FakeWorld::default();
    let scope = sluice_expr::Scope::new().with_owned_at(&["run", "startedAt"], "2026-05-04T12:00:00Z".into());
    let key = claim.key();
    let late = later(3000);
    let context =
        StepContext { key: &key, claims: 5, step: "openPr", started_at: late, now: late, scope, ..world.context() };
    assert_eq!(open(&host, &config(), &context).await.unwrap(), reference());
}

#[tokio::test(start_paused = true)]
async fn what_does_not_carry_the_key_is_left_alone() {
    let (host, claim) = opened_and_forgotten().await;
    host.repo().pulls[0].body = "somebody's".to_owned();
    let failed = act(&host, &config(), &claim).await;
    let Some(Outcome::Failed(failed)) = failed else { panic!("{failed:?}") };
    assert_eq!((failed.reason.as_str(), failed.end), ("NotOurs", End::Known));
    assert!(failed.message.contains("/pulls/1") && failed.message.contains("close it"), "{}", failed.message);

    let host = FakeHost::new(WEB);
    let branch = reference().branch.unwrap();
    host.repo().push(&branch, "staging/web.yaml", "image: x\n", "somebody's");
    let failed = failure(&host, &config(), 1).await;
    assert_eq!((failed.reason.as_str(), failed.end), ("NotOurs", End::Known));
    assert!(failed.message.contains(&branch), "{}", failed.message);
    assert_eq!(host.repo().head(&branch).message, "somebody's");
}

#[tokio::test(start_paused = true)]
async fn two_holders_of_a_key_at_once_give_the_same_pull_request() {
    for slow in ["nothing", "branch", "read_file", "commit_files", "open_pull_request"] {
        let host = FakeHost::new(WEB);
        // The second holder does everything while a call of the first is on its way.
        host.fault(slow, Fault::Slow);
        let (config, first, second) = (config(), Claim::first(), Claim { epoch: 1, claims: 2 });
        let (one, two) = tokio::join!(act(&host, &config, &first), act(&host, &config, &second));
        assert!(matches!(one, Some(Outcome::Succeeded(_))), "{slow} is slow: {one:?}");
        assert_eq!(one, two, "{slow} is slow");
        assert_once(&host.repo(), slow);
    }
}

#[tokio::test(start_paused = true)]
async fn a_pull_request_that_a_careless_host_opened_twice_is_closed() {
    let host = FakeHost::new(WEB);
    host.fault("open_pull_request", Fault::CrashBefore);
    assert_eq!(act(&host, &config(), &Claim::first()).await, None);
    host.repo().careless = true;
    let twin = |repo: &mut Repo| {
        let new = NewPullRequest {
            head: branch_name(&reference().branch.unwrap()),
            base: branch_name("main"),
            title: "Deploy web 1.1".to_owned(),
            body: String::new(),
            key: key(1),
        };
        drop(repo.open(new));
    };
    host.fault("open_pull_request", Fault::Meanwhile(Box::new(twin)));
    assert_eq!(until_success(&host, &mut Claim { epoch: 1, claims: 2 }).await, reference());
    let states: Vec<_> = host.repo().pulls.iter().map(|pull| pull.state.clone()).collect();
    assert_eq!(states, [PullRequestState::Open, PullRequestState::Closed]);
}

#[tokio::test]
async fn mistakes_name_what_is_wrong_and_where() {
    let edit = |file: &str, path: &str| {
        let mut config = config();
        config.edits[0].file = file.to_owned();
        config.edits[0].set.path = path.to_owned();
        config
    };
    let place = "repository shop/gitops on fake git.example, branch main at 000000000000";
    for (config, reason, message) in [
        (edit("../secrets.yaml", "a"), "InvalidPath", "edits[0].file: \"../secrets.yaml\""),
        (edit("/etc/passwd", "a"), "InvalidPath", "it is absolute"),
        (edit(".git/config", "a"), "InvalidPath", "`.git`"),
        (edit("staging/web.yaml", "a..b"), "EditFailed", "edits[0].set.path: invalid path \"a..b\""),
        (edit("staging/api.yaml", "a"), "FileNotFound", "there is no file staging/api.yaml: create it, or correct"),
        (edit("staging/web.yaml", "imaeg"), "EditFailed", "staging/web.yaml:1:1: "),
        (
            Config { base: Some("next".to_owned()), ..config() },
            "BranchNotFound",
            "no branch next in repository shop/gitops",
        ),
        (Config { base: Some("a b".to_owned()), ..config() }, "InvalidConfiguration", "base: \"a b\""),
        (Config { repository: "https://x/y".to_owned(), ..config() }, "InvalidConfiguration", "repository: "),
        (Config { repository: "shop/other".to_owned(), ..config() }, "RepositoryNotFound", "repository not found"),
        (Config { title: " \n".to_owned(), ..config() }, "InvalidConfiguration", "title: "),
    ] {
        let host = FakeHost::new(WEB);
        let failure = failure(&host, &config, 1).await;
        assert_eq!((failure.reason.as_str(), failure.transient, failure.end), (reason, false, End::Known));
        assert!(failure.message.contains(message), "{}", failure.message);
        if matches!(reason, "FileNotFound") || failure.message.contains(":1:1:") {
            assert!(failure.message.contains(place), "{}", failure.message);
        }
        assert_eq!(host.repo().count("commit_files"), 0);
    }
}

#[tokio::test]
async fn a_title_of_several_lines_becomes_one() {
    let host = FakeHost::new(WEB);
    let config = Config { title: "Deploy\n\nSluice-Key: ffffffffffffffffffff".to_owned(), ..config() };
    act(&host, &config, &Claim::first()).await;
    assert_eq!(host.repo().pulls[0].title, "Deploy Sluice-Key: ffffffffffffffffffff");
    assert_eq!(host.repo().commits_of(&key(1)).len(), 1);
}

#[test]
fn a_branch_is_readable_valid_and_bounded_whatever_the_run_is_called() {
    let mut world = FakeWorld::default();
    world.run.name = "Über..name.lock/x".to_owned();
    let branch = branch_of(&StepContext { step: "openPr", ..world.context() }).unwrap();
    assert_eq!(branch.as_str(), "sluice/-ber--name-lock-x-openPr-sluice-key-1");
    world.run.name = "a".repeat(253);
    let step = "s".repeat(63);
    branch_of(&StepContext { step: &step, ..world.context() }).unwrap();
}

#[test]
fn errors_of_hosts_have_stable_reasons() {
    let error = Error::NotMergeable { host: "h".into(), what: "w".into(), why: "y".into() };
    assert_eq!(failure_of(&error).reason, "NotMergeable");
    assert_eq!(failure_of(&lost()).end, End::Unknown);
    assert_eq!(failure_of(&away()).end, End::Known);
}
