//! Which run is meant: the one among the manifests, or a new one of a pipeline. Pure.

use std::collections::BTreeMap;

use kube::{Resource, ResourceExt};
use sluice_api::{ParamValue, Pipeline, PipelineRun, resolve_params};

use super::objects::Objects;

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// A new run of this pipeline, whatever runs there are among the manifests.
    pub(crate) pipeline: Option<String>,
    /// The run's name.
    pub(crate) name: Option<String>,
    /// Parameters; they go over those of a run among the manifests.
    pub(crate) params: BTreeMap<String, String>,
}

/// A run that can be started.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) pipeline: Pipeline,
    pub(crate) params: BTreeMap<String, ParamValue>,
}

/// The run that is meant, or everything that stands in the way. `is_taken` says whether there is a run of a name.
pub(crate) fn choose(
    objects: &Objects,
    wanted: &Wanted,
    is_taken: impl Fn(&str) -> bool,
) -> Result<Chosen, Vec<String>> {
    let template = template(objects, wanted).map_err(|problem| vec![problem])?;
    let pipeline = pipeline(objects, wanted, template).map_err(|problem| vec![problem])?;
    let mut params = template.map(|run| run.spec.params.clone()).unwrap_or_default();
    params.extend(wanted.params.iter().map(|(name, value)| (name.clone(), ParamValue::String(value.clone()))));
    let mut problems = Vec::new();
    if let Err(wrong) = resolve_params(&pipeline.spec.params, &params) {
        problems.extend(wrong.into_iter().map(|problem| format!("parameter {}: {}", problem.name, problem.message)));
    }
    let name = name(wanted, template, pipeline, is_taken).unwrap_or_else(|problem| {
        problems.push(problem);
        String::new()
    });
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Chosen { name, namespace: objects.namespace_of(pipeline), pipeline: pipeline.clone(), params })
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

fn name(
    wanted: &Wanted,
    template: Option<&PipelineRun>,
    pipeline: &Pipeline,
    is_taken: impl Fn(&str) -> bool,
) -> Result<String, String> {
    let given = wanted.name.as_ref().or(template.and_then(|run| run.metadata.name.as_ref()));
    if let Some(name) = given {
        if !is_name(name) {
            return Err(format!("{name:?} cannot name a run: use small letters, digits, - and ., 63 at most"));
        }
        if is_taken(name) {
            let free = numbered(&format!("{name}-"), 2, is_taken);
            return Err(format!(
                "there is a run {name:?} already: carry it on with `sluice resume {name}`, or start another one with --name {free}"
            ));
        }
        return Ok(name.clone());
    }
    let prefix = template.and_then(|run| run.meta().generate_name.clone());
    Ok(numbered(&prefix.unwrap_or_else(|| format!("{}-", pipeline.name_any())), 1, is_taken))
}

/// The first of these names that is free.
fn numbered(prefix: &str, first: u32, is_taken: impl Fn(&str) -> bool) -> String {
    let names = (first..).map(|number| format!("{prefix}{number}"));
    names.into_iter().find(|name| !is_taken(name)).unwrap_or_default()
}

/// A name that the API server would take, and that is safe as one of a file.
fn is_name(name: &str) -> bool {
    let is_end =
        |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit());
    let mut letters = name.chars();
    name.len() <= 63
        && is_end(name.chars().next())
        && is_end(name.chars().next_back())
        && letters.all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '-' | '.'))
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
        let wanted = Wanted { pipeline: pipeline.map(str::to_owned), name: name.map(str::to_owned), params };
        let text = match choose(objects, &wanted, |name| TAKEN.contains(&name)) {
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
            parameter verison: the pipeline has no such parameter; it has: version, replicas
            there is a run "used" already: carry it on with `sluice resume used`, or start another one with --name used-2"#]],
        );
        check(
            &none,
            None,
            Some("../up"),
            &[("version", "1")],
            expect![[r#""../up" cannot name a run: use small letters, digits, - and ., 63 at most"#]],
        );
    }
}
