//! The wake index: which runs wait for a thing, so that one event of it wakes exactly those.
//!
//! A run is indexed before it looks at the thing, so that no event in between is lost.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
};

use kube_runtime::reflector::ObjectRef;
use sluice_api::PipelineRun;
use sluice_engine::{RunState, StepPhase, WaitKind};

use crate::{guarded::Guarded, hints::Reach};

/// A thing that runs wait for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Awaited {
    /// What a step waits for.
    Step(WaitKind, String),
    /// A Pipeline, by namespace and name: the run cannot start before it exists.
    Pipeline(String, String),
}

/// Names a run.
pub(crate) type RunRef = ObjectRef<Guarded<PipelineRun>>;

#[derive(Default)]
struct Index {
    by_thing: HashMap<Awaited, HashSet<RunRef>>,
    by_run: HashMap<RunRef, Vec<Awaited>>,
    woken: HashSet<RunRef>,
}

impl Index {
    fn remove(&mut self, run: &RunRef) {
        for thing in self.by_run.remove(run).unwrap_or_default() {
            if let Some(runs) = self.by_thing.get_mut(&thing) {
                runs.remove(run);
                if runs.is_empty() {
                    self.by_thing.remove(&thing);
                }
            }
        }
    }
}

/// The wake index.
#[derive(Default)]
pub(crate) struct Waits(Mutex<Index>);

impl Waits {
    /// The run waits for these things, and for no others.
    pub(crate) fn set(&self, run: &RunRef, things: Vec<Awaited>) {
        let mut index = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if index.by_run.get(run).map_or(things.is_empty(), |known| *known == things) {
            return;
        }
        index.remove(run);
        for thing in &things {
            index.by_thing.entry(thing.clone()).or_default().insert(run.clone());
        }
        if !things.is_empty() {
            index.by_run.insert(run.clone(), things);
        }
    }

    /// The thing changed: the runs that wait for it, now marked to look again.
    pub(crate) fn wake(&self, thing: &Awaited) -> Vec<RunRef> {
        let mut index = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let runs: Vec<RunRef> = index.by_thing.get(thing).into_iter().flatten().cloned().collect();
        index.woken.extend(runs.iter().cloned());
        runs
    }

    /// The host spoke of this address, of a pull request or of a repository: the runs of the namespace that wait for that pull
    /// request, or else for one of that repository, now marked to look again. `None` when there are none.
    pub(crate) fn wake_pull_requests(&self, namespace: &str, address: &str) -> Option<(Reach, Vec<RunRef>)> {
        let mut index = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_here = |run: &&RunRef| run.namespace.as_deref() == Some(namespace);
        let pull = index.by_thing.get(&Awaited::Step(WaitKind::PullRequest, address.to_owned()));
        let of_pull: Vec<RunRef> = pull.into_iter().flatten().filter(is_here).cloned().collect();
        let woken = if of_pull.is_empty() {
            let is_meant = |thing: &Awaited| match thing {
                Awaited::Step(WaitKind::PullRequest, key) => {
                    key.strip_prefix(address).is_some_and(|rest| rest.starts_with('/'))
                }
                _ => false,
            };
            let meant = index.by_thing.iter().filter(|(thing, _)| is_meant(thing)).flat_map(|(_, runs)| runs);
            (Reach::Repository, meant.filter(is_here).cloned().collect())
        } else {
            (Reach::Pull, of_pull)
        };
        index.woken.extend(woken.1.iter().cloned());
        (!woken.1.is_empty()).then_some(woken)
    }

    /// Marks one run to look again.
    pub(crate) fn mark(&self, run: &RunRef) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).woken.insert(run.clone());
    }

    /// Forgets the runs that are gone.
    pub(crate) fn keep_only(&self, runs: &HashSet<RunRef>) {
        let mut index = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gone: Vec<RunRef> = index.by_run.keys().filter(|run| !runs.contains(*run)).cloned().collect();
        for run in gone {
            index.remove(&run);
        }
        index.woken.retain(|run| runs.contains(run));
    }

    /// Whether the run was woken since the last call.
    pub(crate) fn take_woken(&self, run: &RunRef) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).woken.remove(run)
    }
}

/// What the steps of a run wait for.
pub(crate) fn of_state(state: &RunState) -> Vec<Awaited> {
    let running = state.steps().filter(|step| step.phase == StepPhase::Running);
    let waits = running.filter_map(|step| step.waiting_on.as_ref());
    waits.map(|on| Awaited::Step(on.kind, on.key.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(name: &str) -> RunRef {
        RunRef::new(name).within("shop")
    }

    fn application(name: &str) -> Awaited {
        Awaited::Step(WaitKind::Application, format!("argocd/{name}"))
    }

    #[test]
    fn an_event_wakes_exactly_the_runs_that_wait_for_the_thing() {
        let waits = Waits::default();
        waits.set(&run("a"), vec![application("web")]);
        waits.set(&run("b"), vec![application("db")]);
        assert_eq!(waits.wake(&application("web")), [run("a")]);
        assert!(waits.take_woken(&run("a")) && !waits.take_woken(&run("a")) && !waits.take_woken(&run("b")));
    }

    #[test]
    fn a_hint_wakes_the_runs_of_its_namespace_that_wait_for_that_pull_request_or_one_of_that_repository() {
        let pull = |number: u8| {
            Awaited::Step(WaitKind::PullRequest, format!("https://git.example.com/shop/web/pulls/{number}"))
        };
        let waits = Waits::default();
        waits.set(&run("a"), vec![pull(1)]);
        waits.set(&run("b"), vec![pull(12)]);
        waits.set(&RunRef::new("c").within("other"), vec![pull(1)]);
        waits.set(&run("d"), vec![Awaited::Step(WaitKind::Job, "https://git.example.com/shop/web".to_owned())]);
        let woken = |address: &str| {
            let (reach, runs) = waits.wake_pull_requests("shop", address)?;
            let mut names: Vec<_> = runs.into_iter().map(|run| run.name).collect();
            names.sort();
            Some((reach, names.concat()))
        };
        let only = |reach, names: &str| Some((reach, names.to_owned()));
        assert_eq!(woken("https://git.example.com/shop/web/pulls/1"), only(Reach::Pull, "a"));
        assert_eq!(woken("https://git.example.com/shop/web"), only(Reach::Repository, "ab"));
        assert_eq!(woken("https://git.example.com/shop/we"), None);
        assert!(waits.take_woken(&run("a")) && !waits.take_woken(&run("d")));
    }

    #[test]
    fn a_run_that_waits_no_more_is_not_woken() {
        let waits = Waits::default();
        waits.set(&run("a"), vec![application("web")]);
        waits.set(&run("a"), vec![]);
        assert_eq!(waits.wake(&application("web")), []);
        assert!(waits.0.lock().unwrap().by_run.is_empty() && waits.0.lock().unwrap().by_thing.is_empty());
    }
}
