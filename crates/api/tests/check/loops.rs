//! `until` and a stage's `retry`.

use expect_test::expect;

use crate::check;

#[test]
fn a_loop_reads_what_its_steps_find_out() {
    check(
        r#"
- {name: first, steps: [{name: before, set: {values: {x: 1}}}]}
- {name: a, until: {condition: steps.left.outputs.x == 0, limit: 5}, steps: [{name: left, set: {values: {x: 1}}}]}
- {name: b, until: {condition: params.replicas == 2, limit: 5}, steps: [{name: b1, set: {values: {x: 1}}}]}
- {name: c, until: {condition: steps.before.outputs.x == 1 || true, limit: 5}, steps: [{name: c1, set: {values: {x: 1}}}]}
- {name: d, until: {condition: "steps[params.version].outputs.x == 1", limit: 5}, steps: [{name: d1, set: {values: {x: 1}}}]}
- {name: e, until: {condition: steps.e2.outputs.x, limit: 5}, steps: [{name: e1, set: {values: {x: 1}}}]}
- {name: f, until: {condition: params.version, limit: 5}, steps: [{name: f1, set: {values: {x: 1}}}]}
- {name: g, parallel: true, until: {condition: steps.g1.outputs.x == steps.g2.outputs.x, limit: 5}, steps: [{name: g1, set: {values: {x: 1}}}, {name: g2, set: {values: {x: 1}}}]}
"#,
        &expect![[r#"
            spec.stages[2].until.condition: the condition never changes: it reads no output of the stage's own steps; read what a step of the stage finds out, such as `steps.b1.outputs`; for what is known before, use `when`
            spec.stages[3].until.condition: the condition never changes: it reads no output of the stage's own steps; read what a step of the stage finds out, such as `steps.c1.outputs`; for what is known before, use `when`
            spec.stages[5].until.condition (at character 7): `steps` has no `e2`; did you mean `e1`?
            spec.stages[6].until.condition (at character 1): the condition is a string, not a bool; compare it with something, such as `... == 1`
        "#]],
    );
}

#[test]
fn whether_a_stage_is_tried_again_sees_its_failure_and_its_steps() {
    check(
        r#"
- name: a
  retry: {limit: 2, when: failure.transient && steps.look.outputs.x == 1}
  steps: [{name: look, set: {values: {x: 1}}}, {name: stop, fail: {message: m}}]
- name: b
  retry: {limit: 2, when: failure.reason}
  steps: [{name: b1, set: {values: {x: 1}}}]
- name: c
  when: failure.reason == ''
  retry: {limit: 2, when: steps.d1.outputs.x == 1}
  steps: [{name: c1, set: {values: {x: 1}}}]
- {name: d, steps: [{name: d1, set: {values: {x: 1}}}]}
"#,
        &expect![[r#"
            spec.stages[1].retry.when (at character 1): the condition is a string, not a bool; compare it with something, such as `... == 1`
            spec.stages[2].when (at character 1): unknown name `failure`; there is `params`, `pipeline`, `run`, `sources`, `steps`, `trigger`
            spec.stages[2].retry.when (at character 7): step `d1` has not run yet here: `d` runs after `c`; an expression sees the steps before it
        "#]],
    );
}
