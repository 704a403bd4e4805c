//! Generated files: whatever is in them, an edit changes the bytes of one scalar.

use proptest::prelude::*;
use proptest::strategy::Union;

use super::*;
use crate::edit::locate::is_block;

/// What is written in a generated file, without its place.
#[derive(Debug, Clone)]
enum Shape {
    /// Text with its quotes or its block header; lines are indented when written.
    Scalar(String),
    Block(Vec<(String, Shape, Trivia)>),
    List(Vec<(Shape, Trivia)>),
    /// A flow collection, on one line or several.
    Flow(String),
}

/// Comments and blanks around an entry.
#[derive(Debug, Clone)]
struct Trivia {
    before: &'static str,
    gap: &'static str,
    after: &'static str,
    indent: usize,
}

fn trivia() -> impl Strategy<Value = Trivia> {
    (
        prop::sample::select(vec!["", "", "", "\n", "# c: x\n", "  # 'odd \"indent\n", "#\u{fc}\u{1f600}\n\n"]),
        prop::sample::select(vec![" ", " ", "  ", "\t"]),
        prop::sample::select(vec!["", "", "", "  ", " # c", "\t# 'x: y"]),
        1..5_usize,
    )
        .prop_map(|(before, gap, after, indent)| Trivia { before, gap, after, indent })
}

fn scalar_text() -> impl Strategy<Value = String> {
    let fixed = vec![
        "web",
        "registry.example/web:1.0",
        "1.10",
        "0777",
        "yes",
        "~",
        "null",
        "2026-01-01",
        "true",
        "-1",
        "1e3",
        "a b",
        "a#b",
        "x:y",
        "ü😀",
        "'it''s'",
        "''",
        "'a # b: c'",
        "\"a\\n\\\"b\\\\\"",
        "\"\\u00e9 \\x41\"",
        "\"\"",
        "\"{{ .Values.x }}\"",
        "'@x'",
        "-x",
        "a'b\"c",
        "<<x",
    ];
    let block = vec![
        "|\n~text\n~ more: x\n~# no comment",
        ">-\n~folded\n~text",
        "|2\n~  x",
        "two\n~lines",
        "'two\n~lines'",
        "\"two\\\n~lines\"",
    ];
    Union::new_weighted(vec![
        (12, prop::sample::select(fixed).prop_map(str::to_owned).boxed()),
        (3, prop::sample::select(block).prop_map(str::to_owned).boxed()),
        (
            2,
            "[a-zA-Z0-9./_-]{1,12}"
                .prop_filter("no marker", |s| !s.starts_with("---") && !s.starts_with("...") && s != "-")
                .boxed(),
        ),
        (1, Just(String::new()).boxed()),
        (1, prop::sample::select(vec!["&anchor x", "!!str 1", "!tag 'x'"]).prop_map(str::to_owned).boxed()),
    ])
}

fn flow() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "{}",
        "[]",
        "{ }",
        "{a: 1}",
        "{a: x, \"b\": 'y' , c: [1, two,\"3\"]}",
        "{\"a\":\"x\",\"b\":{\"c\":null}}",
        "[{n: x, v: r/x:1}, {n: y, v: }]",
        "[a, 'b,c', \"d]\"]",
        "{a: {b: {c: {d: deep}}}}",
        "[[x], [y, [z]]]",
        "{a: 1,\n~   b: two,\n~ # c\n~ c: 3\n~}",
        "[ a,\n~b ]",
        "{a: x,}",
    ])
    .prop_map(str::to_owned)
}

fn shape() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![4 => scalar_text().prop_map(Shape::Scalar), 1 => flow().prop_map(Shape::Flow)];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec((key(), inner.clone(), trivia()), 1..5).prop_map(Shape::Block),
            prop::collection::vec((inner, trivia()), 1..4).prop_map(Shape::List),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    let long = "k".repeat(200);
    prop::sample::select(vec![
        "name".to_owned(),
        "image".into(),
        "a-b".into(),
        "x.y/z".into(),
        "'q k'".into(),
        "\"d\\\"k\"".into(),
        "ключ".into(),
        "on".into(),
        "1".into(),
        long,
    ])
}

/// Writes a shape; keys get numbers so that none is there twice.
fn write(shape: &Shape, indent: usize, out: &mut String) {
    match shape {
        Shape::Scalar(text) | Shape::Flow(text) => {
            out.push_str(&text.replace('~', &" ".repeat(indent + 1)));
        }
        Shape::Block(entries) => {
            for (n, (key, value, trivia)) in entries.iter().enumerate() {
                let numbered = match key.strip_suffix(['"', '\'']) {
                    Some(open) => format!("{open}{n}{}", &key[open.len()..]),
                    None => format!("{key}{n}"),
                };
                out.push_str(&format!("{}{}{numbered}:", trivia.before, " ".repeat(indent)));
                write_value(value, indent, trivia, out);
            }
        }
        Shape::List(items) => {
            for (value, trivia) in items {
                out.push_str(&format!("{}{}-", trivia.before, " ".repeat(indent)));
                write_value(value, indent, trivia, out);
            }
        }
    }
}

