use serde_json::{Value, json};

use super::*;

const GROUP: &str = "web";

fn group() -> Group {
    Group { namespace: "shop".to_owned(), name: GROUP.to_owned() }
}

fn run(uid: &str, status: Value) -> PipelineRun {
    let run = json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun",
        "metadata": {"name": format!("run-{uid}"), "namespace": "shop", "uid": uid},
        "spec": {"pipelineRef": {"name": "p"}}, "status": status,
    });
    serde_json::from_value(run).unwrap()
}

fn lock(second: i32, position: i32) -> Value {
    json!({"group": GROUP, "since": format!("2026-01-01T00:00:{second:02}Z"), "position": position, "holder": "other"})
}

fn waits(uid: &str, second: i32) -> (String, Standing) {
    (uid.to_owned(), Standing::of(&run(uid, json!({"lock": lock(second, 1)}))))
}

fn holds(uid: &str) -> (String, Standing) {
    (uid.to_owned(), Standing::of(&run(uid, json!({"lock": lock(0, 0)}))))
}

fn over(uid: &str) -> (String, Standing) {
    (uid.to_owned(), Standing::of(&run(uid, json!({"finishedAt": "2026-01-01T00:01:00Z"}))))
}

/// Queues that have seen this.
fn queues(seen: impl IntoIterator<Item = (String, Standing)>) -> Queues {
    let mut queues = Queues::default();
    for (uid, standing) in seen {
        queues.set(&uid, standing);
    }
    queues
}

fn first(ahead: &Ahead) -> (usize, &str) {
    (ahead.count, ahead.first.as_deref().unwrap_or_default())
}

fn since(second: i32) -> Option<Timestamp> {
    format!("2026-01-01T00:00:{second:02}Z").parse().ok()
}

fn wakes(woken: Woken) -> Vec<String> {
    assert_eq!(woken.idle, []);
    woken.runs.into_iter().map(|(_, name)| name).collect()
}

#[test]
fn who_came_first_is_first_and_of_two_at_a_time_the_one_with_the_lower_uid() {
    let queues = queues([waits("c", 2), waits("b", 1), waits("a", 1)]);
    assert_eq!(first(&queues.ahead(&group(), "c", since(2))), (2, "run-a"));
    assert_eq!(first(&queues.ahead(&group(), "b", since(1))), (1, "run-a"));
    assert_eq!(first(&queues.ahead(&group(), "a", since(1))), (0, ""));
}

#[test]
fn who_has_no_place_yet_is_behind_all_and_one_whose_place_was_not_seen_too() {
    let queues = queues([waits("a", 3), waits("b", 4)]);
    for own in [None, since(1)] {
        let ahead = queues.ahead(&group(), "new", own);
        assert_eq!((first(&ahead), ahead.is_seen), ((2, "run-a"), false));
    }
    // Its place in an earlier round is not this one.
    assert!(!queues.ahead(&group(), "b", since(9)).is_seen);
    assert!(queues.ahead(&group(), "b", since(4)).is_seen);
}

#[test]
fn runs_that_do_not_want_to_go_on_are_passed_over() {
    let paused = json!({"lock": lock(1, 1), "paused": {"by": "alice", "since": "2026-01-01T00:00:00Z"}});
    let suspended = json!({"lock": lock(1, 1), "suspended": {"since": "2026-01-01T00:00:00Z"}});
    for status in [paused, suspended] {
        assert_eq!(Standing::of(&run("a", status)), Standing::UnderWay);
    }
    let mut deleted = run("a", json!({"lock": lock(1, 1)}));
    deleted.metadata.deletion_timestamp = Some(serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap());
    assert_eq!(Standing::of(&deleted), Standing::UnderWay);
    let mut aborted = run("a", json!({"lock": lock(1, 1)}));
    aborted.spec.actions = serde_json::from_value(json!([{"type": "Abort", "by": "alice"}])).unwrap();
    assert_eq!(Standing::of(&aborted), Standing::UnderWay);
}

#[test]
fn the_end_of_a_holder_wakes_the_first_alone() {
    let mut queues = queues([holds("h"), waits("a", 1), waits("b", 2), waits("c", 3)]);
    let (uid, standing) = over("h");
    assert_eq!(wakes(queues.set(&uid, standing)), ["run-a"]);
}

#[test]
fn so_does_the_end_of_one_that_only_a_lease_names() {
    let mut queues = queues([waits("a", 1)]);
    queues.holds("h", &group());
    assert_eq!(wakes(queues.set("h", Standing::Gone)), ["run-a"]);
    assert_eq!(queues.set("h", Standing::Gone), Woken::default());
}

#[test]
fn whoever_becomes_the_first_is_woken() {
    let mut queues = queues([waits("a", 2), waits("b", 3)]);
    assert_eq!(wakes(queues.set("a", Standing::UnderWay)), ["run-b"]);
    let (uid, standing) = waits("c", 1);
    assert_eq!(wakes(queues.set(&uid, standing)), ["run-c"]);
    // Behind it nobody is.
    let (uid, standing) = waits("a", 2);
    assert_eq!(wakes(queues.set(&uid, standing)), Vec::<String>::new());
}

#[test]
fn a_run_that_takes_its_lock_wakes_nobody() {
    let mut queues = queues([waits("a", 1), waits("b", 2)]);
    let (uid, standing) = holds("a");
    assert_eq!(wakes(queues.set(&uid, standing)), Vec::<String>::new());
    // Not even one that ends in the same write as it takes it, but for the next.
    let (uid, standing) = over("a");
    assert_eq!(wakes(queues.set(&uid, standing)), ["run-b"]);
}

#[test]
fn a_lock_that_nobody_waits_for_is_looked_after() {
    let mut queues = queues([holds("h")]);
    let (uid, standing) = over("h");
    assert_eq!(queues.set(&uid, standing), Woken { runs: vec![], idle: vec![group()] });
    assert!(queues.by_group.is_empty() && queues.holders.is_empty() && queues.held.is_empty());
    assert!(!queues.is_alive("h"));
}

#[test]
fn a_run_that_keeps_its_lock_after_its_end_holds_it() {
    let kept = json!({"lock": lock(0, 0), "finishedAt": "2026-01-01T00:01:00Z"});
    assert_eq!(Standing::of(&run("a", kept)), Standing::Holds(group()));
}

#[test]
fn what_a_list_does_not_name_is_gone() {
    let mut queues = queues([holds("h"), waits("a", 1), waits("b", 2)]);
    queues.begin_list();
    let (uid, standing) = waits("b", 2);
    queues.set(&uid, standing);
    let (woken, listed) = queues.end_list();
    assert_eq!((wakes(woken), listed.len()), (vec!["run-b".to_owned()], 1));
    assert!(!queues.is_alive("h") && !queues.is_alive("a"));
}

#[test]
fn the_one_that_has_the_lock_may_be_among_those_that_wait() {
    let mut queues = queues([waits("a", 1), waits("b", 2), waits("c", 3)]);
    assert!(!queues.ahead(&group(), "c", since(3)).has_holder);
    // Its status does not say so yet.
    queues.holds("a", &group());
    assert!(queues.ahead(&group(), "c", since(3)).has_holder && !queues.ahead(&group(), "a", since(1)).has_holder);
}
