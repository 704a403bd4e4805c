use std::time::Duration;

use serde_json::{Value, json};
use sluice_scm::{Blocker, Error};

use super::*;
use crate::{
    fake_git_host::{
        FakeHost, Fault, Repo, away, branch_name, forbidden, later, lost, not_found, rate_limited, repo_name,
        unauthorized,
    },
    fake_world::FakeWorld,
};

const URL: &str = "https://git.example/shop/gitops/pulls/1";
const BRANCH: &str = "sluice/deploy-1-openPr-key";

/// A host with one open pull request, and the outputs of the step that opened it.
async fn host() -> (FakeHost, sluice_engine::Outputs) {
    let host = FakeHost::new("image: web:1.0\n");
    let head = {
        let mut repo = host.repo();
        let main = repo.branches[&branch_name("main")].clone();
        repo.branches.insert(branch_name(BRANCH), main);
        repo.push(BRANCH, "staging/web.yaml", "image: web:1.1\n", "Deploy web 1.1")
    };
    let new = sluice_scm::NewPullRequest {
        head: branch_name(BRANCH),
        base: branch_name("main"),
        title: "Deploy web 1.1".to_owned(),
        body: String::new(),
        key: sluice_scm::EffectKey::parse("0123456789abcdef0123").unwrap(),
    };
    host.open_pull_request(&repo_name(), &new).await.unwrap();
    host.repo().calls.clear();
    let opened = json!({
        "url": URL, "number": 1, "branch": BRANCH, "headCommit": head.to_string(), "changed": true,
        "repository": "shop/gitops", "base": "main", "providerRef": {"name": "gitea"},
    });
    (host, opened.as_object().cloned().unwrap())
}

fn config(merge: MergePolicy) -> Config {
    Config { from: "openPr".to_owned(), merge, method: None, interval: None }
}

/// A step under way.
struct Step {
    host: FakeHost,
    config: Config,
    opened: sluice_engine::Outputs,
    now: Timestamp,
    progress: Option<Value>,
}

impl Step {
    async fn new(merge: MergePolicy) -> Self {
        let (host, opened) = host().await;
        Self { host, config: config(merge), opened, now: later(0), progress: None }
    }

    async fn perform(&mut self, may_merge: bool) -> Outcome {
        let world = FakeWorld::default();
        let context = StepContext {
            now: self.now,
            progress: self.progress.as_ref(),
            from: Some(&self.opened),
            ..world.context()
        };
        let opened: Opened = read_outputs(&self.opened, "from").unwrap();
        let outcome = wait(&self.host, &self.config, &opened, &context, may_merge).await;
        let outcome = tolerate(&self.config, &context, outcome);
        if let Outcome::Waiting { progress, .. } = &outcome {
            self.progress = progress.clone();
        }
        outcome
    }

    async fn act(&mut self) -> Outcome {
        self.perform(true).await
    }

    /// A look so many seconds later.
    async fn look_after(&mut self, seconds: i64) -> Outcome {
        self.now += SignedDuration::from_secs(seconds);
        self.perform(false).await
    }

    fn repo(&self) -> std::sync::MutexGuard<'_, Repo> {
        self.host.repo()
    }
}

fn sha(number: u8) -> String {
    format!("{number:040x}")
}

#[track_caller]
fn assert_merged(outcome: Outcome, commit: &str, by: impl Into<Value>) {
    let Outcome::Succeeded(outputs) = outcome else { panic!("{outcome:?}") };
    let commit = json!({"sha": commit, "repository": "shop/gitops", "providerRef": {"name": "gitea"}});
    assert_eq!(Value::from(outputs), json!({"mergedBy": by.into(), "commit": commit}));
}

/// What it waits for, and whether it acts next.
#[track_caller]
fn assert_waits(outcome: &Outcome, expected: &str, next: bool) {
    let Outcome::Waiting { message, act_again, .. } = outcome else { panic!("{outcome:?}") };
    let message = message.as_deref().unwrap_or_default();
    assert!(message.contains(expected), "{message}");
    assert_eq!(*act_again, next, "{message}");
}

