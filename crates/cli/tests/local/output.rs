//! What is shown: plain lines, JSON, and the tree on a terminal.

use expect_test::expect;
use serde_json::Value;

use crate::support::{Place, pipeline};

const STEPS: &str = r#"  params: [{name: who, default: world}]
  stages:
  - name: greet
    steps:
    - {name: breath, delay: {duration: 100ms}}
    - {name: greeting, set: {values: {text: "Hello, ${{ params.who }}"}}}
  - name: never
    when: params.who == "nobody"
    steps: [{name: stop, fail: {message: "there is nobody"}}]
  - name: fails
    steps: [{name: stop2, fail: {message: "enough, ${{ params.who }}"}}]
  hooks:
  - name: report
    events: [Failure]
    steps: [{name: why, set: {values: {text: "${{ failure.message }}"}}}]
"#;

#[test]
fn no_message_steers_a_terminal() {
    let fail = r#"  stages: [{name: s, steps: [{name: f, fail: {message: "bad \e[2J\e[31mred"}}]}]"#;
    let place = Place::with(&pipeline(&format!("{fail}\n")));
    let said = place.sluice(&["run", "-f", "p.yaml"]);
    assert!(!said.out.contains('\u{1b}') && said.out.contains("bad ^[[2J^[[31mred"), "{said:?}");
}

#[test]
fn plain_lines_tell_what_happens_in_a_form_that_does_not_change() {
    let place = Place::with(&pipeline(STEPS));
    let said = place.sluice(&["run", "-f", "p.yaml"]);
    for line in said.out.lines() {
        let (time, _) = line.split_once(' ').unwrap();
        assert!(time.len() == 20 && time.ends_with('Z') && time.contains('T'), "{line}");
    }
    expect![[r"
        run Running
        stage greet Running
        step greet/breath Running: waits for 100ms
        step greet/breath Succeeded
        step greet/greeting Succeeded
        stage greet Succeeded
        stage never Skipped: its condition `when` is false
        stage fails Running
        step fails/stop2 Failed: enough, world
        stage fails Failed: step stop2: enough, world
        hook report (Failure of pipeline) Running
        step hook report/why Succeeded
        hook report (Failure of pipeline) Succeeded
        run Failed: stage fails: step stop2: enough, world
    "]]
    .assert_eq(&said.lines());
}

#[test]
fn json_is_one_object_a_line_and_at_the_end_the_whole_status() {
    let place = Place::with(&pipeline(STEPS));
    let said = place.sluice(&["run", "-f", "p.yaml", "--output", "json", "--param", "who=Ada"]);
    assert_eq!(said.code, Some(1));
    let lines: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["run"] == "p-1" && line["time"].is_string()), "{}", said.out);
    let step = lines.iter().find(|line| line["name"] == "greet/greeting").unwrap();
    assert_eq!((step["kind"].as_str(), step["phase"].as_str()), (Some("step"), Some("Succeeded")));
    let last = lines.last().unwrap();
    assert_eq!((last["kind"].as_str(), &last["status"]), (Some("status"), &place.run("p-1")["status"]));
}

#[test]
fn a_reader_that_goes_away_does_not_stop_the_run() {
    let place = Place::with(&pipeline(STEPS));
    let mut running = place.start(&["run", "-f", "p.yaml"]);
    running.close_output();
    assert_eq!(running.end().code, Some(1));
    assert_eq!(place.run("p-1")["status"]["phase"], "Failed");
}

#[test]
fn json_is_json_even_where_nothing_is_carried_on() {
    let place = Place::with(&pipeline("  stages: [{name: s, steps: [{name: a, set: {values: {n: 1}}}]}]\n"));
    assert_eq!(place.sluice(&["run", "-f", "p.yaml"]).code, Some(0));
    let said = place.sluice(&["resume", "-o", "json"]);
    assert_eq!((said.out.as_str(), said.err.as_str()), ("", "no run in .sluice is unfinished\n"));
    let said = place.sluice(&["resume", "p-1", "-o", "json"]);
    let lines: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["message"], "run \"p-1\" has ended already: Succeeded");
    assert_eq!(lines[1]["status"]["phase"], "Succeeded");
}
