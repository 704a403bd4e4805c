//! The last good runs among those that are there, kept by the watch of the runs.
//!
//! It says nothing that a process which begins now would not find: a run that goes, or is done again, takes what it was with it.
//! What outlives a run is in the status of its pipeline.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures::channel::mpsc;
use kube_runtime::{reflector::Store, watcher::Event};
use sluice_api::{GoodRun, MAX_OUTPUTS, PipelineRun, RunName, Went, size_of_outputs, went_well};

use super::resolve::Reads;
use crate::{guarded::Guarded, suspensions::PipelineName};

/// The last good runs among those that the watch shows.
pub(crate) struct GoodRuns {
    newest: Mutex<HashMap<PipelineName, Known>>,
    runs: Store<Guarded<PipelineRun>>,
    news: mpsc::UnboundedSender<PipelineName>,
    pub(super) reads: Reads,
}

/// What is known of a pipeline.
#[derive(Default)]
struct Known {
    good: Vec<GoodRun>,
    /// Whether something went, so that an older run may be the last good one. It is looked for when somebody asks.
    is_stale: bool,
}

impl GoodRuns {
    /// The book of what `runs` has, and the pipelines of which a good run was seen: one may come more often than there are new ones.
    pub(crate) fn new(runs: Store<Guarded<PipelineRun>>) -> (Self, mpsc::UnboundedReceiver<PipelineName>) {
        let (news, told) = mpsc::unbounded();
        (Self { newest: Mutex::default(), runs, news, reads: Reads::default() }, told)
    }

    /// Keeps what the watch of the runs says.
    pub(crate) fn keep(&self, event: &Event<Guarded<PipelineRun>>) {
        match event {
            Event::Apply(Guarded(run)) | Event::InitApply(Guarded(run)) => {
                if let Ok(run) = run {
                    self.saw(run);
                }
            }
            Event::Delete(Guarded(run)) => {
                if let Ok(run) = run {
                    self.strike(run, &[]);
                }
            }
            Event::Init => {}
            Event::InitDone => {
                for (pipeline, known) in self.newest().iter_mut() {
                    // Nobody said what went in the meantime, and who was told of what came did not see it in the store yet.
                    known.is_stale = true;
                    let _ = self.news.unbounded_send(pipeline.clone());
                }
            }
        }
    }

    fn saw(&self, run: &PipelineRun) {
        let went: Vec<Went<'_>> = run.status.iter().flat_map(|status| went_well(&status.state)).collect();
        self.strike(run, &went);
        let Some((pipeline, this)) = names_of(run).filter(|_| !went.is_empty()) else { return };
        let mut is_news = false;
        {
            let mut newest = self.newest();
            let known = &mut newest.entry(pipeline.clone()).or_default().good;
            went.iter().for_each(|went| is_news |= add(known, &this, went));
        }
        if is_news {
            // Fails only when the controller ends.
            let _ = self.news.unbounded_send(pipeline);
        }
    }

    /// The run is a good one in no other way than this.
    fn strike(&self, run: &PipelineRun, went: &[Went<'_>]) {
        let Some((pipeline, this)) = names_of(run) else { return };
        let mut newest = self.newest();
        let Some(known) = newest.get_mut(&pipeline) else { return };
        let is_said =
            |good: &GoodRun| went.iter().any(|went| went.stage == good.stage.as_deref() && went.at == good.at);
        let before = known.good.len();
        known.good.retain(|good| good.run != this || is_said(good));
        known.is_stale |= known.good.len() < before;
    }

    /// The last good runs of a pipeline, as a whole and by stage. One without outputs has more than a run may take.
    pub(crate) fn of(&self, pipeline: &PipelineName) -> Vec<GoodRun> {
        let mut newest = self.newest();
        let Some(known) = newest.get_mut(pipeline) else { return Vec::new() };
        if known.is_stale {
            *known = self.found(pipeline);
        }
        known.good.clone()
    }

    /// Forgets the pipelines that have no good runs any more.
    pub(crate) fn collect(&self) {
        self.newest().retain(|pipeline, known| {
            if known.is_stale && known.good.is_empty() {
                *known = self.found(pipeline);
            }
            !known.good.is_empty()
        });
    }

    /// What the runs that are there say of a pipeline.
    fn found(&self, pipeline: &PipelineName) -> Known {
        let mut known = Known::default();
        for run in self.runs.state().iter().filter_map(|run| run.0.as_ref().ok()) {
            let Some((_, this)) = names_of(run).filter(|(of, _)| of == pipeline) else { continue };
            for went in run.status.iter().flat_map(|status| went_well(&status.state)) {
                add(&mut known.good, &this, &went);
            }
        }
        known
    }

    fn newest(&self) -> MutexGuard<'_, HashMap<PipelineName, Known>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pipeline of a run, and the run.
fn names_of(run: &PipelineRun) -> Option<(PipelineName, RunName)> {
    let pipeline = (run.metadata.namespace.clone()?, run.spec.pipeline_ref.name.clone());
    Some((pipeline, RunName { name: run.metadata.name.clone()?, uid: run.metadata.uid.clone()? }))
}

/// Notes that this went well. Returns whether it says anything that the newest one did not: one that ended earlier, and is seen
/// later, is no less of a good run.
fn add(known: &mut Vec<GoodRun>, run: &RunName, went: &Went<'_>) -> bool {
    let place = known.iter().position(|good| good.stage.as_deref() == went.stage);
    if let Some(before) = place.and_then(|place| known.get(place)) {
        let (old, new) = ((before.at, &before.run.uid), (went.at, &run.uid));
        if old >= new {
            return old > new;
        }
    }
    let outputs = Some(went.outputs()).filter(|outputs| size_of_outputs(outputs) <= MAX_OUTPUTS);
    let good = GoodRun { stage: went.stage.map(str::to_owned), run: run.clone(), at: went.at, outputs };
    match place {
        Some(place) => known[place] = good,
        None => known.push(good),
    }
    true
}

#[cfg(test)]
mod tests {
    use kube_runtime::reflector;
    use serde_json::{Value, json};

    use super::*;

    /// A book, and the watch that keeps it.
    struct Watched {
        book: GoodRuns,
        store: reflector::store::Writer<Guarded<PipelineRun>>,
        told: mpsc::UnboundedReceiver<PipelineName>,
    }

    impl Watched {
        fn begin() -> Self {
            let (runs, store) = reflector::store();
            let (book, told) = GoodRuns::new(runs);
            let mut this = Self { book, store, told };
            this.relist(Vec::new());
            this
        }

        fn see(&mut self, event: Event<Guarded<PipelineRun>>) {
            self.store.apply_watcher_event(&event);
            self.book.keep(&event);
        }

        fn apply(&mut self, run: Guarded<PipelineRun>) {
            self.see(Event::Apply(run));
        }

        fn relist(&mut self, runs: Vec<Guarded<PipelineRun>>) {
            let runs = runs.into_iter().map(Event::InitApply);
            std::iter::once(Event::Init).chain(runs).chain([Event::InitDone]).for_each(|event| self.see(event));
        }

        fn names(&self, of: &str) -> Vec<String> {
            self.book.of(&pipeline(of)).into_iter().map(|good| good.run.name).collect()
        }
    }

    fn run(name: &str, pipeline: &str, status: Value) -> Guarded<PipelineRun> {
        let run = json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun",
            "metadata": {"name": name, "namespace": "shop", "uid": format!("uid-{name}")},
            "spec": {"pipelineRef": {"name": pipeline}}, "status": status,
        });
        serde_json::from_value(run).unwrap()
    }

