//! The last good runs that this process has seen, kept by the watch of the runs.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures::channel::mpsc;
use kube_runtime::watcher::Event;
use sluice_api::{GoodRun, MAX_OUTPUTS, PipelineRun, RunName, Went, size_of_outputs, went_well};

use super::resolve::Reads;
use crate::{guarded::Guarded, suspensions::PipelineName};

/// The last good runs that this process has seen.
pub(crate) struct GoodRuns {
    newest: Mutex<HashMap<PipelineName, Vec<GoodRun>>>,
    news: mpsc::UnboundedSender<PipelineName>,
    pub(super) reads: Reads,
}

impl GoodRuns {
    /// An empty book, and the pipelines of which a good run was seen: one may come more often than there are new ones.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<PipelineName>) {
        let (news, told) = mpsc::unbounded();
        (Self { newest: Mutex::default(), news, reads: Reads::default() }, told)
    }

    /// Keeps what the watch of the runs says. A run that goes takes nothing with it.
    pub(crate) fn keep(&self, event: &Event<Guarded<PipelineRun>>) {
        let (Event::Apply(Guarded(Ok(run))) | Event::InitApply(Guarded(Ok(run)))) = event else { return };
        let (Some(status), Some(namespace)) = (&run.status, &run.metadata.namespace) else { return };
        let (Some(name), Some(uid)) = (&run.metadata.name, &run.metadata.uid) else { return };
        let mut went = went_well(&status.state).peekable();
        if went.peek().is_none() {
            return;
        }
        let pipeline = (namespace.clone(), run.spec.pipeline_ref.name.clone());
        let this = RunName { name: name.clone(), uid: uid.clone() };
        let mut is_news = false;
        {
            let mut newest = self.newest();
            let known = newest.entry(pipeline.clone()).or_default();
            went.for_each(|went| is_news |= add(known, &this, &went));
        }
        if is_news {
            // Fails only when the controller ends.
            let _ = self.news.unbounded_send(pipeline);
        }
    }

    /// The last good runs of a pipeline, as a whole and by stage. One without outputs has more than a run may take.
    pub(crate) fn of(&self, pipeline: &PipelineName) -> Vec<GoodRun> {
        self.newest().get(pipeline).cloned().unwrap_or_default()
    }

    fn newest(&self) -> MutexGuard<'_, HashMap<PipelineName, Vec<GoodRun>>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
    use serde_json::{Value, json};

    use super::*;

    fn run(name: &str, pipeline: &str, status: Value) -> Event<Guarded<PipelineRun>> {
        let run = json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun",
            "metadata": {"name": name, "namespace": "shop", "uid": format!("uid-{name}")},
            "spec": {"pipelineRef": {"name": pipeline}}, "status": status,
        });
        Event::Apply(serde_json::from_value(run).unwrap())
    }

    fn good(name: &str, minute: i32) -> Event<Guarded<PipelineRun>> {
        let at = format!("2026-01-01T00:{minute:02}:00Z");
        run(name, "build", json!({"phase": "Succeeded", "finishedAt": at, "outputs": {"by": name}}))
    }

    fn pipeline(name: &str) -> PipelineName {
        ("shop".to_owned(), name.to_owned())
    }

    fn names(book: &GoodRuns, of: &str) -> Vec<String> {
        book.of(&pipeline(of)).into_iter().map(|good| good.run.name).collect()
    }

    #[test]
    fn the_newest_wins_in_whatever_order_they_come() {
        let runs = [("a", 1), ("b", 3), ("c", 3), ("d", 2)];
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 2, 3, 0]] {
            let (book, _told) = GoodRuns::new();
            order.iter().for_each(|index: &usize| book.keep(&good(runs[*index].0, runs[*index].1)));
            assert_eq!(names(&book, "build"), ["c"], "{order:?}");
            assert!(names(&book, "deploy").is_empty());
        }
    }

    #[test]
    fn a_good_run_stays_when_it_is_deleted_or_done_again() {
        let (book, _told) = GoodRuns::new();
        book.keep(&good("a", 1));
        let Event::Apply(gone) = good("a", 1) else { return };
        book.keep(&Event::Delete(gone));
        book.keep(&run("a", "build", json!({"phase": "Running", "round": 2})));
        assert_eq!(names(&book, "build"), ["a"]);
    }

    #[test]
    fn news_are_told_once_and_a_late_one_is_news_as_well() {
        let (book, mut told) = GoodRuns::new();
        for (event, is_news) in [
            (run("z", "build", json!({"phase": "Running"})), false),
            (good("b", 2), true),
            (good("b", 2), false),
            (good("a", 1), true),
            (good("c", 3), true),
        ] {
            book.keep(&event);
            assert_eq!(told.try_recv().ok(), is_news.then(|| pipeline("build")), "{event:?}");
        }
    }

    #[test]
    fn outputs_over_the_limit_are_left_with_their_run() {
        let (book, _told) = GoodRuns::new();
        let outputs = json!({"log": "x".repeat(MAX_OUTPUTS)});
        let at = "2026-01-01T00:00:00Z";
        book.keep(&run("a", "build", json!({"phase": "Succeeded", "finishedAt": at, "outputs": outputs})));
        assert_eq!(book.of(&pipeline("build"))[0].outputs, None);
    }
}
