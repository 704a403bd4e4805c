//! Which run is meant: the one among the manifests, or a new one of a pipeline. Pure.

use std::collections::BTreeMap;

use kube::{Resource, ResourceExt};
use sluice_api::{FromSource, ParamValue, Pipeline, PipelineRun, resolve_params};

use super::{objects::Objects, start::suspension};
use crate::lint;

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// A new run of this pipeline, whatever runs there are among the manifests.
    pub(crate) pipeline: Option<String>,
    /// The run's name.
    pub(crate) name: Option<String>,
    /// Parameters; they go over those of a run among the manifests.
    pub(crate) params: BTreeMap<String, String>,
    /// The runs to take, by source; they go over those of a run among the manifests.
    pub(crate) from: BTreeMap<String, String>,
}

/// Whether there is a run of a name.
pub(crate) enum Use {
    Free,
    /// There is; the command that carries it on, where it is unfinished.
    Taken {
        resume: Option<String>,
    },
}

/// The longest name of a run here: it names files, with some more behind it.
const MAX_NAME: usize = 240;

/// A run that can be started.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    pub(crate) name: String,
    /// Whether the name was made up here: any other one would do.
    pub(crate) is_numbered: bool,
    pub(crate) namespace: String,
    pub(crate) pipeline: Pipeline,
    pub(crate) params: BTreeMap<String, ParamValue>,
    pub(crate) from: Vec<FromSource>,
}

/// The run that is meant, or everything that stands in the way. `use_of` says whether there is a run of a name.
pub(crate) fn choose(objects: &Objects, wanted: &Wanted, use_of: impl Fn(&str) -> Use) -> Result<Chosen, Vec<String>> {
    let template = template(objects, wanted).map_err(|problem| vec![problem])?;
    let pipeline = pipeline(objects, wanted, template).map_err(|problem| vec![problem])?;
    let mut params = template.map(|run| run.spec.params.clone()).unwrap_or_default();
    params.extend(wanted.params.iter().map(|(name, value)| (name.clone(), ParamValue::String(value.clone()))));
    let mut problems: Vec<String> = suspension(&pipeline.name_any(), &pipeline.spec).into_iter().collect();
    if let Err(wrong) = resolve_params(&pipeline.spec.params, &params) {
        problems.extend(wrong.into_iter().map(|problem| format!("parameter {}: {}", problem.name, problem.message)));
    }
    let (name, is_numbered) = name(wanted, template, pipeline, use_of).unwrap_or_else(|problem| {
        problems.push(problem);
        (String::new(), false)
    });
    if !problems.is_empty() {
        return Err(problems);
    }
    let (namespace, from) = (objects.namespace_of(pipeline), from(wanted, template));
    Ok(Chosen { name, is_numbered, namespace, pipeline: pipeline.clone(), params, from })
}

/// The runs to take for sources.
fn from(wanted: &Wanted, template: Option<&PipelineRun>) -> Vec<FromSource> {
    let of_template = template.iter().flat_map(|run| &run.spec.from);
    let of_template = of_template.filter(|from| !wanted.from.contains_key(&from.source)).cloned();
    let given = wanted.from.iter().map(|(source, run)| FromSource::new(source, run));
    of_template.chain(given).collect()
}

/// The run among the manifests that is meant; `None` for a new run.
fn template<'a>(objects: &'a Objects, wanted: &Wanted) -> Result<Option<&'a PipelineRun>, String> {
    if wanted.pipeline.is_some() {
        return Ok(None);
    }
    let named = objects.runs.iter().find(|run| run.metadata.name.is_some() && run.metadata.name == wanted.name);
    match (named, objects.runs.as_slice()) {
        (Some(named), _) => Ok(Some(named)),
        (None, []) => Ok(None),
        (None, [only]) => Ok(Some(only)),
        (None, several) => {
            let names = names(several);
            Err(format!(
                "the manifests hold several runs: choose one with --name ({names}), or a new one with --pipeline"
            ))
        }
    }
}

