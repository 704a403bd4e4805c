use expect_test::{Expect, expect};

use crate::{Expression, Names, Type};

fn names() -> Names {
    Names::new()
        .with(
            "params",
            Type::object([
                ("version", Type::String),
                ("replicas", Type::Int),
                ("ratio", Type::Number),
                ("tags", Type::list(Type::String)),
            ]),
        )
        .with(
            "steps",
            Type::object([
                ("openPr", Type::object([("outputs", Type::object([("url", Type::String), ("number", Type::Int)]))])),
                ("collect", Type::object([("outputs", Type::Any)])),
            ]),
        )
        .with("labels", Type::map(Type::String))
}

fn check_as(source: &str, expected_type: &Type, expected: Expect) {
    let found = Expression::compile(source).unwrap().check(&names(), expected_type);
    let found: Vec<String> = found.iter().map(|d| format!("[{}] `{}`: {d}", d.code, &source[d.span.clone()])).collect();
    expected.assert_eq(&found.join("\n"));
}

fn check(source: &str, expected: Expect) {
    check_as(source, &Type::Any, expected);
}

#[test]
fn unknown_names_are_reported_with_what_was_meant() {
    check("param.version", expect!["[unknown-name] `param`: unknown name `param`; did you mean `params`?"]);
    check("params.verion", expect!["[unknown-member] `verion`: `params` has no `verion`; did you mean `version`?"]);
    check(
        "steps.openPR.outputs.url",
        expect!["[unknown-member] `openPR`: `steps` has no `openPR`; did you mean `openPr`?"],
    );
    check(
        "params['verion']",
        expect!["[unknown-member] `'verion'`: `params` has no `verion`; did you mean `version`?"],
    );
    check(
        "has(params.verion)",
        expect!["[unknown-member] `verion`: `params` has no `verion`; did you mean `version`?"],
    );
    check("trigger", expect!["[unknown-name] `trigger`: unknown name `trigger`; there is `labels`, `params`, `steps`"]);
}

