//! Sources: what they are called, and what can be read of them.

use expect_test::expect;

use crate::check;

#[test]
fn a_source_is_read_wherever_it_is_declared_and_only_there() {
    check(
        r#"
- name: only
  when: sources.build.outputs.image != "" && sources.built.run.name != ""
  environment: env-${{ sources.build.run.name }}
  steps: [{name: a, set: {values: {x: "${{ sources.build.outputs.push.image }} ${{ sources.build.runs }}"}}}]
sources: [{name: build, pipelineRef: {name: build}}]
concurrency: {group: "${{ sources.build.run.uid }}"}
outputs: {image: "${{ sources.build.outputs.image }}"}
hooks: [{name: tell, events: [Failure], steps: [{name: b, set: {values: {x: "${{ sources.test.run.uid }}"}}}]}]
"#,
        &expect![[r#"
            spec.stages[0].when (at character 46): `sources` has no `built`; did you mean `build`?
            spec.stages[0].steps[0].set.values.x (at character 59): `sources.build` has no `runs`; did you mean `run`?
            spec.hooks[0].steps[0].set.values.x (at character 13): `sources` has no `test`; there is `build`
        "#]],
    );
}

#[test]
fn a_source_that_could_not_be_named_or_start_anything_is_a_mistake() {
    check(
        r#"
- {name: only, steps: [{name: a, set: {values: {}}}]}
sources:
- {name: in, pipelineRef: {name: build}}
- {name: theBuild, pipelineRef: {name: The Build}}
- {name: build, pipelineRef: {name: build}, start: true}
"#,
        &expect![[r#"
            spec.sources[0].name: "in" is a word of the expression language; choose another name
            spec.sources[1].pipelineRef.name: "The Build" is no name of a Pipeline; use small letters, digits, `-` and `.`, with a letter or digit at both ends, 253 at most
            spec.sources[2].start: the parameter "version" is required, and nothing gives it a value in a run that a good run starts; give it a default in the place of required, or read sources.build.outputs in its place
        "#]],
    );
}
