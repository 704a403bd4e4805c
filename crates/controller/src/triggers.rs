//! `cron` triggers: what becomes of each of their times.
//!
//! # Guarantees
//! - **One run for each time.** Its name follows from pipeline, trigger and instant, so two controllers, a request that is sent again, or
//!   a controller that is killed before it writes that it started one, all come to the same run.
//! - **No time is passed over in silence.** What becomes of it is in `status.triggers` and in an Event. Of several that are due at
//!   once the last one counts; the others are told with it.
//! - A time is decided on the pipeline as it is then: that is read live.
//!
//! It costs a read of the pipeline and two writes: the run, and the status.

mod ask;
mod decide;
mod tell;

use std::{borrow::Cow, time::Duration};

use jiff::Timestamp;
use kube::ResourceExt;
use sluice_api::{
    Due, FromSource, Pipeline, PipelineRun, PipelineTrigger, Tick, Timetable, Took, Trigger, TriggerStatus, names,
};
use sluice_steps::Report;

use self::decide::{Clock, Look, Standing, look};
use crate::{
    causes::in_one_line,
    clock::LOOK_AT_CLOCK,
    context::Context,
    starts::{self, Dropped},
};

/// After something failed.
const AGAIN: Duration = Duration::from_secs(5);

/// What the triggers of a pipeline say after they were looked at.
#[derive(Default)]
pub(crate) struct Looked {
    /// For `status.triggers`.
    pub(crate) triggers: Vec<TriggerStatus>,
    /// What people are told once the status is written.
    pub(crate) reports: Vec<Report>,
    /// When to look again.
    pub(crate) again: Option<Duration>,
}

impl Looked {
    /// When the next time comes.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.triggers.iter().filter_map(|trigger| trigger.next).min()
    }
}

/// Whether a time of one of the triggers has come that was not dealt with, as far as this version of the pipeline tells.
pub(crate) fn is_due(pipeline: &Pipeline, now: Timestamp) -> bool {
    pipeline.spec.triggers.iter().any(|trigger| {
        let table = Timetable::of(&trigger.cron);
        let before = status_of(pipeline, trigger, now);
        table.is_ok_and(|table| matches!(look(trigger, &table, &before, now), Look::Due(_)))
    })
}

/// Deals with every time that has come.
pub(crate) async fn carry_on(context: &Context, pipeline: &Pipeline, is_ready: bool, now: Timestamp) -> Looked {
    let mut looked = Looked::default();
    for trigger in &pipeline.spec.triggers {
        let before = status_of(pipeline, trigger, now);
        // One that has no times is a mistake of the pipeline, which `Ready` tells.
        let Ok(table) = Timetable::of(&trigger.cron) else { continue };
        let at = At { context, pipeline, trigger, is_ready, now };
        let mut status = match look(trigger, &table, &before, now) {
            Look::Due(due) => match at.deal(due, &before).await {
                Ok(status) => {
                    looked.reports.extend(tell::reports(trigger, &due, &status));
                    status
                }
                Err(error) => {
                    let name = pipeline.name_any();
                    tracing::warn!(pipeline = %name, trigger = %trigger.name, error = %in_one_line(&error), "a time of a trigger was not dealt with; it is tried again");
                    looked.again = Some(AGAIN);
                    before.into_owned()
                }
            },
            Look::Nothing => before.into_owned(),
            Look::Anew => {
                looked.reports.extend(tell::set_back(trigger, &before, now));
                anew(trigger, &before, now)
            }
        };
        status.next = table.next_after(now);
        looked.triggers.push(status);
    }
    let until_next = looked.next().map(|next| until(next, now));
    looked.again = looked.again.into_iter().chain(until_next).min();
    looked
}

/// How long to sleep before that.
fn until(next: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(next.duration_since(now)).unwrap_or_default().min(LOOK_AT_CLOCK)
}

/// Where the trigger stands: one that is seen first begins with its pipeline.
fn status_of<'a>(pipeline: &'a Pipeline, trigger: &PipelineTrigger, now: Timestamp) -> Cow<'a, TriggerStatus> {
    let mut known = pipeline.status.iter().flat_map(|status| &status.triggers);
    match known.find(|status| status.name == trigger.name) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(TriggerStatus {
            name: trigger.name.clone(),
            schedule: decide::schedule(&trigger.cron),
            since: starts::begins(pipeline, now),
            next: None,
            last: None,
            took: None,
        }),
    }
}

/// A schedule that is seen first: no time before counts. What the sources were at is not its schedule's.
fn anew(trigger: &PipelineTrigger, before: &TriggerStatus, now: Timestamp) -> TriggerStatus {
    let schedule = decide::schedule(&trigger.cron);
    // Where the clock was set back, it is still what became of its last time.
    let last = before.last.clone().filter(|_| before.schedule == schedule);
    TriggerStatus { schedule, since: now, next: None, last, ..before.clone() }
}

