use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::{Expression, Scope};

fn params() -> Value {
    json!({"version": "1.4.2", "replicas": 2, "ratio": 0.5, "tags": ["web", "db"], "empty": {}})
}

fn outputs() -> Value {
    json!({"url": "https://git.example/pulls/7", "number": 7, "none": null, "list": [{"a": 1}, {"a": 2}]})
}

fn evaluate(source: &str) -> String {
    let (params, outputs) = (params(), outputs());
    let scope = Scope::new().with("params", &params).with_at(&["steps", "openPr", "outputs"], &outputs);
    match Expression::compile(source).unwrap().evaluate(&scope) {
        Ok(value) => value.to_string(),
        Err(error) => format!("{:?} at `{}`: {error}", error.kind, &source[error.span.clone()]),
    }
}

fn check(source: &str, expected: Expect) {
    expected.assert_eq(&evaluate(source));
}

fn checks(cases: &[(&str, &str)]) {
    for (source, expected) in cases {
        assert_eq!(evaluate(source), *expected, "{source}");
    }
}

#[test]
fn json_integers_are_ints_and_come_back_as_integers() {
    checks(&[
        ("params.replicas + 1", "3"),
        ("params.replicas / 4", "0"),
        ("params.ratio * 2.0", "1.0"),
        ("params.replicas > 1.5", "true"),
        ("params.replicas == 2.0", "true"),
        ("double(params.replicas) * params.ratio", "1.0"),
        ("steps.openPr.outputs.number % 4", "3"),
    ]);
}

#[test]
fn members_are_read_by_dot_and_by_index() {
    checks(&[
        ("steps.openPr.outputs.url", "\"https://git.example/pulls/7\""),
        ("steps['openPr'].outputs['number']", "7"),
        ("steps.openPr.outputs.list[1].a", "2"),
        ("params.tags[0]", "\"web\""),
        ("{'a': {'b': 1}}.a.b", "1"),
        ("params.`version`", "\"1.4.2\""),
        ("steps.openPr.outputs.list", "[{\"a\":1},{\"a\":2}]"),
        ("{'steps': steps}.steps.openPr.outputs.number", "7"),
    ]);
}

#[test]
fn a_missing_member_is_named_with_what_is_there() {
    check(
        "steps.openPr.outputs.version == params.version",
        expect![
            "NoSuchKey at `version`: no such key `version` in steps.openPr.outputs; it has: list, none, number, url"
        ],
    );
    check(
        "steps.openPr.outputs.ulr",
        expect!["NoSuchKey at `ulr`: no such key `ulr` in steps.openPr.outputs; did you mean `url`?"],
    );
    check("params.empty.x", expect!["NoSuchKey at `x`: no such key `x` in params.empty, which is empty"]);
    check(
        "params['x-y']",
        expect!["NoSuchKey at `'x-y'`: no such key `x-y` in params; it has: empty, ratio, replicas, tags, version"],
    );
    check("params.tags[2]", expect!["NoSuchKey at `2`: no element 2 in params.tags, which has 2"]);
    check("stesp.openPr", expect!["NoSuchName at `stesp`: unknown name `stesp`; did you mean `steps`?"]);
    check("steps.openPr.outputs.none.x", expect!["Type at `x`: `steps.openPr.outputs.none` is null and has no `x`"]);
}

#[test]
fn optionals_and_has_ask_for_what_may_be_missing() {
    checks(&[
        ("has(steps.openPr.outputs.url)", "true"),
        ("has(steps.openPr.outputs.merged)", "false"),
        ("steps.?closePr.outputs.url.orValue('none')", "\"none\""),
        ("steps.?openPr.outputs.number.orValue(0)", "7"),
        ("params.tags[?5].orValue('none')", "\"none\""),
        ("[?params.?version, ?params.?none]", "[\"1.4.2\"]"),
        ("{?'v': params.?none}", "{}"),
        ("params.?none", "null"),
        ("optional.of(1).optMap(x, x + 1).value()", "2"),
        ("optional.of(params.tags).none.orValue('none')", "\"none\""),
        ("has(optional.of(params.tags).none)", "false"),
        ("'version' in params && !('none' in params)", "true"),
    ]);
}

