//! The controller is killed (`kill -9`) while an Abortion hook runs, and while several steps are under way: everything goes on
//! with the next controller, and nothing is done twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt, stream};
use sluice_tests::faults::{Faults, Position};
use sluice_tests::fixture::{Team, step_of};
use sluice_tests::{Cluster, Controller};

use super::{ABORTED, server::Server, start};
use crate::abort::abort;
use crate::short::condition;

/// Plans that run at the same time.
const AT_A_TIME: usize = 6;

/// A run that waits, with a hook of two steps on its abortion and another one on its stage's.
fn waiting(team: &Team, server: &Server, sink: &str) {
    let tell = |step: &str| server.post_to(sink, step, &format!("/tell/{step}"));
    let hooks = format!(
        "\
hooks:
- {{name: end, events: [Abortion], steps: [{}, {}]}}
- {{name: stage, events: [Abortion], for: {{stage: only}}, steps: [{}]}}
",
        tell("first"),
        tell("last"),
        tell("nearest")
    );
    start(team, "web", "- {name: only, steps: [{name: wait, delay: {duration: 1h}}]}", &hooks);
}

/// One run behind a proxy that is aborted, with or without a kill at a write from then on. Returns how many there were.
async fn aborted(cluster: &Cluster, kill: Option<(usize, Position)>) -> usize {
    let faults = Arc::new(Faults::new());
    let server = Server::start().await;
    let sink = faults.before("sink", server.url(), None).await.expect("a proxy");
    let team = Team::open_through(cluster, faults.api(cluster).await.expect("a proxy")).await;
    let controller = Arc::new(team.controller().await);
    waiting(&team, &server, &sink);
    team.at("web", "wait").await;
    // From here on: what follows belongs to the abortion.
    faults.clear();
    if let Some((number, position)) = kill {
        faults.kill_at(number, position, controller.killer());
    }
    let resurrection = tokio::spawn(resurrect(faults.clone(), controller.clone()));
    abort(&team, "web").await;
    let run = team.ended("web").await;
    team.released("web").await;
    assert_eq!(condition(&run), ABORTED, "{kill:?}");
    if kill.is_some() {
        resurrection.await.expect("another life");
    }
    resurrected_once(&server, kill);
    let phases = run["status"]["hooks"].as_array().expect("hooks").iter().map(|hook| hook["phase"].clone());
    assert_eq!(phases.collect::<Vec<_>>(), ["Succeeded", "Succeeded"], "{kill:?}\n{}", faults.log());
    faults.writes().len()
}

/// Each effect has one key, in the order of the hooks; only the one under way at the kill may be sent again, under its key.
fn resurrected_once(server: &Server, kill: Option<(usize, Position)>) {
    let mut names = server.names();
    names.dedup();
    assert_eq!(names, ["nearest", "first", "last"], "{kill:?}");
    let mut sent: BTreeMap<_, Vec<String>> = BTreeMap::new();
    server.requests().into_iter().for_each(|request| sent.entry(request.name).or_default().extend(request.key));
    for (name, mut keys) in sent {
        assert!(keys.len() <= if kill.is_some() { 2 } else { 1 }, "{kill:?}: {name} was sent {} times", keys.len());
        keys.dedup();
        assert_eq!(keys.len(), 1, "{kill:?}: {name} has one key");
    }
}

async fn resurrect(faults: Arc<Faults>, controller: Arc<Controller>) {
    faults.kills(1).await;
    controller.restart().expect("another life");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the figures belong to the test's output")]
async fn a_kill_at_any_write_of_an_abortion_changes_nothing_of_its_hooks() {
    let cluster = Cluster::connect().await;
    let writes = aborted(&cluster, None).await;
    let plans: Vec<_> = (1..=writes).flat_map(|number| Position::ALL.map(|position| (number, position))).collect();
    println!("an abortion with three steps in its hooks writes {writes} times; {} plans", plans.len());
    stream::iter(plans)
        .for_each_concurrent(AT_A_TIME, async |plan| {
            aborted(&cluster, Some(plan)).await;
        })
        .await;
}

#[tokio::test]
async fn a_kill_in_the_middle_of_a_hook_s_request_sends_it_again_under_its_key() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    let controller = team.controller().await;
    let hooks = format!(
        "hooks: [{{name: end, events: [Abortion], steps: [{}, {}]}}]",
        server.post("held", "/hold/held"),
        server.post("last", "/tell/last")
    );
    start(&team, "web", "- {name: only, steps: [{name: wait, delay: {duration: 1h}}]}", &hooks);
    team.at("web", "wait").await;
    abort(&team, "web").await;
    server.has_seen("held", 1).await;
    controller.kill9();
    server.release("held");
    controller.restart().expect("another life");
    let run = team.ended("web").await;
    assert_eq!(condition(&run), ABORTED);
    assert_eq!(
        (step_of(&run, "held")["claims"].as_i64(), server.names()),
        (Some(2), ["held", "held", "last"].map(str::to_owned).to_vec())
    );
    let keys = server.keys("held");
    assert_eq!(keys[0], keys[1]);
}

