//! The static check of a pipeline, with what only its steps can judge.

use sluice_api::{
    Code, PipelineSpec, Step, StepConfig,
    check::{self, Mistake},
    step::ConfigMistake,
};

use crate::perform;

/// Every mistake of a pipeline of this name: those of [`sluice_api::check`], texts in the configurations of its steps that
/// cannot be what they have to be, such as a path that leaves the repository, and steps that start the pipeline itself.
pub fn pipeline(name: &str, spec: &PipelineSpec) -> Vec<Mistake> {
    let stages = spec.stages.iter().enumerate().map(|(index, stage)| (format!("spec.stages[{index}]"), &stage.steps));
    let hooks = spec.hooks.iter().enumerate().map(|(index, hook)| (format!("spec.hooks[{index}]"), &hook.steps));
    let mut mistakes = check::pipeline(spec);
    mistakes.extend(own_sources(name, spec));
    for (path, steps) in stages.chain(hooks) {
        for (index, step) in steps.iter().enumerate() {
            mistakes.extend(of_step(name, step, &format!("{path}.steps[{index}]")));
        }
    }
    mistakes
}

/// Sources that are the pipeline itself: what would its first run take?
fn own_sources(pipeline: &str, spec: &PipelineSpec) -> impl Iterator<Item = Mistake> {
    let sources = spec.sources.iter().enumerate();
    let own = sources.filter(move |(_, source)| !pipeline.is_empty() && source.pipeline_ref.name == pipeline);
    own.map(move |(index, _)| Mistake {
        code: Code::InvalidValue,
        path: format!("spec.sources[{index}].pipelineRef.name"),
        place: None,
        message: format!("pipeline {pipeline:?} would take what it makes itself"),
        help: Some("name another pipeline".to_owned()),
    })
}

fn of_step(pipeline: &str, step: &Step, path: &str) -> Vec<Mistake> {
    // A step without a type is a mistake already.
    let Ok(config) = step.config() else { return Vec::new() };
    let path = format!("{path}.{}", config.type_name());
    let wrong = perform::literal_mistakes(&config).into_iter().chain(starts_itself(pipeline, &config));
    wrong
        .map(|ConfigMistake { field, message, help }| Mistake {
            code: Code::InvalidValue,
            path: format!("{path}.{field}"),
            place: None,
            message,
            help,
        })
        .collect()
}

/// A step that starts the pipeline that it stands in. Longer ways around are seen when they are gone.
fn starts_itself(pipeline: &str, config: &StepConfig) -> Option<ConfigMistake> {
    let StepConfig::ChildRun(child) = config else { return None };
    (child.pipeline_ref.name == pipeline && !pipeline.is_empty()).then(|| ConfigMistake {
        field: "pipelineRef.name".to_owned(),
        message: format!("pipeline {pipeline:?} would start itself"),
        help: Some("name another pipeline; to do something again there is `retry`, or `until` of a stage".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(steps: &str, expected: &Expect) {
        let params = "params: [{name: repository, required: true}]";
        let text = format!("serviceAccountName: a\n{params}\nstages:\n- name: only\n  steps:\n{steps}");
        let spec: PipelineSpec = serde_saphyr::from_str(&text).unwrap();
        let mistakes: String = pipeline("release", &spec).iter().map(|mistake| format!("{mistake}\n")).collect();
        expected.assert_eq(&mistakes);
    }

    #[test]
    fn a_text_without_expressions_is_read_when_it_is_written() {
        check(
            r#"
  - {name: one, commit: {providerRef: {name: a}, repository: shop gitops, branch: a..b, message: m, edits: [
      {file: ../../etc/passwd, set: {path: a, value: 1}}, {file: a.yaml, set: {path: "containers[name=web.image", value: 1}}]}}
  - {name: two, pullRequest: {providerRef: {name: a}, repository: x, title: t, edits: [{file: /a, set: {path: a, value: 1}}]}}
  - {name: three, delay: {duration: soon}}
  - {name: four, waitFor: {until: 2026-11-01}}
  - {name: five, validate: {sources: {web: {file: {providerRef: {name: a}, repository: shop, path: ../a.yaml}}}, checks: [{name: c, expr: web != null}]}}
"#,
            &expect![[r#"
                spec.stages[0].steps[0].commit.repository: "shop gitops" is no valid repository name: it must be `owner/name`
                spec.stages[0].steps[0].commit.branch: "a..b" is no valid branch name: it has `..` or `@{`
                spec.stages[0].steps[0].commit.edits[0].file: "../../etc/passwd" is no valid path in the repository: it has a `.` or `..` part; it may not leave the repository
                spec.stages[0].steps[0].commit.edits[1].set.path: invalid path "containers[name=web.image" at character 26: expected `]`
                spec.stages[0].steps[1].pullRequest.repository: "x" is no valid repository name: it must be `owner/name`
                spec.stages[0].steps[1].pullRequest.edits[0].file: "/a" is no valid path in the repository: it is absolute; give it relative to the repository's root
                spec.stages[0].steps[2].delay.duration: "soon" is no duration: write whole numbers with the units h, m, s or ms, as in 90s or 1h30m
                spec.stages[0].steps[3].waitFor.until: "2026-11-01" is no point in time: write it in RFC 3339 with an offset, such as 2026-11-01T06:00:00Z or 2026-11-01T08:00:00+02:00
                spec.stages[0].steps[4].validate.sources.web.file.repository: "shop" is no valid repository name: it must be `owner/name`
                spec.stages[0].steps[4].validate.sources.web.file.path: "../a.yaml" is no valid path in the repository: it has a `.` or `..` part; it may not leave the repository
            "#]],
        );
    }

    #[test]
    fn a_pipeline_does_not_start_itself() {
        check(
            r#"
  - {name: one, pipelineRun: {pipelineRef: {name: release}}}
  - {name: two, pipelineRun: {pipelineRef: {name: "${{ params.repository }}"}}}
  - {name: three, pipelineRun: {pipelineRef: {name: Release}}}
"#,
            &expect![[r#"
                spec.stages[0].steps[0].pipelineRun.pipelineRef.name: pipeline "release" would start itself; name another pipeline; to do something again there is `retry`, or `until` of a stage
                spec.stages[0].steps[2].pipelineRun.pipelineRef.name: "Release" is no name of an object: use small letters, digits, `-` and `.`
            "#]],
        );
    }

    #[test]
    fn a_pipeline_is_no_source_of_itself() {
        let text = "serviceAccountName: a\nsources: [{name: own, pipelineRef: {name: release}}]\nstages: []";
        let spec: PipelineSpec = serde_saphyr::from_str(text).unwrap();
        let mistakes: Vec<String> = pipeline("release", &spec).iter().map(ToString::to_string).collect();
        let said = r#"spec.sources[0].pipelineRef.name: pipeline "release" would take what it makes itself; name another pipeline"#;
        assert_eq!(mistakes, [said]);
        assert!(pipeline("deploy", &spec).is_empty());
    }

    #[test]
    fn a_text_with_an_expression_is_read_when_it_is_rendered() {
        check(
            r#"
  - {name: one, commit: {providerRef: {name: a}, repository: "${{ params.repository }}", message: m, edits: [
      {file: "../${{ run.name }}", set: {path: "${{ run.name }}[", value: 1}}]}}
"#,
            &expect![""],
        );
    }
}
