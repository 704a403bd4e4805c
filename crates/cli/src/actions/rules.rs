//! What a person asks becomes an entry of `spec.actions`, or it is said why it would change nothing, and what would. Pure.
//!
//! These rules only spare a person a request: the controller judges the entry again, and its answer is the one that counts.
//! While something that was asked before is not answered, only what cannot change any more is judged here.

#[cfg(test)]
mod tests;

use sluice_api::{ActionType, RunAction};
use sluice_engine::RunPhase;

use super::{
    End, Run,
    status::{Stage, Status},
};
use crate::{cluster::hint, shell};

/// What a person asks of a run.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) kind: ActionType,
    pub(crate) stage: Option<String>,
    pub(crate) item: Option<String>,
    pub(crate) step: Option<String>,
    pub(crate) attempt: Option<i32>,
    pub(crate) reason: Option<String>,
}

/// Why an entry would change nothing: the rest of a sentence about the run.
pub(crate) type Refusal = String;

impl Ask {
    /// Something about the run as a whole.
    pub(crate) fn of_run(kind: ActionType, reason: Option<String>) -> Self {
        Self { kind, stage: None, item: None, step: None, attempt: None, reason }
    }

    /// The entry that asks this of the run, in the name of whoever asks.
    ///
    /// # Errors
    /// It would change nothing.
    pub(crate) fn entry(self, run: &Run, by: &str) -> Result<RunAction, Refusal> {
        let status = Status::of(run)
            .map_err(|error| format!("has a status that this version of sluice cannot read ({error})"))?;
        let is_settled = run.unanswered().is_empty();
        let scene = Scene { run, status, is_settled };
        let (stage, attempt) = match self.kind {
            ActionType::Approve | ActionType::Reject => {
                let (stage, attempt) = scene.awaiting(&self, by)?;
                (Some(stage), Some(attempt))
            }
            _ => {
                scene.judge(&self)?;
                (self.stage, self.attempt)
            }
        };
        let entry = RunAction::new(self.kind, by, self.reason);
        Ok(RunAction { stage, item: self.item, step: self.step, attempt, ..entry })
    }
}

/// A run as it is seen.
struct Scene<'r> {
    run: &'r Run,
    status: Status,
    /// Whether everything that was asked before is answered.
    is_settled: bool,
}

