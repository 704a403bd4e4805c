//! `sluice run PIPELINE`: makes a run in a cluster, gives the approval of its manual first stage, and follows it.

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use anyhow::Context;
use kube::{ResourceExt, api::DynamicObject};
use serde_json::{Value, json};
use sluice_api::{LockPolicy, Param, ParamType, ParamValue, Pipeline, holds, missing_approval, names, resolve_params};
use tokio::time::{Instant, timeout_at};

use crate::{
    actions::{self, Run, Runs},
    cluster::{self, Cluster, Objects, RequestError, hint},
    command::{
        local::refuse,
        watch::{Stopped, followed},
    },
    local::Signals,
    output::{Format, Output, complain, write},
    printable,
    tree::Commands,
    watch::{FirstApproval, Seen, Turn, Watching, follow, status_of},
};

/// How long a run that is not followed is looked at for what it waits for.
const SETTLES_IN: Duration = Duration::from_secs(10);

/// What was asked for.
pub(super) struct Wanted {
    pub(super) pipeline: String,
    pub(super) params: BTreeMap<String, String>,
    /// The runs to take, by source.
    pub(super) from: BTreeMap<String, String>,
    pub(super) name: Option<String>,
    /// Whether a first stage that awaits an approval gets it.
    pub(super) approves: bool,
    pub(super) shown: Shown,
    pub(super) cluster: cluster::Options,
}

/// What is shown of the run.
pub(super) enum Shown {
    /// All of it, until its end.
    Followed(Format),
    /// That it is there: in a line for people, or as an object.
    Created(Option<Object>),
}

/// What is done once the run is there.
enum Then {
    /// Signals that come while it is made are not lost: they leave it as it is.
    Follow(Format, Signals),
    Print(Option<Object>),
}

/// How an object is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Object {
    Json,
    Yaml,
    Name,
}

/// Why no run was made, or what could not be done for it.
enum Failed {
    /// Nothing was sent, because of what was given.
    Wrong(Vec<String>),
    Stopped(Stopped),
}

impl<E: Into<Stopped>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Stopped(error.into())
    }
}

pub(super) fn run(wanted: &Wanted) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.context("failed to start the runtime")?.block_on(start(wanted)) {
        Ok(code) => Ok(code),
        Err(Failed::Wrong(problems)) => Ok(refuse(problems)),
        Err(Failed::Stopped(stopped)) => stopped.said(),
    }
}