#[track_caller]
fn assert_fails(outcome: Outcome, reason: &str, words: &[&str]) {
    let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!((failure.reason.as_str(), failure.transient), (reason, false));
    for word in words {
        assert!(failure.message.contains(word), "{word}: {}", failure.message);
    }
}

#[tokio::test]
async fn a_person_is_waited_for() {
    let mut step = Step::new(MergePolicy::Manual).await;
    let outcome = step.look_after(0).await;
    assert_waits(&outcome, &format!("waits for a person to merge {URL}"), false);
    let Outcome::Waiting { look_at, .. } = outcome else { unreachable!() };
    assert_eq!(look_at, later(0) + SignedDuration::from_secs(30));
    assert_eq!(step.repo().calls, ["pull_request"]);
    step.repo().merge_as(1, "alice");
    assert_merged(step.look_after(30).await, &sha(3), "alice");
}

#[tokio::test]
async fn a_later_merge_of_somebody_else_on_top_changes_nothing() {
    for merge in [MergePolicy::Manual, MergePolicy::WhenReady, MergePolicy::Now] {
        let mut step = Step::new(merge).await;
        step.repo().merge_as(1, "alice");
        step.repo().push("main", "staging/web.yaml", "image: web:9\n", "Merge pull request #2");
        assert_merged(step.look_after(0).await, &sha(3), "alice");
        assert_merged(step.act().await, &sha(3), "alice");
    }
}

#[tokio::test]
async fn closed_without_a_merge_is_a_failure() {
    for merge in [MergePolicy::Manual, MergePolicy::WhenReady, MergePolicy::Now] {
        let mut step = Step::new(merge).await;
        step.repo().close(1);
        assert_fails(step.look_after(0).await, "PullRequestClosed", &[URL]);
        assert_fails(step.act().await, "PullRequestClosed", &[URL]);
        assert_eq!(step.repo().count("merge"), 0);
    }
}

#[tokio::test]
async fn another_head_is_merged_by_a_person_or_not_at_all() {
    for merge in [MergePolicy::WhenReady, MergePolicy::Now] {
        let mut step = Step::new(merge).await;
        step.repo().push(BRANCH, "staging/web.yaml", "image: evil\n", "Not reviewed");
        assert_fails(step.act().await, "HeadChanged", &[&sha(2), &sha(3), URL, BRANCH]);
        assert_fails(step.look_after(30).await, "HeadChanged", &[&sha(2), &sha(3)]);
        let repo = step.repo();
        assert_eq!(repo.count("merge") + repo.count("schedule_merge"), 0);
    }
    let mut step = Step::new(MergePolicy::Manual).await;
    step.repo().push(BRANCH, "staging/web.yaml", "image: better\n", "Carol's fix");
    assert_waits(&step.look_after(0).await, "waits for a person", false);
    step.repo().merge_as(1, "carol");
    assert_merged(step.look_after(30).await, &sha(4), "carol");
}

#[tokio::test]
async fn a_head_that_moves_while_it_is_merged_is_not_merged() {
    for (merge, call) in [(MergePolicy::Now, "merge"), (MergePolicy::WhenReady, "merge")] {
        let mut step = Step::new(merge).await;
        let push = |repo: &mut Repo| drop(repo.push(BRANCH, "staging/web.yaml", "image: evil\n", "Not reviewed"));
        step.host.fault(call, Fault::Meanwhile(Box::new(push)));
        assert_fails(step.act().await, "HeadChanged", &[&sha(2), &sha(3)]);
    }
}

#[tokio::test]
async fn another_base_is_not_what_was_asked_for() {
    for merge in [MergePolicy::Manual, MergePolicy::Now] {
        let mut step = Step::new(merge).await;
        step.repo().push("next", "a.yaml", "a: 1\n", "Begin");
        step.repo().pull_mut(PullRequestNumber(1)).unwrap().base = branch_name("next");
        assert_fails(step.act().await, "BaseChanged", &[URL, "next", "main"]);
    }
}

