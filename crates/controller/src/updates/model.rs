//! Two controllers over a cluster that is only played: stale watches, crashes at any write, arrivals in any order.

#![allow(clippy::unwrap_used, reason = "a test ends with its first surprise")]

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use futures::FutureExt;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;
use sluice_api::{
    ComponentStatus, ComponentUpdate, ComponentUpdateStatus, EnvironmentSpec, EnvironmentStatus, PipelineRun, Verdict,
};

use super::{
    deploy::{self, Target},
    desk::Desk,
    inbox::Inbox,
    index, seen,
};
use crate::{guarded::Guarded, starts::Made};

/// `web` is deployed, `db` is only recorded.
const COMPONENTS: [&str; 2] = ["web", "db"];

/// What the cluster holds at one moment.
#[derive(Clone, Default)]
struct State {
    version: u64,
    environment: u64,
    status: EnvironmentStatus,
    updates: BTreeMap<String, ComponentUpdate>,
    runs: BTreeMap<String, PipelineRun>,
}

/// The cluster: every moment of it, and what must never happen is asserted as it comes.
struct World {
    history: Vec<State>,
    /// The names of runs, in the order in which they were made.
    made: Vec<String>,
}

impl World {
    fn now(&self) -> &State {
        self.history.last().unwrap()
    }

    fn change(&mut self, change: impl FnOnce(&mut State, u64)) {
        let mut state = self.now().clone();
        state.version += 1;
        let version = state.version;
        change(&mut state, version);
        self.history.push(state);
    }

    fn write_environment(&mut self, read: u64, status: &EnvironmentStatus) -> bool {
        if self.now().environment != read {
            return false;
        }
        for (before, after) in self.now().status.components.iter().zip(&status.components) {
            if let Some(before) = &before.recorded {
                assert!(before.sequence <= after.recorded.as_ref().unwrap().sequence, "an older one never replaces it");
            }
        }
        self.change(|state, version| {
            state.status = status.clone();
            state.environment = version;
        });
        true
    }

    fn start(&mut self, run: &PipelineRun) -> Made {
        let name = run.metadata.name.clone().unwrap();
        if let Some(there) = self.now().runs.get(&name) {
            return Made::Already(there.clone());
        }
        let update = &self.now().updates[&name];
        let was_recorded = self.history.iter().any(|state| {
            let mut recorded = state.status.components.iter().filter_map(|component| component.recorded.as_ref());
            recorded.any(|recorded| recorded.update_ref == seen::name(update))
        });
        assert!(was_recorded, "no run before the record");
        assert!(
            self.now().runs.values().all(|run| deploy::verdict(run).truth != sluice_api::Truth::Unknown),
            "one at a time"
        );
        let sequence = |name: &String| self.now().updates[name].spec.sequence;
        assert!(self.made.iter().all(|before| sequence(before) < sequence(&name)), "in order");
        self.made.push(name.clone());
        self.change(|state, _| {
            state.runs.insert(name, run.clone());
        });
        Made::New(run.clone())
    }
}

/// A controller: what its watches show, and when it dies.
struct Seat {
    world: Arc<Mutex<World>>,
    updates: State,
    runs: State,
    /// Writes until it dies, and whether the last one is carried out.
    life: Mutex<Option<(usize, bool)>>,
}

/// What becomes of a write.
enum Fate {
    Done,
    /// It is carried out, and the controller dies.
    Last,
    /// The controller is dead.
    Lost,
}

impl Seat {
    fn fate(&self) -> Fate {
        match self.life.lock().unwrap().as_mut() {
            None => Fate::Done,
            Some((0, _)) => Fate::Lost,
            Some((left, is_carried_out)) => {
                *left -= 1;
                match (*left, *is_carried_out) {
                    (0, true) => Fate::Last,
                    (0, false) => Fate::Lost,
                    _ => Fate::Done,
                }
            }
        }
    }

