//! The first signal aborts the run and its hooks run, a second one leaves it, and `resume` finishes what is left.

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::{Place, Running, pipeline};

/// A run that waits; its abortion hook takes as long as `pause`.
fn place(pause: &str) -> Place {
    Place::with(&pipeline(&format!(
        r#"  stages: [{{name: s, steps: [{{name: rest, delay: {{duration: 1h}}}}]}}]
  hooks:
  - name: undo
    events: [Abortion]
    steps:
    - {{name: pause, delay: {{duration: {pause}}}}}
    - {{name: say, set: {{values: {{why: "${{{{ failure.message }}}}"}}}}}}
"#
    )))
}

fn started(place: &Place) -> Running {
    let running = place.start(&["run", "-f", "p.yaml"]);
    place.wait_for("p-1", |status| status["stages"][0]["steps"][0]["phase"] == "Running");
    running
}

fn hook_is_at_its_pause(status: &Value) -> bool {
    status["hooks"][0]["steps"][0]["phase"] == "Running"
}

#[test]
fn the_first_signal_aborts_the_run_and_its_hooks_run() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let place = place("0s");
        let running = started(&place);
        running.signal(signal);
        let said = running.end();
        assert_eq!(said.code, Some(3), "{said:?}");
        let run = place.run("p-1");
        let (action, status) = (&run["spec"]["actions"][0], &run["status"]);
        assert_eq!((action["type"].as_str(), action["by"].as_str()), (Some("Abort"), Some("ada")));
        assert_eq!(action["reason"], signal.as_str());
        assert_eq!(status["phase"], "Aborted");
        assert_eq!(status["actions"][0]["result"], "Applied");
        assert_eq!(status["hooks"][0]["steps"][1]["outputs"]["why"], format!("aborted by ada: {signal}"));
    }
}

#[test]
fn a_second_signal_leaves_the_run_and_resume_finishes_its_hooks() {
    for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGINT, 130)] {
        let place = place("2s");
        let running = started(&place);
        running.signal(Signal::SIGTERM);
        place.wait_for("p-1", hook_is_at_its_pause);
        running.signal(signal);
        let said = running.end();
        assert_eq!(said.code, Some(code), "{said:?}");
        assert!(said.err.contains("sluice resume p-1"), "{}", said.err);
        assert_eq!(place.run("p-1")["status"]["hooks"][0]["phase"], "Running");
        let said = place.sluice(&["resume"]);
        assert_eq!(said.code, Some(3), "{said:?}");
        let status = &place.run("p-1")["status"];
        assert_eq!(
            (status["phase"].as_str(), status["hooks"][0]["phase"].as_str()),
            (Some("Aborted"), Some("Succeeded"))
        );
    }
}

#[test]
fn the_hooks_of_an_abortion_also_run_after_a_kill() {
    let place = place("1s");
    let running = started(&place);
    running.signal(Signal::SIGTERM);
    place.wait_for("p-1", hook_is_at_its_pause);
    running.kill();
    assert_eq!(place.sluice(&["resume", "p-1"]).code, Some(3));
    assert_eq!(place.run("p-1")["status"]["hooks"][0]["steps"][1]["phase"], "Succeeded");
}

#[test]
fn what_does_not_answer_holds_up_no_abort() {
    // It takes connections, by the system's queue, and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let steps = format!(
        "  stages: [{{name: s, steps: [{{name: call, http: {{method: POST, url: \"{url}\"}}}}]}}]\n  \
         hooks: [{{name: undo, events: [Abortion], steps: [{{name: say, set: {{values: {{done: true}}}}}}]}}]\n"
    );
    let place = Place::with(&pipeline(&steps));
    let running = place.start(&["run", "-f", "p.yaml", "--allow-http-to", "127.0.0.0/8"]);
    place.wait_for("p-1", |status| status["stages"][0]["steps"][0]["phase"] == "Running");
    running.signal(Signal::SIGINT);
    let said = running.end();
    assert_eq!(said.code, Some(3), "{said:?}");
    assert_eq!(place.run("p-1")["status"]["hooks"][0]["steps"][0]["outputs"]["done"], true);
}