/// A failure that may pass by itself: the time is not decided.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Start(#[from] starts::Error),
    #[error(transparent)]
    Ask(#[from] ask::Error),
    #[error(transparent)]
    Lock(#[from] starts::LockError),
}

/// A time of a trigger, and all that is known of it.
#[derive(Clone, Copy)]
struct At<'a> {
    context: &'a Context,
    pipeline: &'a Pipeline,
    trigger: &'a PipelineTrigger,
    is_ready: bool,
    now: Timestamp,
}

impl At<'_> {
    /// Starts the run of this time, or says why not.
    async fn deal(self, due: Due, before: &TriggerStatus) -> Result<TriggerStatus, Error> {
        let mut run = self.run(due.at);
        let (hindered, took) = match self.decide(due, &mut run, before).await? {
            Ok(took) => (None, took),
            Err((dropped, took)) => (Some(dropped), took),
        };
        let Context { client, locks, .. } = self.context;
        let made = starts::start(client, &locks.making, &self.namespace(), &run, hindered).await?;
        let passed_over = decide::passed_over(&due, &self.trigger.cron);
        let last = match made {
            Ok(run) => starts::started(due.at, run.name_any(), passed_over),
            Err(Dropped { reason, message }) => {
                let message = passed_over.into_iter().fold(message, |message, more| format!("{message}; {more}"));
                starts::dropped(due.at, Dropped { reason, message })
            }
        };
        Ok(TriggerStatus {
            since: due.at,
            last: Some(last),
            took: took.or_else(|| before.took.clone()),
            ..before.clone()
        })
    }

    /// The run of a time, but for what it takes.
    fn run(self, at: Timestamp) -> PipelineRun {
        let pipeline = self.pipeline.name_any();
        let tick = Tick { name: self.trigger.name.clone(), at };
        let trigger = Trigger { cron: Some(tick), ..Trigger::default() };
        let mut run = starts::run(&names::run_of_tick(&pipeline, &self.trigger.name, at), &pipeline, trigger);
        run.spec.params = self.trigger.params.clone();
        run
    }

    /// Whether the run is to be started, with what it takes, which becomes part of it; or why not, and what the sources are at.
    async fn decide(
        self,
        due: Due,
        run: &mut PipelineRun,
        before: &TriggerStatus,
    ) -> Result<Result<Option<Took>, (Dropped, Option<Took>)>, Error> {
        let status = self.pipeline.status.as_ref();
        let standing = Standing {
            is_ready: self.is_ready,
            suspend: self.pipeline.spec.suspend.as_ref(),
            was_suspended: status.is_some_and(|status| status.suspended),
        };
        let clock = Clock { now: self.now, began: self.context.began };
        if let Some(dropped) = decide::hindrance(&due, &self.trigger.cron, standing, clock) {
            return Ok(Err((dropped, None)));
        }
        let sources = match ask::sources(self).await? {
            Ok(sources) => sources,
            Err(dropped) => return Ok(Err((dropped, None))),
        };
        run.spec.from = sources.iter().map(FromSource::from).collect();
        let took = self.trigger.cron.only_on_changes.then(|| decide::took(&sources, self.now));
        if let Some(took) = &took
            && let Some(dropped) = ask::unchanged(self, took, before)
        {
            return Ok(Err((dropped, Some(took.clone()))));
        }
        match starts::locked(self.context, self.pipeline, run, &sources).await? {
            Some(dropped) => Ok(Err((dropped, None))),
            None => Ok(Ok(took)),
        }
    }

    fn namespace(self) -> String {
        self.pipeline.namespace().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-23T{text}Z").parse().unwrap()
    }

    /// A pipeline with a time at 6 o'clock, that was created before.
    fn pipeline(generation: i64, created: &str, triggers: Value) -> Pipeline {
        serde_json::from_value(json!({
            "metadata": {"name": "qa", "namespace": "shop", "generation": generation, "creationTimestamp": at(created)},
            "spec": {"serviceAccountName": "a", "stages": [], "triggers": [{"name": "morning", "cron": {"schedule": "0 6 * * *"}}]},
            "status": {"triggers": triggers},
        }))
        .unwrap()
    }

    #[test]
    fn a_time_counts_from_the_creation_of_its_pipeline_on() {
        let is_due = |generation, created| is_due(&pipeline(generation, created, json!([])), at("06:05:00"));
        assert!(is_due(1, "05:59:00") && is_due(1, "05:59:59"));
        assert!(!is_due(1, "06:00:00") && !is_due(1, "06:04:00") && !is_due(1, "06:05:01"));
        assert!(!is_due(2, "05:59:00"), "the trigger may have come with the change");
    }

    #[test]
    fn what_is_known_of_a_trigger_counts_and_not_when_its_pipeline_was_created() {
        let known = |since| json!([{"name": "morning", "schedule": "0 6 * * * UTC", "since": at(since)}]);
        let is_due = |since| is_due(&pipeline(1, "05:59:00", known(since)), at("06:05:00"));
        assert!(is_due("05:59:30") && !is_due("06:00:00"));
    }
}
