//! The custom resources of `sluice.dev`, and their way to the engine's plan.
//!
//! One kind a file, one step type a file. The comments on fields are user documentation: they are what
//! `kubectl explain` prints. Everything here is pure: types, schemas, checks and conversions.
//!
//! *Architecture invariant:* nothing here talks to a cluster. The controller, the command line and the tests
//! read the same types and the same checks.

pub mod check;
mod code;
mod common;
mod component_update;
mod concurrency;
mod condition;
mod crds;
mod cron;
mod duration;
mod environment;
mod good_run;
mod good_runs;
mod history_limits;
mod identity;
pub mod json_schema;
pub mod names;
mod params;
mod pipeline;
mod program;
mod receiver;
mod revision;
mod run;
mod run_status;
mod schedule;
mod scm_provider;

mod seen;
mod sight;
pub mod step;
mod trigger;
pub mod variables;

pub use code::Code;
pub use common::{HeaderSource, HttpHeader, LocalReference, SecretKeyReference};
pub use component_update::{ComponentUpdate, ComponentUpdateSpec, ComponentUpdateStatus};
pub use concurrency::{Concurrency, LockPolicy, Suspend, Unlock};
pub use condition::{Truth, Verdict, malformed};
pub use crds::{all as crds, to_yaml as crd_to_yaml};
pub use cron::{CatchUp, Cron, PipelineTrigger, SourceStatus, Start, StartResult, Took, TriggerStatus};
pub use duration::{Duration, ParseDurationError};
pub use environment::{
    Component, ComponentStatus, DeployOnUpdate, Deployed, Environment, EnvironmentApproval, EnvironmentSpec,
    EnvironmentStatus, LastSucceededRun, OnUpdate, Recorded, Target,
};
pub use good_run::{FromSource, GoodRun, PinnedSource, RunName, Source};
pub use good_runs::{
    MAX_OUTPUTS, MAX_OUTPUTS_OF_SOURCES, SourcePipeline, Unresolved, Went, bounded, size_of_outputs, went_well,
};
pub use history_limits::HistoryLimits;
pub use identity::{Incomplete, RunIdentity};
pub use params::{ParamProblem, resolve as resolve_params};
pub use pipeline::{
    Approval, Backoff, ForEach, Hook, HookSubject, Param, ParamType, ParamValue, Pipeline, PipelineSpec,
    PipelineStatus, Retry, Stage, Until,
};
pub use program::{Program, ProgramError, Retries};
pub use receiver::{ComponentReports, Hint, HostWebhooks, Receiver, ReceiverSecret, ReceiverSpec, ReceiverStatus};
pub use revision::{Revision, RevisionError};
pub use run::{PipelineRun, PipelineRunSpec, PipelineRunStatus};
pub use run_status::{Summary, approvers, holds, missing_approval, queue};
pub use schedule::{Due, MOST_COUNTED, Schedule, Timetable, Unusable};
pub use scm_provider::{GitHubApp, GitHubProvider, GiteaProvider, LocalProvider, ScmProvider, ScmProviderSpec};
pub use seen::Reader;
pub use sluice_engine::{ActionOutcome, ActionResult, ActionType, RunAction};
pub use step::{Step, StepConfig};
pub use trigger::{MAX_DEPTH, ParentRun, SourceRun, SourceStart, Tick, Trigger, UpdateName};
