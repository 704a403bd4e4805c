//! What is kept: one file a run, whole or not at all, for one process at a time, and never overwritten when it is not understood.

use std::{fs, process::Stdio};

use nix::sys::signal::Signal;

use crate::support::{Place, Running, eventually, pipeline, read};

const WAITS: &str = "  stages: [{name: s, steps: [{name: rest, delay: {duration: 1h}}]}]\n";

fn is_resting(status: &serde_json::Value) -> bool {
    status["stages"][0]["steps"][0]["phase"] == "Running"
}

#[test]
fn a_second_process_is_told_who_has_the_run() {
    let place = Place::with(&pipeline(WAITS));
    let first = place.start(&["run", "-f", "p.yaml"]);
    place.wait_for("p-1", is_resting);
    let said = place.sluice(&["resume"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    let expected = format!("run \"p-1\" is being carried on by process {}", first.id());
    assert!(said.err.contains(&expected), "{}", said.err);
    // Another run of the same pipeline stands in nobody's way.
    let other = place.start(&["run", "-f", "p.yaml"]);
    place.wait_for("p-2", is_resting);
    other.kill();
    first.kill();
}

#[test]
fn a_file_that_is_not_understood_is_named_with_a_remedy_and_left_alone() {
    let place = Place::with(&pipeline(WAITS));
    place.start(&["run", "-f", "p.yaml"]).signal_after(&place).kill();
    let path = place.path(".sluice/runs/p-1.json");
    let good = fs::read_to_string(&path).unwrap();
    for (content, why) in [
        (good[..good.len() / 2].to_owned(), "EOF"),
        ("{\"kind\": \"Pod\"}".to_owned(), "it is no PipelineRun"),
        (good.replace("\"p-1\"", "\"p-2\""), "it says to be the run \"p-2\""),
        (good.replace("\"Running\"", "\"Levitating\""), "Levitating"),
        (good.replace(r#"\"yes\":false"#, r#"\"yes\":3"#), "annotation sluice.dev/local"),
        (good.replace(r#"\"yes\":false"#, r#"\"yes\":false,\"novel\":1"#), "unknown field `novel`"),
        (good.replace("\"status\": {", "\"status\": {\"novel\": 1,"), "it has \"status.novel\""),
        (good.replace("\"name\": \"rest\"", "\"name\": \"rest\", \"novel\": 1"), "it has \"stat"),
    ] {
        assert_ne!(content, good, "{why}");
        fs::write(&path, &content).unwrap();
        for arguments in [vec!["resume"], vec!["resume", "p-1"]] {
            let said = place.sluice(&arguments);
            assert_eq!(said.code, Some(2), "{said:?}");
            let has = |words: &str| said.err.contains(words);
            assert!(has("p-1.json") && has(why) && has("move it away"), "{why}: {}", said.err);
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
    let said = place.sluice(&["run", "-f", "p.yaml", "--name", "p-1"]);
    assert!(said.code == Some(2) && said.err.contains("already"), "{said:?}");
}

#[test]
fn editing_the_manifest_never_changes_a_run_that_has_begun() {
    let steps = |text: &str| {
        pipeline(&format!(
            "  stages: [{{name: s, steps: [{{name: rest, delay: {{duration: 1h}}}}, {{name: say, set: {{values: {{text: {text}}}}}}}]}}]\n"
        ))
    };
    let place = Place::with(&steps("before"));
    place.start(&["run", "-f", "p.yaml"]).signal_after(&place).kill();
    place.hours_pass("p-1");
    fs::write(place.path("p.yaml"), steps("after")).unwrap();
    let said = place.sluice(&["resume"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(place.run("p-1")["status"]["stages"][0]["steps"][1]["outputs"]["text"], "before");
}

#[test]
fn a_version_that_was_lost_or_changed_stops_the_run() {
    let place = Place::with(&pipeline(WAITS));
    place.start(&["run", "-f", "p.yaml"]).signal_after(&place).kill();
    let revision = place.run("p-1")["status"]["pipelineRevision"].as_str().unwrap().to_owned();
    let path = place.path(&format!(".sluice/revisions/{revision}.json"));
    let good = fs::read_to_string(&path).unwrap();
    fs::write(&path, good.replace("1h", "0s")).unwrap();
    let said = place.sluice(&["resume"]);
    assert!(said.code == Some(2) && said.err.contains("its content was changed"), "{said:?}");
    fs::remove_file(&path).unwrap();
    let said = place.sluice(&["resume"]);
    assert!(said.code == Some(2) && said.err.contains(&format!("{revision}.json")), "{said:?}");
}

#[test]
fn the_state_is_the_object_that_a_cluster_would_hold_and_no_repository_takes_it() {
    let place = Place::with(&pipeline("  stages: [{name: s, steps: [{name: a, set: {values: {n: 1}}}]}]\n"));
    assert_eq!(place.sluice(&["run", "-f", "p.yaml"]).code, Some(0));
    let run = place.run("p-1");
    assert_eq!((run["kind"].as_str(), run["apiVersion"].as_str()), (Some("PipelineRun"), Some("sluice.dev/v1alpha1")));
    assert_eq!(run["status"]["conditions"][0]["type"], "Succeeded");
    assert_eq!(run["status"]["conditions"][0]["status"], "True");
    assert_eq!(run["metadata"]["uid"].as_str().unwrap().len(), 36);
    assert_eq!(fs::read_to_string(place.path(".sluice/.gitignore")).unwrap(), "*\n");
}

#[test]
fn resume_finishes_every_unfinished_run_from_wherever_it_is_called() {
    let place = Place::with(&pipeline(WAITS));
    fs::create_dir(place.path("elsewhere")).unwrap();
    for name in ["one", "two"] {
        let running = place.start(&["run", "-f", "p.yaml", "--name", name]);
        place.wait_for(name, is_resting);
        running.signal(Signal::SIGKILL);
        running.end();
        place.hours_pass(name);
    }
    let mut command = place.command(&["resume", "--state", "../.sluice"]);
    let said = crate::support::Said::of(command.current_dir(place.path("elsewhere")).output().unwrap());
    assert_eq!(said.code, Some(0), "{said:?}");
    for name in ["one", "two"] {
        assert_eq!(place.run(name)["status"]["phase"], "Succeeded");
    }
}

#[test]
fn a_run_that_cannot_be_read_holds_up_no_other() {
    let place = Place::with(&pipeline("  stages: [{name: s, steps: [{name: rest, delay: {duration: 3s}}]}]\n"));
    for name in ["one", "two"] {
        let running = place.start(&["run", "-f", "p.yaml", "--name", name]);
        place.wait_for(name, is_resting);
        running.kill();
    }
    fs::write(place.path(".sluice/runs/one.json"), "{}").unwrap();
    let said = place.sluice(&["resume"]);
    assert!(said.code == Some(2) && said.err.contains("one.json"), "{said:?}");
    assert_eq!(place.run("two")["status"]["phase"], "Succeeded");
}

#[test]
fn a_run_that_is_there_is_carried_on_by_the_command_that_is_offered() {
    let place = Place::with(&pipeline(WAITS));
    let running = place.start(&["run", "-f", "p.yaml", "--state", "kept/state", "--name", "one"]);
    let path = place.path("kept/state/runs/one.json");
    eventually("one", || read(&path).is_some_and(|run| is_resting(&run["status"])));
    running.kill();
    let said = place.sluice(&["run", "-f", "p.yaml", "--state", "kept/state", "--name", "one"]);
    let offer = "resume one --state kept/state`, or start another one with --name one-2";
    assert!(said.code == Some(2) && said.err.contains(offer), "{said:?}");
}

#[test]
fn a_new_run_takes_the_next_number_when_another_process_was_faster() {
    let place = Place::with(&pipeline("  stages: [{name: s, steps: [{name: a, set: {values: {n: 1}}}]}]\n"));
    fs::create_dir_all(place.path(".sluice/runs")).unwrap();
    // The other one has the name, and has written nothing yet.
    let lock = fs::File::create(place.path(".sluice/runs/p-1.lock")).unwrap();
    lock.try_lock().unwrap();
    assert_eq!(place.sluice(&["run", "-f", "p.yaml"]).code, Some(0));
    assert_eq!(place.run("p-2")["status"]["phase"], "Succeeded");
    let said = place.sluice(&["run", "-f", "p.yaml", "--name", "p-1"]);
    assert!(said.code == Some(2) && said.err.contains("is being carried on"), "{said:?}");
}

#[test]
fn a_state_directory_that_is_not_there_is_a_mistake() {
    let said = Place::new().sluice(&["resume", "--state", "gone"]);
    assert!(said.code == Some(2) && said.err.contains("there is no directory gone: correct --state"), "{said:?}");
}

#[test]
fn manifests_from_standard_input_are_asked_for_again() {
    let place = Place::new();
    fs::write(place.path("p"), pipeline(WAITS)).unwrap();
    let mut command = place.command(&["run", "-f", "-"]);
    command.stdin(fs::File::open(place.path("p")).unwrap()).stdout(Stdio::null());
    let running = Running::of(&mut command);
    place.wait_for("p-1", is_resting);
    running.kill();
    place.hours_pass("p-1");
    let said = place.sluice(&["resume"]);
    assert!(said.code == Some(2) && said.err.contains("standard input"), "{said:?}");
    fs::rename(place.path("p"), place.path("p.yaml")).unwrap();
    assert_eq!(place.sluice(&["resume", "-f", "p.yaml"]).code, Some(0));
}

trait WaitsForItsRest: Sized {
    fn signal_after(self, place: &Place) -> Self;
}

impl WaitsForItsRest for Running {
    /// Comes back once the first step of run `p-1` is under way.
    fn signal_after(self, place: &Place) -> Self {
        place.wait_for("p-1", is_resting);
        self
    }
}