async fn start(wanted: &Wanted) -> Result<ExitCode, Failed> {
    let then = match wanted.shown {
        Shown::Followed(format) => Then::Follow(format, Signals::take().context("failed to listen for signals")?),
        Shown::Created(format) => Then::Print(format),
    };
    let cluster = wanted.cluster.connect().await?;
    let pipeline = pipeline(&cluster, &wanted.pipeline).await?;
    let params = params(&declared(&pipeline)?, &wanted.params).map_err(Failed::Wrong)?;
    check_sources(&pipeline, &wanted.from).map_err(Failed::Wrong)?;
    let by = actions::user(&cluster).await?;
    let runs = Runs::of(&cluster);
    let made = body(wanted, &params, &by)?;
    let called = wanted.name.clone().unwrap_or_else(|| format!("{}-", wanted.pipeline));
    let run = runs.create(&called, &made).await.map_err(|error| not_made(&error, wanted))?;
    let commands = Commands::of(&run.0.name_any(), &wanted.cluster);
    let manual = first_manual(&pipeline).filter(|_| wanted.approves);
    let first = FirstApproval::of(&runs, manual.clone(), by, &commands);
    let mut watching = Watching::of(&cluster, &run)?;
    match then {
        Then::Follow(format, mut signals) => {
            let output = Output::new(format, &run.0.name_any(), None).with_commands(commands.clone());
            output.note(&format!("{} created", run.reference()));
            output.refresh();
            let end = follow(&mut watching, &output, &mut signals, first).await;
            Ok(followed(end, &output, &run, &commands)?)
        }
        Then::Print(format) => {
            let tells = |text: &str| tell(format, &format!("{} {text}", run.reference()));
            tells("created")?;
            let seen = match manual.is_some() || may_wait(&pipeline) {
                true => settle(&mut watching, first, &commands, tells).await?,
                false => None,
            };
            print(format, &seen.unwrap_or(run))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The pipeline of this name. Whatever a newer version may have in it is passed over.
async fn pipeline(cluster: &Cluster, name: &str) -> Result<DynamicObject, Failed> {
    let pipelines = Objects::of::<Pipeline>(cluster, "pipeline");
    pipelines.get(name).await.map_err(|error| match error {
        RequestError::NoObject { .. } => Failed::Wrong(vec![error.to_string()]),
        error => error.into(),
    })
}

fn declared(pipeline: &DynamicObject) -> Result<Vec<Param>, Stopped> {
    let declared = match &pipeline.data["spec"]["params"] {
        Value::Null => return Ok(Vec::new()),
        declared => serde_json::from_value(declared.clone()),
    };
    declared.map_err(|error| {
        let name = pipeline.name_any();
        Stopped::Said(format!(
            "failed to read the parameters of pipeline {name:?}: {error}; use the version of sluice that the cluster has"
        ))
    })
}

/// The parameters as the pipeline declares them, or everything that is wrong with them.
fn params(declared: &[Param], given: &BTreeMap<String, String>) -> Result<BTreeMap<String, ParamValue>, Vec<String>> {
    let find = |name: &str| declared.iter().find(|param| param.name == name);
    let typed = |(name, text): (&String, &String)| {
        let number = find(name).filter(|param| param.r#type == ParamType::Integer).and_then(|_| text.parse().ok());
        (name.clone(), number.map_or_else(|| ParamValue::String(text.clone()), ParamValue::Integer))
    };
    let values: BTreeMap<_, _> = given.iter().map(typed).collect();
    let Err(problems) = resolve_params(declared, &values) else { return Ok(values) };
    let names: Vec<&str> = declared.iter().map(|param| &*param.name).collect();
    let said = problems.into_iter().map(|problem| {
        let name = problem.name;
        match (find(&name), given.contains_key(&name)) {
            (None, _) if names.is_empty() => format!("the pipeline has no parameter {name:?}; it has none"),
            (None, _) => format!("the pipeline has no parameter {name:?}{}", hint(&name, &names)),
            (Some(_), false) => format!("parameter {name} is required: add -p {name}=VALUE"),
            (Some(_), true) => format!("parameter {name} {}", problem.message),
        }
    });
    Err(said.collect())
}

/// Whether the pipeline has the sources for which runs are named. Which runs are good ones is for the controller to say.
fn check_sources(pipeline: &DynamicObject, from: &BTreeMap<String, String>) -> Result<(), Vec<String>> {
    let sources = pipeline.data["spec"]["sources"].as_array().into_iter().flatten();
    let names: Vec<&str> = sources.filter_map(|source| source["name"].as_str()).collect();
    let unknown = from.keys().filter(|name| !names.contains(&name.as_str()));
    let problems: Vec<String> = unknown
        .map(|name| match names.is_empty() {
            true => format!("the pipeline has no source {name:?}; it has none"),
            false => format!("the pipeline has no source {name:?}{}", hint(name, &names)),
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn body(wanted: &Wanted, params: &BTreeMap<String, ParamValue>, by: &str) -> Result<DynamicObject, Stopped> {
    let labels = json!({(names::PIPELINE_LABEL): names::label_value(&wanted.pipeline)});
    let metadata = match &wanted.name {
        Some(name) => json!({"name": name, "labels": labels}),
        None => json!({"generateName": format!("{}-", wanted.pipeline), "labels": labels}),
    };
    let mut spec = json!({"pipelineRef": {"name": wanted.pipeline}, "params": params, "requestedBy": by});
    let from = wanted.from.iter().map(|(source, run)| json!({"source": source, "runRef": {"name": run}}));
    if !wanted.from.is_empty() {
        spec["from"] = from.collect();
    }
    let run = json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun", "metadata": metadata, "spec": spec});
    Ok(serde_json::from_value(run).context("failed to write the run as JSON")?)
}

fn not_made(error: &RequestError, wanted: &Wanted) -> Stopped {
    let remedy = match &wanted.name {
        Some(name) if error.is_taken() => format!("; choose another name than {name}, or leave out --name"),
        _ if error.leaves_open() => "; it may be there all the same: look with kubectl get plr".to_owned(),
        _ => String::new(),
    };
    Stopped::Said(format!("{error}{remedy}"))
}

/// The pipeline's first stage, if it is a manual one. An approval that only its Environment wants is given by itself.
fn first_manual(pipeline: &DynamicObject) -> Option<String> {
    let first = &pipeline.data["spec"]["stages"][0];
    first["name"].as_str().filter(|_| first["approval"].is_object()).map(str::to_owned)
}

/// Whether a run of the pipeline may have to wait before it starts, or may not start.
fn may_wait(pipeline: &DynamicObject) -> bool {
    let spec = &pipeline.data["spec"];
    let has_lock =
        spec["concurrency"].is_object() && spec["concurrency"]["policy"] != format!("{:?}", LockPolicy::Parallel);
    let first = &spec["stages"][0];
    let has_sources = spec["sources"].as_array().is_some_and(|sources| !sources.is_empty());
    let waits = spec["suspend"].is_object() || first["approval"].is_object() || first["environment"].is_string();
    has_lock || has_sources || waits
}

/// Looks at the new run until it has begun or says what it waits for, and tells that; gives the approval meanwhile.
async fn settle(
    watching: &mut Watching,
    mut first: FirstApproval<'_>,
    commands: &Commands,
    tells: impl Fn(&str) -> Result<(), Stopped>,
) -> Result<Option<Run>, Stopped> {
    let until = Instant::now() + SETTLES_IN;
    let mut last = None;
    loop {
        let Ok(seen) = timeout_at(until, watching.next()).await else {
            let what = match first.is_unanswered() {
                true => "your approval of its first stage is not answered yet",
                false => "is not under way yet",
            };
            tells(&format!("{what}; watch it with: {}", commands.watch()))?;
            return Ok(last);
        };
        let run = match seen {
            Seen::Run(run) => *run,
            Seen::Gone => {
                tells("was deleted")?;
                return Ok(last);
            }
            Seen::Lost(_) | Seen::Back => continue,
            // It is there all the same.
            Seen::Refused(error) => {
                complain(&format!("note: {error}"));
                return Ok(last);
            }
        };
        let status = status_of(&run).map_err(Stopped::Said)?;
        let turn = first.consider(&run, &status).await;
        let state = &status.state;
        let held = holds(state);
        let waiting = state.stages.iter().find(|stage| stage.awaits_approval());
        let (has_begun, is_held) = (state.started_at.is_some(), !held.is_empty());
        last = Some(run);
        match turn {
            Turn::NotGiven(text) | Turn::Answered(text) => {
                tells(&text)?;
                return Ok(last);
            }
            // Such as one that met the lock of another run, and does not queue.
            Turn::NotYet | Turn::Over if state.is_finished() && !has_begun => {
                let why = state.ending.as_ref().and_then(|ending| ending.message.as_deref()).unwrap_or_default();
                tells(&format!("{:?}: {why}", state.phase))?;
                return Ok(last);
            }
            Turn::NotYet | Turn::Over if is_held && !first.is_unanswered() => {
                tells(&format!("waits: {}", held.join("; ")))?;
                return Ok(last);
            }
            Turn::Over => match waiting {
                Some(stage) => {
                    let missing = missing_approval(stage).unwrap_or_default();
                    tells(&format!("stage {} {missing}; approve it with: {}", stage.title(), commands.approve(stage)))?;
                    return Ok(last);
                }
                None if has_begun => return Ok(last),
                None => {}
            },
            Turn::NotYet => {}
        }
    }
}

/// Says something to people.
fn tell(format: Option<Object>, text: &str) -> Result<(), Stopped> {
    let text = printable::lines(text);
    match format {
        None => Ok(write(&format!("{text}\n")).context("failed to print")?),
        // Where standard output is for programs.
        Some(_) => {
            complain(&text);
            Ok(())
        }
    }
}

/// Prints the run, for programs.
fn print(format: Option<Object>, run: &Run) -> Result<(), Stopped> {
    let text = match format {
        None => return Ok(()),
        Some(Object::Name) => format!("{}\n", run.reference()),
        Some(Object::Json) => format!("{:#}\n", run.to_value().context("failed to write JSON")?),
        Some(Object::Yaml) => {
            let value = run.to_value().context("failed to write JSON")?;
            serde_saphyr::to_string(&value).context("failed to write YAML")?
        }
    };
    Ok(write(&text).context("failed to print")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(declared: Value, given: &[(&str, &str)]) -> Result<Value, Vec<String>> {
        let declared: Vec<Param> = serde_json::from_value(declared).unwrap();
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        params(&declared, &given).map(|values| serde_json::to_value(values).unwrap())
    }

    #[test]
    fn parameters_are_sent_as_the_pipeline_declares_them() {
        let declared = json!([{"name": "version", "required": true}, {"name": "replicas", "type": "Integer"},
            {"name": "canary", "type": "Boolean"}]);
        let given = [("version", "1.10"), ("replicas", "3"), ("canary", "true")];
        assert_eq!(check(declared, &given), Ok(json!({"version": "1.10", "replicas": 3, "canary": "true"})));
    }

    #[test]
    fn everything_wrong_with_parameters_is_said_at_once() {
        let declared = json!([{"name": "version", "required": true}, {"name": "replicas", "type": "Integer"}]);
        let problems = check(declared, &[("replicas", "many"), ("verison", "1")]).unwrap_err();
        let expected = [
            "parameter version is required: add -p version=VALUE",
            "parameter replicas must be a whole number, not \"many\"",
            "the pipeline has no parameter \"verison\"; did you mean \"version\"?",
        ];
        assert_eq!(problems, expected);
        let problems = check(json!([]), &[("version", "1")]).unwrap_err();
        assert_eq!(problems, ["the pipeline has no parameter \"version\"; it has none"]);
    }

    #[test]
    fn the_first_stage_alone_is_the_one_that_is_approved_with_the_creation() {
        let pipeline = |stages: Value| {
            let pipeline = json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "Pipeline", "metadata": {"name": "web"},
                "spec": {"stages": stages}});
            first_manual(&serde_json::from_value(pipeline).unwrap())
        };
        assert_eq!(pipeline(json!([{"name": "a", "approval": {}}])), Some("a".to_owned()));
        assert_eq!(pipeline(json!([{"name": "a", "environment": "live"}])), None, "what it wants is given by itself");
        assert_eq!(pipeline(json!([{"name": "a"}, {"name": "b", "approval": {}}])), None);
    }
}
