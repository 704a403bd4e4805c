//! Hand-written cases, each a sentence; the generated ones are in [`properties`].

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::*;

mod properties;
mod refusals;

fn edit(path: &str, value: Value) -> Edit {
    Edit { path: Path::parse(path).unwrap(), value, create: false }
}

fn creating(path: &str, value: Value) -> Edit {
    Edit { create: true, ..edit(path, value) }
}

fn applied(file: &str, before: &str, edits: &[Edit]) -> Result<Edited, EditError> {
    let result = apply(file, before.as_bytes(), edits);
    if let Ok(first) = &result {
        assert_eq!(first.changed, first.content != before.as_bytes());
        let second = apply(file, &first.content, edits).unwrap();
        assert!(!second.changed && second.content == first.content, "not idempotent: {before:?}");
    }
    result
}

/// `before` becomes `after`; where they are equal nothing may have changed.
fn check(file: &str, before: &str, edits: &[Edit], after: &str) {
    let edited = applied(file, before, edits).unwrap_or_else(|error| panic!("{error}\n{before}"));
    assert_eq!(String::from_utf8(edited.content).unwrap(), after);
}

fn set(before: &str, path: &str, value: Value, after: &str) {
    check("f.yaml", before, &[edit(path, value)], after);
}

fn create(before: &str, path: &str, value: Value, after: &str) {
    check("f.yaml", before, &[creating(path, value)], after);
}

fn json(before: &str, path: &str, value: Value, after: &str) {
    check("f.json", before, &[creating(path, value)], after);
}

fn refuse(file: &str, before: &str, edits: &[Edit], message: Expect) {
    message.assert_eq(&applied(file, before, edits).unwrap_err().to_string());
}

const DEPLOYMENT: &str = "\
# the web shop
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}   # flow
spec:
    replicas:   2 # two
    template:
        spec:
            containers:
            - name: sidecar
              image: 'registry.example/sidecar:1.0'
            -   name: web
                image: \"registry.example/web:1.0\"   # here

                args: [--a,  --b]
";

#[test]
fn an_image_is_set_and_nothing_else() {
    set(
        DEPLOYMENT,
        "spec.template.spec.containers[name=web].image",
        json!("registry.example/web:1.1"),
        &DEPLOYMENT.replace("web:1.0", "web:1.1"),
    );
    set(
        DEPLOYMENT,
        "spec.template.spec.containers[0].image",
        json!("x"),
        &DEPLOYMENT.replace("'registry.example/sidecar:1.0'", "'x'"),
    );
}

#[test]
fn several_edits_are_made_at_once() {
    let edits = [
        edit("spec.replicas", json!(3)),
        edit("metadata.labels.app", json!("shop")),
        creating("metadata.labels.tier", json!("front")),
        creating("spec.paused", json!(true)),
        creating("spec.template.spec.containers[name=web].tty", json!(false)),
    ];
    let after = DEPLOYMENT
        .replace("2 # two", "3 # two")
        .replace("{app: web}", "{app: shop, tier: front}")
        .replace("[--a,  --b]\n", "[--a,  --b]\n                tty: false\n    paused: true\n");
    check("f.yaml", DEPLOYMENT, &edits, &after);
}

#[test]
fn an_equal_value_changes_nothing() {
    for (before, value) in [
        ("a: 1.10", json!(1.1)),
        ("a: '1.10'", json!("1.10")),
        ("a: +7", json!(7)),
        ("a: True", json!(true)),
        ("a: ~", json!(null)),
        ("a:", json!(null)),
        ("a: \"\\u0061\"", json!("a")),
        ("a: multi\n  line", json!("multi line")),
    ] {
        set(before, "a", value, before);
    }
}

#[test]
fn a_value_of_another_type_is_another_value() {
    set("a: \"2\"", "a", json!(2), "a: 2");
    set("a: 2", "a", json!("2"), "a: \"2\"");
    set("a: true", "a", json!("true"), "a: \"true\"");
    set("a: 1", "a", json!(1.0), "a: 1.0");
    set("a: null", "a", json!(""), "a: \"\"");
    set("a: x", "a", json!(null), "a: null");
}

#[test]
fn what_yaml_versions_disagree_about_is_written_out() {
    set("a: yes", "a", json!("yes"), "a: \"yes\"");
    set("a: yes", "a", json!(true), "a: true");
    set("a: 0777", "a", json!(777), "a: 777");
    set("a: 2026-01-01", "a", json!("2026-01-01"), "a: \"2026-01-01\"");
}

#[test]
fn a_plain_value_is_quoted_where_it_would_change_its_type() {
    set("tag: 1.9", "tag", json!("1.10"), "tag: \"1.10\"");
    set("tag: v1", "tag", json!("1e3"), "tag: \"1e3\"");
    set("sha: abc", "sha", json!("4e12345"), "sha: \"4e12345\"");
    set("tag: v1", "tag", json!("1.4.2"), "tag: 1.4.2");
    set("a: b", "a", json!("c #d"), "a: \"c #d\"");
    set("a: b", "a", json!("c: d"), "a: \"c: d\"");
    set("a: b", "a", json!("- c"), "a: \"- c\"");
    set("a: b # c", "a", json!("say \"x\": y"), "a: 'say \"x\": y' # c");
    set("a: b", "a", json!("l1\nl2"), "a: \"l1\\nl2\"");
}

