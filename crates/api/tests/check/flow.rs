//! The order of stages: what they need.

use expect_test::expect;

use crate::check;

#[test]
fn stages_need_stages_that_exist() {
    check(
        r#"
- {name: build, steps: [{name: compile, set: {values: {}}}]}
- {name: test, needs: [biuld], steps: [{name: a, set: {values: {}}}]}
- {name: lint, needs: [compile], steps: [{name: b, set: {values: {}}}]}
- {name: scan, needs: [nothing, build], steps: [{name: c, set: {values: {}}}]}
"#,
        &expect![[r#"
            spec.stages[1].needs[0]: there is no stage "biuld"; did you mean "build"?
            spec.stages[2].needs[0]: "compile" is a step of stage "build", and stages need stages; write "build"
            spec.stages[3].needs[0]: there is no stage "nothing"; the pipeline has: build, test, lint, scan
        "#]],
    );
}

#[test]
fn a_stage_does_not_need_itself() {
    check(
        r#"
- {name: build, needs: [build], steps: [{name: a, set: {values: {}}}]}
"#,
        &expect![[r#"
            spec.stages[0].needs[0]: stage "build" needs itself; take it from its needs
        "#]],
    );
}

#[test]
fn a_circle_is_told_once_and_whole_and_so_is_what_waits_for_it() {
    check(
        r#"
- {name: first, steps: [{name: a, set: {values: {}}}]}
- {name: build, needs: [first, deploy], steps: [{name: b, set: {values: {}}}]}
- {name: test, steps: [{name: c, set: {values: {}}}]}
- {name: deploy, steps: [{name: d, set: {values: {}}}]}
- {name: tell, needs: [test], steps: [{name: e, set: {values: {}}}]}
- {name: last, needs: [tell, first], steps: [{name: f, set: {values: {}}}]}
- {name: beside, needs: [first], steps: [{name: g, set: {values: {}}}]}
"#,
        &expect![[r#"
            spec.stages[1].needs[1]: the stages need each other: build -> deploy -> test -> build; take one of them from the needs of the stage before it in this circle; without `needs`, a stage needs the one above it
            spec.stages[4]: stage "tell" can never start: it needs stages that need each other: build -> deploy -> test -> build; break that circle
            spec.stages[5]: stage "last" can never start: it needs stages that need each other: build -> deploy -> test -> build; break that circle
        "#]],
    );
}

#[test]
fn each_circle_is_told() {
    check(
        r#"
- {name: a, needs: [b, c], steps: [{name: a1, set: {values: {}}}]}
- {name: b, needs: [a], steps: [{name: b1, set: {values: {}}}]}
- {name: c, needs: [a, d], steps: [{name: c1, set: {values: {}}}]}
- {name: d, needs: [c], steps: [{name: d1, set: {values: {}}}]}
"#,
        &expect![[r#"
            spec.stages[0].needs[0]: the stages need each other: a -> b -> a; take one of them from the needs of the stage before it in this circle; without `needs`, a stage needs the one above it
            spec.stages[0].needs[1]: the stages need each other: a -> c -> a; take one of them from the needs of the stage before it in this circle; without `needs`, a stage needs the one above it
            spec.stages[2].needs[1]: the stages need each other: c -> d -> c; take one of them from the needs of the stage before it in this circle; without `needs`, a stage needs the one above it
        "#]],
    );
}

#[test]
fn a_diamond_is_no_circle_and_its_end_sees_all_of_it() {
    check(
        r#"
- {name: top, steps: [{name: a, set: {values: {x: 1}}}]}
- {name: left, needs: [top], steps: [{name: b, set: {values: {x: "${{ steps.a.outputs.x }}"}}}]}
- {name: right, needs: [top], steps: [{name: c, set: {values: {x: "${{ steps.a.outputs.x }}"}}}]}
- {name: end, needs: [left, right], steps: [{name: d, set: {values: {x: "${{ steps.a.outputs.x + steps.b.outputs.x + steps.c.outputs.x }}"}}}]}
"#,
        &expect![""],
    );
}

#[test]
fn a_stage_may_need_one_that_is_written_below_it() {
    check(
        r#"
- {name: second, needs: [first], steps: [{name: b, set: {values: {x: "${{ steps.a.outputs.x }}"}}}]}
- {name: first, needs: [], steps: [{name: a, set: {values: {x: 1}}}]}
"#,
        &expect![""],
    );
}
