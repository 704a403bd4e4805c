use expect_test::{Expect, expect};
use serde_json::{Value, json};
use sluice_scm::CommitSha;

use super::*;
use crate::argocd_wait::workloads::{Replicas, Rollout, RolloutState};

/// The wanted commit.
const W: &str = "9f8e7d69f8e7d69f8e7d69f8e7d69f8e7d69f8e7";
/// One before it.
const OLD: &str = "1a2b3c41a2b3c41a2b3c41a2b3c41a2b3c41a2b3";
/// A descendant of it.
const LATER: &str = "5c6d7e85c6d7e85c6d7e85c6d7e85c6d7e85c6d7";
/// One that the git host was not asked about.
const UNKNOWN: &str = "0000aaa0000aaa0000aaa0000aaa0000aaa0000a";

const SYNCED: &str = "sync: {status: Synced, revision: W}";
const OUT_OF_SYNC: &str = "sync: {status: OutOfSync, revision: W}";
const HEALTHY: &str = "health: {status: Healthy, lastTransitionTime: 2026-05-04T12:00:20Z}";
const DEGRADED: &str = "health: {status: Degraded, lastTransitionTime: 2026-05-04T12:00:20Z}";
const RECONCILED: &str = "reconciledAt: 2026-05-04T12:00:15Z";
const SUCCEEDED: &str = "operationState: {phase: Succeeded, syncResult: {revision: W}, startedAt: 2026-05-04T12:00:10Z, finishedAt: 2026-05-04T12:00:15Z}";
const OLD_SUCCEEDED: &str = "operationState: {phase: Succeeded, syncResult: {revision: OLD}, startedAt: 2026-05-04T10:00:00Z, finishedAt: 2026-05-04T10:00:05Z}";
const FAILED: &str = "operationState: {phase: Failed, message: a hook failed, syncResult: {revision: W}, startedAt: 2026-05-04T12:00:10Z, finishedAt: 2026-05-04T12:00:15Z}";
const RESOURCES: &str = "resources: [{kind: ConfigMap, name: settings, status: Synced}, {group: apps, kind: Deployment, namespace: web, name: web, status: Synced}]";

/// An Application `argocd/web` whose status has these members, seen a minute after the step started at 12:00.
struct Seen {
    application: Application,
    rollouts: Rollouts,
    wanted: Wanted,
    ancestry: Ancestry,
    own_sync: Option<OwnSync<'static>>,
    refreshed: bool,
    now: &'static str,
}