#[test]
fn quotes_are_kept() {
    set("a: 'x'", "a", json!("it's"), "a: 'it''s'");
    set("a: \"x\"", "a", json!("1.10"), "a: \"1.10\"");
    set("a: 'x'", "a", json!("t\tb"), "a: \"t\\tb\"");
    set("'a b': x", "\"a b\"", json!("z"), "'a b': z");
}

#[test]
fn flow_style_is_kept() {
    set("a: {b: 1,c: 'x' , d: [1,2]}", "a.c", json!("y"), "a: {b: 1,c: 'y' , d: [1,2]}");
    set("a: {b: 1,c: 'x' , d: [1,2]}", "a.d[1]", json!(3), "a: {b: 1,c: 'x' , d: [1,3]}");
    set("a: [{n: x, i: r/web:1}, {n: y}]", "a[n=x].i", json!("r/web:2"), "a: [{n: x, i: r/web:2}, {n: y}]");
    set("a: [x]", "a[0]", json!("y,z"), "a: [\"y,z\"]");
    set("[{\"a\":\"x\"}]", "[0].a", json!(3), "[{\"a\":3}]");
}

#[test]
fn an_empty_value_is_filled_in_after_its_colon() {
    set("a:\nb: 1", "a", json!("x"), "a: x\nb: 1");
    set("a:   # none\nb: 1", "a", json!(5), "a: 5   # none\nb: 1");
    set("a: {b: , c: 1}", "a.b", json!(2), "a: {b: 2 , c: 1}");
    set("\"a\" :\r\n", "a", json!("x"), "\"a\" : x\r\n");
}

#[test]
fn a_value_over_several_lines_becomes_one_line() {
    set("a: one\n  two # c\nb: 1", "a", json!("x"), "a: x # c\nb: 1");
    set("a: \"one\n  two\"\nb: 1", "a", json!("x"), "a: \"x\"\nb: 1");
    set("a:\n  one\n  two\nb: 1", "a", json!("x"), "a:\n  x\nb: 1");
}

#[test]
fn line_endings_marks_and_blanks_stay() {
    set("\u{feff}a: 1\r\nb: 2  \r\n\r\n", "b", json!(3), "\u{feff}a: 1\r\nb: 3  \r\n\r\n");
    set("a: 1\rb: 2", "b", json!(3), "a: 1\rb: 3");
    set("a: 1\n\n\n# end", "a", json!(2), "a: 2\n\n\n# end");
    set("%YAML 1.2\n---\na: 1\n...\n# x\n", "a", json!(2), "%YAML 1.2\n---\na: 2\n...\n# x\n");
    set("grün: alt 😀 # ß\nb: 1", "grün", json!("neu 日本"), "grün: neu 日本 # ß\nb: 1");
}

const TWO: &str = "kind: Service\nmetadata: {name: web}\nspec: {type: A}\n---\n# second\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 1\n";

#[test]
fn the_only_document_with_the_path_is_meant() {
    set(TWO, "spec.replicas", json!(2), &TWO.replace("replicas: 1", "replicas: 2"));
    set(TWO, "spec.type", json!("B"), &TWO.replace("type: A", "type: B"));
}

#[test]
fn a_condition_at_the_beginning_chooses_the_document() {
    let path = "[kind=Deployment,metadata.name=web].metadata.name";
    let edited = apply("f.yaml", TWO.as_bytes(), &[edit(path, json!("shop"))]).unwrap();
    assert_eq!(edited.content, TWO.replace("  name: web", "  name: shop").as_bytes());
    create(TWO, "[kind=Deployment].spec.paused", json!(true), &format!("{TWO}  paused: true\n"));
}

#[test]
fn a_key_is_added_to_a_block_mapping_as_its_neighbours_are_written() {
    create("a: 1\n", "b", json!("x"), "a: 1\nb: x\n");
    create("a: 1", "b", json!("x"), "a: 1\nb: x");
    create("a: 1\r\n\r\n# end\r\n", "b", json!("x"), "a: 1\r\nb: x\r\n\r\n# end\r\n");
    create("m:\n   a: 1 # c\nn: 2\n", "m.b", json!(true), "m:\n   a: 1 # c\n   b: true\nn: 2\n");
    create("l:\n  - n: x\n  - n: y\n", "l[n=x].v", json!("1.0"), "l:\n  - n: x\n    v: \"1.0\"\n  - n: y\n");
    create("'a': 1\n", "b", json!(2), "'a': 1\n'b': 2\n");
    create("a: 1\n", "on", json!(2), "a: 1\n\"on\": 2\n");
    create("a:\n", "b", json!(2), "a:\nb: 2\n");
}