    fn good(name: &str, minute: i32) -> Guarded<PipelineRun> {
        let at = format!("2026-01-01T00:{minute:02}:00Z");
        run(name, "build", json!({"phase": "Succeeded", "finishedAt": at, "outputs": {"by": name}}))
    }

    fn pipeline(name: &str) -> PipelineName {
        ("shop".to_owned(), name.to_owned())
    }

    #[test]
    fn the_newest_wins_in_whatever_order_they_come() {
        let runs = [("a", 1), ("b", 3), ("c", 3), ("d", 2)];
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 2, 3, 0]] {
            let mut watched = Watched::begin();
            order.iter().for_each(|index: &usize| watched.apply(good(runs[*index].0, runs[*index].1)));
            assert_eq!(watched.names("build"), ["c"], "{order:?}");
            assert!(watched.names("deploy").is_empty());
        }
    }

    #[test]
    fn a_run_that_goes_or_is_done_again_leaves_what_is_there() {
        let mut watched = Watched::begin();
        [("a", 1), ("b", 2), ("c", 3)].into_iter().for_each(|(name, minute)| watched.apply(good(name, minute)));
        watched.see(Event::Delete(good("a", 1)));
        assert_eq!(watched.names("build"), ["c"]);
        watched.see(Event::Delete(good("c", 3)));
        assert_eq!(watched.names("build"), ["b"]);
        watched.apply(run("b", "build", json!({"phase": "Running", "round": 2})));
        assert!(watched.names("build").is_empty());
        watched.apply(good("b", 9));
        assert_eq!(watched.names("build"), ["b"]);
    }

    #[test]
    fn what_went_while_nobody_watched_is_forgotten() {
        let mut watched = Watched::begin();
        [("a", 1), ("b", 2)].into_iter().for_each(|(name, minute)| watched.apply(good(name, minute)));
        watched.relist(vec![good("a", 1)]);
        assert_eq!(watched.names("build"), ["a"]);
        watched.relist(Vec::new());
        assert!(watched.names("build").is_empty());
    }

    #[test]
    fn a_pipeline_without_good_runs_takes_no_room() {
        let mut watched = Watched::begin();
        [("a", 1), ("b", 2)].into_iter().for_each(|(name, minute)| watched.apply(good(name, minute)));
        watched.see(Event::Delete(good("b", 2)));
        watched.book.collect();
        assert_eq!(watched.names("build"), ["a"]);
        watched.see(Event::Delete(good("a", 1)));
        watched.book.collect();
        assert!(watched.book.newest().is_empty());
    }

    #[test]
    fn news_are_told_once_and_a_late_one_is_news_as_well() {
        let mut watched = Watched::begin();
        for (run, is_news) in [
            (run("z", "build", json!({"phase": "Running"})), false),
            (good("b", 2), true),
            (good("b", 2), false),
            (good("a", 1), true),
            (good("c", 3), true),
        ] {
            watched.apply(run.clone());
            assert_eq!(watched.told.try_recv().ok(), is_news.then(|| pipeline("build")), "{run:?}");
        }
    }

    #[test]
    fn outputs_over_the_limit_are_left_with_their_run() {
        let mut watched = Watched::begin();
        let outputs = json!({"log": "x".repeat(MAX_OUTPUTS)});
        let at = "2026-01-01T00:00:00Z";
        watched.apply(run("a", "build", json!({"phase": "Succeeded", "finishedAt": at, "outputs": outputs})));
        assert_eq!(watched.book.of(&pipeline("build"))[0].outputs, None);
    }
}
