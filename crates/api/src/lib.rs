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
mod concurrency;
mod condition;
mod crds;
mod duration;
mod environment;
mod history_limits;
mod identity;
pub mod json_schema;
pub mod names;
mod params;
mod pipeline;
mod program;
mod revision;
mod run;
mod run_status;
mod scm_provider;
mod seen;
mod sight;
pub mod step;
mod trigger;
pub mod variables;

pub use code::Code;
pub use common::{HeaderSource, HttpHeader, LocalReference, SecretKeyReference};
pub use concurrency::{Concurrency, LockPolicy, Suspend, Unlock};
pub use condition::{Truth, Verdict};
pub use crds::{all as crds, to_yaml as crd_to_yaml};
pub use duration::{Duration, ParseDurationError};
pub use environment::{
    Component, ComponentStatus, Deployed, Environment, EnvironmentApproval, EnvironmentSpec, EnvironmentStatus,
    LastSucceededRun, Target,
};
pub use history_limits::HistoryLimits;
pub use identity::{Incomplete, RunIdentity};
pub use params::{ParamProblem, resolve as resolve_params};
pub use pipeline::{
    Approval, Backoff, ForEach, Hook, HookSubject, Param, ParamType, ParamValue, Pipeline, PipelineSpec,
    PipelineStatus, Retry, Stage, Until,
};
pub use program::{Program, ProgramError, Retries};
pub use revision::{Revision, RevisionError};
pub use run::{PipelineRun, PipelineRunSpec, PipelineRunStatus};
pub use run_status::{Summary, approvers, holds, missing_approval, queue};
pub use scm_provider::{GitHubApp, GitHubProvider, GiteaProvider, LocalProvider, ScmProvider, ScmProviderSpec};
pub use seen::Reader;
pub use sluice_engine::{ActionOutcome, ActionResult, ActionType, RunAction};
pub use step::{Step, StepConfig};
pub use trigger::{MAX_DEPTH, ParentRun, Trigger};