#[test]
fn a_key_is_added_after_whatever_ends_the_mapping() {
    create("a:\n  b:\n  - c\n  - d: 1\nz: 1", "a.x", json!(2), "a:\n  b:\n  - c\n  - d: 1\n  x: 2\nz: 1");
    create(
        "m:\n  a: |\n    text\n    more\n\n# c\nz: 1\n",
        "m.b",
        json!(2),
        "m:\n  a: |\n    text\n    more\n  b: 2\n\n# c\nz: 1\n",
    );
    create("x: &x 1\nm:\n  a: *x\n", "m.b", json!(2), "x: &x 1\nm:\n  a: *x\n  b: 2\n");
    create("m: {a: [1,\n 2]}\nz: 1\n", "w", json!(2), "m: {a: [1,\n 2]}\nz: 1\nw: 2\n");
    create("m:\n  a: 'x\n   y'   # c\n", "m.b", json!(2), "m:\n  a: 'x\n   y'   # c\n  b: 2\n");
    create("m:\n  a: # c\nz: 1\n", "m.b", json!(2), "m:\n  a: # c\n  b: 2\nz: 1\n");
}

#[test]
fn a_key_is_added_to_a_flow_mapping_as_its_neighbours_are_written() {
    create("m: {}\n", "m.a", json!(1), "m: {a: 1}\n");
    create("m: { }\n", "m.a", json!(1), "m: { a: 1 }\n");
    create("m: {a: 1}", "m.b", json!("x,y"), "m: {a: 1, b: \"x,y\"}");
    create("m: { a: 1, }", "m.b", json!(2), "m: { a: 1, b: 2, }");
    create("m: {\"a\":1}", "m.b", json!(2), "m: {\"a\":1,\"b\":2}");
    create("m: {\n  a: 1 # c\n}\n", "m.b", json!(2), "m: {\n  a: 1, # c\n  b: 2\n}\n");
    create("m: {\n  a: 1, # c\n}\n", "m.b", json!(2), "m: {\n  a: 1, # c\n  b: 2,\n}\n");
}

#[test]
fn a_key_that_is_there_is_set_and_not_added() {
    create("a: 1\n", "a", json!(2), "a: 2\n");
}

#[test]
fn json_stays_json() {
    json("{\"a\": \"x\"}", "a", json!("y\n\u{7}ü"), "{\"a\": \"y\\n\\u0007ü\"}");
    json("{\n\t\"a\" : [1, {\"b\": null}]\n}\n", "a[1].b", json!("x"), "{\n\t\"a\" : [1, {\"b\": \"x\"}]\n}\n");
    json("{\r\n  \"a\": 1\r\n}", "b", json!("yes"), "{\r\n  \"a\": 1,\r\n  \"b\": \"yes\"\r\n}");
    json("{\"a\":1}", "b", json!(true), "{\"a\":1,\"b\":true}");
    json("{}", "a", json!(1e30), "{\"a\": 1.0e+30}");
    json("{\"a\": 1e3}", "a", json!(1000.0), "{\"a\": 1e3}");
    json("{\"a\": \"\\ud83d\\ude00\\/\"}", "a", json!("😀/"), "{\"a\": \"\\ud83d\\ude00\\/\"}");
    json("\u{feff}{\"a\": 1}", "a", json!(2), "\u{feff}{\"a\": 2}");
    json("[{\"n\": \"x\", \"v\": 1}]", "[n=x].v", json!(2), "[{\"n\": \"x\", \"v\": 2}]");
}

#[test]
fn a_large_file_is_edited_in_no_time() {
    let items: String = (0..20_000).map(|n| format!("- name: n{n}\n  image: r/x:{n}\n")).collect();
    let before = format!("{}images:\n{items}", "# c\n".repeat(1000));
    let edits: Vec<Edit> = (0..100).map(|n| edit(&format!("images[name=n{}].image", n * 150), json!("new"))).collect();
    let start = std::time::Instant::now();
    let edited = apply("f.yaml", before.as_bytes(), &edits).unwrap();
    assert!(edited.changed && start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

#[test]
fn nasty_files_take_no_time_and_no_stack() {
    let edits: Vec<Edit> = (0..100).map(|n| creating(&format!("a[name=x].b{n}"), json!("v"))).collect();
    let flow = format!("a: [{}{{name: x}}]", "{name: y}, ".repeat(20_000));
    let edited = apply("f.yaml", flow.as_bytes(), &edits).unwrap();
    assert!(edited.changed);
    let start = std::time::Instant::now();
    for part in [
        "[",
        "{a: ",
        "- ",
        "? ",
        "[a,",
        "{? ",
        "#\n",
        "a\n",
        "a:\n#\n",
        "- #\n",
        "---\n",
        "&a ",
        "*a ",
        "!a ",
        "\"\n",
        "'a\n",
        "%a\n",
        "\u{feff}",
        "a\n\n\n ",
        "&a a: \n",
        "[a]: b\n",
        "{\"a\":",
        "\\",
        "a: &a *a\n",
        "| ",
        "<<: ",
    ] {
        let text = part.repeat((200 << 10) / part.len());
        let _ = apply("f.yaml", text.as_bytes(), &edits);
        let _ = apply("f.json", text.as_bytes(), &edits);
        let _ = apply("f.yaml", format!("a:\n- name: x\n  {text}").as_bytes(), &edits);
    }
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
}
