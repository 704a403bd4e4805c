//! The loop against a store in memory and a real HTTP server: what is written when, and what is never repeated.

mod environments;
mod flow;
mod locks;
mod several;
mod told;
mod undo;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, extract::State, routing::post};
use jiff::SignedDuration;
use serde_json::json;
use sluice_api::PipelineSpec;
use sluice_engine::{AbortReason, RunPhase};

use super::*;
use crate::fake_world::{FakeWorld, now};

/// Keeps the last state; refuses the writes whose numbers it is told to.
#[derive(Default)]
struct Shelf {
    state: Option<RunState>,
    writes: usize,
    refuse: Vec<usize>,
    /// Told about each write.
    told: Option<Told>,
}

type Told = Box<dyn Fn(&RunState) + Send>;

#[derive(Debug, PartialEq)]
struct Refused;

#[async_trait]
impl Store for Shelf {
    type Error = Refused;

    async fn persist(&mut self, state: &RunState) -> Result<(), Refused> {
        self.writes += 1;
        if let Some(told) = &self.told {
            told(state);
        }
        if self.refuse.contains(&self.writes) {
            return Err(Refused);
        }
        self.state = Some(state.clone());
        Ok(())
    }

    async fn confirm(&mut self) -> Result<(), Refused> {
        Ok(())
    }
}

/// A run and everything around it.
struct Bench {
    world: FakeWorld,
    program: Program,
    variables: RunVariables,
    memory: Memory,
    shelf: Shelf,
    abort: Option<Abort>,
    asked: Vec<RunAction>,
    suspended: Option<String>,
    stopping: Arc<AtomicBool>,
    elapsed: SignedDuration,
}

impl Bench {
    fn of(stages: &str) -> Self {
        Self::with(stages, "")
    }

    /// A pipeline with more members.
    fn with(stages: &str, more: &str) -> Self {
        let text = format!("serviceAccountName: a\n{more}\nstages:\n{stages}");
        let spec: PipelineSpec = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(sluice_api::check::pipeline(&spec), []);
        let world = FakeWorld::default();
        Self {
            program: Program::of(&spec).unwrap(),
            variables: RunVariables::new(&world.run, serde_json::Map::new(), &[]),
            world,
            memory: Memory::default(),
            shelf: Shelf::default(),
            abort: None,
            asked: Vec::new(),
            suspended: None,
            stopping: Arc::default(),
            elapsed: SignedDuration::ZERO,
        }
    }

    async fn drive(&mut self) -> Result<Next, Refused> {
        let time = now() + self.elapsed;
        let clock = move || time;
        let run = Run {
            identity: &self.world.run,
            program: &self.program,
            variables: &self.variables,
            world: &self.world,
            abort: self.abort.clone(),
            asked: &self.asked,
            is_enforced: true,
            suspended: self.suspended.clone(),
            clock: &clock,
            stopping: &self.stopping,
        };
        let begun = || crate::begin(&self.program, &self.world.run, &self.variables).unwrap();
        let state = self.shelf.state.clone().unwrap_or_else(begun);
        drive(&run, state, &mut self.memory, &mut self.shelf).await
    }

    /// The process is killed and another one takes over.
    fn crash(&mut self) {
        self.memory = Memory::default();
    }

    fn state(&self) -> &RunState {
        self.shelf.state.as_ref().unwrap()
    }

    fn step(&self, stage: usize, step: usize) -> &sluice_engine::StepState {
        &self.shelf.state.as_ref().unwrap().stages[stage].steps[step]
    }
}