fn yaml(text: &str) -> Value {
    let text = text.replace("LATER", LATER).replace("OLD", OLD).replace("UNKNOWN", UNKNOWN);
    let text = text.replace("revision: W", &format!("revision: {W}")).replace("W]", &format!("{W}]"));
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn status(members: &[&str]) -> Seen {
    let source = json!({"repoURL": "https://git.example/shop/gitops", "path": "web", "targetRevision": "main"});
    application(json!({"spec": {"source": source}, "status": yaml(&members.join("\n"))}))
}

fn application(value: Value) -> Seen {
    Seen {
        application: serde_json::from_value(value).unwrap(),
        rollouts: Rollouts::default(),
        wanted: Wanted::Commit { sha: CommitSha::parse(W).unwrap(), sources: vec![0] },
        ancestry: [(OLD.to_owned(), false), (LATER.to_owned(), true)].into(),
        own_sync: None,
        refreshed: false,
        now: "2026-05-04T12:01:00Z",
    }
}

impl Seen {
    fn and(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn wants(self, wanted: Wanted) -> Self {
        self.and(|seen| seen.wanted = wanted)
    }

    fn at(self, now: &'static str) -> Self {
        self.and(|seen| seen.now = now)
    }

    fn runs(self, state: RolloutState, (updated, ready, desired): (i32, i32, i32)) -> Self {
        let name = "web".to_owned();
        let replicas =
            Replicas { kind: "Deployment".to_owned(), namespace: name.clone(), name, updated, ready, desired };
        self.and(|seen| seen.rollouts.seen.push(Rollout { replicas, state, trouble: None }))
    }

    fn started_a_sync(self, succeeded: bool) -> Self {
        self.and(|seen| seen.own_sync = Some(OwnSync { key: "key-1", succeeded }))
    }

    #[track_caller]
    fn is(self, expected: Expect) {
        let Self { application, rollouts, wanted, ancestry, own_sync, refreshed, now } = &self;
        let verdict = judge(&Sight {
            title: "argocd/web",
            application,
            rollouts,
            wanted,
            ancestry,
            own_sync: *own_sync,
            refreshed: *refreshed,
            started_at: "2026-05-04T12:00:00Z".parse().unwrap(),
            now: now.parse().unwrap(),
        });
        let said = match verdict {
            Verdict::Reached => "reached".to_owned(),
            Verdict::Waits { why, until: None, sync_again: false } => format!("waits: {why}"),
            Verdict::Waits { why, until: Some(until), sync_again: false } => format!("waits until {until}: {why}"),
            Verdict::Waits { why, sync_again: true, .. } => format!("syncs again: {why}"),
            Verdict::Failed(Failure { reason, message, transient: false, .. }) => format!("{reason}: {message}"),
            Verdict::Failed(failure) => panic!("{failure:?}"),
        };
        expected.assert_eq(&said);
    }
}

// The revision.

#[test]
fn synced_and_healthy_at_the_wanted_commit_after_its_sync_is_reached() {
    status(&[SYNCED, HEALTHY, RECONCILED, SUCCEEDED, RESOURCES])
        .runs(RolloutState::Complete, (2, 2, 2))
        .is(expect!["reached"]);
}

#[test]
fn synced_and_healthy_at_an_older_commit_waits() {
    status(&["sync: {status: Synced, revision: OLD}", HEALTHY, RECONCILED, OLD_SUCCEEDED])
        .is(expect!["waits: Application argocd/web: Synced at 1a2b3c4, wants 9f8e7d6"]);
}

#[test]
fn a_descendant_of_the_wanted_commit_is_as_good() {
    let operation = SUCCEEDED.replace("revision: W", "revision: LATER");
    status(&["sync: {status: Synced, revision: LATER}", HEALTHY, RECONCILED, &operation]).is(expect!["reached"]);
}

#[test]
fn a_commit_that_the_git_host_was_not_asked_about_waits() {
    status(&["sync: {status: Synced, revision: UNKNOWN}", HEALTHY, RECONCILED])
        .is(expect!["waits: Application argocd/web: Synced at 0000aaa; whether that holds 9f8e7d6 is not known yet"]);
}

#[test]
fn a_tag_is_no_descendant_of_a_commit() {
    status(&["sync: {status: Synced, revision: v1.2.3}", HEALTHY, RECONCILED])
        .is(expect!["waits: Application argocd/web: Synced at v1.2.3, wants 9f8e7d6"]);
}

#[test]
fn a_commit_that_changes_nothing_of_the_application_needs_no_sync() {
    status(&[SYNCED, HEALTHY, RECONCILED, OLD_SUCCEEDED]).is(expect!["reached"]);
}

#[test]
fn an_application_that_was_never_compared_waits() {
    status(&["health: {}"]).is(expect!["waits: Application argocd/web: Argo CD has not compared it yet"]);
}

#[test]
fn a_comparison_with_sources_that_have_changed_since_waits() {
    let compared = "sync: {status: Synced, revision: W, comparedTo: {source: {repoURL: https://git.example/shop/gitops, path: old, targetRevision: main}}}";
    status(&[compared, HEALTHY, RECONCILED])
        .is(expect!["waits: Application argocd/web: Argo CD has not compared it since its sources changed"]);
}

#[test]
fn only_the_source_that_is_the_repository_counts_of_several() {
    let sources = |revisions: &str| {
        let spec = yaml(
            "sources: [{repoURL: https://charts.example, chart: web, targetRevision: 1.2.3}, {repoURL: https://git.example/shop/gitops, targetRevision: main}]",
        );
        let status = yaml(&format!("{HEALTHY}\n{RECONCILED}\nsync: {{status: Synced, revisions: [{revisions}]}}"));
        application(json!({"spec": spec, "status": status}))
            .wants(Wanted::Commit { sha: CommitSha::parse(W).unwrap(), sources: vec![1] })
    };
    sources("1.2.3, W").is(expect!["reached"]);
    sources("1.2.3, OLD").is(expect!["waits: Application argocd/web: Synced at 1a2b3c4, wants 9f8e7d6"]);
}

#[test]
fn a_chart_version_has_to_be_equal() {
    let wants = |version: &str| {
        status(&["sync: {status: Synced, revision: 1.2.3}", HEALTHY, RECONCILED])
            .wants(Wanted::Revision(version.to_owned()))
    };
    wants("1.2.3").is(expect!["reached"]);
    wants("1.2.4").is(expect!["waits: Application argocd/web: Synced at 1.2.3, wants 1.2.4"]);
}

#[test]
fn a_branch_counts_as_it_was_since_the_step_started() {
    let at = |reconciled: &str| {
        status(&[SYNCED, HEALTHY, reconciled, OLD_SUCCEEDED]).wants(Wanted::Revision("main".to_owned()))
    };
    at(RECONCILED).is(expect!["reached"]);
    at("reconciledAt: 2026-05-04T11:59:59Z")
        .is(expect!["waits: Application argocd/web: Argo CD has not compared it since this step started"]);
}

#[test]
fn any_revision_counts_when_it_was_compared_since_the_step_started() {
    status(&[SYNCED, HEALTHY, RECONCILED, OLD_SUCCEEDED]).wants(Wanted::Any).is(expect!["reached"]);
}

#[test]
fn any_revision_that_was_compared_before_the_step_started_waits() {
    let before = "reconciledAt: 2026-05-04T11:59:59Z";
    let seen = || status(&[SYNCED, HEALTHY, before, OLD_SUCCEEDED]).wants(Wanted::Any);
    seen().is(expect!["waits: Application argocd/web: Argo CD has not compared it since this step started"]);
    // The comparison that the step asked for is newer, whatever the clocks say.
    seen().and(|seen| seen.refreshed = true).is(expect!["reached"]);
    let due = json!({"annotations": {"argocd.argoproj.io/refresh": "normal"}});
    seen()
        .and(|seen| seen.refreshed = true)
        .and(|seen| seen.application.metadata = serde_json::from_value(due).unwrap())
        .is(expect!["waits: Application argocd/web: Argo CD has not compared it since this step started"]);
}

// The operation.

#[test]
fn a_running_sync_waits_even_when_all_looks_well() {
    let running = "operationState: {phase: Running, message: waiting for completion of hook batch/Job/migrate, operation: {sync: {revision: W}}}";
    status(&[SYNCED, HEALTHY, RECONCILED, running]).is(expect![
        "waits: Application argocd/web: Syncing to 9f8e7d6: waiting for completion of hook batch/Job/migrate"
    ]);
}

#[test]
fn a_running_sync_to_an_older_commit_waits_and_says_what_is_wanted() {
    let running = "operationState: {phase: Running, syncResult: {revision: OLD}}";
    status(&[SYNCED, HEALTHY, RECONCILED, running])
        .is(expect!["waits: Application argocd/web: Syncing to 1a2b3c4, wants 9f8e7d6"]);
}

#[test]
fn a_sync_that_is_requested_waits() {
    let seen = status(&[SYNCED, HEALTHY, RECONCILED, OLD_SUCCEEDED]);
    seen.and(|seen| seen.application.operation = Some(crate::argocd_wait::application::Operation::default()))
        .is(expect!["waits: Application argocd/web: a sync is requested"]);
}

#[test]
fn a_terminating_sync_waits() {
    let terminating =
        "operationState: {phase: Terminating, message: operation is terminating, syncResult: {revision: W}}";
    status(&[OUT_OF_SYNC, HEALTHY, RECONCILED, terminating]).is(expect![
        "waits: Application argocd/web: the sync to 9f8e7d6 is being terminated: operation is terminating"
    ]);
}

#[test]
fn a_failed_sync_that_will_be_tried_again_waits() {
    let retry = "operationState: {phase: Running, message: 'one object failed to apply. Retrying attempt #1 at 12:02PM.', syncResult: {revision: W}, finishedAt: 2026-05-04T12:00:15Z, retryCount: 1}";
    status(&[OUT_OF_SYNC, "health: {status: Missing}", RECONCILED, retry]).is(expect!["waits: Application argocd/web: the sync to 9f8e7d6 failed and is tried again: one object failed to apply. Retrying attempt #1 at 12:02PM"]);
}

#[test]
fn a_failed_sync_of_the_wanted_commit_is_a_failure() {
    let failed = "operationState: {phase: Failed, message: 'one or more objects failed to apply, reason: Service \"bad\" is invalid', syncResult: {revision: W, resources: [{kind: Service, name: bad, status: SyncFailed, message: is invalid}]}}";
    status(&[OUT_OF_SYNC, HEALTHY, RECONCILED, failed]).is(expect![[r#"SyncFailed: Application argocd/web: the sync to 9f8e7d6 failed: one or more objects failed to apply, reason: Service "bad" is invalid"#]]);
}

#[test]
fn a_failed_hook_is_a_failure_even_when_all_looks_well_and_names_the_hook() {
    let failed = "operationState: {phase: Failed, message: one or more synchronization tasks completed unsuccessfully, syncResult: {revision: W, resources: [{kind: ConfigMap, name: c, status: Synced, hookPhase: Succeeded}, {kind: Job, name: smoke, hookPhase: Failed, message: Job has reached the specified backoff limit}]}}";
    status(&[SYNCED, HEALTHY, RECONCILED, failed]).is(expect!["SyncFailed: Application argocd/web: the sync to 9f8e7d6 failed: one or more synchronization tasks completed unsuccessfully (Job smoke: Job has reached the specified backoff limit)"]);
    // Also when a later commit, which needs no sync, has moved the revision on.
    status(&["sync: {status: Synced, revision: LATER}", HEALTHY, RECONCILED, FAILED])
        .is(expect!["SyncFailed: Application argocd/web: the sync to 9f8e7d6 failed: a hook failed"]);
}

#[test]
fn an_operation_in_error_without_a_result_is_known_by_what_it_was_asked() {
    let error = "operationState: {phase: Error, message: 'failed to load application project', operation: {sync: {revision: W}}}";
    status(&[OUT_OF_SYNC, HEALTHY, RECONCILED, error]).is(expect![
        "SyncFailed: Application argocd/web: the sync to 9f8e7d6 failed: failed to load application project"
    ]);
}

#[test]
fn a_failed_sync_of_an_older_commit_is_no_failure() {
    let failed = FAILED.replace("revision: W", "revision: OLD");
    status(&[OUT_OF_SYNC, HEALTHY, RECONCILED, &failed])
        .is(expect!["waits: Application argocd/web: OutOfSync at 9f8e7d6: 0 of 0 resources synced"]);
    status(&[SYNCED, HEALTHY, RECONCILED, &failed]).is(expect!["reached"]);
}

#[test]
fn a_failed_dry_run_is_no_failure() {
    let failed = "operationState: {phase: Failed, operation: {sync: {dryRun: true}}, syncResult: {revision: W}, finishedAt: 2026-05-04T12:00:15Z}";
    status(&[SYNCED, HEALTHY, RECONCILED, failed]).is(expect!["reached"]);
}

#[test]
fn with_any_revision_wanted_the_last_sync_counts_when_it_is_of_the_present_one() {
    status(&[SYNCED, HEALTHY, RECONCILED, FAILED])
        .wants(Wanted::Any)
        .is(expect!["SyncFailed: Application argocd/web: the sync to 9f8e7d6 failed: a hook failed"]);
    let failed = FAILED.replace("revision: W", "revision: OLD");
    status(&[SYNCED, HEALTHY, RECONCILED, &failed]).wants(Wanted::Any).is(expect!["reached"]);
}

#[test]
fn what_was_compared_before_the_sync_ended_is_not_believed() {
    status(&[SYNCED, HEALTHY, "reconciledAt: 2026-05-04T12:00:14Z", SUCCEEDED])
        .is(expect!["waits: Application argocd/web: Argo CD has not compared it since its sync ended"]);
}

// The sync that the step started.

const OWN: &str = "operation: {info: [{name: sluice.dev/key, value: key-1}]}";

#[test]
fn its_own_sync_has_to_succeed() {
    let of = |phase: &str| {
        let operation = format!(
            "operationState: {{phase: {phase}, message: m, {OWN}, syncResult: {{revision: W}}, finishedAt: 2026-05-04T12:00:15Z}}"
        );
        status(&[SYNCED, HEALTHY, RECONCILED, &operation]).started_a_sync(false)
    };
    of("Succeeded").is(expect!["reached"]);
    of("Running").is(expect!["waits: Application argocd/web: the sync to 9f8e7d6 failed and is tried again: m"]);
    of("Failed").is(expect!["SyncFailed: Application argocd/web: the sync to 9f8e7d6 failed: m"]);
}

#[test]
fn a_sync_of_its_own_that_is_gone_is_started_again() {
    status(&[OUT_OF_SYNC, HEALTHY, RECONCILED]).started_a_sync(false).is(expect![
        "syncs again: Application argocd/web: the sync that this step started is gone; it is started again"
    ]);
    status(&[SYNCED, HEALTHY, RECONCILED, OLD_SUCCEEDED]).started_a_sync(false).is(expect![
        "syncs again: Application argocd/web: the sync that this step started is gone; it is started again"
    ]);
}

#[test]
fn a_sync_of_its_own_that_was_seen_to_succeed_may_be_followed_by_others() {
    status(&[SYNCED, HEALTHY, RECONCILED, OLD_SUCCEEDED]).started_a_sync(true).is(expect!["reached"]);
}

#[test]
fn a_later_sync_of_somebody_else_to_the_same_commit_is_as_good_as_its_own() {
    status(&[SYNCED, HEALTHY, RECONCILED, SUCCEEDED]).started_a_sync(false).is(expect!["reached"]);
}

// Health.

#[test]
fn synced_and_progressing_waits_and_tells_the_replicas() {
    status(&[SYNCED, "health: {status: Progressing}", RECONCILED, SUCCEEDED])
        .runs(RolloutState::Unfinished, (1, 1, 2))
        .is(expect!["waits: Application argocd/web: Progressing: Deployment web 1 of 2 updated, 1 ready, 2 desired"]);
    status(&[SYNCED, "health: {status: Progressing}", RECONCILED, SUCCEEDED])
        .is(expect!["waits: Application argocd/web: Progressing at 9f8e7d6"]);
}

#[test]
fn healthy_is_not_believed_while_a_live_rollout_is_unfinished() {
    status(&[SYNCED, HEALTHY, RECONCILED, SUCCEEDED])
        .runs(RolloutState::Unfinished, (2, 1, 2))
        .is(expect!["waits: Application argocd/web: Progressing: Deployment web 2 of 2 updated, 1 ready, 2 desired"]);
}

#[test]
fn a_workload_that_is_not_there_waits() {
    status(&[SYNCED, HEALTHY, RECONCILED, SUCCEEDED])
        .runs(RolloutState::Missing, (0, 0, 0))
        .is(expect!["waits: Application argocd/web: Progressing: Deployment web is missing"]);
}

#[test]
fn workloads_that_cannot_be_read_for_the_moment_wait() {
    let seen = status(&[SYNCED, HEALTHY, RECONCILED, SUCCEEDED]);
    seen.and(|seen| seen.rollouts.failed = Some("failed to read Deployment web/web: timed out".to_owned()))
        .is(expect!["waits: Application argocd/web: Healthy: failed to read Deployment web/web: timed out"]);
}

#[test]
fn workloads_that_may_not_be_read_are_judged_by_argo_cd() {
    let hide = |seen: &mut Seen| {
        seen.rollouts.hidden = Some("some workloads are judged by Argo CD alone: forbidden".to_owned())
    };
    status(&[SYNCED, HEALTHY, RECONCILED, SUCCEEDED]).and(hide).is(expect!["reached"]);
    status(&[SYNCED, "health: {status: Progressing}", RECONCILED, SUCCEEDED]).and(hide).is(expect![
        "waits: Application argocd/web: Progressing at 9f8e7d6 (some workloads are judged by Argo CD alone: forbidden)"
    ]);
}

#[test]
fn degraded_at_the_wanted_commit_is_a_failure_with_the_cause() {
    let late =
        RolloutState::Failed("ProgressDeadlineExceeded: ReplicaSet \"web-1\" has timed out progressing.".to_owned());
    status(&[SYNCED, DEGRADED, RECONCILED, SUCCEEDED])
        .runs(late, (1, 2, 2))
        .at("2026-05-04T12:00:21Z")
        .is(expect![[r#"ApplicationDegraded: Application argocd/web is Degraded at 9f8e7d6: Deployment web: ProgressDeadlineExceeded: ReplicaSet "web-1" has timed out progressing"#]]);
}

#[test]
fn what_ails_a_pod_of_a_failed_rollout_follows_its_cause() {
    let late = RolloutState::Failed("ProgressDeadlineExceeded: it has timed out progressing.".to_owned());
    let trouble = || Some("pod web-1: ImagePullBackOff".to_owned());
    status(&[SYNCED, DEGRADED, RECONCILED, SUCCEEDED])
        .runs(late, (1, 2, 2))
        .and(|seen| seen.rollouts.seen.iter_mut().for_each(|rollout| rollout.trouble = trouble()))
        .is(expect!["ApplicationDegraded: Application argocd/web is Degraded at 9f8e7d6: Deployment web: ProgressDeadlineExceeded: it has timed out progressing (pod web-1: ImagePullBackOff)"]);
}

#[test]
fn degraded_is_believed_after_a_while_when_no_workload_proves_it() {
    let resources = "resources: [{group: autoscaling, kind: HorizontalPodAutoscaler, name: web, status: Synced, health: {status: Degraded, message: no metrics}}]";
    let seen = |now| status(&[SYNCED, DEGRADED, RECONCILED, SUCCEEDED, resources]).at(now);
    seen("2026-05-04T12:00:30Z").is(expect!["waits until 2026-05-04T12:00:50Z: Application argocd/web: Degraded at 9f8e7d6: HorizontalPodAutoscaler web: no metrics"]);
    seen("2026-05-04T12:00:50Z").is(expect![
        "ApplicationDegraded: Application argocd/web is Degraded at 9f8e7d6: HorizontalPodAutoscaler web: no metrics"
    ]);
}

#[test]
fn degraded_at_an_older_commit_is_no_failure() {
    status(&["sync: {status: Synced, revision: OLD}", DEGRADED, RECONCILED, OLD_SUCCEEDED])
        .is(expect!["waits: Application argocd/web: Synced at 1a2b3c4, wants 9f8e7d6"]);
    status(&[OUT_OF_SYNC, DEGRADED, RECONCILED, OLD_SUCCEEDED, RESOURCES])
        .is(expect!["waits: Application argocd/web: OutOfSync at 9f8e7d6: 2 of 2 resources synced"]);
}

#[test]
fn degraded_before_a_commit_that_changes_nothing_is_a_failure() {
    let before = "health: {status: Degraded, lastTransitionTime: 2026-05-04T09:00:00Z}";
    status(&[SYNCED, before, RECONCILED, OLD_SUCCEEDED])
        .is(expect!["ApplicationDegraded: Application argocd/web is Degraded at 9f8e7d6: Argo CD names no resource"]);
}

#[test]
fn out_of_sync_and_degraded_after_the_sync_of_the_wanted_commit_is_a_failure_in_the_end() {
    let drift = "resources: [{kind: ConfigMap, name: old, status: OutOfSync, requiresPruning: true}]";
    let seen = |now| status(&[OUT_OF_SYNC, DEGRADED, RECONCILED, SUCCEEDED, drift]).at(now);
    seen("2026-05-04T12:00:21Z").is(expect![
        "waits: Application argocd/web: OutOfSync at 9f8e7d6: 0 of 1 resources synced, not ConfigMap old (to be pruned)"
    ]);
    seen("2026-05-04T12:00:51Z")
        .is(expect!["ApplicationDegraded: Application argocd/web is Degraded at 9f8e7d6: Argo CD names no resource"]);
}

#[test]
fn missing_suspended_and_unknown_health_wait() {
    for (health, expected) in [
        ("Missing", expect!["waits: Application argocd/web: Missing at 9f8e7d6"]),
        (
            "Suspended",
            expect![
                "waits: Application argocd/web: Suspended: one of its resources is paused; it goes on when that is resumed"
            ],
        ),
        ("Unknown", expect!["waits: Application argocd/web: Unknown at 9f8e7d6"]),
    ] {
        status(&[SYNCED, &format!("health: {{status: {health}}}"), RECONCILED, SUCCEEDED]).is(expected);
    }
    status(&[SYNCED, RECONCILED, SUCCEEDED]).is(expect!["waits: Application argocd/web: its health is not known yet"]);
}

#[test]
fn custom_resources_get_a_moment_after_the_sync() {
    let custom = "resources: [{group: cert-manager.io, kind: Certificate, name: web, status: Synced}, {group: networking.k8s.io, kind: Ingress, name: web, status: Synced}]";
    let seen = |now| status(&[SYNCED, HEALTHY, RECONCILED, SUCCEEDED, custom]).at(now);
    seen("2026-05-04T12:00:20Z").is(expect![
        "waits until 2026-05-04T12:00:25Z: Application argocd/web: Healthy at 9f8e7d6; lets Certificate web settle"
    ]);
    seen("2026-05-04T12:00:25Z").is(expect!["reached"]);
}

// The rest.

#[test]
fn out_of_sync_at_the_wanted_commit_waits_and_names_the_resources() {
    let resources = "resources: [{kind: ConfigMap, name: settings, status: Synced}, {kind: Service, name: web, status: OutOfSync}, {kind: ConfigMap, name: old, status: OutOfSync, requiresPruning: true}, {kind: Job, name: migrate, hook: true}]";
    status(&[OUT_OF_SYNC, HEALTHY, RECONCILED, SUCCEEDED, resources]).is(expect!["waits: Application argocd/web: OutOfSync at 9f8e7d6: 1 of 3 resources synced, not Service web, ConfigMap old (to be pruned)"]);
}

#[test]
fn errors_of_the_comparison_and_of_the_specification_are_told_and_may_pass() {
    let unknown = "sync: {status: Unknown, revision: W}";
    let error = "conditions: [{type: ComparisonError, message: 'failed to generate manifest: web: app path does not exist'}, {type: SharedResourceWarning, message: shared}]";
    status(&[unknown, HEALTHY, RECONCILED, OLD_SUCCEEDED, error]).is(expect!["waits: Application argocd/web: Unknown at 9f8e7d6: 0 of 0 resources synced (ComparisonError: failed to generate manifest: web: app path does not exist)"]);
    let error = "conditions: [{type: InvalidSpecError, message: 'application destination is not permitted'}]";
    status(&["sync: {status: Unknown}", "health: {status: Unknown}", error]).is(expect!["waits: Application argocd/web: Unknown at no revision, wants 9f8e7d6 (InvalidSpecError: application destination is not permitted)"]);
}

#[test]
fn an_application_that_is_being_deleted_waits() {
    let deleted = json!({"deletionTimestamp": "2026-05-04T12:00:30Z"});
    status(&[SYNCED, HEALTHY, RECONCILED, SUCCEEDED])
        .and(|seen| seen.application.metadata = serde_json::from_value(deleted).unwrap())
        .is(expect!["waits: Application argocd/web: it is being deleted"]);
}

/// Recorded on Argo CD 3.2.11: the sync has ended within the second of the comparison before it, whose health is still
/// that of the broken revision, and whose cause is still there.
#[test]
fn the_moment_after_a_sync_as_argo_cd_records_it_waits() {
    let mended = "04d9a06aab972be631521d09f47cbf1adeb46ef6";
    let recorded: Value = serde_saphyr::from_str(include_str!("recorded.yaml")).unwrap();
    application(recorded)
        .wants(Wanted::Commit { sha: CommitSha::parse(mended).unwrap(), sources: vec![0] })
        .at("2026-11-22T07:09:56Z")
        .is(expect![
            "waits: Application argocd/web: OutOfSync at 04d9a06: 1 of 2 resources synced, not Deployment web"
        ]);
}