impl Scene<'_> {
    fn judge(&self, ask: &Ask) -> Result<(), Refusal> {
        let named = self.named(ask)?;
        match ask.kind {
            ActionType::Unlock => {}
            _ if self.run.is_being_deleted() => return Err("is being deleted".to_owned()),
            _ => {}
        }
        if !self.is_settled {
            return Ok(());
        }
        match ask.kind {
            ActionType::Approve | ActionType::Reject => Ok(()),
            ActionType::Abort => self.not_decided(),
            ActionType::Pause => self.pause(),
            ActionType::Resume => self.resume(),
            ActionType::Retry => self.retry(&named),
            ActionType::Skip => self.skip(ask, &named),
            ActionType::Unlock => self.unlock(),
        }
    }

    fn pause(&self) -> Result<(), Refusal> {
        self.not_decided()?;
        let Some(paused) = &self.status.paused else { return Ok(()) };
        let why = paused.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        Err(format!("was paused before, by {}{why}; it goes on with {}", paused.by, self.command("resume", "")))
    }

    fn resume(&self) -> Result<(), Refusal> {
        self.not_decided()?;
        match (&self.status.paused, &self.status.suspended) {
            (Some(_), _) => Ok(()),
            (None, None) => Err("is not paused".to_owned()),
            (None, Some(_)) => {
                let pipeline = self.run.0.data["spec"]["pipelineRef"]["name"].as_str().unwrap_or_default();
                Err(format!(
                    "is not paused, but its pipeline is suspended: its runs go on once spec.suspend of pl/{pipeline} is removed"
                ))
            }
        }
    }

    fn retry(&self, named: &[&Stage]) -> Result<(), Refusal> {
        let end = self.run.end().or_else(|| self.run.decided());
        match (&end, named.iter().find(|stage| stage.is_open())) {
            (Some(end), _) if end.is(RunPhase::Succeeded) && named.is_empty() => {
                let names = names(&self.status.stages.iter().collect::<Vec<_>>());
                Err(format!("has succeeded; name the stage that is to be done again, with all that needs it: {names}"))
            }
            (None, _) if named.is_empty() && self.status.failed().is_none() => {
                Err("has not ended, and nothing in it has failed".to_owned())
            }
            _ if named.is_empty()
                && let Some(guarded) = self.guarded() =>
            {
                Err(format!(
                    "has a stage that is guarded, {}, which has to be named: {}",
                    guarded.title(),
                    self.retry_command()
                ))
            }
            // Where a stage has failed, the run is about to end, and this one with it.
            (None, Some(open)) if self.status.failed().is_none() => {
                Err(format!("has not ended, and neither has stage {}: it is {}", open.title(), phase(&open.phase)))
            }
            _ => Ok(()),
        }
    }

    fn skip(&self, ask: &Ask, named: &[&Stage]) -> Result<(), Refusal> {
        if self.run.end().or_else(|| self.run.decided()).is_some_and(|end| end.is(RunPhase::Succeeded)) {
            return Err("has succeeded: nothing of it is left to be skipped".to_owned());
        }
        let Some(first) = named.first() else { return Ok(()) };
        let Some(step) = &ask.step else {
            return match named.iter().all(|stage| stage.is_past()) {
                true => {
                    Err(format!("has nothing left of stage {} to be skipped: it is {}", first.title(), first.phase))
                }
                false => Ok(()),
            };
        };
        let mut steps = named.iter().flat_map(|stage| &stage.steps).filter(|it| it.name == *step).peekable();
        match steps.peek().map(|it| it.phase.clone()) {
            Some(how) if steps.all(|it| it.is_past()) => {
                Err(format!("has nothing left of step {step} of stage {} to be skipped: it is {how}", first.title()))
            }
            _ => Ok(()),
        }
    }

    fn unlock(&self) -> Result<(), Refusal> {
        if self.run.end().is_none() {
            let abort = self.command("abort", "");
            return Err(format!("has not ended, and keeps its lock until then; {abort} ends it"));
        }
        match &self.status.lock {
            Some(_) => Ok(()),
            None => Err("holds no lock".to_owned()),
        }
    }

    /// The stage that awaits the approval that is meant, and its attempt.
    fn awaiting(&self, ask: &Ask, by: &str) -> Result<(String, i32), Refusal> {
        let named = self.named(ask)?;
        if self.run.is_being_deleted() {
            return Err("is being deleted".to_owned());
        }
        self.not_decided()?;
        let all: Vec<&Stage> = self.status.stages.iter().filter(|stage| stage.awaits_approval()).collect();
        let is_meant = |stage: &&&Stage| {
            ask.stage.as_ref().is_none_or(|name| stage.name == *name) && (ask.item.is_none() || stage.item == ask.item)
        };
        let meant: Vec<&Stage> = all.iter().filter(is_meant).copied().collect();
        let Some(&first) = meant.first() else {
            let waiting = match all.is_empty() {
                true => "waits for no approval".to_owned(),
                false => format!("waits for the approval of another stage: {}", names(&all)),
            };
            let now = named.first().map(|stage| format!("; stage {} is {}", stage.title(), phase(&stage.phase)));
            return Err(waiting + &now.unwrap_or_default());
        };
        if meant.iter().any(|stage| stage.name != first.name) {
            return Err(format!("waits for the approval of several stages; name one of them: {}", names(&meant)));
        }
        let attempt = attempt(ask, &meant)?;
        let meant: Vec<&Stage> = meant.into_iter().filter(|stage| stage.attempt == attempt).collect();
        if ask.kind == ActionType::Approve {
            self.approve(&meant, by)?;
        }
        Ok((first.name.clone(), attempt))
    }

    fn approve(&self, meant: &[&Stage], by: &str) -> Result<(), Refusal> {
        if let Some(failed) = self.status.failed() {
            return Err(format!("is going to fail: stage {} has failed", failed.title()));
        }
        let has = |stage: &&&Stage| {
            stage.approval.iter().flat_map(|approval| &approval.by).any(|approver| approver.name == by)
        };
        let approved: Vec<&&Stage> = meant.iter().filter(has).collect();
        match approved.first() {
            Some(stage) if approved.len() == meant.len() => Err(format!(
                "has your approval of stage {} already ({by}); somebody else has to give theirs",
                stage.title()
            )),
            _ => Ok(()),
        }
    }

    /// The entries of the stage that is named, or of the item of it; none where no stage is.
    fn named(&self, ask: &Ask) -> Result<Vec<&Stage>, Refusal> {
        let Some(name) = &ask.stage else { return Ok(Vec::new()) };
        if self.status.stages.is_empty() {
            return Err("has not begun: no controller has listed its stages yet".to_owned());
        }
        let of_stage: Vec<&Stage> = self.status.stages.iter().filter(|stage| stage.name == *name).collect();
        let Some(first) = of_stage.first() else {
            let known: Vec<&str> = self.status.stages.iter().map(|stage| &*stage.name).collect();
            return Err(format!("has no stage {name:?}{}", hint(name, &known)));
        };
        let items: Vec<&str> = of_stage.iter().filter_map(|stage| stage.item.as_deref()).collect();
        if let Some(item) = ask.item.as_ref().filter(|item| !items.contains(&&***item)) {
            let hint = if items.is_empty() { "; it has no items now".to_owned() } else { hint(item, &items) };
            return Err(format!("has no item {item:?} of stage {name}{hint}"));
        }
        let steps: Vec<&str> = first.steps.iter().map(|step| &*step.name).collect();
        if let Some(step) = ask.step.as_ref().filter(|step| !steps.contains(&&***step)) {
            return Err(format!("has no step {step:?} in stage {name}{}", hint(step, &steps)));
        }
        Ok(of_stage.into_iter().filter(|stage| ask.item.is_none() || stage.item == ask.item).collect())
    }

    /// Whether the run can still go another way.
    fn not_decided(&self) -> Result<(), Refusal> {
        let (text, end) = match (self.run.end(), self.run.decided()) {
            _ if !self.is_settled => return Ok(()),
            (Some(end), _) => ("has ended already", end),
            (None, Some(end)) => ("only finishes its hooks", end),
            (None, None) => return Ok(()),
        };
        Err(format!("{text}: {}{}", end.text, self.again(&end)))
    }

    /// How a run that has ended goes on.
    fn again(&self, end: &End) -> String {
        match end.is(RunPhase::Succeeded) {
            true => String::new(),
            false => format!("; what failed is done again with {}", self.retry_command()),
        }
    }

    /// The first stage that a retry has to name.
    fn guarded(&self) -> Option<&Stage> {
        self.status.stages.iter().find(|stage| stage.is_named_to_retry())
    }

    /// Has done again what failed.
    fn retry_command(&self) -> String {
        let stage = self.guarded().map(|stage| format!(" {}", stage.name)).unwrap_or_default();
        self.command("retry", &stage)
    }

    /// A command about the run, to be pasted.
    fn command(&self, verb: &str, rest: &str) -> String {
        let name = self.run.0.metadata.name.as_deref().unwrap_or_default();
        format!("`{} {verb} {name}{rest}`", shell::own_command())
    }
}

/// The attempt that is meant of what waits.
fn attempt(ask: &Ask, meant: &[&Stage]) -> Result<i32, Refusal> {
    let told = |stage: &&Stage| format!("{} (attempt {})", stage.title(), stage.attempt);
    let list = || meant.iter().map(told).collect::<Vec<_>>().join(", ");
    match (ask.attempt, meant) {
        (Some(attempt), _) if meant.iter().any(|stage| stage.attempt == attempt) => Ok(attempt),
        (Some(attempt), _) => Err(format!("waits for no approval of attempt {attempt}, but of {}", list())),
        (None, [first, rest @ ..]) if rest.iter().all(|stage| stage.attempt == first.attempt) => Ok(first.attempt),
        (None, _) => Err(format!("waits for the approval of several attempts; name one with --attempt: {}", list())),
    }
}

/// The names of these stages, each once.
fn names(stages: &[&Stage]) -> String {
    let mut names: Vec<&str> = stages.iter().map(|stage| &*stage.name).collect();
    names.dedup();
    names.join(", ")
}

/// A stage's phase as `kubectl get` has it; nothing is written for the first.
fn phase(phase: &str) -> &str {
    if phase.is_empty() { "Pending" } else { phase }
}