fn write_value(value: &Shape, indent: usize, trivia: &Trivia, out: &mut String) {
    match value {
        Shape::Scalar(text) | Shape::Flow(text) => {
            let block = text.starts_with(['|', '>']);
            out.push_str(if block || text.is_empty() { " " } else { trivia.gap });
            write(value, indent, out);
            out.push_str(if block { "\n" } else { trivia.after });
            if !block {
                out.push('\n');
            }
        }
        Shape::Block(_) | Shape::List(_) => {
            out.push_str(trivia.after);
            out.push('\n');
            write(value, indent + trivia.indent, out);
        }
    }
}

fn file() -> impl Strategy<Value = String> {
    let document = prop::collection::vec((key(), shape(), trivia()), 1..6);
    (prop::collection::vec(document, 1..4), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(documents, crlf, bom, cut)| {
            let mut out = String::new();
            for (n, entries) in documents.iter().enumerate() {
                if n > 0 {
                    out.push_str("---  # next\n");
                }
                out.push_str(&format!("doc: d{n}\n"));
                write(&Shape::Block(entries.clone()), 0, &mut out);
            }
            if cut {
                out.truncate(out.trim_end().len());
            }
            if crlf {
                out = out.replace('\n', "\r\n");
            }
            if bom { format!("\u{feff}{out}") } else { out }
        },
    )
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => prop::sample::select(vec![
            "new", "1.10", "yes", "0x1F", "", " x", "x ", "a: b", "a #b", "it's", "\"q\"", "l1\nl2\n", "t\tb", "\u{85}\u{2028}\u{feff}", "ü😀", "- x", "? x",
            "{x}", "[x", "a,b", "#x", "&x", "*x", "!x", "|", "%x", "@x", "`x", "r/web:2", "2026-01-01", "---", "...", "null", "~", "\0\u{7f}", "\r\n", "<<",
        ]).prop_map(|s| json!(s)),
        2 => any::<String>().prop_map(|s| json!(s)),
        2 => any::<i64>().prop_map(|n| json!(n)),
        1 => any::<u64>().prop_map(|n| json!(n)),
        2 => prop::num::f64::NORMAL.prop_map(|n| json!(n)),
        1 => any::<bool>().prop_map(|b| json!(b)),
        1 => Just(Value::Null),
    ]
}

/// A scalar of the file, where it is, and whether it can be set.
#[derive(Debug, Clone)]
struct Leaf {
    path: String,
    node: NodeId,
    span: std::ops::Range<usize>,
    written: String,
    settable: bool,
}

fn quoted(key: &str) -> String {
    format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""))
}

/// All scalars that are values, in order.
fn leaves(tree: &Tree<'_>) -> Vec<Leaf> {
    let mut leaves = vec![];
    for (n, &root) in tree.roots.iter().enumerate() {
        let mut open = vec![(format!("[doc=d{n}]"), root)];
        while let Some((path, id)) = open.pop() {
            let node = tree.node(id);
            match &node.kind {
                Kind::Map { entries, .. } => {
                    for &(key, value) in entries {
                        open.push((format!("{path}.{}", quoted(tree.scalar(key).unwrap())), value));
                    }
                }
                Kind::Seq { items, .. } => {
                    open.extend(items.iter().enumerate().map(|(i, &item)| (format!("{path}[{i}]"), item)));
                }
                Kind::Scalar { text, style } => leaves.push(Leaf {
                    path,
                    node: id,
                    span: node.span.clone(),
                    written: format!("{text:?} {style:?} {:?}", node.tag),
                    settable: node.anchor == 0 && node.tag.is_none() && !is_block(*style) && !tree.is_absent(id),
                }),
                Kind::Alias(_) => {}
            }
        }
    }
    leaves
}

fn edits_one_scalar(text: &str, pick: prop::sample::Index, value: &Value) -> Result<(), TestCaseError> {
    let old = Tree::parse(text).map_err(|fault| TestCaseError::fail(format!("{fault:?}\n{text}")))?;
    let all = leaves(&old);
    // The first value of each document is what its path chooses by.
    let choices: Vec<&Leaf> = all.iter().filter(|leaf| !leaf.path.ends_with("].\"doc\"")).collect();
    let Some(&chosen) = choices.get(pick.index(choices.len().max(1))) else { return Ok(()) };
    let edits = [edit(&chosen.path, value.clone())];
    let edited = match apply("f.yaml", text.as_bytes(), &edits) {
        Ok(edited) => edited,
        Err(error) => {
            prop_assert!(!chosen.settable, "{error}\n{text}");
            return Ok(());
        }
    };
    let new_text = String::from_utf8(edited.content.clone()).unwrap();
    let new = Tree::parse(&new_text).unwrap();
    let others = |leaves: &[Leaf]| -> Vec<(String, String)> {
        let others = leaves.iter().filter(|leaf| leaf.path != chosen.path);
        others.map(|leaf| (leaf.path.clone(), leaf.written.clone())).collect()
    };
    prop_assert_eq!(others(&all), others(&leaves(&new)));
    if chosen.settable {
        prop_assert!(new_text.starts_with(&text[..chosen.span.start]));
        prop_assert!(new_text.ends_with(&text[chosen.span.end..]));
    }
    let target = leaves(&new).into_iter().find(|leaf| leaf.path == chosen.path).unwrap();
    prop_assert!(new.has_value(target.node, value), "{}", new_text);
    prop_assert_eq!(edited.changed, new_text != text);
    let again = apply("f.yaml", new_text.as_bytes(), &edits).unwrap();
    prop_assert!(!again.changed && again.content == edited.content);
    Ok(())
}

