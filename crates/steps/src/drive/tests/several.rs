//! Several steps under way at the same time.

use std::{collections::BTreeMap, sync::Mutex};

use axum::extract::Path;
use tokio::sync::watch;

use super::*;

/// Long enough for anything here; what takes longer is stuck.
const STUCK: Duration = Duration::from_secs(30);

/// A server that counts the requests of each name and answers them once the name is let go.
#[derive(Clone, Default)]
struct Server {
    url: String,
    counts: Arc<Mutex<BTreeMap<String, usize>>>,
    /// The names that are answered; all of them when it has `*`.
    open: watch::Sender<Vec<String>>,
}

impl Server {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self { url: format!("http://{}", listener.local_addr().unwrap()), ..Self::default() };
        let routes = Router::new().route("/{name}", post(Self::answer)).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        server
    }

    async fn answer(State(server): State<Self>, Path(name): Path<String>) -> axum::Json<serde_json::Value> {
        let number = {
            let mut counts = server.counts.lock().unwrap();
            let count = counts.entry(name.clone()).or_default();
            *count += 1;
            *count
        };
        let is_open = |open: &Vec<String>| open.iter().any(|it| *it == name || it == "*");
        server.open.subscribe().wait_for(is_open).await.unwrap();
        axum::Json(json!({"number": number}))
    }

    fn let_go(&self, name: &str) {
        self.open.send_modify(|open| open.push(name.to_owned()));
    }

    /// How often each name was asked for.
    fn counts(&self) -> BTreeMap<String, usize> {
        self.counts.lock().unwrap().clone()
    }

    /// Returns when every one of these names has been asked for.
    async fn is_asked(&self, names: &[&str]) {
        while !names.iter().all(|name| self.counts().contains_key(*name)) {
            tokio::task::yield_now().await;
        }
    }

    /// A parallel stage that asks for `a` and `b`, never twice, and a stage after it that asks for `c`.
    fn bench(&self) -> Bench {
        let ask = |name: &str| format!("{{name: {name}, http: {{method: POST, url: \"{}/{name}\"}}}}", self.url);
        Bench::of(&format!(
            "- {{name: both, parallel: true, steps: [{}, {}]}}\n- {{name: after, steps: [{}]}}",
            ask("a"),
            ask("b"),
            ask("c")
        ))
    }
}

fn once_each(names: &[&str]) -> BTreeMap<String, usize> {
    names.iter().map(|name| ((*name).to_owned(), 1)).collect()
}

async fn driven(bench: &mut Bench) -> Result<Next, Refused> {
    tokio::time::timeout(STUCK, bench.drive()).await.expect("it comes to rest")
}

/// Where the steps `a` and `b` stand.
fn both(state: &RunState) -> [StepPhase; 2] {
    [0, 1].map(|step| state.stages[0].steps[step].phase)
}

#[tokio::test]
async fn two_requests_are_under_way_together_and_their_claims_cost_one_write() {
    let server = Server::start().await;
    let mut bench = server.bench();
    let releases = async {
        server.is_asked(&["a", "b"]).await;
        server.let_go("*");
    };
    let (next, ()) = tokio::join!(driven(&mut bench), releases);
    assert_eq!(next, Ok(Next::Finished));
    assert_eq!(server.counts(), once_each(&["a", "b", "c"]));
    assert!(bench.shelf.writes <= 4, "{} writes for three requests", bench.shelf.writes);
}

