//! Steps: the list of step types, and what every one of them tells about itself.
//!
//! A new step type is one file here (its configuration), one of the same name in `sluice-steps` (what it
//! does), and one line in [`crate::for_each_step!`]. Forgetting one of them does not compile.

mod argocd_wait;
mod commit;
mod delay;
mod edits;
mod fail;
mod http;
mod interval;
mod job;
mod object_name;
mod on_abort;
mod output;
mod pipeline_run;
mod pull_request;
mod pull_request_wait;
mod resource;
mod set;
mod sources;
mod validate;
mod wait_for;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;
use sluice_engine::{Nature, Outputs, WaitTarget};
use sluice_expr::Type;

use crate::{Duration, Retry, RunIdentity};

pub use argocd_wait::{Application, ApplicationReference, ArgocdRefresh, ArgocdSync, ArgocdWait};
pub use commit::Commit;
pub use delay::Delay;
pub use edits::{FileEdit, SetValue};
pub use fail::Fail;
pub use http::{Delivery, Http, Method};
pub use job::Job;
pub use on_abort::OnAbort;
pub use output::CommitOutput;
pub use pipeline_run::{ChildRun, RunMode};
pub use pull_request::PullRequest;
pub use pull_request_wait::{MergeMethod, MergePolicy, PullRequestWait};
pub use resource::Resource;
pub use set::Set;
pub use sources::{CHECKS, FileSource, HttpSource, PrometheusSource, Source, Sources};
pub use validate::{Check, Validate};
pub use wait_for::WaitFor;

/// Calls `$callback!` with every step type: its member in a step, and its type.
#[macro_export]
macro_rules! for_each_step {
    ($callback:ident) => {
        $callback! {
            pull_request: PullRequest,
            pull_request_wait: PullRequestWait,
            commit: Commit,
            argocd_wait: ArgocdWait,
            validate: Validate,
            wait_for: WaitFor,
            http: Http,
            job: Job,
            resource: Resource,
            pipeline_run: ChildRun,
            set: Set,
            fail: Fail,
            delay: Delay,
        }
    };
}

/// What every step type tells about itself.
pub trait StepType: Serialize + DeserializeOwned + JsonSchema {
    /// What the step touches.
    fn nature(&self) -> Nature;

    /// The types of its outputs, for the check of expressions that read them.
    fn outputs(&self) -> Type;

    /// How long an attempt may take when the pipeline does not say.
    fn default_timeout() -> Option<Duration> {
        None
    }

    /// Whether an abort of the run, or another attempt of its stage, takes its effect back. Asked before anything is rendered.
    fn undoes(&self) -> bool {
        false
    }

    /// What a claimed step will wait for, where that is known before; `None` for a step that only acts. Called
    /// with the rendered configuration.
    fn waiting_on(&self, claim: &Claim<'_>) -> Option<WaitTarget> {
        let _ = claim;
        None
    }

    /// The bare expressions in it (not `${{ }}`), for the check.
    fn expressions(&self) -> Vec<BareExpression<'_>> {
        Vec::new()
    }

    /// The earlier step it takes something from, and of which type that has to be.
    fn takes_from(&self) -> Option<TakesFrom<'_>> {
        None
    }

    /// What the schema cannot say: mistakes in the configuration, each with its field and the remedy.
    fn mistakes(&self) -> Vec<ConfigMistake> {
        Vec::new()
    }
}

/// The claim under which a step is performed: what the names of its effects are made from.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The run.
    pub run: &'a RunIdentity,
    /// The step's name.
    pub step: &'a str,
    /// The idempotency key.
    pub key: &'a str,
    /// The outputs of the step it takes from.
    pub from: Option<&'a Outputs>,
}

/// What is wrong with a field of a step's configuration beside its schema and its expressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigMistake {
    /// The field in the configuration, such as `sources.state`.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// An expression in a step's configuration.
#[derive(Clone, Debug)]
pub struct BareExpression<'a> {
    /// Where it stands in the configuration, such as `checks[0].expr`.
    pub path: String,
    /// The expression.
    pub source: &'a str,
    /// What it sees beside the usual variables.
    pub extra: Vec<(String, Type)>,
    /// What it has to yield.
    pub expected: Type,
}

/// An earlier step that a step takes something from.
#[derive(Clone, Copy, Debug)]
pub struct TakesFrom<'a> {
    /// The field with the name.
    pub field: &'static str,
    /// The step's name.
    pub step: &'a str,
    /// The step types that have what is taken.
    pub types: &'static [&'static str],
}

