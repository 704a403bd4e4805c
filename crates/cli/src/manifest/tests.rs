//! Manifests as kubectl reads them. The same table is put to kubectl itself in the end-to-end suite.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::Value;
use sluice_api::Pipeline;

use sluice_scm::document::RemarkKind;

use super::{Manifests, Source};

/// Texts, each with the objects that kubectl reads in it; null where it refuses.
const TABLE: &str = include_str!("../../tests/kubectl.json");

fn read(text: &str) -> Manifests {
    let mut manifests = Manifests::default();
    manifests.add(Source::decode("x.yaml", text.as_bytes()));
    manifests
}

fn faults(text: &str, expected: Expect) {
    let faults: Vec<String> = read(text).faults.iter().map(ToString::to_string).collect();
    expected.assert_eq(&faults.join("\n"));
}

/// The parts of the text that the values at these paths stand in.
fn spans(text: &str, paths: &[&str]) -> Vec<String> {
    let manifests = read(text);
    let document = &manifests.documents[0];
    let found = paths.iter().map(|path| {
        let (found, whole) = document.tree.find(document.root, path);
        let span = document.tree.node(found.node).span.clone();
        format!("{}{}", if whole { "" } else { "in " }, &text[span])
    });
    found.collect()
}

#[test]
fn yaml_means_what_it_means_to_kubectl() {
    let table: Vec<(String, Option<Vec<Value>>)> = serde_json::from_str(TABLE).unwrap();
    let mut wrong = Vec::new();
    for (text, expected) in table {
        // Comments that touch a bracket are the one thing that is refused here alone.
        let expected = expected.filter(|_| text != "v: []# c");
        let manifests = read(&text);
        let read = manifests.documents.iter().map(|document| document.value.clone()).collect();
        let read = Some(read).filter(|_: &Vec<Value>| manifests.faults.is_empty());
        if read != expected {
            wrong.push(format!("{text:?}\n  kubectl: {expected:?}\n  here:    {read:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn everything_has_its_place() {
    let text = "a: {b: [1, 'two']}\nc:\n  d.e: \"x\"\n  f: |\n    text\n";
    let paths = ["a", "a.b[1]", "c.d.e", "c[\"d.e\"]", "c.f", "c.g", "a.b[7].c"];
    assert_eq!(
        spans(text, &paths),
        ["{b: [1, 'two']}", "'two'", "\"x\"", "\"x\"", "text\n", "in d.e: \"x\"\n  f: |\n    text\n", "in [1, 'two']"]
    );
}

#[test]
fn a_part_of_a_value_is_found_behind_quotes_escapes_and_folds() {
    for text in [
        "v: one needle two",
        "v: 'it''s a needle'",
        "v: \"\\u00e9\\t a needle\"",
        "v: \"one\n  two needle\n  three\"",
        "v: one\n  two\n  needle",
        "v: |\n\n    one\n      needle\n",
        "v: >-\n  one\n  two needle\n  three\n",
        "{\"v\": \"\\ud83d\\ude42 \\\"needle\\\"\"}",
    ] {
        let manifests = read(text);
        let document = &manifests.documents[0];
        let value = document.text("/v");
        let start = value.find("needle").unwrap();
        let (found, _) = document.tree.find(document.root, "v");
        let place = document.tree.node(found.node).place_of(text, &(start..start + 6));
        assert_eq!(place.map(|place| &text[place]), Some("needle"), "{text:?}");
    }
}

#[test]
fn what_kubectl_passes_over_is_remarked() {
    let manifests = read("a: 1\nb: 2\na: 3\n...\nc: 4\n");
    let document = &manifests.documents[0];
    assert_eq!(document.value, serde_json::json!({"a": 3, "b": 2}));
    let kinds: Vec<_> = document.remarks.iter().map(|remark| &remark.kind).collect();
    assert_eq!(kinds, [&RemarkKind::DuplicateKey("a".to_owned(), 0..1), &RemarkKind::IgnoredText]);
}

#[test]
fn a_list_is_taken_apart_and_objects_are_read_by_their_kind() {
    let text = "\
apiVersion: v1
kind: List
items:
- {apiVersion: sluice.dev/v1alpha1, kind: Pipeline, metadata: {name: a}, spec: {serviceAccountName: x, stages: []}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: b, namespace: c}}
";
    let manifests = read(text);
    let names: Vec<_> = manifests.documents.iter().map(|it| (it.kind(), it.name(), it.namespace())).collect();
    assert_eq!(names, [("Pipeline", "a", None), ("ConfigMap", "b", Some("c"))]);
    let pipelines = manifests.objects::<Pipeline>().unwrap();
    assert_eq!(pipelines.len(), 1);
    assert_eq!(pipelines[0].1.spec.service_account_name, "x");
    assert_eq!(pipelines[0].0.place(), "x.yaml:4");
}

#[test]
fn faults_say_where_and_what_to_do() {
    faults(
        "a:\n\tb: 1\n",
        expect![
            "x.yaml:2:2: tabs disallowed within this context (block indentation); indent with spaces: YAML takes no tab there"
        ],
    );
    faults(
        "a: [1\nb: 2\n",
        expect!["x.yaml:1:4: this bracket is not closed; close it, or put a text that begins with a bracket in quotes"],
    );
    faults(
        "a: {b: ${{ c }}}\n",
        expect![
            "x.yaml:1:9: while parsing a flow mapping, did not find expected ',' or '}'; put a text that holds `${{ }}` in quotes"
        ],
    );
    faults("a: &a [*a]\n", expect!["x.yaml:1:7: an anchor's value holds an alias of itself"]);
    faults(
        "url: {url: http://x/y?z=1}\n",
        expect![
            "x.yaml:1:22: a `?` ends a text without quotes inside of `{}` or `[]`, as kubectl reads it; put the text in quotes"
        ],
    );
    faults(
        "a: 1\n--- b: 2\n",
        expect![
            "x.yaml:2:1: nothing but a comment may stand behind `---` in its line; move it to the next line; text that begins with `---` has to be indented or quoted"
        ],
    );
    faults(
        "- a\n",
        expect![
            "x.yaml:1:1: a manifest is an object, and this is a list; write `apiVersion`, `kind`, `metadata` and `spec`"
        ],
    );
    faults("a: .inf\n", expect!["x.yaml:1:4: JSON has no number that is infinite or none"]);
    faults("{\"a\": 1,\n \"b\" 2}", expect!["x.yaml:2:6: invalid trailing content after double-quoted scalar"]);
}

#[test]
fn alias_bombs_are_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..30 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    faults(
        &text,
        expect![
            "x.yaml:1:1: its aliases make the document far larger than it is written; write out what the aliases stand for, or use fewer of them"
        ],
    );
    // A chain of aliases nests, too.
    let mut text = "a0: &a0 [x]\n".to_owned();
    (1..2000).for_each(|level| text.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1)));
    faults(&text, expect!["x.yaml:100:11: it nests deeper than 200 levels"]);
    let long = "x".repeat(1 << 20);
    faults(
        &format!("a: &a {long}\nb: [{}]\n", vec!["*a"; 50].join(", ")),
        expect![
            "x.yaml:1:1: its aliases make the document far larger than it is written; write out what the aliases stand for, or use fewer of them"
        ],
    );
}

#[test]
fn bytes_that_are_no_text_are_read_as_kubectl_reads_them() {
    for (bytes, expected) in [
        (&b"\xef\xbb\xbfa: b"[..], "b"),
        (b"\xff\xfea\0:\0 \0b\0", "b"),
        (b"\xfe\xff\0a\0:\0 \0b", "b"),
        (b"a: \xff", "\u{fffd}"),
    ] {
        let mut manifests = Manifests::default();
        manifests.add(Source::decode("x.yaml", bytes));
        assert_eq!(manifests.documents[0].text("/a"), expected, "{bytes:?}");
    }
}

proptest! {
    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        Manifests::default().add(Source::decode("x.yaml", &bytes));
    }

    #[test]
    fn nothing_that_looks_like_yaml_panics(text in "([a-c&*!|>\\-?:,\\[\\]{}#'\"%@`\\\\ \t\n<0-9é\u{2028}]|: |\n  |\n- |---\n|\"a\": ){0,60}") {
        let manifests = read(&text);
        for document in &manifests.documents {
            document.tree.find(document.root, &text);
            document.tree.node(document.root).place_of(&document.source.text, &(0..9));
        }
        manifests.faults.iter().for_each(|fault| drop(fault.to_string()));
    }
}
