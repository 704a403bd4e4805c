//! What of a run went well: the run as a whole, and each of its stages. Pure: for whoever looks for a good run, in a cluster or
//! in a directory.

use jiff::Timestamp;
use serde_json::{Map, Value};
use sluice_engine::{RunPhase, RunState, StagePhase, StageState, StepPhase, StepState};

mod unresolved;

pub use self::unresolved::{SourcePipeline, Unresolved};
use crate::{GoodRun, PinnedSource, RunName, Source};

/// The most that the outputs of a source may take, as JSON.
pub const MAX_OUTPUTS: usize = 16 * 1024;

/// The most that the outputs of all sources of a run may take together, as JSON: they are in its status.
pub const MAX_OUTPUTS_OF_SOURCES: usize = 64 * 1024;

/// Bytes of outputs as JSON.
pub fn size_of_outputs(outputs: &Map<String, Value>) -> usize {
    // What cannot be written as JSON is larger than any limit.
    serde_json::to_vec(outputs).map_or(usize::MAX, |text| text.len())
}

/// What a run takes for its sources, unless it is too much together.
pub fn bounded(pinned: Vec<PinnedSource>) -> Result<Vec<PinnedSource>, Unresolved> {
    let sizes: Vec<usize> = pinned.iter().map(|source| size_of_outputs(&source.outputs)).collect();
    let size = sizes.iter().fold(0_usize, |sum, size| sum.saturating_add(*size));
    match size > MAX_OUTPUTS_OF_SOURCES {
        true => Err(Unresolved::too_large_together(&pinned, &sizes, size)),
        false => Ok(pinned),
    }
}

/// Something of a run that went well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Went<'a> {
    /// The stage; `None` for the run as a whole.
    pub stage: Option<&'a str>,
    /// When it ended.
    pub at: Timestamp,
    state: &'a RunState,
}

/// What of a run in this state went well.
///
/// A stage with `forEach` has to have succeeded for every item, and one that is about to be tried again, or to go through another
/// iteration, has not ended.
pub fn went_well(state: &RunState) -> impl Iterator<Item = Went<'_>> {
    let whole = state.finished_at.filter(|_| state.phase == RunPhase::Succeeded);
    let whole = whole.map(|at| Went { stage: None, at, state });
    let stages = state.stages.chunk_by(|a, b| a.name == b.name).filter_map(move |entries| {
        let has_succeeded = |entry: &StageState| entry.phase == StagePhase::Succeeded && entry.next.is_none();
        let ended = entries.iter().map(|entry| entry.finished_at.filter(|_| has_succeeded(entry)));
        let at = ended.collect::<Option<Vec<_>>>()?.into_iter().max()?;
        Some(Went { stage: Some(&entries.first()?.name), at, state })
    });
    whole.into_iter().chain(stages)
}

impl Went<'_> {
    /// The outputs of the run; of a stage those of its steps, by step. With `forEach` each step has a list of them, with one
    /// element for each item.
    pub fn outputs(&self) -> Map<String, Value> {
        let Some(stage) = self.stage else { return self.state.outputs.clone() };
        let entries: Vec<_> = self.state.stages.iter().filter(|entry| entry.name == stage).collect();
        let Some(first) = entries.first() else { return Map::new() };
        if first.item.is_none() {
            let has_outputs = |step: &&StepState| step.phase == StepPhase::Succeeded || !step.outputs.is_empty();
            let steps = first.steps.iter().filter(has_outputs);
            return steps.map(|step| (step.name.clone(), Value::Object(step.outputs.clone()))).collect();
        }
        let of_each = |number: usize| {
            let steps = entries.iter().filter_map(|entry| entry.steps.get(number));
            steps.map(|step| Value::Object(step.outputs.clone())).collect()
        };
        first.steps.iter().enumerate().map(|(number, step)| (step.name.clone(), of_each(number))).collect()
    }
}

impl Source {
    /// Whether this is what the source takes.
    pub fn takes(&self, went: &Went<'_>) -> bool {
        self.stage.as_deref() == went.stage
    }

    /// Takes this run for the source, unless its outputs are too large.
    pub fn pin(&self, run: RunName, outputs: Map<String, Value>) -> Result<PinnedSource, Unresolved> {
        let size = size_of_outputs(&outputs);
        if size > MAX_OUTPUTS {
            return Err(Unresolved::too_large(self, &run.name, size));
        }
        Ok(PinnedSource { name: self.name.clone(), run, outputs })
    }

    /// Whose good runs it takes, in one word: the pipeline, and after a `/` the stage.
    pub fn of(&self) -> String {
        match &self.stage {
            Some(stage) => format!("{}/{stage}", self.pipeline_ref.name),
            None => self.pipeline_ref.name.clone(),
        }
    }
}

