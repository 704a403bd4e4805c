//! Steps that are read where they have not run, or may not have.

use expect_test::expect;

use crate::check;

#[test]
fn a_stage_does_not_see_one_that_runs_beside_it() {
    check(
        r#"
- {name: top, steps: [{name: a, set: {values: {x: 1}}}]}
- {name: left, needs: [top], steps: [{name: b, set: {values: {x: 1}}}]}
- name: right
  needs: [top]
  when: steps.b.outputs.x == 1
  steps: [{name: c, set: {values: {x: "${{ steps.b.outputs.x }}"}}}]
- {name: alone, needs: [], steps: [{name: d, set: {values: {x: "${{ steps.a.outputs.x }}"}}}]}
"#,
        &expect![[r#"
            spec.stages[2].when (at character 7): step `b` may not have run here: stage `right` does not need stage `left`; add it to its needs: write `needs: [top, left]` in stage `right`
            spec.stages[2].steps[0].set.values.x (at character 11): step `b` may not have run here: stage `right` does not need stage `left`; add it to its needs: write `needs: [top, left]` in stage `right`
            spec.stages[3].steps[0].set.values.x (at character 11): step `a` may not have run here: stage `alone` does not need stage `top`; add it to its needs: write `needs: [top]` in stage `alone`
        "#]],
    );
}

#[test]
fn a_step_sees_neither_itself_nor_those_behind_it() {
    check(
        r#"
- name: first
  steps:
  - {name: a, when: steps.a.outputs.x == 1, set: {values: {x: "${{ steps.b.outputs.x }}"}}}
  - {name: b, set: {values: {x: "${{ steps.c.outputs.x }}"}}}
- {name: second, steps: [{name: c, set: {values: {x: 1}}}]}
"#,
        &expect![[r#"
            spec.stages[0].steps[0].when (at character 7): step `a` has not run yet here; an expression sees the steps before it
            spec.stages[0].steps[0].set.values.x (at character 11): step `b` has not run yet here; an expression sees the steps before it
            spec.stages[0].steps[1].set.values.x (at character 11): step `c` has not run yet here: `second` runs after `first`; an expression sees the steps before it
        "#]],
    );
}

#[test]
fn the_steps_of_a_parallel_stage_do_not_see_each_other() {
    check(
        r#"
- name: both
  parallel: true
  steps:
  - {name: a, set: {values: {x: 1}}}
  - {name: b, set: {values: {x: "${{ steps.a.outputs.x }}"}}}
- {name: after, steps: [{name: c, set: {values: {x: "${{ steps.a.outputs.x + steps.b.outputs.x }}"}}}]}
hooks:
- {name: one, events: [Success], for: {step: b}, steps: [{name: n, set: {values: {a: "${{ steps.b.outputs.x }}", b: "${{ steps.a.outputs.x }}"}}}]}
- {name: all, events: [Success], for: {stage: both}, steps: [{name: n, set: {values: {a: "${{ steps.b.outputs.x }}", b: "${{ steps.a.outputs.x }}"}}}]}
"#,
        &expect![[r#"
            spec.stages[0].steps[1].set.values.x (at character 11): step `a` runs at the same time: the steps of a parallel stage do not see each other; move one of them into another stage, or take `parallel` from stage `both`
            spec.hooks[0].steps[0].set.values.b (at character 11): step `a` runs at the same time: the steps of a parallel stage do not see each other; move one of them into another stage, or take `parallel` from stage `both`
        "#]],
    );
}

#[test]
fn what_a_step_takes_from_has_run_before_it() {
    let request = "pullRequest: {providerRef: {name: g}, repository: o/r, title: t, edits: [{file: a.yaml, set: {path: a, value: 1}}]}";
    check(
        &format!(
            r#"
- {{name: left, steps: [{{name: open, {request}}}]}}
- {{name: right, needs: [], steps: [{{name: wait, pullRequestWait: {{from: open}}}}]}}
- name: both
  needs: [left]
  parallel: true
  steps:
  - {{name: openToo, {request}}}
  - {{name: waitToo, pullRequestWait: {{from: openToo}}}}
  - {{name: waitForFirst, pullRequestWait: {{from: open}}}}
"#
        ),
        &expect![[r#"
            spec.stages[1].steps[0].pullRequestWait.from: step `open` may not have run here: stage `right` does not need stage `left`; add it to its needs: write `needs: [left]` in stage `right`
            spec.stages[2].steps[1].pullRequestWait.from: step `openToo` runs at the same time: the steps of a parallel stage do not see each other; move one of them into another stage, or take `parallel` from stage `both`
        "#]],
    );
}

#[test]
fn a_hook_sees_what_has_ended_when_it_runs() {
    let tell = |step: &str| format!("[{{name: n, set: {{values: {{x: \"${{{{ steps.{step}.outputs.x }}}}\"}}}}}}]");
    check(
        &format!(
            r#"
- {{name: first, steps: [{{name: a, set: {{values: {{x: 1}}}}}}, {{name: b, set: {{values: {{x: 1}}}}}}]}}
- {{name: second, steps: [{{name: c, set: {{values: {{x: 1}}}}}}]}}
hooks:
- {{name: runStarts, events: [Started], steps: {a}}}
- {{name: stageStarts, events: [Started], for: {{stage: first}}, steps: {a}}}
- {{name: stepStarts, events: [Started], for: {{step: b}}, steps: {b}}}
- {{name: stepStartsAndSees, events: [Started], for: {{step: b}}, steps: {a}}}
- {{name: stepEnds, events: [Started, Failure], for: {{step: a}}, steps: {b}}}
- {{name: stepEndsAndSees, events: [Started, Failure], for: {{step: b}}, steps: {b}}}
- {{name: stageEnds, events: [Failure], for: {{stage: first}}, steps: {c}}}
- {{name: stageEndsAndSees, events: [Failure], for: {{stage: first}}, steps: {b}}}
- {{name: runEndsAndSees, events: [Abortion], steps: {c}}}
- {{name: another, events: [Abortion], steps: {n}}}
"#,
            a = tell("a"),
            b = tell("b"),
            c = tell("c"),
            n = "[{name: m, set: {values: {x: 1}}}, {name: k, set: {values: {x: \"${{ steps.m.outputs.x }}\", y: \"${{ steps.n.outputs.x }}\"}}}]",
        ),
        &expect![[r#"
            spec.hooks[0].steps[0].set.values.x (at character 11): step `a` has not run yet here: no stage has; choose another event, or name the stage or step that the hook is for
            spec.hooks[1].steps[0].set.values.x (at character 11): step `a` has not run yet here; an expression sees the steps before it
            spec.hooks[2].steps[0].set.values.x (at character 11): step `b` has not run yet here; an expression sees the steps before it
            spec.hooks[4].steps[0].set.values.x (at character 11): step `b` has not run yet here; an expression sees the steps before it
            spec.hooks[5].steps[0].set.values.x (at character 11): at the event Started: step `b` has not run yet here; make a hook of its own for Started, which does not read it
            spec.hooks[6].steps[0].set.values.x (at character 11): step `c` has not run yet here: `second` runs after `first`; an expression sees the steps before it
            spec.hooks[9].steps[1].set.values.y (at character 11): step `n` is one of hook `runEndsAndSees`; only the later steps of that hook see it
        "#]],
    );
}

#[test]
fn a_hook_is_checked_at_each_of_its_moments() {
    check(
        r#"
- {name: first, steps: [{name: a, set: {values: {x: 1}}}]}
hooks:
- name: both
  events: [Failure, Started]
  for: {step: a}
  steps:
  - {name: n, when: has(steps.a), set: {values: {x: "${{ steps.a.outputs.x }}", y: "${{ steps.a.outputs.z }}", z: "${{ params.q }}"}}}
  - {name: m, set: {values: {x: "${{ steps.n.outputs.x }}"}}}
"#,
        &expect![[r#"
            spec.hooks[0].steps[0].set.values.y (at character 21): `steps.a.outputs` has no `z`; there is `x`
            spec.hooks[0].steps[0].set.values.z (at character 12): `params` has no `q`; there is `replicas`, `version`
            spec.hooks[0].steps[0].when (at character 11): at the event Started: step `a` has not run yet here; make a hook of its own for Started, which does not read it
            spec.hooks[0].steps[0].set.values.x (at character 11): at the event Started: step `a` has not run yet here; make a hook of its own for Started, which does not read it
            spec.hooks[0].steps[0].set.values.y (at character 11): at the event Started: step `a` has not run yet here; make a hook of its own for Started, which does not read it
        "#]],
    );
}

#[test]
fn the_outputs_of_the_pipeline_see_every_step() {
    check(
        r#"
- {name: left, needs: [], steps: [{name: a, set: {values: {x: 1}}}]}
- {name: right, needs: [], steps: [{name: b, set: {values: {x: 1}}}]}
outputs:
  sum: ${{ steps.a.outputs.x + steps.b.outputs.x }}
  both: {first: "${{ steps.a.outputs.y }}", list: ["${{ failure.reason }}"]}
"#,
        &expect![[r#"
            spec.outputs.both.first (at character 21): `steps.a.outputs` has no `y`; there is `x`
            spec.outputs.both.list[0] (at character 5): unknown name `failure`; there is `params`, `pipeline`, `run`, `sources`, `steps`, `trigger`
        "#]],
    );
}
