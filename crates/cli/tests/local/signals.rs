//! The first signal aborts the run and its hooks run, a second one leaves it, and `resume` finishes what is left.

use std::{
    io::Read,
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::{Place, Running, eventually, pipeline};

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
        let place = place("1h");
        let running = started(&place);
        running.signal(Signal::SIGTERM);
        place.wait_for("p-1", hook_is_at_its_pause);
        running.signal(signal);
        let said = running.end();
        assert_eq!(said.code, Some(code), "{said:?}");
        assert!(said.err.contains("sluice resume p-1"), "{}", said.err);
        assert_eq!(place.run("p-1")["status"]["hooks"][0]["phase"], "Running");
        place.hours_pass("p-1");
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
    let place = place("1h");
    let running = started(&place);
    running.signal(Signal::SIGTERM);
    place.wait_for("p-1", hook_is_at_its_pause);
    running.kill();
    place.hours_pass("p-1");
    assert_eq!(place.sluice(&["resume", "p-1"]).code, Some(3));
    assert_eq!(place.run("p-1")["status"]["hooks"][0]["steps"][1]["phase"], "Succeeded");
}

#[test]
fn after_a_signal_resume_begins_with_no_further_run() {
    let place = place("0s");
    for name in ["one", "two", "three"] {
        let running = place.start(&["run", "-f", "p.yaml", "--name", name]);
        place.wait_for(name, |status| status["stages"][0]["steps"][0]["phase"] == "Running");
        running.kill();
    }
    let running = place.start(&["resume"]);
    let lock = place.path(".sluice/runs/one.lock");
    eventually("the lock", || std::fs::read_to_string(&lock).is_ok_and(|id| id.trim() == running.id().to_string()));
    running.signal(Signal::SIGINT);
    let said = running.end();
    assert_eq!(said.code, Some(130), "{said:?}");
    let phase = |name: &str| place.run(name)["status"]["phase"].as_str().unwrap().to_owned();
    assert_eq!([phase("one"), phase("two"), phase("three")], ["Aborted", "Running", "Running"]);
    assert!(said.err.contains("sluice resume two") && said.err.contains("sluice resume three"), "{}", said.err);
}

/// A server that takes requests and answers none.
struct Silent {
    url: String,
    requests: Arc<Mutex<Vec<TcpStream>>>,
}

impl Silent {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let taken = requests.clone();
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                if stream.read(&mut [0; 1024]).is_ok_and(|length| length > 0) {
                    taken.lock().unwrap().push(stream);
                }
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

#[test]
fn what_does_not_answer_holds_up_no_abort() {
    let server = Silent::start();
    let place = Place::with(&pipeline(&format!(
        "  stages: [{{name: s, steps: [{{name: call, http: {{method: POST, url: \"{}\"}}}}]}}]\n  \
         hooks: [{{name: undo, events: [Abortion], steps: [{{name: say, set: {{values: {{done: true}}}}}}]}}]\n",
        server.url
    )));
    let running = place.start(&["run", "-f", "p.yaml", "--allow-http-to", "127.0.0.0/8"]);
    eventually("the request", || server.requests() == 1);
    running.signal(Signal::SIGINT);
    let said = running.end();
    assert_eq!((said.code, server.requests()), (Some(3), 1), "{said:?}");
    assert_eq!(place.run("p-1")["status"]["hooks"][0]["steps"][0]["outputs"]["done"], true);
}

#[test]
fn a_signal_repeats_nothing_that_a_hook_does() {
    // In a run that is ending already, where it cuts nothing short, and in one that it aborts, hooks included. The request
    // takes longer than what is under way then may take.
    let cases = [("Failure", 1, "Failed"), ("Started", 3, "Aborted")].map(|(event, code, phase)| {
        let server = Silent::start();
        let place = Place::with(&pipeline(&format!(
            r#"  stages: [{{name: s, steps: [{{name: stop, fail: {{message: "no"}}}}]}}]
  hooks:
  - name: tell
    events: [{event}]
    steps:
    - name: post
      retry: {{limit: 0}}
      http: {{method: POST, url: "{}", requestTimeout: 8s, delivery: AtLeastOnce}}
"#,
            server.url
        )));
        let running = place.start(&["run", "-f", "p.yaml", "--allow-http-to", "127.0.0.0/8"]);
        eventually("the request", || server.requests() == 1);
        running.signal(Signal::SIGINT);
        (server, place, running, code, phase)
    });
    for (server, place, running, code, phase) in cases {
        let said = running.end();
        assert_eq!((said.code, server.requests()), (Some(code), 1), "{said:?}");
        let hook = &place.run("p-1")["status"]["hooks"][0];
        let step = &hook["steps"][0];
        assert_eq!((hook["phase"].as_str(), step["claims"].as_i64()), (Some(phase), Some(1)), "{hook}");
    }
}