impl GoodRun {
    /// The newest of these; of two that are the same the one that has its outputs.
    pub fn newest(known: impl Iterator<Item = Self>) -> Option<Self> {
        known.reduce(|best, other| {
            let is_same = best.run == other.run && best.at == other.at;
            let is_better = other.is_newer_than(&best) || (is_same && best.outputs.is_none());
            if is_better { other } else { best }
        })
    }

    /// Whether it is newer than the other one: of two that ended at the same time the one with the greater UID is.
    pub fn is_newer_than(&self, other: &Self) -> bool {
        (self.at, &self.run.uid) > (other.at, &other.run.uid)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn state(yaml: &str) -> RunState {
        serde_saphyr::from_str(yaml).unwrap()
    }

    /// What went well, when, and its outputs.
    fn told(yaml: &str) -> Vec<(Option<String>, String, Value)> {
        let tell = |went: Went<'_>| {
            (went.stage.map(str::to_owned), went.at.strftime("%M:%S").to_string(), Value::Object(went.outputs()))
        };
        went_well(&state(yaml)).map(tell).collect()
    }

    #[test]
    fn a_run_that_has_succeeded_has_its_outputs() {
        let ended = "phase: Succeeded\nfinishedAt: 2026-01-01T00:07:00Z\noutputs: {image: web}\nstages: []";
        assert_eq!(told(ended), [(None, "07:00".to_owned(), json!({"image": "web"}))]);
        assert!(told("phase: Failed\nfinishedAt: 2026-01-01T00:07:00Z").is_empty());
        assert!(
            told("phase: Succeeded\nending: {phase: Succeeded, reason: Succeeded, at: 2026-01-01T00:07:00Z}")
                .is_empty()
        );
    }

    #[test]
    fn a_stage_counts_as_soon_as_it_has_succeeded_whatever_becomes_of_the_run() {
        let failed = "
phase: Failed
finishedAt: 2026-01-01T00:07:00Z
stages:
- {name: build, phase: Succeeded, finishedAt: 2026-01-01T00:01:00Z, steps: [
    {name: make, phase: Succeeded, outputs: {image: web}}, {name: quiet, phase: Succeeded}, {name: not, phase: Skipped}]}
- {name: check, phase: Skipped}
- {name: loop, phase: Succeeded, next: Repeat, finishedAt: 2026-01-01T00:02:00Z}
- {name: deploy, phase: Failed, finishedAt: 2026-01-01T00:03:00Z}
";
        let build = json!({"make": {"image": "web"}, "quiet": {}});
        assert_eq!(told(failed), [(Some("build".to_owned()), "01:00".to_owned(), build)]);
    }

    #[test]
    fn a_stage_with_items_counts_with_the_last_of_them_and_has_lists() {
        let entry = |item: &str, phase: &str, minute: i32, outputs: &str| {
            format!(
                "- {{name: push, item: {item}, phase: {phase}, finishedAt: 2026-01-01T00:0{minute}:00Z, steps: \
                 [{{name: send, phase: Succeeded, outputs: {outputs}}}]}}\n"
            )
        };
        let both =
            |phase| format!("stages:\n{}{}", entry("eu", "Succeeded", 4, "{to: eu}"), entry("us", phase, 2, "{}"));
        let lists = json!({"send": [{"to": "eu"}, {}]});
        assert_eq!(told(&both("Succeeded")), [(Some("push".to_owned()), "04:00".to_owned(), lists)]);
        assert!(told(&both("Failed")).is_empty());
    }

    #[test]
    fn what_a_run_takes_for_all_its_sources_is_bounded() {
        let take = |name: &str, length: usize| PinnedSource {
            name: name.to_owned(),
            run: RunName { name: format!("{name}-1"), uid: "u".to_owned() },
            // With `{"a":""}` around it.
            outputs: Map::from_iter([("a".to_owned(), json!("x".repeat(length - 8)))]),
        };
        let full: Vec<_> = (0..4).map(|number| take(&format!("s{number}"), MAX_OUTPUTS)).collect();
        assert_eq!(bounded(full.clone()), Ok(full.clone()));
        let refused = bounded(full.into_iter().chain([take("more", 9)]).collect()).unwrap_err();
        assert_eq!(refused.reason, "OutputTooLarge");
        assert_eq!(
            refused.message,
            "the outputs taken for all 5 sources are 65545 bytes together, and 65536 is the most that a run takes; the \
             largest is source \"s3\" with 16384: let the runs put out less, or take fewer sources"
        );
    }
}
