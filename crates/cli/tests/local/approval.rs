//! A stage waits for an approval: the person at the terminal is asked, `--yes` approves, and where there is nobody the run is
//! left for somebody.

use std::fs;

use serde_json::{Value, json};

use crate::{
    support::{Place, pipeline},
    terminal::Terminal,
};

/// A pipeline whose stage `production` waits for so many.
fn release(approval: &str) -> Place {
    Place::with(&pipeline(&format!(
        "  stages:
  - {{name: staging, steps: [{{name: tried, set: {{values: {{x: 1}}}}}}]}}
  - {{name: production, {approval}, steps: [{{name: deployed, set: {{values: {{x: 1}}}}}}]}}
"
    )))
}

const RUN: &[&str] = &["run", "-f", "."];
const QUESTION: &str = "approve stage production? [a]pprove [r]eject";

fn production(place: &Place) -> Value {
    place.run("p-1")["status"]["stages"][1].clone()
}

#[test]
fn a_person_at_a_terminal_is_asked_and_what_they_say_is_an_entry_of_the_run() {
    let place = release("approval: {required: 1}");
    let mut terminal = Terminal::start(&place, 120, RUN, &[]);
    terminal.wait_for(QUESTION);
    terminal.type_line("what?");
    terminal.wait_for(QUESTION);
    assert_eq!(production(&place)["phase"], "AwaitingApproval");
    terminal.type_line("a  smoke tests fine ");
    let (said, _) = terminal.end();
    assert_eq!(said.code, Some(0), "{said:?}");
    let run = place.run("p-1");
    let entry =
        json!({"type": "Approve", "by": "ada", "stage": "production", "attempt": 1, "reason": "smoke tests fine"});
    assert_eq!(run["spec"]["actions"], json!([entry]));
    assert_eq!(run["status"]["actions"][0]["result"], "Applied");
    assert_eq!(production(&place)["approval"]["by"][0]["name"], "ada");
}

#[test]
fn one_who_rejects_ends_the_run() {
    let place = release("approval: {required: 1}");
    let mut terminal = Terminal::start(&place, 120, RUN, &[]);
    terminal.wait_for(QUESTION);
    terminal.type_line("r not on a Friday");
    let (said, _) = terminal.end();
    assert_eq!(said.code, Some(1), "{said:?}");
    let stage = production(&place);
    assert_eq!((&stage["phase"], &stage["reason"]), (&json!("Failed"), &json!("Rejected")));
    assert_eq!(stage["message"], "rejected by ada: not on a Friday");
}

#[test]
fn one_person_is_enough_where_a_cluster_would_want_more_and_that_is_said() {
    let place = release("approval: {required: 2}");
    let mut terminal = Terminal::start(&place, 140, RUN, &[]);
    terminal.wait_for("stage production wants 2 approvals in a cluster; here is one person, whose approval is enough");
    terminal.wait_for(QUESTION);
    terminal.type_line("approve");
    let (said, _) = terminal.end();
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(production(&place)["approval"]["required"], 1);
    // Nobody else was made up.
    assert_eq!(place.run("p-1")["spec"]["actions"].as_array().unwrap().len(), 1);
}