#[test]
fn macros_go_over_lists_and_keys_in_their_order() {
    checks(&[
        ("steps.openPr.outputs.list.map(i, i.a * 10)", "[10,20]"),
        ("steps.openPr.outputs.list.filter(i, i.a > 1)", "[{\"a\":2}]"),
        ("steps.openPr.outputs.list.all(i, i.a > 0)", "true"),
        ("steps.openPr.outputs.list.exists_one(i, i.a == 1)", "true"),
        ("[3, 1, 2].map(x, x > 1, x * x)", "[9,4]"),
        ("[3, 1, 2].sortBy(x, -x)", "[3,2,1]"),
        ("params.map(k, k)", r#"["empty","ratio","replicas","tags","version"]"#),
        ("{'b': 1, 'a': 2, 'c': 3}.map(k, k)", r#"["a","b","c"]"#),
        ("[1, 2].map(x, [10, 20].map(y, x + y))", "[[11,21],[12,22]]"),
        ("[1, 2].map(x, [x].map(x, x + 1))", "[[2],[3]]"),
        ("[[1], [2]].map(x, x.map(y, y)).size()", "2"),
    ]);
}

#[test]
fn one_side_of_a_logical_operator_can_decide_beside_an_error() {
    checks(&[
        ("params.none || true", "true"),
        ("false && params.none", "false"),
        ("[0, 1].exists(x, 1 / x == 1)", "true"),
        ("[0, 1].all(x, 1 / x == 2)", "false"),
    ]);
    check(
        "params.none || false",
        expect!["NoSuchKey at `none`: no such key `none` in params; it has: empty, ratio, replicas, tags, version"],
    );
    check("1 && true", expect!["Type at `1`: `1` is an int, not a bool"]);
}

#[test]
fn times_versions_and_quantities_come_back_as_text() {
    checks(&[
        ("timestamp('2026-01-02T03:04:05Z') + duration('1h30m')", "\"2026-01-02T04:34:05Z\""),
        ("duration('1h') - duration('30m')", "\"1800s\""),
        ("duration('1500ms')", "\"1.5s\""),
        ("timestamp('2026-01-02T03:04:05Z').getFullYear()", "2026"),
        ("semver('v1.4', true)", "\"1.4.0\""),
        ("semver('1.10.0').isGreaterThan(semver(params.version))", "true"),
        ("semver('1.0.0-rc.1').isLessThan(semver('1.0.0'))", "true"),
        ("semver('1.0.0+a') == semver('1.0.0+b')", "true"),
        ("isSemver('1.2')", "false"),
        ("quantity('1.5Gi').isGreaterThan(quantity('1500M'))", "true"),
        ("quantity('500m').add(quantity('1')).asApproximateFloat()", "1.5"),
        ("quantity('1k') == quantity('1e3')", "true"),
        ("quantity('0.1').add(quantity('0.2')) == quantity('300m')", "true"),
        ("b'hi'", "\"aGk=\""),
    ]);
}

#[test]
fn text_functions_are_there() {
    checks(&[
        ("'a-b'.split('-')", r#"["a","b"]"#),
        ("' A '.trim().lowerAscii()", "\"a\""),
        ("'%s: %d'.format(['n', 3])", "\"n: 3\""),
        ("'%s'.format([{'b': 1, 'a': 2}])", "\"{a: 2, b: 1}\""),
        ("'v1.2.3'.find('[0-9.]+')", "\"1.2.3\""),
        ("'a1b22'.findAll('[0-9]+')", r#"["1","22"]"#),
        ("'a1b22'.findAll('[0-9]+', 1)", r#"["1"]"#),
        ("params.tags.join('+')", "\"web+db\""),
        ("'é'.size()", "1"),
        ("'héllo'.substring(1, 3)", "\"él\""),
    ]);
}

#[test]
fn lists_are_sets_where_it_says_so() {
    checks(&[
        ("sets.contains(params.tags, ['db'])", "true"),
        ("sets.equivalent([1, 2, 2], [2, 1])", "true"),
        ("sets.intersects([1], [2])", "false"),
        ("[3, 1, 2].min() + [3, 1, 2].max() + [3, 1, 2].sum()", "10"),
        ("[1, 2, 2].isSorted()", "true"),
        ("math.greatest(1, 2.5, 2u)", "2.5"),
    ]);
}

#[test]
fn refused_operands_are_named_by_type() {
    check("params.version + 1", expect!["Type at `params.version + 1`: `+` is not defined for a string and an int"]);
    check("1 + 1.0", expect!["Type at `1 + 1.0`: `+` is not defined for an int and a double"]);
    check(
        "params.replicas < 'a'",
        expect!["Type at `params.replicas < 'a'`: `<` is not defined for an int and a string"],
    );
    check("9223372036854775807 + 1", expect!["Failed at `9223372036854775807 + 1`: `+` overflows"]);
    check("1 / (params.replicas - 2)", expect!["Failed at `1 / (params.replicas - 2)`: division by zero"]);
    check(
        "'a'.startsWith(1)",
        expect![
            "Type at `'a'.startsWith(1)`: there is no `string.startsWith(int)`; there is `string.startsWith(string) -> bool`"
        ],
    );
    check(
        "duration('1h1d')",
        expect!["Failed at `duration('1h1d')`: `1h1d` is no duration; write it like `90s` or `1h30m`"],
    );
    check("0.0 / 0.0", expect!["Failed at `0.0 / 0.0`: NaN has no form in JSON"]);
    check("now()", expect!["Type at `now()`: there is no function `now`"]);
}

#[test]
fn a_condition_must_be_a_bool() {
    let params = params();
    let scope = Scope::new().with("params", &params);
    let error = Expression::compile("params.version").unwrap().evaluate_bool(&scope).unwrap_err();
    assert_eq!(error.to_string(), "the condition is a string, not a bool");
    let truth = Expression::compile("params.replicas == 2").unwrap().evaluate_bool(&scope);
    assert_eq!(truth, Ok(true));
}

#[test]
fn objects_and_lists_that_are_put_together_are_read_as_if_they_were_written() {
    let outputs = [json!({"url": "a", "port": 1}), json!({}), json!({"url": "c", "port": 3})];
    let maps: Vec<_> = outputs.iter().filter_map(serde_json::Value::as_object).collect();
    let together = Scope::new().with_map_at(&["steps", "one"], maps[0]).with_maps_at(&["steps", "all"], maps.clone());
    let whole = json!({"one": outputs[0], "all": outputs});
    let written = Scope::new().with("steps", &whole);
    for source in [
        "steps",
        "steps.one",
        "steps.one.url",
        "steps.one['port']",
        "steps.one.uri",
        "steps.one[0]",
        "steps.one.map(key, key)",
        "has(steps.one.url) && !has(steps.one.uri)",
        "steps.all",
        "steps.all[2].url",
        "steps.all[1].url",
        "steps.all[3]",
        "steps.all['a']",
        "steps.all.url",
        "steps.all.size()",
        "steps.all.filter(o, has(o.url)).map(o, o.port)",
        "steps.all.exists(o, o.?port.orValue(0) == 3)",
        "steps.one in steps.all",
        "{'url': 'b'} in steps.all",
        "'url' in steps.one",
        "steps.all[?7].url.orValue('none')",
        "steps.all + [1]",
        "steps.all.sortBy(o, o.?port.orValue(9))",
        "steps.all[0] == steps.one",
    ] {
        let expression = Expression::compile(source).unwrap();
        assert_eq!(expression.evaluate(&together), expression.evaluate(&written), "{source}");
    }
}
