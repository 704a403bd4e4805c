//! A run that has ended is done again from where it failed.

use std::fs;

use serde_json::json;

use crate::{
    person::{REPOSITORY, shop_with},
    support::{Place, git, pipeline},
};

/// Opens a change, which keeps for itself, and then wants something of the repository that is not so yet.
const NEEDS_DATABASE: &str = r#"  stages:
  - name: prepare
    steps: [{name: tried, set: {values: {by: "${{ run.requestedBy }}"}}}]
  - name: deploy
    approval: {required: 1}
    steps:
    - name: openChange
      pullRequest:
        providerRef: {name: local}
        repository: shop/gitops
        title: Deploy web
        edits: [{file: web.yaml, set: {path: version, value: "1.5.0"}}]
    - name: look
      validate:
        sources: {db: {file: {providerRef: {name: local}, repository: shop/gitops, ref: main, path: db.yaml}}}
        checks: [{name: the database was migrated, expr: db.version == '1.5.0'}]
---
apiVersion: sluice.dev/v1alpha1
kind: ScmProvider
metadata: {name: local}
spec: {local: {path: repositories}}
"#;

fn migrate(place: &Place) {
    let work = place.path("work");
    fs::write(work.join("db.yaml"), "version: \"1.5.0\"\n").unwrap();
    let person = ["-c", "user.name=ada", "-c", "user.email=ada@example"];
    git(&work, &[&person[..], &["commit", "--quiet", "--all", "--message=migrate"]].concat());
    git(&work, &["push", "--quiet", place.path(REPOSITORY).to_str().unwrap(), "main"]);
}

#[test]
fn what_failed_is_done_again_and_what_succeeded_is_kept() {
    let place = shop_with(NEEDS_DATABASE);
    assert_eq!(place.sluice(&["run", "-f", ".", "--yes"]).code, Some(1));
    let before = place.run("p-1")["status"]["stages"].clone();
    let said = place.sluice(&["resume", "p-1"]);
    assert_eq!(said.code, Some(1));
    assert!(said.out.contains("has ended already: Failed; do again what failed with: "), "{}", said.out);
    assert!(said.out.contains("sluice resume p-1 --retry"), "{}", said.out);
    migrate(&place);
    let said = place.sluice(&["resume", "p-1", "--retry"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let run = place.run("p-1");
    assert_eq!(run["spec"]["actions"][1], json!({"type": "Retry", "by": "ada"}));
    // It was approved once more, as an approval is of one attempt; `--yes` holds on.
    assert_eq!(run["spec"]["actions"][2]["attempt"], 2);
    let status = &run["status"];
    assert_eq!((&status["round"], &status["stages"][1]["attempt"]), (&json!(2), &json!(2)));
    assert_eq!(status["stages"][0], before[0]);
    assert_eq!(status["stages"][1]["steps"][0]["key"], before[1]["steps"][0]["key"]);
    let changes = place.git(REPOSITORY, &["for-each-ref", "--format=%(refname)", "refs/sluice/changes"]);
    assert_eq!(changes.lines().count(), 1, "{changes}");
}

#[test]
fn one_that_was_rejected_is_asked_about_again() {
    let place = Place::with(&pipeline(
        "  stages: [{name: s, approval: {required: 1}, steps: [{name: done, set: {values: {x: 1}}}]}]\n",
    ));
    let mut terminal = crate::terminal::Terminal::start(&place, 120, &["run", "-f", "."], &[]);
    terminal.wait_for("approve stage s? ");
    terminal.type_line("r");
    assert_eq!(terminal.end().0.code, Some(1));
    let mut terminal = crate::terminal::Terminal::start(&place, 120, &["resume", "p-1", "--retry"], &[]);
    terminal.wait_for("approve attempt 2 of stage s? ");
    terminal.type_line("a");
    let (said, _) = terminal.end();
    assert_eq!(said.code, Some(0), "{said:?}");
}

#[test]
fn one_that_has_succeeded_is_not_done_again() {
    let place = Place::with(&pipeline("  stages: [{name: s, steps: [{name: done, set: {values: {x: 1}}}]}]\n"));
    assert_eq!(place.sluice(&["run", "-f", "."]).code, Some(0));
    let said = place.sluice(&["resume", "p-1", "--retry"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("run \"p-1\" is not done again: the run has succeeded"), "{}", said.err);
    assert_eq!(place.run("p-1")["status"]["phase"], "Succeeded");
    let said = place.sluice(&["resume", "--retry"]);
    assert!(said.code == Some(2) && said.err.contains("<RUN>"), "{said:?}");
}