/// A key added to any mapping leaves all else as it was, or is refused.
fn adds_one_key(text: &str, pick: prop::sample::Index, name: &str, value: &Value) -> Result<(), TestCaseError> {
    let old = Tree::parse(text).unwrap();
    let all = leaves(&old);
    let parent = pick.get(&all).path.rsplit_once(['.', '[']).map(|(parent, _)| parent.to_owned());
    let Some(path) = parent.filter(|p| !p.is_empty()).map(|p| format!("{p}.{}", quoted(name))) else { return Ok(()) };
    let Ok(path) = Path::parse(&path) else { return Ok(()) };
    let edits = [Edit { path, value: value.clone(), create: true }];
    let Ok(edited) = apply("f.yaml", text.as_bytes(), &edits) else { return Ok(()) };
    let new_text = String::from_utf8(edited.content.clone()).unwrap();
    let new = leaves(&Tree::parse(&new_text).unwrap());
    prop_assert_eq!(new.len(), all.len() + 1, "{}", new_text);
    let again = apply("f.yaml", new_text.as_bytes(), &edits).unwrap();
    prop_assert!(!again.changed && again.content == edited.content);
    let crlf = text.contains("\r\n");
    prop_assert!(!crlf || new_text.matches('\n').count() == new_text.matches("\r\n").count());
    Ok(())
}

fn soup() -> impl Strategy<Value = String> {
    let parts = vec![
        "a",
        "b",
        ": ",
        ":",
        "- ",
        "-",
        "\n",
        "\n",
        "\r\n",
        " ",
        "  ",
        "\t",
        "{",
        "}",
        "[",
        "]",
        ",",
        "'",
        "\"",
        "\\",
        "#",
        " #",
        "&x ",
        "*x",
        "!t ",
        "|",
        ">",
        "|+",
        "? ",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "<<: ",
        "~",
        "1.10",
        "yes",
        "\u{feff}",
        "ü",
        "\u{2028}",
        "\0",
        "@",
        "`",
    ];
    prop::collection::vec(prop::sample::select(parts), 0..60).prop_map(|parts| parts.concat())
}

fn paths() -> Vec<Edit> {
    ["a", "a.b", "a[0]", "[0]", "[0].a", "a[b=a]", "[a=b].b", "a[b=a].b"]
        .map(|path| creating(path, json!("x: 1")))
        .to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_edit_changes_only_the_bytes_of_that_scalar(text in file(), pick: prop::sample::Index, value in value()) {
        edits_one_scalar(&text, pick, &value)?;
    }

    #[test]
    fn an_added_key_changes_nothing_else(
        text in file(), pick: prop::sample::Index, value in value(),
        name in prop::sample::select(vec!["new", "on", "x: y", "a.b/c", "1", "{", "long key"]),
    ) {
        adds_one_key(&text, pick, name, &value)?;
    }

    #[test]
    fn random_bytes_never_panic(bytes: Vec<u8>) {
        for edit in paths() {
            let _ = apply("f.yaml", &bytes, std::slice::from_ref(&edit));
            let _ = apply("f.json", &bytes, &[edit]);
        }
    }

    #[test]
    fn random_yaml_never_panics_and_edits_stay_idempotent(text in soup()) {
        for edit in paths() {
            for file in ["f.yaml", "f.json"] {
                let edits = std::slice::from_ref(&edit);
                if let Ok(edited) = apply(file, text.as_bytes(), edits) {
                    let again = apply(file, &edited.content, edits);
                    let stable = again.as_ref().is_ok_and(|again| !again.changed && again.content == edited.content);
                    let chooses = edit.path.as_str().contains('=');
                    prop_assert!(stable || chooses, "{:?} -> {:?}: {:?}", text, String::from_utf8(edited.content), again);
                }
            }
        }
    }

    #[test]
    fn json_of_any_kind_is_edited_in_place(tree in json_value(), value in value(), pretty: bool) {
        let file = json!({"a": tree, "target": "old"});
        let text = if pretty { serde_json::to_string_pretty(&file).unwrap() } else { file.to_string() };
        let edited = apply("f.json", text.as_bytes(), &[edit("target", value.clone())]).unwrap();
        let new: Value = serde_json::from_slice(&edited.content).unwrap();
        let old: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&new["a"], &old["a"]);
        if !value.is_f64() {
            prop_assert_eq!(&new["target"], &value);
        }
    }

    #[test]
    fn random_paths_never_panic(text: String) {
        let _ = Path::parse(&text);
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = value();
    leaf.prop_recursive(4, 30, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::btree_map(any::<String>(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}
