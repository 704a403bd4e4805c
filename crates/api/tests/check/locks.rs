//! The lock of a pipeline's runs.

use expect_test::{Expect, expect};

use super::check;

fn group(group: &str, expected: &Expect) {
    let stages = "\n- {name: look, steps: [{name: find, set: {values: {place: eu}}}]}\n";
    check(&format!("{stages}concurrency: {{group: \"{group}\"}}\n"), expected);
}

#[test]
fn it_is_named_by_what_is_known_before_a_run_starts() {
    group("web-${{ params.version }}-${{ params.replicas }}", &expect![""]);
    group("${{ pipeline.name }}-${{ run.requestedBy }}", &expect![""]);
    group("${{ trigger.parent == null ? run.uid : trigger.parent.uid }}", &expect![""]);
}

#[test]
fn it_sees_no_step_and_no_failure() {
    group(
        "${{ steps.find.outputs.place }}",
        &expect![[r#"
            spec.concurrency.group (at character 11): step `find` has not run yet here: no stage has; it is rendered when the run is made: read `params` instead
        "#]],
    );
    group(
        "${{ failure.reason }}",
        &expect![[r#"
            spec.concurrency.group (at character 5): unknown name `failure`; there is `params`, `pipeline`, `run`, `sources`, `steps`, `trigger`
        "#]],
    );
    group(
        "web-${{ param.version }}",
        &expect![[r#"
        spec.concurrency.group (at character 9): unknown name `param`; did you mean `params`?
    "#]],
    );
}