macro_rules! declare_steps {
    ($($member:ident: $Type:ident),* $(,)?) => {
        /// A step is one unit of work: exactly one of the step types, and how it is tried. Texts that say that they may
        /// contain `${{ }}` take CEL expressions inside, as in `registry.example/web:${{ params.version }}`.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        #[schemars(inline, transform = exactly_one_type)]
        pub struct Step {
            /// The name: a lower-case letter, then letters and digits; unique among the stages and steps of the
            /// pipeline. Later expressions read `steps.NAME.outputs`.
            #[schemars(length(max = 63), regex(pattern = crate::names::NAME_PATTERN))]
            pub name: String,
            /// A CEL expression, such as `steps.actual.outputs.version != params.version`. When it is false, the step
            /// is `Skipped` and has no outputs. Without it the step always runs.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(length(min = 1, max = 4096))]
            pub when: Option<String>,
            /// Whether a failed attempt is tried again. Unless set: up to 5 more times when the failure may pass by
            /// itself (the host was away, a limit was hit), never otherwise, and not after a timeout.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub retry: Option<Retry>,
            /// How long an attempt may take, such as `15m`; then it fails with the reason `Timeout`. Each step type
            /// says what holds unless set.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub timeout: Option<Duration>,
            $(
                #[allow(missing_docs, reason = "the type's comment is the field's")]
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $member: Option<$Type>,
            )*
        }

        /// The configuration of a step: one of the step types.
        #[derive(Clone, Debug, PartialEq)]
        pub enum StepConfig {
            $(#[allow(missing_docs, reason = "named as its type")] $Type($Type),)*
        }

        impl Step {
            /// The step's configuration; an error when none or several of the step types are set.
            pub fn config(&self) -> Result<StepConfig, String> {
                let mut found = Vec::new();
                $(if let Some(config) = &self.$member { found.push(StepConfig::$Type(config.clone())); })*
                match found.len() {
                    1 => Ok(found.remove(0)),
                    0 => Err("the step has no step type".to_owned()),
                    _ => {
                        let found: Vec<String> = found.iter().map(StepConfig::type_name).collect();
                        Err(format!("the step has several step types: {}", found.join(", ")))
                    }
                }
            }
        }

        impl StepConfig {
            /// The step type as manifests write it.
            pub fn type_name(&self) -> String {
                camel_case(match self { $(Self::$Type(_) => stringify!($member),)* })
            }

            /// See [`StepType::nature`].
            pub fn nature(&self) -> Nature {
                match self { $(Self::$Type(config) => config.nature(),)* }
            }

            /// See [`StepType::outputs`].
            pub fn outputs(&self) -> Type {
                match self { $(Self::$Type(config) => config.outputs(),)* }
            }

            /// See [`StepType::default_timeout`].
            pub fn default_timeout(&self) -> Option<Duration> {
                match self { $(Self::$Type(_) => $Type::default_timeout(),)* }
            }

            /// See [`StepType::undoes`].
            pub fn undoes(&self) -> bool {
                match self { $(Self::$Type(config) => config.undoes(),)* }
            }

            /// See [`StepType::waiting_on`].
            pub fn waiting_on(&self, claim: &Claim<'_>) -> Option<WaitTarget> {
                match self { $(Self::$Type(config) => config.waiting_on(claim),)* }
            }

            /// See [`StepType::expressions`].
            pub fn expressions(&self) -> Vec<BareExpression<'_>> {
                match self { $(Self::$Type(config) => config.expressions(),)* }
            }

            /// See [`StepType::takes_from`].
            pub fn takes_from(&self) -> Option<TakesFrom<'_>> {
                match self { $(Self::$Type(config) => config.takes_from(),)* }
            }

            /// See [`StepType::mistakes`].
            pub fn mistakes(&self) -> Vec<ConfigMistake> {
                match self { $(Self::$Type(config) => config.mistakes(),)* }
            }

            /// The configuration as JSON, its `${{ }}` not rendered yet.
            pub fn to_value(&self) -> serde_json::Result<serde_json::Value> {
                match self { $(Self::$Type(config) => serde_json::to_value(config),)* }
            }

            /// The same step type with this rendered configuration.
            pub fn from_rendered(&self, value: serde_json::Value) -> serde_json::Result<Self> {
                match self { $(Self::$Type(_) => serde_json::from_value(value).map(Self::$Type),)* }
            }
        }

        /// The members of a step that are step types, as Rust writes them.
        const STEP_MEMBERS: &[&str] = &[$(stringify!($member)),*];
    };
}

for_each_step!(declare_steps);

/// Every step type, as manifests write it.
pub static STEP_TYPES: std::sync::LazyLock<Vec<String>> =
    std::sync::LazyLock::new(|| STEP_MEMBERS.iter().map(|member| camel_case(member)).collect());

/// `argocd_wait` as manifests write it: `argocdWait`.
fn camel_case(snake: &str) -> String {
    let mut words = snake.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let mut letters = word.chars();
        let head = letters.next().map(|letter| letter.to_ascii_uppercase()).into_iter();
        name + &head.chain(letters).collect::<String>()
    })
}

fn exactly_one_type(schema: &mut Schema) {
    let members: Vec<String> = STEP_TYPES.iter().map(|name| format!("has(self.{name})")).collect();
    let rule = json!([{
        "rule": format!("[{}].filter(x, x).size() == 1", members.join(", ")),
        "message": format!("set exactly one step type: {}", STEP_TYPES.join(", ")),
    }]);
    schema.insert("x-kubernetes-validations".to_owned(), rule);
}

/// Any JSON value, with `${{ }}` in its strings.
pub(crate) fn any_value(schema: &mut Schema) {
    schema.remove("type");
    schema.insert("x-kubernetes-preserve-unknown-fields".to_owned(), json!(true));
}
