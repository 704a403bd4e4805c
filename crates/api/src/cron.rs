//! `spec.triggers` of a Pipeline: what starts its runs by itself, and what became of that.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Duration, LocalReference, SourceRun, common::is_default, pipeline::ParamValues};

/// Each starts runs of the pipeline by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct PipelineTrigger {
    /// The trigger's name, unique in the pipeline: small letters, digits and `-`. It is part of the names of the runs that it
    /// starts.
    #[schemars(length(max = 63), regex(pattern = crate::names::LABEL_PATTERN))]
    pub name: String,
    /// Starts a run at the times of a schedule.
    pub cron: Cron,
    /// The values of the pipeline's parameters for these runs, as in `spec.params` of a PipelineRun.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub params: ParamValues,
}

/// A schedule, and what is done about its times. Each time that starts no run says why in `status.triggers` and in an Event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline, extend("x-kubernetes-validations" = [{"rule": "!has(self.startingDeadline) || (has(self.catchUp) && self.catchUp == 'Latest')", "message": "startingDeadline limits what is caught up with: set catchUp to Latest, too"}]))]
pub struct Cron {
    /// When, as cron has it: minute, hour, day of the month, month, day of the week, such as `15 10 * * 1-5`; or `@hourly`,
    /// `@daily`, `@weekly`, `@monthly`, `@yearly`.
    #[schemars(length(min = 1, max = 128))]
    pub schedule: String,
    /// The time zone of the schedule, by its name in the IANA time zone database, such as `Europe/Rome`; `UTC` unless set. When
    /// clocks change, a time of day that does not exist is made up for when the clocks have been put forward, and one that comes
    /// twice counts the first time; a schedule of every hour, or of every so many minutes, goes on evenly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: Option<String>,
    /// Whether no run is started when each of the pipeline's `sources` is still at the run that the previous run of this pipeline
    /// took; `false` unless set.
    #[serde(default, skip_serializing_if = "is_default")]
    pub only_on_changes: bool,
    /// What is done about times at which no controller was there; `None` unless set.
    #[serde(default, skip_serializing_if = "is_default")]
    pub catch_up: CatchUp,
    /// With `catchUp: Latest`, how long after its time a run may start, such as `6h`, whatever has delayed it; without a limit unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starting_deadline: Option<Duration>,
}

/// What is done about times at which no controller was there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CatchUp {
    /// Nothing: they are over. A time that was missed by no more than a minute is not: a controller may be replaced.
    #[default]
    None,
    /// The last one of them starts a run, late.
    Latest,
}

/// Where a trigger stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct TriggerStatus {
    /// The trigger's name.
    #[schemars(length(max = 63))]
    pub name: String,
    /// The schedule, with its time zone, that the rest speaks of.
    #[schemars(length(max = 256))]
    pub schedule: String,
    /// Every time of the schedule up to this one is over and done with: at first the creation of the pipeline, or, where the schedule
    /// came later, when it was seen first; then the time that was dealt with last.
    pub since: Timestamp,
    /// The next time of the schedule, whether it is going to start a run or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
    /// What became of the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Start>,
    /// With `onlyOnChanges`: what the sources were at then, also when the run that took it has been deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took: Option<Took>,
}

/// What the sources were at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct Took {
    /// When that was seen.
    pub at: Timestamp,
    /// The good run of each source.
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "atomic"))]
    pub sources: Vec<SourceRun>,
}

/// Where a source with `start: true` stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct SourceStatus {
    /// The source's name.
    #[schemars(length(max = 63))]
    pub name: String,
    /// The pipeline, and after a `/` the stage, whose good runs the rest speaks of.
    #[schemars(length(max = 320))]
    pub of: String,
    /// Good runs that ended up to this time start nothing any more.
    pub since: Timestamp,
    /// Of the good runs that ended at the very time of `since` those up to this UID, in the order of text, start nothing any more; unless it
    /// is there, none of them does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub since_uid: Option<String>,
    /// The UIDs of the good runs after that for which a run was started, or was not to be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128), extend("x-kubernetes-list-type" = "atomic"))]
    pub done: Vec<String>,
    /// What became of the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Start>,
}

/// What became of something that should start a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct Start {
    /// The time of the schedule, or when the good run of the source ended.
    pub at: Timestamp,
    /// Whether a run was started.
    pub result: StartResult,
    /// Why not, in one CamelCase word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub reason: Option<String>,
    /// Why not, for people; or which times before it were passed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
    /// The run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_ref: Option<LocalReference>,
}

/// Whether a run was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StartResult {
    /// A run was started.
    Started,
    /// None was: `reason` says why.
    Dropped,
}