#[tokio::test]
async fn a_hook_s_request_that_must_not_be_repeated_is_not_and_says_so() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    let controller = team.controller().await;
    let hooks =
        format!("hooks: [{{name: end, events: [Abortion], steps: [{}]}}]", server.post_once("held", "/hold/held"));
    start(&team, "web", "- {name: only, steps: [{name: wait, delay: {duration: 1h}}]}", &hooks);
    team.at("web", "wait").await;
    abort(&team, "web").await;
    server.has_seen("held", 1).await;
    controller.kill9();
    controller.restart().expect("another life");
    let run = team.ended("web").await;
    assert_eq!(condition(&run), ABORTED);
    assert_eq!((&step_of(&run, "held")["phase"], server.names().len()), (&"Unknown".into(), 1));
}

/// One run behind a proxy with up to four requests under way at the same time, with or without a kill at a write. Returns how
/// many writes there were, and how many kills.
async fn spread(cluster: &Cluster, kill: Option<(usize, Position)>) -> (usize, u64) {
    let faults = Arc::new(Faults::new());
    let server = Server::start().await;
    let sink = faults.before("sink", server.url(), None).await.expect("a proxy");
    let team = Team::open_through(cluster, faults.api(cluster).await.expect("a proxy")).await;
    let controller = Arc::new(team.controller().await);
    let tell = |step: &str| server.post_to(&sink, step, &format!("/tell/{step}"));
    let stages = format!(
        "\
- {{name: split, steps: [{}]}}
- {{name: left, needs: [split], parallel: true, steps: [{}, {}]}}
- {{name: right, needs: [split], forEach: {{in: \"['x', 'y', 'z']\", as: item, maxParallel: 2}}, steps: [{}]}}
- {{name: join, needs: [left, right], steps: [{}]}}
",
        tell("first"),
        tell("a"),
        tell("b"),
        tell("each"),
        tell("last")
    );
    team.home().apply(&super::pipeline("web", &stages, ""));
    team.pipeline_ready("web").await;
    faults.clear();
    if let Some((number, position)) = kill {
        faults.kill_at(number, position, controller.killer());
    }
    let resurrection = tokio::spawn(resurrect(faults.clone(), controller.clone()));
    team.home().apply(&crate::short::run("web", "web"));
    team.succeeded("web").await;
    // With so much at the same time, a run may need a write less than another one: then nothing was killed.
    resurrection.abort();

    let requests = server.requests();
    let mut sent: BTreeMap<(String, Option<String>), usize> = BTreeMap::new();
    requests.iter().for_each(|request| *sent.entry((request.name.clone(), request.key.clone())).or_default() += 1);
    let names: Vec<&str> = sent.keys().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["a", "b", "each", "each", "each", "first", "last"], "{kill:?}: one key an effect");
    let most = if kill.is_some() { 2 } else { 1 };
    assert!(sent.values().all(|times| *times <= most), "{kill:?}: {sent:?}");
    let order = server.names();
    let is_between = |name: &&String| !matches!(name.as_str(), "first" | "last");
    let between = order.iter().skip_while(|name| *name == "first").take_while(is_between).count();
    let ends = order.iter().filter(|name| !is_between(name)).count();
    assert_eq!(between + ends, order.len(), "{kill:?}: {order:?}");
    (faults.writes().len(), faults.killed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the figures belong to the test's output")]
async fn a_kill_at_any_write_with_several_steps_under_way_does_nothing_twice() {
    let cluster = Cluster::connect().await;
    let (writes, _) = spread(&cluster, None).await;
    let plans: Vec<_> = (1..=writes).flat_map(|number| Position::ALL.map(|position| (number, position))).collect();
    let count = plans.len();
    let runs = stream::iter(plans).map(|plan| spread(&cluster, Some(plan))).buffer_unordered(AT_A_TIME);
    let kills: u64 = runs.map(|(_, kills)| kills).fold(0, async |sum, kills| sum + kills).await;
    println!(
        "a run with seven effects, up to four at the same time, writes {writes} times; {count} plans, {kills} kills"
    );
    assert!(kills * 2 > count as u64, "few of the writes happened again");
}