/// A server that counts the requests to it.
async fn counting_server() -> (String, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let handler = |State(count): State<Arc<AtomicUsize>>| async move {
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        axum::Json(json!({"number": number, "done": number > 2}))
    };
    let routes = Router::new().route("/", post(handler).get(handler)).with_state(count.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (url, count)
}

#[tokio::test]
async fn n_steps_that_act_cost_n_plus_one_writes_and_pure_ones_ride_along() {
    let (url, count) = counting_server().await;
    let mut bench = Bench::of(&format!(
        r#"
- name: first
  steps:
  - {{name: a, http: {{method: POST, url: "{url}"}}}}
  - {{name: b, set: {{values: {{n: "${{{{ steps.a.outputs.json.number + 1 }}}}"}}}}}}
  - {{name: c, http: {{method: POST, url: "{url}"}}}}
- name: never
  when: steps.b.outputs.n != 2
  steps: [{{name: d, fail: {{message: "no"}}}}]
"#
    ));
    assert_eq!(bench.drive().await, Ok(Next::Finished));
    assert_eq!((bench.shelf.writes, count.load(Ordering::SeqCst)), (3, 2));
    assert_eq!(bench.shelf.state.as_ref().unwrap().phase, RunPhase::Succeeded);
}

#[tokio::test]
async fn a_refused_write_of_an_outcome_repeats_no_request() {
    let (url, count) = counting_server().await;
    let mut bench = Bench::of(&format!("- {{name: s, steps: [{{name: a, http: {{method: POST, url: \"{url}\"}}}}]}}"));
    bench.shelf.refuse = vec![2, 3];
    assert_eq!(bench.drive().await, Err(Refused));
    assert_eq!(bench.drive().await, Err(Refused));
    assert_eq!(bench.drive().await, Ok(Next::Finished));
    assert_eq!(count.load(Ordering::SeqCst), 1);
    assert_eq!(bench.step(0, 0).outputs["json"]["number"], 1);
}

#[tokio::test]
async fn a_refused_claim_sends_nothing() {
    let (url, count) = counting_server().await;
    let mut bench = Bench::of(&format!("- {{name: s, steps: [{{name: a, http: {{method: POST, url: \"{url}\"}}}}]}}"));
    bench.shelf.refuse = vec![1];
    assert_eq!(bench.drive().await, Err(Refused));
    assert_eq!(count.load(Ordering::SeqCst), 0);
    assert_eq!(bench.drive().await, Ok(Next::Finished));
    assert_eq!((count.load(Ordering::SeqCst), bench.step(0, 0).claims), (1, 1));
}

#[tokio::test]
async fn after_a_crash_a_request_that_must_not_be_repeated_is_left_to_a_person() {
    let (url, count) = counting_server().await;
    let mut bench = Bench::of(&format!("- {{name: s, steps: [{{name: a, http: {{method: POST, url: \"{url}\"}}}}]}}"));
    bench.shelf.refuse = vec![2];
    assert_eq!(bench.drive().await, Err(Refused));
    bench.crash();
    assert_eq!(bench.drive().await, Ok(Next::Finished));
    assert_eq!(count.load(Ordering::SeqCst), 1, "sent once");
    assert_eq!((bench.step(0, 0).phase, bench.step(0, 0).claims), (StepPhase::Unknown, 2));
}

/// A server that counts the requests to it and answers none.
async fn silent_server() -> (String, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let handler = |State(count): State<Arc<AtomicUsize>>| async move {
        count.fetch_add(1, Ordering::SeqCst);
        std::future::pending::<()>().await;
    };
    let routes = Router::new().route("/", post(handler)).with_state(count.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (url, count)
}

/// Drives until the server has this many requests, and then drops the call in the middle of its act.
async fn cut_short(bench: &mut Bench, count: &AtomicUsize, requests: usize) {
    let counted = async {
        while count.load(Ordering::SeqCst) < requests {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        next = bench.drive() => panic!("it came to rest: {next:?}"),
        () = counted => {}
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_while_it_acts_gives_its_claim_up() {
    let (url, count) = silent_server().await;
    let call = format!("{{method: POST, url: \"{url}\", delivery: AtMostOnce}}");
    let mut bench = Bench::of(&format!("- {{name: s, steps: [{{name: a, http: {call}}}]}}"));
    cut_short(&mut bench, &count, 1).await;
    assert_eq!(bench.drive().await, Ok(Next::Finished));
    assert_eq!(count.load(Ordering::SeqCst), 1, "sent once");
    assert_eq!((bench.step(0, 0).phase, bench.step(0, 0).claims), (StepPhase::Unknown, 2));
}

#[tokio::test]
async fn what_may_be_repeated_is_repeated_under_a_new_claim_after_a_dropped_call() {
    let (url, count) = silent_server().await;
    let call = format!("{{method: POST, url: \"{url}\", delivery: AtLeastOnce}}");
    let mut bench = Bench::of(&format!("- {{name: s, steps: [{{name: a, http: {call}}}]}}"));
    cut_short(&mut bench, &count, 1).await;
    cut_short(&mut bench, &count, 2).await;
    assert_eq!((bench.step(0, 0).phase, bench.step(0, 0).claims), (StepPhase::Running, 2));
}

#[tokio::test]
async fn after_a_crash_a_wait_is_looked_at_without_a_write() {
    let (url, count) = counting_server().await;
    let mut bench = Bench::of(&format!(
        "- {{name: s, steps: [{{name: a, waitFor: {{interval: 30s, sources: {{it: {{http: {{url: \"{url}\"}}}}}}, condition: it.json.done}}}}]}}"
    ));
    let next = bench.drive().await.unwrap();
    assert!(matches!(next, Next::Wait(Some(until)) if until > now()), "{next:?}");
    assert_eq!(bench.shelf.writes, 1);
    bench.crash();
    bench.drive().await.unwrap();
    let writes = bench.shelf.writes;
    bench.crash();
    assert_eq!(bench.drive().await, Ok(Next::Finished));
    assert_eq!((count.load(Ordering::SeqCst), bench.shelf.writes, bench.step(0, 0).claims), (3, writes + 1, 1));
}

#[tokio::test]
async fn progress_is_written_when_it_changed_and_at_most_every_ten_seconds() {
    let (url, _) = counting_server().await;
    let mut bench = Bench::of(&format!(
        "- {{name: s, steps: [{{name: a, validate: {{interval: 1s, count: 100, sources: {{it: {{http: {{url: \"{url}\"}}}}}}, checks: [{{name: it counts, expr: it.json.number > 0}}]}}}}]}}"
    ));
    let mut written_at = Vec::new();
    for second in 0..35 {
        bench.elapsed = SignedDuration::from_secs(second);
        let before = bench.shelf.writes;
        let next = bench.drive().await.unwrap();
        assert!(matches!(next, Next::Wait(Some(until)) if until > now() + bench.elapsed), "{second} s: {next:?}");
        if bench.shelf.writes > before {
            written_at.push(second);
        }
    }
    assert_eq!(written_at, [0, 10, 20, 30], "the claim, then progress");
}

#[tokio::test]
async fn an_abort_ends_a_wait_at_once() {
    let mut bench = Bench::of("- {name: s, steps: [{name: a, delay: {duration: 1h}}]}");
    assert!(matches!(bench.drive().await, Ok(Next::Wait(Some(_)))));
    bench.abort = Some(Abort { reason: AbortReason::Aborted, message: "aborted by alice".to_owned() });
    assert_eq!(bench.drive().await, Ok(Next::Finished));
    assert_eq!(bench.step(0, 0).phase, StepPhase::Aborted);
    assert_eq!(bench.shelf.state.as_ref().unwrap().phase, RunPhase::Aborted);
}

#[tokio::test]
async fn what_a_step_did_is_kept_when_an_abort_overtakes_its_write() {
    let (url, count) = counting_server().await;
    let mut bench = Bench::of(&format!("- {{name: s, steps: [{{name: a, http: {{method: POST, url: \"{url}\"}}}}]}}"));
    bench.shelf.refuse = vec![2];
    assert_eq!(bench.drive().await, Err(Refused));
    bench.abort = Some(Abort { reason: AbortReason::Aborted, message: "aborted by alice".to_owned() });
    assert_eq!(bench.drive().await, Ok(Next::Finished));
    assert_eq!((count.load(Ordering::SeqCst), bench.step(0, 0).phase), (1, StepPhase::Succeeded));
    assert_eq!(bench.step(0, 0).outputs["json"]["number"], 1);
    assert_eq!(bench.shelf.state.as_ref().unwrap().phase, RunPhase::Aborted);
}

#[tokio::test]
async fn a_process_that_is_to_end_claims_nothing_new() {
    let (url, count) = counting_server().await;
    let mut bench = Bench::of(&format!("- {{name: s, steps: [{{name: a, http: {{method: POST, url: \"{url}\"}}}}]}}"));
    bench.stopping.store(true, Ordering::Relaxed);
    assert!(matches!(bench.drive().await, Ok(Next::Wait(_))));
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_timeout_is_not_multiplied_by_retries_that_nobody_asked_for() {
    let (url, _) = counting_server().await;
    let wait = format!("waitFor: {{sources: {{it: {{http: {{url: \"{url}\"}}}}}}, condition: it.json.number > 1000}}");
    let mut bench = Bench::of(&format!("- {{name: s, steps: [{{name: a, timeout: 5s, {wait}}}]}}"));
    bench.drive().await.unwrap();
    bench.elapsed = SignedDuration::from_secs(5);
    assert_eq!(bench.drive().await, Ok(Next::Finished));
    assert_eq!((bench.step(0, 0).attempt, bench.step(0, 0).reason.as_deref()), (1, Some("Timeout")));
}

/// A stage for each of forty items, each with one request that must not be repeated.
fn forty_requests(url: &str) -> String {
    let call = format!("{{method: POST, url: \"{url}\", delivery: AtMostOnce}}");
    let list: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    let each = format!("{{in: \"[{}]\", as: number}}", list.join(", "));
    format!("- {{name: s, forEach: {each}, steps: [{{name: a, http: {call}}}]}}")
}

#[tokio::test]
async fn no_more_is_claimed_than_can_begin_so_what_was_never_sent_is_known_to_be() {
    let (url, count) = silent_server().await;
    let mut bench = Bench::of(&forty_requests(&url));
    cut_short(&mut bench, &count, 32).await;
    let claimed = bench.shelf.state.as_ref().unwrap().steps().filter(|step| step.claims > 0).count();
    assert_eq!((claimed, count.load(Ordering::SeqCst)), (32, 32));
}

#[tokio::test]
async fn after_a_refused_write_nothing_more_is_sent() {
    let (url, count) = counting_server().await;
    let mut bench = Bench::of(&forty_requests(&url));
    bench.shelf.refuse = vec![2];
    assert_eq!(bench.drive().await, Err(Refused));
    assert_eq!(count.load(Ordering::SeqCst), 32);
    assert_eq!(bench.drive().await, Ok(Next::Finished));
    assert_eq!(count.load(Ordering::SeqCst), 40);
    assert_eq!(bench.shelf.state.as_ref().unwrap().phase, RunPhase::Succeeded);
}

#[tokio::test]
async fn a_long_loop_over_pure_steps_is_kept_on_the_way_and_comes_to_its_end() {
    let steps: Vec<String> = (0..40).map(|number| format!("{{name: s{number}, set: {{values: {{n: 1}}}}}}")).collect();
    let mut bench = Bench::of(&format!(
        "- {{name: s, until: {{condition: steps.s0.outputs.n > 1, limit: 260}}, steps: [{}]}}",
        steps.join(", ")
    ));
    let mut calls = 1;
    while bench.drive().await.unwrap() != Next::Finished {
        assert_eq!(bench.shelf.writes, calls, "every call keeps what it did");
        calls += 1;
    }
    assert!(calls > 1);
    assert_eq!(bench.shelf.state.as_ref().unwrap().ending.as_ref().unwrap().reason, "LoopLimit");
}
