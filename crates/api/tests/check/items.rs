//! `forEach`: the list, the name of the item, and what is one or many.

use expect_test::expect;

use crate::check;

#[test]
fn the_item_is_known_in_its_stage_with_its_type() {
    check(
        r#"
- name: fan
  forEach: {in: "[{'name': 'eu', 'port': 1}, {'name': 'us', 'port': 2}]", as: target}
  until: {condition: steps.a.outputs.x == target.port, limit: 3}
  retry: {limit: 1, when: failure.reason == target.name}
  steps:
  - {name: a, when: target.port > 1, set: {values: {x: "${{ target.nmae }}"}}}
  - {name: b, set: {values: {x: "${{ steps.a.outputs.x }}"}}}
hooks:
- {name: one, events: [Failure], for: {stage: fan}, steps: [{name: n, set: {values: {x: "${{ target.name + target.port }}"}}}]}
- {name: three, events: [Started], for: {stage: fan}, steps: [{name: n, set: {values: {x: "${{ target.name }}"}}}]}
- {name: two, events: [Failure], for: {step: a}, steps: [{name: n, set: {values: {x: "${{ target.name }}"}}}]}
"#,
        &expect![[r#"
            spec.stages[0].steps[0].set.values.x (at character 12): `target` has no `nmae`; did you mean `name`?
            spec.hooks[0].steps[0].set.values.x (at character 5): `+` is not defined for a string and an int; convert one with `string(...)`
        "#]],
    );
}

#[test]
fn the_item_is_known_nowhere_else() {
    check(
        r#"
- name: fan
  when: target == 'eu'
  forEach: {in: "['eu', 'us'].filter(t, t != target)", as: target}
  steps: [{name: a, set: {values: {x: 1}}}]
- {name: after, steps: [{name: b, set: {values: {x: "${{ target }}"}}}]}
hooks:
- {name: one, events: [Failure], steps: [{name: n, set: {values: {x: "${{ target }}"}}}]}
"#,
        &expect![[r#"
            spec.stages[0].when (at character 1): `target` is not known here: it is the item of stage `fan`; the steps, the `until` and the `retry.when` of that stage see it, and the hooks for it and its steps
            spec.stages[0].forEach.in (at character 29): `target` is not known here: it is the item of stage `fan`; the steps, the `until` and the `retry.when` of that stage see it, and the hooks for it and its steps
            spec.stages[1].steps[0].set.values.x (at character 5): `target` is not known here: it is the item of stage `fan`; the steps, the `until` and the `retry.when` of that stage see it, and the hooks for it and its steps
            spec.hooks[0].steps[0].set.values.x (at character 5): `target` is not known here: it is the item of stage `fan`; the steps, the `until` and the `retry.when` of that stage see it, and the hooks for it and its steps
        "#]],
    );
}

#[test]
fn the_list_is_a_list_that_is_neither_empty_nor_too_long() {
    let many = (0..101).map(|number| number.to_string()).collect::<Vec<_>>().join(", ");
    let read = vec!["params.version"; 101].join(", ");
    check(
        &format!(
            r#"
- {{name: a, forEach: {{in: params.version, as: x}}, steps: [{{name: a1, set: {{values: {{}}}}}}]}}
- {{name: b, forEach: {{in: "[]", as: x}}, steps: [{{name: b1, set: {{values: {{}}}}}}]}}
- {{name: c, forEach: {{in: "[{many}]", as: x}}, steps: [{{name: c1, set: {{values: {{}}}}}}]}}
- {{name: d, forEach: {{in: "[{read}]", as: x}}, steps: [{{name: d1, set: {{values: {{}}}}}}]}}
- {{name: e, forEach: {{in: "'a,b'.split(',')", as: x}}, steps: [{{name: e1, set: {{values: {{x: "${{{{ x.size() }}}}"}}}}}}]}}
- {{name: f, forEach: {{in: "params", as: x}}, steps: [{{name: f1, set: {{values: {{}}}}}}]}}
"#
        ),
        &expect![[r#"
            spec.stages[0].forEach.in (at character 1): the result is a string, not a list
            spec.stages[1].forEach.in: the list is always empty; name an item; where there may be nothing to do, say so with the stage's `when`
            spec.stages[2].forEach.in: the list has 101 items, more than 100; for more items, start a run for each
            spec.stages[3].forEach.in: the list has 101 items, more than 100; for more items, start a run for each
            spec.stages[5].forEach.in (at character 1): the result is an object, not a list
        "#]],
    );
}

#[test]
fn the_name_of_the_item_hides_nothing() {
    check(
        r#"
- {name: a, forEach: {in: "[1]", as: steps}, steps: [{name: a1, set: {values: {}}}]}
- {name: b, forEach: {in: "[1]", as: Upper}, steps: [{name: b1, set: {values: {}}}]}
- name: c
  forEach: {in: "[1]", as: web}
  steps:
  - {name: c1, validate: {sources: {web: {http: {url: "http://web"}}}, checks: [{name: ok, expr: web.status == 200}]}}
- {name: e, forEach: {in: "[1]", as: object}, steps: [{name: e1, set: {values: {}}}]}
- {name: d, forEach: {in: "[1]", as: a1}, steps: [{name: d1, set: {values: {x: "${{ a1 }}"}}}]}
hooks:
- name: tell
  events: [Failure]
  for: {step: e1}
  steps: [{name: look, resource: {apiVersion: v1, kind: Pod, name: p, outputs: {a: object.metadata, b: object.spec}}}]
"#,
        &expect![[r#"
            spec.stages[0].forEach.as: "steps" is a word of the expression language; choose another name
            spec.stages[1].forEach.as: "Upper" is no name; use letters and digits, a small letter first, 63 at most
            spec.stages[2].steps[0].validate: "web" is the name of the stage's item, and of a variable of this step; rename one of them
            spec.hooks[0].steps[0].resource: "object" is the name of the stage's item, and of a variable of this step; rename one of them
        "#]],
    );
}

#[test]
fn outside_of_its_stage_the_outputs_of_a_step_are_a_list() {
    check(
        r#"
- {name: fan, forEach: {in: "[1, 2]", as: n}, steps: [{name: a, set: {values: {url: "u${{ n }}"}}}]}
- name: after
  forEach: {in: steps.a.outputs, as: each}
  when: steps.a.outputs.url == 'x'
  steps:
  - {name: b, set: {values: {all: "${{ steps.a.outputs.map(o, o.url) }}", one: "${{ steps.a.outputs[0].url + each.url }}"}}}
  - {name: c, set: {values: {x: "${{ steps.a.outputs[0].ulr }}", y: "${{ steps.b.outputs.one }}"}}}
hooks:
- {name: own, events: [Success], for: {stage: fan}, steps: [{name: n1, set: {values: {x: "${{ steps.a.outputs.url }}"}}}]}
- {name: all, events: [Success], steps: [{name: n2, set: {values: {x: "${{ steps.a.outputs.url }}"}}}]}
outputs: {urls: "${{ steps.a.outputs.map(o, o.url) }}", first: "${{ steps.c.outputs.x }}"}
"#,
        &expect![[r#"
            spec.stages[1].when (at character 17): `steps.a.outputs` is a list here: stage `fan` runs for each item; read `steps.a.outputs[0].url`, or `steps.a.outputs.map(o, o.url)` for all of them
            spec.stages[1].steps[1].set.values.x (at character 24): `steps.a.outputs[0]` has no `ulr`; did you mean `url`?
            spec.hooks[1].steps[0].set.values.x (at character 21): `steps.a.outputs` is a list here: stage `fan` runs for each item; read `steps.a.outputs[0].url`, or `steps.a.outputs.map(o, o.url)` for all of them
            spec.outputs.first (at character 21): `steps.c.outputs` is a list here: stage `after` runs for each item; read `steps.c.outputs[0].x`, or `steps.c.outputs.map(o, o.x)` for all of them
        "#]],
    );
}

#[test]
fn a_step_takes_from_its_own_item_alone() {
    let request = "pullRequest: {providerRef: {name: g}, repository: o/r, title: t, edits: [{file: a.yaml, set: {path: a, value: 1}}]}";
    check(
        &format!(
            r#"
- name: fan
  forEach: {{in: "[1, 2]", as: n}}
  steps:
  - {{name: open, {request}}}
  - {{name: wait, pullRequestWait: {{from: open}}}}
- {{name: after, steps: [{{name: waitLater, pullRequestWait: {{from: open}}}}]}}
"#
        ),
        &expect![[r#"
            spec.stages[1].steps[0].pullRequestWait.from: step "open" runs for each item of stage "fan", and which one is meant is not said; put this step into stage "fan", where it takes from its own item
        "#]],
    );
}