    /// One write, unless the controller dies at it: then nothing of it goes on.
    async fn effect<T: Send>(&self, write: impl FnOnce(&mut World) -> T + Send) -> T {
        match self.fate() {
            Fate::Done => write(&mut self.world.lock().unwrap()),
            Fate::Last => {
                write(&mut self.world.lock().unwrap());
                std::future::pending().await
            }
            Fate::Lost => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Desk for &Seat {
    async fn update(&self, name: &str) -> Result<Option<ComponentUpdate>, kube::Error> {
        Ok(self.world.lock().unwrap().now().updates.get(name).cloned())
    }

    async fn run(&self, name: &str) -> Result<Option<Result<PipelineRun, String>>, kube::Error> {
        Ok(self.world.lock().unwrap().now().runs.get(name).cloned().map(Ok))
    }

    async fn start(&self, run: &PipelineRun) -> Result<Made, kube::Error> {
        Ok(self.effect(|world| world.start(run)).await)
    }

    async fn write(&self, update: &ComponentUpdate, status: &ComponentUpdateStatus) -> Result<(), kube::Error> {
        let (name, read) = (update.metadata.name.clone().unwrap(), update.metadata.resource_version.clone());
        let write = |world: &mut World| {
            if world.now().updates.get(&name).is_some_and(|now| now.metadata.resource_version == read) {
                world.change(|state, version| {
                    let update = state.updates.get_mut(&name).unwrap();
                    update.status = Some(status.clone());
                    update.metadata.resource_version = Some(version.to_string());
                });
            }
        };
        self.effect(write).await;
        Ok(())
    }

    async fn delete(&self, update: &ComponentUpdate) -> Result<(), kube::Error> {
        let (name, read) = (update.metadata.name.clone().unwrap(), update.metadata.resource_version.clone());
        let delete = |world: &mut World| {
            if world.now().updates.get(&name).is_some_and(|now| now.metadata.resource_version == read) {
                panic!("nothing is deleted here: {name}");
            }
        };
        self.effect(delete).await;
        Ok(())
    }

    fn known(&self, update: &ComponentUpdate) -> Option<Verdict> {
        self.runs.runs.get(update.metadata.name.as_deref()?).map(deploy::verdict)
    }

    fn under_way(&self, update: &ComponentUpdate) -> Option<Vec<String>> {
        let component = ("shop".to_owned(), update.spec.environment.clone(), update.spec.component.clone());
        let of = |run: &PipelineRun| {
            let mut run = run.clone();
            run.metadata.namespace = Some("shop".to_owned());
            !index::has_ended(&run) && index::component_of(&run).as_ref() == Some(&component)
        };
        Some(self.runs.runs.iter().filter(|(_, run)| of(run)).map(|(name, _)| name.clone()).collect())
    }

    fn is_stale(&self, _: &ComponentUpdate) -> bool {
        false
    }
}

/// Numbers that only seem random.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound
    }
}

fn spec() -> EnvironmentSpec {
    serde_json::from_value(json!({"components": [
        {"name": "web", "onUpdate": {"deploy": {"pipelineRef": {"name": "deploy"}}}}, {"name": "db"},
    ]}))
    .unwrap()
}

fn update(component: &str, sequence: usize, version: u64) -> ComponentUpdate {
    let name = format!("{component}-{sequence}");
    let mut update: ComponentUpdate = serde_json::from_value(json!({
        "metadata": {"name": name, "namespace": "shop", "uid": format!("uid-of-{name}"), "resourceVersion": version.to_string()},
        "spec": {"environment": "staging", "component": component, "version": "1", "sequence": sequence, "id": name},
    }))
    .unwrap();
    let second = i64::try_from(version).unwrap();
    update.metadata.creation_timestamp = Some(Time(jiff::Timestamp::from_second(second).unwrap()));
    update
}

/// What one controller sees: moments of the cluster, of each kind another one.
#[derive(Clone, Copy, Default)]
struct Watches {
    environment: usize,
    updates: usize,
    runs: usize,
}

/// One reconcile of the Environment, as `environments::reconcile` goes.
fn reconcile(world: &Arc<Mutex<World>>, watches: Watches, life: Option<(usize, bool)>) {
    let shown = |index: usize| world.lock().unwrap().history[index].clone();
    let environment = shown(watches.environment);
    let seat = Seat {
        world: world.clone(),
        updates: shown(watches.updates),
        runs: shown(watches.runs),
        life: Mutex::new(life),
    };
    let updates = seat.updates.updates.values().map(|update| Arc::new(Guarded(Ok(update.clone())))).collect();
    let mut inbox = Inbox::new(Box::new(&seat), updates, HashMap::from([("deploy".to_owned(), Target::Fit)]));
    let all = async {
        let (spec, mut after) = (spec(), environment.status.clone());
        inbox.record(&spec, &mut after).await;
        let is_same = after == environment.status;
        if is_same || seat.effect(|world| world.write_environment(environment.environment, &after)).await {
            inbox.follow(Some(&spec), &after).await;
        }
    };
    // Nothing is waited for but a death.
    all.now_or_never();
}

fn end(world: &mut World, name: &str, well: bool) {
    let at = "2026-11-02T12:00:00Z";
    let (phase, truth) = if well { ("Succeeded", "True") } else { ("Failed", "False") };
    let status = json!({"phase": phase, "finishedAt": at, "conditions": [
        {"type": "Succeeded", "status": truth, "reason": phase, "message": "", "lastTransitionTime": at},
    ]});
    world.change(|state, _| state.runs.get_mut(name).unwrap().status = Some(serde_json::from_value(status).unwrap()));
}

fn play(seed: u64) {
    let mut dice = Dice(seed);
    let component = |name: &&str| ComponentStatus { name: (*name).to_owned(), recorded: None, deployed: None };
    let status = EnvironmentStatus { components: COMPONENTS.iter().map(component).collect(), ..Default::default() };
    let world = Arc::new(Mutex::new(World { history: vec![State { status, ..State::default() }], made: Vec::new() }));
    let mut coming: Vec<(&str, usize)> =
        COMPONENTS.iter().flat_map(|component| (1..=5).map(move |sequence| (*component, sequence))).collect();
    let is_in_order = dice.below(2) == 0;
    if is_in_order {
        coming.reverse();
    } else {
        (1..coming.len()).rev().for_each(|last| coming.swap(last, dice.below(last + 1)));
    }
    let mut watches = [Watches::default(); 2];
    let finish = |dice: &mut Dice| {
        let mut world = world.lock().unwrap();
        let open = world.now().runs.iter().find(|(_, run)| run.status.is_none()).map(|(name, _)| name.clone());
        open.into_iter().for_each(|name| end(&mut world, &name, dice.below(4) > 0));
    };
    for _ in 0..200 {
        let who = dice.below(2);
        match dice.below(6) {
            0 => {
                let Some((component, sequence)) = coming.pop() else { continue };
                world.lock().unwrap().change(|state, version| {
                    let update = update(component, sequence, version);
                    state.updates.insert(update.metadata.name.clone().unwrap(), update);
                });
            }
            1 => finish(&mut dice),
            2 | 3 => {
                let last = world.lock().unwrap().history.len() - 1;
                let Watches { environment, updates, runs } = &mut watches[who];
                for shown in [environment, updates, runs] {
                    *shown += dice.below(last - *shown + 1);
                }
            }
            _ => {
                let life = (dice.below(3) == 0).then(|| (1 + dice.below(4), dice.below(2) == 0));
                reconcile(&world, watches[who], life);
            }
        }
    }
    // Whatever is left comes to rest.
    while let Some((component, sequence)) = coming.pop() {
        world.lock().unwrap().change(|state, version| {
            let update = update(component, sequence, version);
            state.updates.insert(update.metadata.name.clone().unwrap(), update);
        });
    }
    for _ in 0..100 {
        let last = world.lock().unwrap().history.len() - 1;
        reconcile(&world, Watches { environment: last, updates: last, runs: last }, None);
        finish(&mut dice);
    }
    check(&world.lock().unwrap(), is_in_order);
}

fn check(world: &World, is_in_order: bool) {
    let state = world.now();
    for component in &state.status.components {
        assert_eq!(component.recorded.as_ref().unwrap().sequence, 5, "the highest stands");
    }
    let mut deployed = 0;
    for update in state.updates.values() {
        let recorded = seen::condition(update, "Recorded").unwrap();
        assert_eq!(recorded.status, "True", "{update:?}");
        let stood = recorded.reason == "Recorded";
        assert!(stood || !is_in_order, "{update:?}");
        let wanted = stood && update.spec.component == "web";
        assert_eq!(seen::condition(update, "Deployed").is_some_and(|it| it.status != "Unknown"), wanted, "{update:?}");
        assert_eq!(world.made.contains(update.metadata.name.as_ref().unwrap()), wanted, "{update:?}");
        deployed += usize::from(wanted);
    }
    assert_eq!(world.made.len(), deployed, "one run of each");
}

#[test]
fn whatever_crashes_lags_and_comes_late_every_update_is_concluded_and_deployed_once_in_order() {
    (0..200).for_each(|seed| {
        let outcome = std::panic::catch_unwind(|| play(seed));
        assert!(outcome.is_ok(), "seed {seed}");
    });
}

#[test]
fn the_next_run_waits_for_that_of_an_update_that_was_deleted() {
    let component = |name: &&str| ComponentStatus { name: (*name).to_owned(), recorded: None, deployed: None };
    let status = EnvironmentStatus { components: COMPONENTS.iter().map(component).collect(), ..Default::default() };
    let world = Arc::new(Mutex::new(World { history: vec![State { status, ..State::default() }], made: Vec::new() }));
    let change = |change: &dyn Fn(&mut State, u64)| world.lock().unwrap().change(change);
    let report = |sequence| {
        change(&|state, version| {
            let update = update("web", sequence, version);
            state.updates.insert(update.metadata.name.clone().unwrap(), update);
        });
    };
    let settle = || {
        for _ in 0..10 {
            let last = world.lock().unwrap().history.len() - 1;
            reconcile(&world, Watches { environment: last, updates: last, runs: last }, None);
        }
    };
    let runs = || world.lock().unwrap().now().runs.keys().cloned().collect::<Vec<_>>();
    report(1);
    settle();
    assert_eq!(runs(), ["web-1"]);
    change(&|state, _| drop(state.updates.remove("web-1")));
    world.lock().unwrap().made.clear();
    report(2);
    settle();
    assert_eq!(runs(), ["web-1"]);
    end(&mut world.lock().unwrap(), "web-1", true);
    settle();
    assert_eq!(runs(), ["web-1", "web-2"]);
}

#[test]
fn where_the_environment_is_gone_it_is_looked_again_until_all_is_said() {
    let component = |name: &&str| ComponentStatus { name: (*name).to_owned(), recorded: None, deployed: None };
    let status = EnvironmentStatus { components: COMPONENTS.iter().map(component).collect(), ..Default::default() };
    let world = Arc::new(Mutex::new(World { history: vec![State { status, ..State::default() }], made: Vec::new() }));
    let report = |component, sequence| {
        world.lock().unwrap().change(|state, version| {
            let update = update(component, sequence, version);
            state.updates.insert(update.metadata.name.clone().unwrap(), update);
        });
    };
    report("web", 1);
    report("web", 2);
    for _ in 0..10 {
        let last = world.lock().unwrap().history.len() - 1;
        reconcile(&world, Watches { environment: last, updates: last, runs: last }, None);
    }
    report("db", 1);
    // One look at all of them as they are: what says all there is to say before it, by itself and all together.
    let look = || {
        let now = world.lock().unwrap().now().clone();
        let seat = Seat { world: world.clone(), updates: now.clone(), runs: now, life: Mutex::new(None) };
        let inbox = |of: &dyn Fn(&str) -> bool| {
            let updates = seat.updates.updates.iter().filter(|(name, _)| of(name));
            let updates = updates.map(|(_, update)| Arc::new(Guarded(Ok(update.clone()))));
            Inbox::new(Box::new(&seat), updates.collect(), HashMap::new())
        };
        let alone = ["db-1", "web-1", "web-2"].map(|name| inbox(&|other| other == name).says_all());
        let all = inbox(&|_| true);
        let says_all = all.says_all();
        assert_eq!(all.follow(None, &EnvironmentStatus::default()).now_or_never(), Some(true));
        (alone, says_all)
    };
    assert_eq!(look(), ([false, true, false], false));
    assert_eq!(look(), ([true, true, false], true), "web-2 waits for its turn");
    end(&mut world.lock().unwrap(), "web-1", true);
    assert_eq!(look(), ([true, false, false], false));
    assert_eq!(look(), ([true, true, false], false), "the end of web-1 is said, and now it is the turn of web-2");
    assert_eq!(look(), ([true, true, true], true));
}