fn pipeline<'a>(objects: &'a Objects, wanted: &Wanted, template: Option<&PipelineRun>) -> Result<&'a Pipeline, String> {
    let all = &objects.pipelines;
    let name = wanted.pipeline.as_ref().or(template.map(|run| &run.spec.pipeline_ref.name));
    let is_near =
        |pipeline: &&Pipeline| template.is_none_or(|run| objects.namespace_of(run) == objects.namespace_of(*pipeline));
    match (name, all.as_slice()) {
        (_, []) => Err("the manifests hold no Pipeline: name files with one by -f".to_owned()),
        (None, [only]) => Ok(only),
        (None, several) => {
            Err(format!("the manifests hold several pipelines: choose one with --pipeline ({})", names(several)))
        }
        (Some(name), several) => {
            let found = several.iter().filter(is_near).find(|pipeline| pipeline.metadata.name.as_ref() == Some(name));
            found.ok_or_else(|| format!("the manifests hold no Pipeline {name:?}; they hold {}", names(several)))
        }
    }
}

/// The run's name, and whether it was made up here.
fn name(
    wanted: &Wanted,
    template: Option<&PipelineRun>,
    pipeline: &Pipeline,
    use_of: impl Fn(&str) -> Use,
) -> Result<(String, bool), String> {
    let is_taken = |name: &str| !matches!(use_of(name), Use::Free);
    let given = wanted.name.as_ref().or(template.and_then(|run| run.metadata.name.as_ref()));
    let Some(name) = given else {
        let prefix = template.and_then(|run| run.meta().generate_name.clone());
        let prefix = prefix.unwrap_or_else(|| format!("{}-", pipeline.name_any()));
        return valid(numbered(&prefix, 1, is_taken)).map(|name| (name, true));
    };
    let name = valid(name.clone())?;
    let Use::Taken { resume } = use_of(&name) else { return Ok((name, false)) };
    let free = numbered(&format!("{name}-"), 2, is_taken);
    let carry_on = resume.map(|command| format!("carry it on with `{command}`, or ")).unwrap_or_default();
    Err(format!("there is a run {name:?} already: {carry_on}start another one with --name {free}"))
}

/// The first of these names that is free.
fn numbered(prefix: &str, first: u32, is_taken: impl Fn(&str) -> bool) -> String {
    let names = (first..).map(|number| format!("{prefix}{number}"));
    names.into_iter().find(|name| !is_taken(name)).unwrap_or_default()
}

/// A name that the API server would take, and that is safe as one of a file.
fn valid(name: String) -> Result<String, String> {
    if lint::is_dns_subdomain(&name) && name.len() <= MAX_NAME {
        return Ok(name);
    }
    Err(format!(
        "{name:?} cannot name a run: small letters, digits, `-` and `.`, a letter or digit on both sides of each `.` and at \
         the ends, {MAX_NAME} at most; choose one with --name"
    ))
}