#[test]
fn yes_approves_each_attempt_that_waits() {
    let place = Place::with(&pipeline(
        "  stages: [{name: s, approval: {required: 1}, retry: {limit: 2, backoff: {initial: 1s, max: 1s}}, steps: [{name: stop, fail: {message: no luck}}]}]\n",
    ));
    let said = place.sluice(&["run", "-f", ".", "--yes"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let actions = place.run("p-1")["spec"]["actions"].clone();
    let attempts: Vec<_> = actions.as_array().unwrap().iter().map(|entry| entry["attempt"].clone()).collect();
    assert_eq!(attempts, [1, 2, 3]);
}

#[test]
fn a_run_with_nobody_to_ask_is_left_and_goes_on_with_yes() {
    let place = release("approval: {required: 1}");
    for arguments in [RUN, &["resume"], &["resume", "--output", "json"]] {
        let said = place.sluice(arguments);
        assert_eq!(said.code, Some(4), "{said:?}");
        let note = "stage production waits for an approval, and there is nobody to ask: resume the run at a terminal, or with --yes";
        assert!(said.out.contains(note), "{}", said.out);
        assert!(said.err.contains("carry it on with: ") && said.err.contains("sluice resume p-1"), "{}", said.err);
    }
    assert_eq!(place.run("p-1")["spec"]["actions"], json!([]));
    let said = place.sluice(&["resume", "p-1", "--yes"]);
    assert_eq!(said.code, Some(0), "{said:?}");
}

#[test]
fn a_person_who_goes_away_leaves_it() {
    let place = release("approval: {required: 1}");
    for (line, code) in [("q", 130), ("\u{4}", 4)] {
        let arguments = if line == "q" { RUN } else { &["resume"] };
        let mut terminal = Terminal::start(&place, 120, arguments, &[]);
        terminal.wait_for(QUESTION);
        terminal.type_line(line);
        let (said, _) = terminal.end();
        assert_eq!(said.code, Some(code), "{said:?}");
        assert_eq!(production(&place)["phase"], "AwaitingApproval");
    }
}

#[test]
fn what_goes_on_beside_it_is_not_left() {
    let place = Place::with(&pipeline(
        "  stages:
  - {name: production, approval: {required: 1}, steps: [{name: deployed, set: {values: {x: 1}}}]}
  - {name: soak, needs: [], steps: [{name: rest, delay: {duration: 1s}}]}
",
    ));
    assert_eq!(place.sluice(RUN).code, Some(4));
    assert_eq!(place.run("p-1")["status"]["stages"][1]["phase"], "Succeeded");
}

#[test]
fn after_a_failure_nobody_is_asked() {
    let place = Place::with(&pipeline(
        "  stages:
  - {name: production, approval: {required: 1}, steps: [{name: deployed, set: {values: {x: 1}}}]}
  - {name: soak, needs: [], steps: [{name: rest, delay: {duration: 1s}}]}
  - {name: broken, needs: [], steps: [{name: stop, fail: {message: no luck}}]}
",
    ));
    let said = place.sluice(&["run", "-f", ".", "--yes"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert_eq!(place.run("p-1")["status"]["stages"][0]["phase"], "Omitted");
}

/// A pipeline `release` that starts one with a manual stage.
fn nested(mode: &str) -> Place {
    let of = |name: &str, stage: &str| {
        format!(
            "apiVersion: sluice.dev/v1alpha1\nkind: Pipeline\nmetadata: {{name: {name}}}\nspec:\n  serviceAccountName: a\n  stages: [{stage}]\n"
        )
    };
    let child = of("build", "{name: gate, approval: {required: 1}, steps: [{name: done, set: {values: {x: 1}}}]}");
    let start = format!("{{name: build, pipelineRun: {{pipelineRef: {{name: build}}, mode: {mode}}}}}");
    Place::with(&format!("{child}---\n{}", of("release", &format!("{{name: s, steps: [{start}]}}"))))
}

const RELEASE: &[&str] = &["run", "-f", ".", "--pipeline", "release"];

#[test]
fn the_stages_of_child_runs_are_asked_about_too() {
    let place = nested("Attached");
    let mut terminal = Terminal::start(&place, 140, RELEASE, &[]);
    terminal.wait_for("approve stage gate of run release-1-build-");
    terminal.type_line("a");
    let (said, _) = terminal.end();
    assert_eq!(said.code, Some(0), "{said:?}");
}

#[test]
fn child_runs_with_nobody_to_ask_are_left_and_go_on_with_yes() {
    let place = nested("Attached");
    let said = place.sluice(RELEASE);
    assert_eq!(said.code, Some(4), "{said:?}");
    assert!(said.out.contains("stage gate of run release-1-build-"), "{}", said.out);
    assert_eq!(place.sluice(&["resume", "release-1", "--yes"]).code, Some(0));
    // One that nobody waits for holds up nothing.
    let place = nested("Detached");
    let said = place.sluice(RELEASE);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.err.contains("is left unfinished"), "{}", said.err);
    assert_eq!(place.sluice(&["resume", "--yes"]).code, Some(0));
}

#[test]
fn nothing_of_a_suspended_pipeline_begins() {
    let place = release("approval: {required: 1}");
    let text = fs::read_to_string(place.path("p.yaml")).unwrap();
    fs::write(place.path("p.yaml"), format!("{text}  suspend: {{reason: quarter end}}\n")).unwrap();
    let said = place.sluice(RUN);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("pipeline \"p\" is suspended: quarter end"), "{}", said.err);
    assert!(!place.path(".sluice").exists());
}

/// A run of the example, whose person types these answers.
fn example(run: &str, answers: &[(&str, &str)]) -> Value {
    let place = Place::new();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/approvals/release.yaml");
    let mut terminal = Terminal::start(&place, 120, &["run", "-f", file, "--name", run, "--state", ".sluice"], &[]);
    for (stage, answer) in answers {
        terminal.wait_for(&format!("approve stage {stage}? "));
        terminal.type_line(answer);
    }
    let (said, _) = terminal.end();
    assert!(matches!(said.code, Some(0 | 1)), "{said:?}");
    place.run(run)["status"].clone()
}

#[test]
fn the_example_ends_as_people_say() {
    let status = example("release-web-1-10", &[("begin", "a"), ("production", "a"), ("signOff", "a")]);
    assert_eq!(status["outputs"]["image"], "registry.example/web:1.10");
    let status = example("release-web-1-11", &[("begin", "a"), ("production", "r")]);
    assert_eq!((&status["phase"], &status["stages"][3]["phase"]), (&json!("Failed"), &json!("Omitted")));
    assert_eq!((&status["ending"]["reason"], &status["hooks"][0]["hook"]), (&json!("Rejected"), &json!("alert")));
    assert_eq!(status["ending"]["message"], "stage production: rejected by ada");
}
