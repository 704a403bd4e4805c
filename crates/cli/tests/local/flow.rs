//! Flows that are more than a line: stages and items at the same time, loops, further attempts, changes beside each other.

use expect_test::expect;

use crate::{
    person::{REPOSITORY, shop_with},
    support::{Place, pipeline},
};

const FLOW: &str = r#"  stages:
  - name: rollout
    forEach: {in: "['eu', 'us']", as: region, maxParallel: 1}
    steps: [{name: go, set: {values: {to: "${{ region }}"}}}]
  - name: again
    retry: {limit: 1, backoff: {initial: 1s}}
    until: {condition: steps.look.outputs.left == 0, limit: 2}
    steps: [{name: look, set: {values: {left: 1}}}]
  hooks:
  - {name: alert, events: [Failure], for: {stage: again}, steps: [{name: tell, set: {values: {why: "${{ failure.message }}"}}}]}
"#;

#[test]
fn items_iterations_and_attempts_are_told_one_after_the_other() {
    let place = Place::with(&pipeline(FLOW));
    let said = place.sluice(&["run", "-f", "p.yaml"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let lines: Vec<String> = said.lines().lines().map(without_time).collect();
    expect![[r#"
        run Running
        stage rollout[eu] Running
        step rollout[eu]/go Succeeded
        stage rollout[eu] Succeeded
        stage rollout[us] Running
        step rollout[us]/go Succeeded
        stage rollout[us] Succeeded
        stage again Running
        stage again Failed: its condition `until` is false after 2 iterations, the limit
        stage again Running (attempt 2): again at ...
        hook alert (Failure of stage/again) Running (iteration 2)
        step hook alert/tell Succeeded
        hook alert (Failure of stage/again) Succeeded (iteration 2)
        stage again Running (attempt 2, iteration 2)
        step again/look Succeeded
        stage again Failed (attempt 2): its condition `until` is false after 2 iterations, the limit
        hook alert (Failure of stage/again) Running (attempt 2, iteration 2)
        step hook alert/tell Succeeded
        hook alert (Failure of stage/again) Succeeded (attempt 2, iteration 2)
        run Failed: stage again: its condition `until` is false after 2 iterations, the limit
    "#]]
    .assert_eq(&(lines.join("\n") + "\n"));
}

/// The line without the time that it goes on at.
fn without_time(line: &str) -> String {
    line.split_once("again at ").map_or(line.to_owned(), |(line, _)| format!("{line}again at ..."))
}

/// Two changes that wait at the same time.
const TWO: &str = r#"  stages:
  - name: web
    steps:
    - name: openWeb
      pullRequest:
        providerRef: {name: local}
        repository: shop/gitops
        title: Deploy web
        edits: [{file: web.yaml, set: {path: version, value: "1.5.0"}}]
    - {name: webMerged, pullRequestWait: {from: openWeb}}
  - name: db
    needs: []
    steps:
    - name: openDb
      pullRequest:
        providerRef: {name: local}
        repository: shop/gitops
        title: Deploy db
        edits: [{file: db.yaml, set: {path: version, value: "1.5.0"}}]
    - {name: dbMerged, pullRequestWait: {from: openDb}}
---
apiVersion: sluice.dev/v1alpha1
kind: ScmProvider
metadata: {name: local}
spec: {local: {path: repositories}}
"#;

#[test]
fn changes_that_wait_at_the_same_time_are_all_told_of_and_all_merged() {
    let place = shop_with(TWO);
    let mut running = place.start(&["run", "-f", "."]);
    let mut told = running.wait_for_lines("merge it with", 2);
    told.sort_by_key(|line| line.contains("change 2"));
    assert!(told[0].contains("change 1 of") && told[1].contains("change 2 of"), "{told:?}");
    drop(running);
    let said = place.sluice(&["resume", "--yes"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    for file in ["main:web.yaml", "main:db.yaml"] {
        assert!(place.git(REPOSITORY, &["show", file]).starts_with("version: 1.5.0"), "{file}");
    }
}