fn names(objects: &[impl Resource]) -> String {
    objects.iter().map(ResourceExt::name_any).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    fn pipeline(name: &str) -> Pipeline {
        let params =
            json!([{"name": "version", "required": true}, {"name": "replicas", "type": "Integer", "default": 2}]);
        let stages = json!([{"name": "s", "steps": [{"name": "a", "set": {"values": {}}}]}]);
        let spec = json!({"serviceAccountName": "a", "params": params, "stages": stages});
        serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec})).unwrap()
    }

    fn run(name: &str, pipeline: &str) -> PipelineRun {
        let spec = json!({"pipelineRef": {"name": pipeline}, "params": {"version": "1.0"}});
        serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec})).unwrap()
    }

    fn objects(pipelines: &[&str], runs: &[(&str, &str)]) -> Objects {
        let mut objects = Objects::default();
        objects.pipelines = pipelines.iter().map(|name| pipeline(name)).collect();
        objects.runs = runs.iter().map(|(name, pipeline)| run(name, pipeline)).collect();
        objects
    }

    /// `TAKEN` names are in use.
    const TAKEN: &[&str] = &["used", "deploy-1"];

    #[expect(clippy::needless_pass_by_value, reason = "so that the macro may stand in the call")]
    fn check(objects: &Objects, pipeline: Option<&str>, name: Option<&str>, params: &[(&str, &str)], expected: Expect) {
        let params = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let wanted = Wanted {
            pipeline: pipeline.map(str::to_owned),
            name: name.map(str::to_owned),
            params,
            ..Wanted::default()
        };
        let resume = |name: &str| (name == "used").then(|| format!("sluice resume {name} --state there"));
        let use_of = |name: &str| match TAKEN.contains(&name) {
            true => Use::Taken { resume: resume(name) },
            false => Use::Free,
        };
        let text = match choose(objects, &wanted, use_of) {
            Ok(Chosen { name, pipeline, params, .. }) => {
                format!("{name} of {}, {}", pipeline.name_any(), serde_json::to_string(&params).unwrap())
            }
            Err(problems) => problems.join("\n"),
        };
        expected.assert_eq(&text);
    }

    #[test]
    fn the_one_run_among_the_manifests_is_meant_and_parameters_go_over_its_own() {
        let one = objects(&["deploy"], &[("first", "deploy")]);
        check(&one, None, None, &[], expect![[r#"first of deploy, {"version":"1.0"}"#]]);
        check(&one, None, Some("second"), &[("version", "2")], expect![[r#"second of deploy, {"version":"2"}"#]]);
    }

    #[test]
    fn without_a_run_it_is_a_new_one_with_a_number() {
        let none = objects(&["deploy"], &[]);
        check(&none, None, None, &[("version", "2")], expect![[r#"deploy-2 of deploy, {"version":"2"}"#]]);
        let some = objects(&["other", "deploy"], &[("first", "deploy")]);
        check(&some, Some("other"), None, &[("version", "2")], expect![[r#"other-1 of other, {"version":"2"}"#]]);
    }

    #[test]
    fn what_is_not_clear_is_asked_for() {
        let several = objects(&["a", "b"], &[("first", "a"), ("second", "b")]);
        check(
            &several,
            None,
            None,
            &[],
            expect![
                "the manifests hold several runs: choose one with --name (first, second), or a new one with --pipeline"
            ],
        );
        check(&several, None, Some("second"), &[], expect![[r#"second of b, {"version":"1.0"}"#]]);
        check(
            &objects(&["a", "b"], &[]),
            None,
            None,
            &[],
            expect!["the manifests hold several pipelines: choose one with --pipeline (a, b)"],
        );
        check(
            &objects(&["a"], &[("first", "gone")]),
            None,
            None,
            &[],
            expect![[r#"the manifests hold no Pipeline "gone"; they hold a"#]],
        );
        check(
            &objects(&[], &[]),
            None,
            None,
            &[],
            expect!["the manifests hold no Pipeline: name files with one by -f"],
        );
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let none = objects(&["deploy"], &[]);
        check(
            &none,
            None,
            Some("used"),
            &[("replicas", "many"), ("verison", "1")],
            expect![[r#"
            parameter version: is required and missing: add it to the run
            parameter replicas: must be a whole number, not "many"
            parameter verison: the pipeline has no such parameter; did you mean "version"?
            there is a run "used" already: carry it on with `sluice resume used --state there`, or start another one with --name used-2"#]],
        );
        check(
            &none,
            None,
            Some("../up"),
            &[("version", "1")],
            expect![[
                r#""../up" cannot name a run: small letters, digits, `-` and `.`, a letter or digit on both sides of each `.` and at the ends, 240 at most; choose one with --name"#
            ]],
        );
        check(
            &none,
            None,
            Some("deploy-1"),
            &[("version", "1")],
            expect![[r#"there is a run "deploy-1" already: start another one with --name deploy-1-2"#]],
        );
    }

    #[test]
    fn nothing_of_a_suspended_pipeline_starts() {
        let mut suspended = objects(&["deploy"], &[("first", "deploy")]);
        suspended.pipelines[0].spec.suspend = Some(sluice_api::Suspend { reason: Some("quarter end".to_owned()) });
        check(
            &suspended,
            None,
            None,
            &[],
            expect![[r#"pipeline "deploy" is suspended: quarter end; to run it, take spec.suspend away"#]],
        );
    }

    #[test]
    fn a_name_is_one_that_the_api_server_would_take_and_short_enough_for_a_file() {
        for name in ["a", "a.b-c.1", &"a".repeat(240)] {
            assert_eq!(valid(name.to_owned()).as_deref(), Ok(name));
        }
        for name in ["", "a..b", "a.-b", "-a", "A", "a/b", &"a".repeat(241)] {
            assert!(valid(name.to_owned()).is_err(), "{name}");
        }
    }
}
