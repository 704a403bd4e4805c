//! `environment`: what its name may be, and where expressions see it.

use expect_test::expect;

use crate::check;

#[test]
fn a_bound_stage_and_what_belongs_to_it_sees_its_environment() {
    check(
        r#"
- name: deploy
  environment: "${{ params.version }}-eu"
  when: environment.name != 'none'
  forEach: {in: "environment.targets.filter(t, t.region == 'eu' && t.name != '')", as: target}
  retry: {limit: 1, when: environment.name == 'staging'}
  until: {condition: "environment.name == steps.one.outputs.x", limit: 2}
  steps:
  - {name: one, when: environment.name == 'staging', set: {values: {x: "${{ environment.name }} ${{ target.name }} ${{ target.application }}"}}}
hooks:
- {name: early, events: [Started], for: {stage: deploy}, steps: [{name: a, set: {values: {x: "${{ environment.name }}"}}}]}
- {name: late, events: [Failure], for: {step: one}, steps: [{name: a, set: {values: {x: "${{ environment.name + target.name }}"}}}]}
"#,
        &expect![""],
    );
}

#[test]
fn what_is_known_of_an_environment_has_its_type() {
    check(
        r#"
- name: deploy
  environment: staging
  when: environment.nmae == 'x'
  forEach: {in: environment.target, as: target}
  steps: [{name: one, when: environment.name == 1, set: {values: {}}}]
- name: again
  environment: staging
  forEach: {in: environment.targets, as: target}
  steps: [{name: two, when: target.name > 1, set: {values: {a: "${{ target.port > 1 }}", b: "${{ environment }} x"}}}]
"#,
        &expect![[r#"
            spec.stages[0].when (at character 13): `environment` has no `nmae`; did you mean `name`?
            spec.stages[0].forEach.in (at character 13): `environment` has no `target`; did you mean `targets`?
            spec.stages[0].steps[0].when (at character 1): `environment.name` is a string and `1` is an int: `==` is always false
            spec.stages[1].steps[0].when (at character 1): `>` is not defined for a string and an int
            spec.stages[1].steps[0].set.values.b (at character 1): an object has no form inside a text; name a member of it, or write nothing around the `${{ }}` to keep the value as it is
        "#]],
    );
}

#[test]
fn where_no_environment_is_seen_the_message_says_why() {
    check(
        r#"
- name: bound
  environment: staging
  when: size(environment.targets) > 0
  steps: [{name: one, set: {values: {x: "${{ environment.targets[0].name }}"}}}]
- name: free
  forEach: {in: environment.targets, as: target}
  steps: [{name: two, set: {values: {x: "${{ environment.name }}"}}}]
hooks:
- {name: end, events: [Success], steps: [{name: a, set: {values: {x: "${{ environment.name }}"}}}]}
- {name: other, events: [Success], for: {stage: free}, steps: [{name: a, set: {values: {x: "${{ environment.name }}"}}}]}
outputs: {x: "${{ environment.name }}"}
"#,
        &expect![[r#"
            spec.stages[0].when (at character 18): `environment.targets` is not known here: it is read once, when the stage starts; read it in the stage's `forEach.in`; what the stage does for each target reads the item
            spec.stages[0].steps[0].set.values.x (at character 17): `environment.targets` is not known here: it is read once, when the stage starts; read it in the stage's `forEach.in`; what the stage does for each target reads the item
            spec.stages[1].forEach.in (at character 1): `environment` is not known here: stage `free` is bound to none; name one in the stage's `environment`
            spec.stages[1].steps[0].set.values.x (at character 5): `environment` is not known here: stage `free` is bound to none; name one in the stage's `environment`
            spec.hooks[0].steps[0].set.values.x (at character 5): `environment` is not known here: it is that of a stage; a stage with `environment` sees it, and its steps, and the hooks for it and its steps
            spec.hooks[1].steps[0].set.values.x (at character 5): `environment` is not known here: stage `free` is bound to none; name one in the stage's `environment`
            spec.outputs.x (at character 5): `environment` is not known here: it is that of a stage; a stage with `environment` sees it, and its steps, and the hooks for it and its steps
        "#]],
    );
}

#[test]
fn the_name_of_an_environment_is_known_when_the_run_is_made() {
    check(
        r#"
- {name: a, environment: "${{ params.version }}", steps: [{name: a1, set: {values: {x: 1}}}]}
- {name: b, environment: "${{ run.name }}-${{ pipeline.name }}-${{ trigger.parent.name }}", steps: [{name: b1, set: {values: {}}}]}
- {name: c, environment: "$${{ x", steps: [{name: c1, set: {values: {}}}]}
- {name: d, environment: "${{ steps.a1.outputs.x }}", steps: [{name: d1, set: {values: {}}}]}
- {name: e, environment: "at-${{ run.startedAt }}", steps: [{name: e1, set: {values: {}}}]}
- {name: f, environment: "${{ environment.name }}", steps: [{name: f1, set: {values: {}}}]}
- {name: g, environment: "${{ params.replicas }}", steps: [{name: g1, set: {values: {}}}]}
- {name: h, environment: "${{ params.replicas }}-${{ pipeline }}", steps: [{name: h1, set: {values: {}}}]}
- {name: i, environment: "${{ params.version", steps: [{name: i1, set: {values: {}}}]}
- {name: j, environment: "Staging/1", steps: [{name: j1, set: {values: {}}}]}
- {name: k, environment: "${{ target }}", forEach: {in: "['a']", as: target}, steps: [{name: k1, set: {values: {}}}]}
"#,
        &expect![[r#"
            spec.stages[3].environment (at character 11): step `a1` has not run yet here: no stage has; it is rendered when the run is made: read `params` instead
            spec.stages[4].environment (at character 12): `run` has no `startedAt`; there is `name`, `namespace`, `requestedBy`, `uid`
            spec.stages[5].environment (at character 5): `environment` is not known here: it is that of a stage; a stage with `environment` sees it, and its steps, and the hooks for it and its steps
            spec.stages[6].environment: the name of an Environment is a text, and this yields an int; read a parameter of type String, or write text around the `${{ }}`
            spec.stages[7].environment (at character 24): an object has no form inside a text; name a member of it, or write nothing around the `${{ }}` to keep the value as it is
            spec.stages[8].environment (at character 1): `${{` has no `}}`; write `$${{` for a `${{` that is text
            spec.stages[9].environment: "Staging/1" is no name of an Environment; use small letters, digits, `-` and `.`, with a letter or digit at both ends, 253 at most
            spec.stages[10].environment (at character 5): `target` is not known here: it is the item of stage `k`; the steps, the `until` and the `retry.when` of that stage see it, and the hooks for it and its steps
        "#]],
    );
}
