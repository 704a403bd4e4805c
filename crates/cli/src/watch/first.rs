//! The approval that goes with the creation of a run: who starts a pipeline by hand approves its manual first stage with it,
//! as far as they have the right.

use kube::ResourceExt;
use sluice_api::{ActionType, PipelineRunStatus, RunAction, missing_approval};
use sluice_engine::{ActionOutcome, StageState};

use crate::{
    actions::{Run, Runs},
    cluster::RequestError,
    tree::Commands,
};

/// What is to be done once the first stage awaits an approval.
pub(crate) struct FirstApproval<'a> {
    runs: &'a Runs,
    /// The pipeline's first stage.
    stage: String,
    by: String,
    commands: &'a Commands,
    progress: Progress,
}

/// How far the approval is.
enum Progress {
    /// It is to be given once the stage waits for it.
    Due,
    /// The entry at this place of `spec.actions` gives it; so many more are needed then.
    Sent { index: usize, left: usize },
    /// There is nothing to be done any more.
    Over,
}

/// What became of the approval.
#[derive(Debug, PartialEq)]
pub(crate) enum Turn {
    /// Nothing yet.
    NotYet,
    /// There is nothing to do, or it was told before.
    Over,
    /// The controller has answered it; this is to be said where its answers are not seen.
    Answered(String),
    /// The API server refuses it, or does not answer; this is to be said.
    NotGiven(String),
}

/// Where the first stage stands.
#[derive(Debug, PartialEq)]
enum Standing<'a> {
    NotYet,
    Waits(&'a StageState),
    Past,
}

impl<'a> FirstApproval<'a> {
    /// Approves this stage as this person once it waits for that. Without a stage there is nothing to do.
    pub(crate) fn of(runs: &'a Runs, stage: Option<String>, by: String, commands: &'a Commands) -> Self {
        let progress = if stage.is_some() { Progress::Due } else { Progress::Over };
        Self { runs, stage: stage.unwrap_or_default(), by, commands, progress }
    }

    /// Whether the approval was sent, and nobody has answered yet.
    pub(crate) fn is_unanswered(&self) -> bool {
        matches!(self.progress, Progress::Sent { .. })
    }

    /// Gives the approval if it is time, and says what became of it.
    pub(crate) async fn consider(&mut self, run: &Run, status: &PipelineRunStatus) -> Turn {
        match self.progress {
            Progress::Over => Turn::Over,
            Progress::Sent { index, left } => self.answered(status, index, left),
            Progress::Due => match standing(status, &self.stage) {
                Standing::NotYet => Turn::NotYet,
                Standing::Past => {
                    self.progress = Progress::Over;
                    Turn::Over
                }
                Standing::Waits(stage) => self.approve(run, stage).await,
            },
        }
    }

    async fn approve(&mut self, run: &Run, stage: &StageState) -> Turn {
        let action = RunAction {
            stage: Some(stage.name.clone()),
            attempt: Some(stage.attempt),
            ..RunAction::new(ActionType::Approve, self.by.clone(), None)
        };
        self.progress = Progress::Over;
        match self.runs.append(&run.0.name_any(), &action).await {
            Ok(run) => {
                // Nothing can come behind it in the same request.
                let index = run.entries().len().saturating_sub(1);
                let missing = stage.approval.as_ref().map_or(0, sluice_engine::Approval::missing);
                self.progress = Progress::Sent { index, left: missing.saturating_sub(1) };
                Turn::NotYet
            }
            Err(error) => Turn::NotGiven(self.not_given(stage, &error)),
        }
    }

    fn answered(&mut self, status: &PipelineRunStatus, index: usize, left: usize) -> Turn {
        let Some(answer) = status.state.actions.get(index) else { return Turn::NotYet };
        self.progress = Progress::Over;
        let (stage, by) = (&self.stage, &self.by);
        Turn::Answered(match (answer.result, left) {
            (ActionOutcome::Applied, 0) => format!("stage {stage} is approved by you, {by}"),
            (ActionOutcome::Applied, left) => {
                let more =
                    if left == 1 { "one more person has".to_owned() } else { format!("{left} more people have") };
                format!("stage {stage} is approved by you, {by}; {more} to approve it")
            }
            (ActionOutcome::Ignored, _) => {
                let why = answer.message.as_deref().unwrap_or("the controller does not say why");
                format!("stage {stage}: your approval was ignored: {why}")
            }
        })
    }

    /// That somebody has to do it, and how.
    fn not_given(&self, stage: &StageState, error: &RequestError) -> String {
        let name = &stage.name;
        let waits = missing_approval(stage).unwrap_or_else(|| "waits for an approval".to_owned());
        let command = self.commands.approve(stage);
        match error.is_refusal() {
            true => format!("stage {name} {waits}, which is not you; they approve it with: {command}\n{error}"),
            false => format!("stage {name} {waits}; yours may not have arrived: {error}\napprove it with: {command}"),
        }
    }
}

fn standing<'a>(status: &'a PipelineRunStatus, name: &str) -> Standing<'a> {
    let state = &status.state;
    let Some(stage) = state.stages.iter().find(|stage| stage.name == name) else { return Standing::NotYet };
    match (state.is_finished() || state.ending.is_some(), stage.awaits_approval()) {
        (true, _) => Standing::Past,
        (false, true) => Standing::Waits(stage),
        // Another attempt is another decision.
        (false, false) if stage.phase.is_ended() || stage.is_under_way() || stage.attempt > 1 => Standing::Past,
        (false, false) => Standing::NotYet,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn stands(stage: Value) -> &'static str {
        let status = serde_json::from_value(json!({"phase": "Running", "stages": [stage]})).unwrap();
        match standing(&status, "build") {
            Standing::NotYet => "not yet",
            Standing::Waits(_) => "waits",
            Standing::Past => "past",
        }
    }

    #[test]
    fn only_the_first_attempt_is_approved_and_only_once_it_waits() {
        for (phase, expected) in
            [("Pending", "not yet"), ("AwaitingApproval", "waits"), ("Running", "past"), ("Skipped", "past")]
        {
            assert_eq!(stands(json!({"name": "build", "phase": phase})), expected);
        }
        assert_eq!(stands(json!({"name": "build", "phase": "Pending", "attempt": 2})), "past");
        assert_eq!(stands(json!({"name": "other", "phase": "AwaitingApproval"})), "not yet");
        assert_eq!(standing(&PipelineRunStatus::default(), "build"), Standing::NotYet);
    }
}