#[tokio::test]
async fn the_outcome_of_one_is_persisted_while_the_other_is_under_way() {
    let server = Server::start().await;
    let mut bench = server.bench();
    server.let_go("a");
    server.let_go("c");
    let (written, is_written) = (server.clone(), Arc::new(AtomicBool::new(false)));
    let was_written = is_written.clone();
    bench.shelf.told = Some(Box::new(move |state| {
        if both(state) == [StepPhase::Succeeded, StepPhase::Running] {
            is_written.store(true, Ordering::SeqCst);
            written.let_go("b");
        }
    }));
    assert_eq!(driven(&mut bench).await, Ok(Next::Finished));
    assert!(was_written.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_refused_write_waits_for_what_is_under_way_and_repeats_neither() {
    let server = Server::start().await;
    let mut bench = server.bench();
    server.let_go("a");
    server.let_go("c");
    // The write with the outcome of `a`, while `b` is under way.
    bench.shelf.refuse = vec![2];
    let refused = server.clone();
    bench.shelf.told = Some(Box::new(move |state| {
        if both(state) == [StepPhase::Succeeded, StepPhase::Running] {
            refused.let_go("b");
        }
    }));
    assert_eq!(driven(&mut bench).await, Err(Refused));
    assert_eq!(both(bench.state()), [StepPhase::Running; 2], "as it was claimed");
    assert_eq!(driven(&mut bench).await, Ok(Next::Finished));
    assert_eq!(both(bench.state()), [StepPhase::Succeeded; 2]);
    assert_eq!(server.counts(), once_each(&["a", "b", "c"]));
    assert_eq!([bench.step(0, 0).claims, bench.step(0, 1).claims], [1, 1]);
}

#[tokio::test]
async fn a_dropped_call_gives_up_every_claim_under_way_and_keeps_what_has_ended() {
    let server = Server::start().await;
    let mut bench = server.bench();
    server.let_go("a");
    let (told, has_ended) = watch::channel(false);
    bench.shelf.told = Some(Box::new(move |state| {
        told.send_if_modified(|ended| std::mem::replace(ended, both(state)[0] == StepPhase::Succeeded) != *ended);
    }));
    let mut has_ended = has_ended;
    tokio::select! {
        next = driven(&mut bench) => panic!("it came to rest: {next:?}"),
        _ = has_ended.wait_for(|ended| *ended) => {}
    }
    bench.shelf.told = None;
    assert_eq!(driven(&mut bench).await, Ok(Next::Finished));
    assert_eq!(both(bench.state()), [StepPhase::Succeeded, StepPhase::Unknown]);
    assert_eq!(server.counts(), once_each(&["a", "b"]));
}

#[tokio::test]
async fn a_process_that_is_to_end_records_what_is_under_way_and_begins_nothing() {
    let server = Server::start().await;
    let mut bench = server.bench();
    let stopping = bench.stopping.clone();
    let stops = async {
        server.is_asked(&["a", "b"]).await;
        stopping.store(true, Ordering::Relaxed);
        server.let_go("*");
    };
    let (next, ()) = tokio::join!(driven(&mut bench), stops);
    assert_eq!(next, Ok(Next::Wait(None)));
    assert_eq!(both(bench.state()), [StepPhase::Succeeded; 2]);
    assert_eq!(server.counts(), once_each(&["a", "b"]));
    bench.crash();
    bench.stopping.store(false, Ordering::Relaxed);
    assert_eq!(driven(&mut bench).await, Ok(Next::Finished));
    assert_eq!(server.counts(), once_each(&["a", "b", "c"]));
}

#[tokio::test]
async fn an_abort_that_comes_with_the_next_call_finds_what_was_done() {
    let server = Server::start().await;
    let mut bench = server.bench();
    server.let_go("a");
    bench.shelf.refuse = vec![2];
    let refused = server.clone();
    bench.shelf.told = Some(Box::new(move |_| refused.let_go("b")));
    assert_eq!(driven(&mut bench).await, Err(Refused));
    bench.abort = Some(Abort { reason: AbortReason::Aborted, message: "aborted by alice".to_owned() });
    assert_eq!(driven(&mut bench).await, Ok(Next::Finished));
    assert_eq!(both(bench.state()), [StepPhase::Succeeded; 2]);
    assert_eq!(bench.state().phase, RunPhase::Aborted);
    assert_eq!(server.counts(), once_each(&["a", "b"]));
}

/// A server that takes a while for each answer, and says how often it was asked.
async fn leisurely() -> String {
    let count = Arc::new(AtomicUsize::new(0));
    let handler = |State(count): State<Arc<AtomicUsize>>| async move {
        tokio::time::sleep(ONE_CALL / 8).await;
        axum::Json(json!({"number": count.fetch_add(1, Ordering::SeqCst) + 1}))
    };
    let routes = Router::new().route("/", post(handler)).with_state(count);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

/// A stage that asks until it is told this number.
fn asks(name: &str, url: &str, number: usize) -> String {
    format!(
        "- {{name: {name}Loop, needs: [], until: {{condition: steps.{name}.outputs.json.number >= {number}, limit: 100}}, \
         steps: [{{name: {name}, http: {{method: POST, url: \"{url}\"}}}}]}}\n"
    )
}

/// The run does not end in one call, and nothing of it is under way between two calls.
async fn comes_to_rest(stages: &str) {
    let mut bench = Bench::of(stages);
    let next = driven(&mut bench).await;
    assert_eq!(next, Ok(Next::Wait(Some(now()))), "the run is read anew, and goes on at once");
    assert!(bench.state().steps().all(|step| step.phase != StepPhase::Running), "everything has ended");
    while driven(&mut bench).await != Ok(Next::Finished) {}
    assert!(bench.state().steps().all(|step| step.claims == 1));
    assert_eq!(bench.state().phase, RunPhase::Succeeded);
}

#[tokio::test]
async fn a_run_with_several_things_under_way_comes_to_rest_now_and_then() {
    let url = leisurely().await;
    // Both together: that takes ten pauses of the server, and a call lasts eight.
    comes_to_rest(&format!("{}{}", asks("a", &url, 20), asks("b", &url, 20))).await;
}

#[tokio::test]
async fn a_loop_without_pauses_comes_to_rest_now_and_then() {
    let url = leisurely().await;
    comes_to_rest(&asks("a", &url, 10)).await;
}
