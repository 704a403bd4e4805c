//! What a run asks outside before it, or a stage of it, may go on: whose turn it is, and what its Environment says.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sluice_api::{EnvironmentSpec, Reader};
use sluice_engine::{Condition, Event, Failure, LockAnswer, Question};
use sluice_expr::Expression;

use super::{Drive, Run, Store};
use crate::{Turn, lock_group, render};

/// After no answer.
const ASK_AGAIN: SignedDuration = SignedDuration::from_secs(10);

/// A run that has just joined a queue looks once more at its place: others joined at the same time.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(10);

/// While another run has the lock: for the place in the queue to be told, and in case the end that wakes this run is missed.
const LOOK_FOR_TURN: SignedDuration = SignedDuration::from_secs(30);

/// The same far behind in a queue, where each that is before makes the time longer by a second.
const LOOK_AT_LEAST: SignedDuration = SignedDuration::from_mins(5);

impl Drive<'_, '_> {
    /// Takes the lock, or a place in the queue for it.
    ///
    /// What is not persisted yet is written before: a run that had ended, and is done again, must not look as if it had let go
    /// the lock that it is about to take.
    pub(super) async fn lock<S: Store>(&mut self, now: Timestamp, store: &mut S) -> Result<(), S::Error> {
        self.persist_if(self.dirty, store).await?;
        let group = match lock_group(self.run.program, &self.run.identity.pipeline, self.run.variables) {
            Ok(group) => group,
            Err(failure) => {
                self.note(Event::Lock(LockAnswer::Failed(failure)), now);
                return Ok(());
            }
        };
        let since = self.state.lock.as_ref().map(|lock| lock.since);
        match self.run.world.locks().take(&group, self.run.identity, since).await {
            Ok(Turn::Own) => {
                self.memory.ask_at = None;
                self.note(Event::Lock(LockAnswer::Held { group }), now);
            }
            Ok(Turn::Other { holder, position }) => {
                self.memory.ask_at = Some(now + look_again(position, since.is_none()));
                self.queue(group, position, holder, now);
            }
            Err(failure) if failure.transient => self.unanswered(&failure, now),
            Err(failure) => self.note(Event::Lock(LockAnswer::Failed(failure)), now),
        }
        Ok(())
    }

    /// Notes the run's place in the queue. One that only moved up is written now and then.
    fn queue(&mut self, group: String, position: i32, holder: String, now: Timestamp) {
        let is_dirty = self.dirty;
        let waited = self.state.lock.is_some();
        self.note(Event::Lock(LockAnswer::Taken { group, position, holder }), now);
        if let Some(lock) = self.state.lock.as_ref().filter(|_| waited && self.state.ending.is_none()) {
            self.dirty = is_dirty;
            self.memory.moved_up(lock, now);
        }
    }

    /// Asks the Environment of a stage whether it may start there.
    pub(super) async fn bind(&mut self, stage: usize, when: Option<&Condition>, now: Timestamp) {
        if let Some(when) = when {
            let answer = render::condition(&when.0, "when", &self.scope(Reader::BeforeStage(stage)));
            if answer != Ok(true) {
                return self.note(Event::Answered(Question::StageWhen(stage), answer), now);
            }
        }
        match environment(self.run, self.bound_to(stage)).await {
            Ok(environment) => {
                let approval = environment.and_then(|it| it.approval).map(|approval| approval.required);
                self.note(Event::Bound { stage, approval: Ok(approval) }, now);
            }
            Err(failure) if failure.transient => self.unanswered(&failure, now),
            Err(failure) => self.note(Event::Bound { stage, approval: Err(failure) }, now),
        }
    }

    /// Evaluates the list of a stage's items; the targets of its Environment are read now.
    pub(super) async fn list(&mut self, stage: usize, items: &Condition, now: Timestamp) {
        let environment = match environment(self.run, self.bound_to(stage)).await {
            Err(failure) if failure.transient => return self.unanswered(&failure, now),
            Err(failure) => return self.note(Event::Listed { stage, items: Err(failure) }, now),
            Ok(environment) => environment,
        };
        let scope = self.scope(Reader::BeforeStage(stage));
        let scope = match &environment {
            Some(environment) => scope.with_owned_at(&["environment", "targets"], json!(environment.targets)),
            None => scope,
        };
        let listed = render::list(&items.0, "forEach.in", &scope);
        let name = self.bound_to(stage).unwrap_or_default();
        let listed = match &environment {
            Some(environment) if reads_targets(&items.0) => some_of_targets(listed, &name, environment),
            _ => listed,
        };
        self.note(Event::Listed { stage, items: listed }, now);
    }

    /// The name of the Environment that the stage is bound to.
    fn bound_to(&self, stage: usize) -> Option<String> {
        self.state.stages.get(stage)?.environment.clone()
    }

    fn unanswered(&mut self, failure: &Failure, now: Timestamp) {
        tracing::warn!(run = %self.run.identity.name, why = %failure.message, "no answer; it is asked again");
        self.memory.ask_at = Some(now + ASK_AGAIN);
    }
}

/// How long a run leaves the lock that another one has, and that so many are before it.
pub(super) fn look_again(position: i32, is_new: bool) -> SignedDuration {
    if is_new {
        return LOOK_AGAIN;
    }
    let more = SignedDuration::from_secs(i64::from(position.max(1)) - 1);
    (LOOK_FOR_TURN + more).min(LOOK_AT_LEAST)
}

/// Whether a list is made of the targets of an Environment.
fn reads_targets(items: &str) -> bool {
    let targets = |path: &[String]| matches!(path, [root, member, ..] if root == "environment" && member == "targets");
    Expression::compile(items).is_ok_and(|list| list.names().iter().any(|reference| targets(&reference.path)))
}

/// The items, unless there are none: then what is said of it names the Environment.
fn some_of_targets(
    items: Result<Vec<Value>, Failure>,
    name: &str,
    environment: &EnvironmentSpec,
) -> Result<Vec<Value>, Failure> {
    let items = items?;
    if !items.is_empty() {
        return Ok(items);
    }
    let message = match environment.targets.len() {
        0 => format!("Environment {name:?} has no targets: add some to its spec.targets"),
        count => format!(
            "forEach.in takes none of the {count} targets of Environment {name:?}; say with `when` where there may be nothing \
             to do"
        ),
    };
    Err(Failure::definite("NoItems", message))
}

/// What the Environment of this name is now; nothing where there is no name.
async fn environment(run: &Run<'_>, name: Option<String>) -> Result<Option<EnvironmentSpec>, Failure> {
    match name {
        Some(name) => run.world.environment(&name).await.map(Some),
        None => Ok(None),
    }
}