#[test]
fn everything_is_reported_at_once() {
    check(
        "params.verion == 1 && param.x && params.version + 1 == 2 && foo(1)",
        expect![[r"
            [unknown-member] `verion`: `params` has no `verion`; did you mean `version`?
            [unknown-name] `param`: unknown name `param`; did you mean `params`?
            [type-mismatch] `params.version + 1`: `+` is not defined for a string and an int; convert one with `string(...)`
            [unknown-function] `foo`: unknown function `foo`"]],
    );
}

#[test]
fn comparisons_that_can_never_hold_are_reported() {
    check(
        "params.version == 1",
        expect![
            "[type-mismatch] `params.version == 1`: `params.version` is a string and `1` is an int: `==` is always false"
        ],
    );
    check(
        "params.replicas < 'a'",
        expect!["[type-mismatch] `params.replicas < 'a'`: `<` is not defined for an int and a string"],
    );
    check(
        "1 in params.tags",
        expect!["[type-mismatch] `1 in params.tags`: an int is never in a list whose elements are a string"],
    );
    check(
        "'a' in params.version",
        expect!["[type-mismatch] `'a' in params.version`: `in` is not defined for a string and a string"],
    );
}

#[test]
fn conditions_must_be_bools() {
    check_as(
        "params.version",
        &Type::Bool,
        expect![
            "[type-mismatch] `params.version`: the condition is a string, not a bool; compare it with something, such as `... == 1`"
        ],
    );
    check("!params.version", expect!["[type-mismatch] `params.version`: `params.version` is a string, not a bool"]);
    check(
        "params.replicas ? 1 : 2",
        expect!["[type-mismatch] `params.replicas`: `params.replicas` is an int, not a bool"],
    );
    check("params.tags.filter(t, t)", expect!["[type-mismatch] `t`: `t` is a string, not a bool"]);
    check_as(
        "params.tags",
        &Type::String,
        expect!["[type-mismatch] `params.tags`: the result is a list, not a string"],
    );
}

#[test]
fn arithmetic_knows_its_types() {
    check(
        "1 + 1.0",
        expect![
            "[type-mismatch] `1 + 1.0`: `+` is not defined for an int and a double; convert one, such as with `double(...)`"
        ],
    );
    check(
        "params.version * 2",
        expect!["[type-mismatch] `params.version * 2`: `*` is not defined for a string and an int"],
    );
    check("-params.version", expect!["[type-mismatch] `-params.version`: `-` is not defined for a string"]);
    check("params.ratio + 1 > params.ratio * 2.0", expect![""]);
}

#[test]
fn functions_are_known_with_their_arguments() {
    check(
        "params.version.startWith('1')",
        expect!["[unknown-function] `startWith`: unknown function `startWith`; did you mean `startsWith`?"],
    );
    check(
        "params.version.startsWith(1)",
        expect![
            "[type-mismatch] `params.version.startsWith(1)`: `startsWith` is not defined for a string, an int; there is `string.startsWith(string) -> bool`"
        ],
    );
    check(
        "params.version.startsWith()",
        expect![
            "[wrong-argument-count] `params.version.startsWith()`: `startsWith` does not take 0 arguments; there is `string.startsWith(string) -> bool`"
        ],
    );
    check(
        "params.replicas.split(',')",
        expect![
            "[type-mismatch] `params.replicas.split(',')`: `split` is not defined for an int, a string; there is `string.split(string) -> list<string>`, `string.split(string, int) -> list<string>`"
        ],
    );
    check(
        "params.version.semver()",
        expect![
            "[unknown-function] `semver`: `semver` is not called on a value; there is `semver(string) -> semver`, `semver(string, bool) -> semver`"
        ],
    );
    check(
        "maths.abs(1)",
        expect![[r#"
            [unknown-name] `maths`: unknown name `maths`; there is `labels`, `params`, `steps`
            [unknown-function] `abs`: unknown function `abs`"#]],
    );
    check(
        "math.abz(1)",
        expect!["[unknown-function] `math.abz`: unknown function `math.abz`; did you mean `math.abs`?"],
    );
    check(
        "now()",
        expect![
            "[unknown-function] `now`: unknown function `now`; expressions read no clock, so that a run can be repeated; take the time from a variable"
        ],
    );
    check(
        "params.tags.all(t)",
        expect![
            "[wrong-argument-count] `all`: `all` is called on a list or a map with a name and an expression, such as `xs.all(x, x > 1)`"
        ],
    );
}

#[test]
fn constants_that_never_work_are_reported() {
    check("params.version.matches('(')", expect!["[invalid-literal] `'('`: `(` is no regular expression"]);
    check(
        "duration('1 day')",
        expect!["[invalid-literal] `'1 day'`: `1 day` is no duration; write it like `90s` or `1h30m`"],
    );
    check(
        "semver('1.2')",
        expect![
            "[invalid-literal] `'1.2'`: `1.2` is no semantic version; write it like `1.4.2`, or accept `v1.4` with `semver(x, true)`"
        ],
    );
}

#[test]
fn loops_bind_the_type_of_the_element() {
    check(
        "params.tags.map(t, t + 1)",
        expect!["[type-mismatch] `t + 1`: `+` is not defined for a string and an int; convert one with `string(...)`"],
    );
    check("params.map(k, k.startsWith('v'))", expect![""]);
    check(
        "params.version.map(c, c)",
        expect!["[type-mismatch] `params.version`: `params.version` is a string, not a list or a map"],
    );
    check("params.tags.map(t, t.size()).all(n, n > 1)", expect![""]);
}

#[test]
fn what_is_not_known_is_not_reported() {
    for source in [
        "steps.collect.outputs.state.json.version != params.version",
        "steps.collect.outputs.n + 1 == steps.collect.outputs.m * 2.0",
        "labels.app == 'web' && labels['a/b'].startsWith('x')",
        "steps.collect.outputs.items.map(i, i.name).join(', ')",
        "steps.?collect.outputs.x.orValue(1) > 2",
        "params.version == null || null != params.replicas",
        "[1, 'a', null][0]",
        "{'a': 1}.a + params.replicas",
        "type(params.replicas) == int",
        "params.replicas == 2.0",
    ] {
        let found = Expression::compile(source).unwrap().check(&names(), &Type::Any);
        assert!(found.is_empty(), "{source}: {found:?}");
    }
}

#[test]
fn the_type_of_the_result_is_inferred() {
    for (source, expected) in [
        ("params.version + 'a'", Type::String),
        ("params.tags.map(t, t.size())", Type::list(Type::Int)),
        ("{'a': params.replicas}", Type::object([("a", Type::Int)])),
        ("params.tags[0]", Type::String),
        ("steps.collect.outputs", Type::Any),
        ("true ? 1 : 'a'", Type::Any),
        ("params.?version.orValue('')", Type::String),
    ] {
        assert_eq!(Expression::compile(source).unwrap().result_type(&names()), expected, "{source}");
    }
}

#[test]
fn what_is_read_is_listed_with_its_place() {
    let source =
        "steps.openPr.outputs.url == params['version'] || [1].all(x, x > steps[params.version].n) || has(run.a)";
    let expression = Expression::compile(source).unwrap();
    let listed: Vec<String> =
        expression.names().iter().map(|r| format!("{} at {}", r.path.join("."), r.span.start)).collect();
    expect![[r#"
        params.version at 28
        params.version at 70
        run.a at 92
        steps at 64
        steps.openPr.outputs.url at 0"#]]
    .assert_eq(&listed.join("\n"));
}