#[tokio::test]
async fn a_pull_request_that_is_ready_is_merged_by_one_act() {
    for merge in [MergePolicy::WhenReady, MergePolicy::Now] {
        for schedules in [false, true] {
            let mut step = Step::new(merge).await;
            step.repo().schedules = schedules;
            assert_merged(step.act().await, &sha(3), "sluice-bot");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_moment_a_host_needs_after_opening_is_waited_for_in_the_act() {
    for merge in [MergePolicy::WhenReady, MergePolicy::Now] {
        let mut step = Step::new(merge).await;
        step.repo().settling = 8;
        let began = tokio::time::Instant::now();
        assert_merged(step.act().await, &sha(3), "sluice-bot");
        assert!(began.elapsed() < Duration::from_secs(4));
        assert_eq!(step.repo().count("merge"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_needs_longer_is_asked_again_by_looking() {
    for merge in [MergePolicy::WhenReady, MergePolicy::Now] {
        let mut step = Step::new(merge).await;
        step.repo().settling = 14;
        assert_waits(&step.act().await, "the host is still checking for conflicts", false);
        step.repo().settling = 0;
        assert_waits(&step.look_after(30).await, "can be merged", true);
        assert_merged(step.act().await, &sha(3), "sluice-bot");
    }
}

#[tokio::test]
async fn what_is_missing_is_shown_and_looked_for_without_acting() {
    for merge in [MergePolicy::WhenReady, MergePolicy::Now] {
        let mut step = Step::new(merge).await;
        step.repo().blockers = vec![Blocker::ReviewsMissing { have: 0, want: 1 }];
        let missing = format!("waits until {URL} can be merged; missing: 0 of 1 approving reviews");
        assert_waits(&step.act().await, &missing, false);
        for _ in 0..5 {
            assert_waits(&step.look_after(30).await, &missing, false);
        }
        step.repo().unblock();
        assert_waits(&step.look_after(30).await, "can be merged", true);
        assert_merged(step.act().await, &sha(3), "sluice-bot");
    }
}

#[tokio::test]
async fn a_host_that_merges_by_itself_is_left_to_it() {
    let mut step = Step::new(MergePolicy::WhenReady).await;
    step.repo().schedules = true;
    step.repo().blockers = vec![Blocker::CheckPending("build".to_owned())];
    assert_waits(&step.act().await, "the host merges https://git.example/shop/gitops/pulls/1 once", false);
    let asked = step.repo().count("readiness");
    for _ in 0..8 {
        assert_waits(&step.look_after(30).await, "missing: the check \"build\" has not succeeded yet", false);
    }
    assert_eq!(step.repo().count("readiness") - asked, 2);
    step.repo().unblock();
    assert_merged(step.look_after(30).await, &sha(3), "sluice-bot");
    assert_eq!(step.repo().count("merge"), 0);
}

#[tokio::test]
async fn a_scheduled_merge_that_the_host_forgot_is_scheduled_again() {
    let mut step = Step::new(MergePolicy::WhenReady).await;
    step.repo().schedules = true;
    step.repo().blockers = vec![Blocker::CheckPending("build".to_owned())];
    step.act().await;
    step.repo().forget_schedule();
    step.repo().unblock();
    let mut looks = 0;
    let outcome = loop {
        looks += 1;
        let outcome = step.look_after(30).await;
        let Outcome::Waiting { act_again, .. } = outcome else { panic!("{outcome:?}") };
        if act_again {
            break outcome;
        }
        // Seen with the next explained look, and judged one interval later.
        assert!(looks <= 4, "it is noticed late");
    };
    assert_waits(&outcome, "can be merged", true);
    assert_merged(step.act().await, &sha(3), "sluice-bot");
}

#[tokio::test(start_paused = true)]
async fn a_merge_whose_answer_was_lost_is_found() {
    for merge in [MergePolicy::WhenReady, MergePolicy::Now] {
        for fault in [Fault::AnswerLost, Fault::Late(1)] {
            let mut step = Step::new(merge).await;
            step.host.fault("merge", fault);
            assert_merged(step.act().await, &sha(3), "sluice-bot");
        }
        let mut step = Step::new(merge).await;
        step.host.fault("merge", Fault::CrashAfter);
        assert!(tokio::time::timeout(Duration::from_secs(99), step.act()).await.is_err());
        assert_merged(step.act().await, &sha(3), "sluice-bot");

        let mut step = Step::new(merge).await;
        step.host.fault("merge", Fault::Refused(lost()));
        assert_waits(&step.act().await, "asks again soon", false);
        assert_waits(&step.look_after(30).await, "can be merged", true);
        assert_merged(step.act().await, &sha(3), "sluice-bot");
    }
}

#[tokio::test]
async fn a_refused_merge_without_a_known_reason_is_tried_again_with_a_pause() {
    let mut step = Step::new(MergePolicy::Now).await;
    let why = "the moon is not full".to_owned();
    let refusal = Error::NotMergeable { host: "h".to_owned(), what: "w".to_owned(), why };
    step.host.fault("merge", Fault::Refused(refusal));
    let outcome = step.act().await;
    assert_waits(&outcome, "the moon is not full", false);
    let Outcome::Waiting { look_at, .. } = outcome else { unreachable!() };
    assert_eq!(look_at, step.now + SignedDuration::from_secs(30));
    assert_waits(&step.look_after(30).await, "can be merged", true);
    assert_merged(step.act().await, &sha(3), "sluice-bot");
}

#[tokio::test]
async fn a_host_that_is_away_is_waited_for() {
    for merge in [MergePolicy::Manual, MergePolicy::WhenReady, MergePolicy::Now] {
        let mut step = Step::new(merge).await;
        step.host.fault("pull_request", Fault::Refused(away()));
        assert_waits(&step.look_after(0).await, "connection reset", false);
        step.host.fault("pull_request", Fault::Refused(rate_limited()));
        let outcome = step.act().await;
        let Outcome::Waiting { look_at, not_before, .. } = outcome else { panic!("{outcome:?}") };
        let later = step.now + SignedDuration::from_secs(90);
        assert_eq!((look_at, not_before), (later, Some(later)));
    }
}

#[tokio::test]
async fn what_the_host_refuses_ends_the_wait_with_its_words() {
    let gone = || not_found("pull request shop/gitops#1");
    for (error, reason) in [(unauthorized(), "Unauthorized"), (forbidden(), "Forbidden"), (gone(), "NotFound")] {
        let mut step = Step::new(MergePolicy::Manual).await;
        step.host.fault("pull_request", Fault::Refused(error.clone()));
        assert_fails(step.look_after(0).await, reason, &[&error.to_string()]);
    }
    let mut step = Step::new(MergePolicy::Now).await;
    step.host.fault("merge", Fault::Refused(forbidden()));
    assert_fails(step.act().await, "Forbidden", &["read only"]);
}

#[tokio::test]
async fn without_a_change_it_succeeds_at_once_with_the_bases_head() {
    for merge in [MergePolicy::Manual, MergePolicy::WhenReady, MergePolicy::Now] {
        let mut step = Step::new(merge).await;
        for null in ["url", "number", "branch", "headCommit"] {
            step.opened.insert(null.to_owned(), Value::Null);
        }
        step.opened.insert("changed".to_owned(), json!(false));
        assert_merged(step.act().await, &sha(1), Value::Null);
        assert_merged(step.look_after(0).await, &sha(1), Value::Null);
    }
}

#[tokio::test]
async fn what_waits_says_what_a_person_needs_to_know() {
    let mut step = Step::new(MergePolicy::Manual).await;
    step.repo().pull_mut(PullRequestNumber(1)).unwrap().draft = true;
    assert_waits(&step.look_after(0).await, "pulls/1, which is a draft", false);
}
