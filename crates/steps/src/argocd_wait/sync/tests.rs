use expect_test::{Expect, expect};
use sluice_scm::CommitSha;

use super::*;

const W: &str = "9f8e7d69f8e7d69f8e7d69f8e7d69f8e7d69f8e7";
const LATER: &str = "5c6d7e85c6d7e85c6d7e85c6d7e85c6d7e85c6d7";
const ONE: &str = "spec: {source: {repoURL: https://git.example/shop/gitops, targetRevision: main}}";

fn commit() -> Wanted {
    Wanted::Commit { sha: CommitSha::parse(W).unwrap(), sources: vec![0] }
}

fn decide(application: &str, wanted: &Wanted) -> Next {
    let text = format!("metadata: {{resourceVersion: '7'}}\n{application}");
    let application: Application = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let ancestry = [(LATER.to_owned(), true)].into();
    let config = ArgocdSync { prune: Some(true) };
    let run = "shop/deploy-1".to_owned();
    next(&application, &SyncWanted { config: &config, wanted, ancestry: &ancestry, key: "key-1", run })
}

/// What is decided; of a patch, `operation.sync`.
#[track_caller]
fn check(application: &str, wanted: &Wanted, expected: Expect) {
    let said = match decide(application, wanted) {
        Next::Adopt => "adopts".to_owned(),
        Next::WaitFor(why) => why,
        Next::Start(patch) => patch["operation"]["sync"].to_string(),
    };
    expected.assert_eq(&said);
}

#[test]
fn a_sync_names_the_commit_the_key_and_the_version_it_was_decided_on() {
    let expected = json!({
        "metadata": {"resourceVersion": "7"},
        "operation": {
            "sync": {"revision": W, "prune": true},
            "info": [{"name": "sluice.dev/key", "value": "key-1"}, {"name": "sluice.dev/run", "value": "shop/deploy-1"}],
            "initiatedBy": {"username": "sluice"},
        },
    });
    assert_eq!(decide(ONE, &commit()), Next::Start(expected));
}

#[test]
fn the_options_and_retries_of_the_application_hold_and_the_last_operation_is_cleared() {
    let policy = "spec: {source: {repoURL: a}, syncPolicy: {syncOptions: [CreateNamespace=true], retry: {limit: 3}}}";
    let Next::Start(patch) = decide(&format!("{policy}\nstatus: {{operationState: {{phase: Failed}}}}"), &commit())
    else {
        panic!("no sync is started")
    };
    assert_eq!(patch["operation"]["sync"]["syncOptions"], json!(["CreateNamespace=true"]));
    assert_eq!(patch["operation"]["retry"], json!({"limit": 3}));
    assert_eq!(patch["status"], json!({"operationState": null}));
}

#[test]
fn a_later_commit_is_not_taken_back() {
    check(
        &format!("{ONE}\nstatus: {{sync: {{revision: {LATER}}}}}"),
        &commit(),
        expect![[r#"{"prune":true,"revision":"5c6d7e85c6d7e85c6d7e85c6d7e85c6d7e85c6d7"}"#]],
    );
}

#[test]
fn without_a_wanted_revision_the_tracked_one_is_synced() {
    check(ONE, &Wanted::Any, expect![[r#"{"prune":true,"revision":"main"}"#]]);
    check("spec: {source: {repoURL: a}}", &Wanted::Any, expect![[r#"{"prune":true,"revision":"HEAD"}"#]]);
    check(ONE, &Wanted::Revision("v1.2.3".to_owned()), expect![[r#"{"prune":true,"revision":"v1.2.3"}"#]]);
}

#[test]
fn of_several_sources_only_the_repository_is_pinned() {
    let several =
        "spec: {sources: [{repoURL: a, chart: web, targetRevision: 1.2.3}, {repoURL: b, targetRevision: main}]}";
    let wanted = |sources: &[usize]| Wanted::Commit { sha: CommitSha::parse(W).unwrap(), sources: sources.to_vec() };
    check(
        several,
        &wanted(&[1]),
        expect![[r#"{"prune":true,"revisions":["1.2.3","9f8e7d69f8e7d69f8e7d69f8e7d69f8e7d69f8e7"]}"#]],
    );
    check(several, &wanted(&[0, 1]), expect![[r#"{"prune":true,"revisions":["1.2.3","main"]}"#]]);
}

#[test]
fn a_sync_with_the_key_is_adopted_wherever_it_stands() {
    let own = "info: [{name: sluice.dev/key, value: key-1}]";
    check(&format!("{ONE}\noperation: {{{own}}}"), &commit(), expect!["adopts"]);
    for phase in ["Running", "Succeeded", "Failed"] {
        let state = format!("{ONE}\nstatus: {{operationState: {{phase: {phase}, operation: {{{own}}}}}}}");
        check(&state, &commit(), expect!["adopts"]);
    }
}

#[test]
fn another_sync_is_waited_for() {
    let other = "info: [{name: sluice.dev/key, value: key-2}]";
    check(
        &format!("{ONE}\noperation: {{{other}}}"),
        &commit(),
        expect!["waits for the end of another sync before it starts its own"],
    );
    check(
        &format!("{ONE}\nstatus: {{operationState: {{phase: Running}}}}"),
        &commit(),
        expect!["waits for the end of another sync before it starts its own"],
    );
}

#[test]
fn a_refresh_is_asked_for_once_and_never_made_less_thorough() {
    let asked = |annotation: &str| {
        let text = format!("metadata: {{annotations: {{{annotation}}}}}");
        let application: Application = serde_saphyr::from_str(&text).unwrap();
        [ArgocdRefresh::Normal, ArgocdRefresh::Hard].map(|kind| refresh(&application, kind).is_some())
    };
    assert_eq!(asked(""), [true, true]);
    assert_eq!(asked("argocd.argoproj.io/refresh: normal"), [false, true]);
    assert_eq!(asked("argocd.argoproj.io/refresh: hard"), [false, false]);
}
