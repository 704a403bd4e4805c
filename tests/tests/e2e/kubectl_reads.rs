//! The table of YAML and JSON texts that `sluice` is tested with, put to kubectl: what it reads is what kubectl reads.

use serde_json::{Deserializer, Map, Value};
use sluice_tests::Cluster;

use crate::short::kubectl;

/// Texts, each with the objects that kubectl reads in it; null where it refuses.
const TABLE: &str = include_str!("../../../crates/cli/tests/kubectl.json");

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_reads_the_table_as_it_stands() {
    let cluster = Cluster::connect().await;
    let table: Vec<(String, Option<Vec<Value>>)> = serde_json::from_str(TABLE).expect("the table");
    let size = table.len();
    let rows: Vec<_> = table.into_iter().filter_map(|(text, expected)| Some((as_objects(&text)?, expected))).collect();
    assert!(rows.len() * 10 > size * 9, "only {} of {size} can be put to kubectl", rows.len());
    // A process each: as many at a time as the table has parts.
    let parts = rows.chunks(rows.len().div_ceil(8)).map(|part| {
        let (cluster, part) = (cluster.clone(), part.to_vec());
        tokio::task::spawn_blocking(move || part.iter().filter_map(|row| wrong(&cluster, row)).collect::<Vec<_>>())
    });
    let wrong: Vec<String> =
        futures::future::try_join_all(parts).await.expect("every part").into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What kubectl makes of a row, where it is something else.
fn wrong(cluster: &Cluster, (text, expected): &(String, Option<Vec<Value>>)) -> Option<String> {
    // It reads any kind without asking a server, and says what it has read.
    let said = kubectl(cluster, &["label", "--local", "-f", "-", "-o", "json", "put=by-the-test"], text);
    let read = said.as_ref().ok().map(|said| {
        let objects = Deserializer::from_str(said).into_iter::<Map<String, Value>>();
        let objects = objects.map(|object| object.expect("an object"));
        let own = objects.map(|object| {
            let own = object.into_iter().filter(|(name, _)| !matches!(&**name, "apiVersion" | "kind" | "metadata"));
            Value::Object(own.collect())
        });
        // What stands before the first separator may be a comment.
        own.filter(|own| *own != Value::Object(Map::new())).collect::<Vec<_>>()
    });
    let same = match (&read, expected) {
        (Some(read), Some(expected)) => same(read, expected),
        (read, expected) => read.is_none() && expected.is_none(),
    };
    (!same).then(|| format!("{text:?}\n  the table: {expected:?}\n  kubectl:   {read:?} {said:?}"))
}

/// Numbers are compared as numbers: `1e20` may be written in several ways.
fn same(read: &[Value], expected: &[Value]) -> bool {
    fn floats(value: &Value) -> Value {
        match value {
            Value::Number(number) if !number.is_i64() => Value::from(number.as_f64()),
            Value::Array(items) => items.iter().map(floats).collect(),
            Value::Object(members) => members.iter().map(|(name, member)| (name.clone(), floats(member))).collect(),
            other => other.clone(),
        }
    }
    read.iter().map(floats).eq(expected.iter().map(floats))
}

/// The text with a kind in each of its documents, without which kubectl takes none; nothing where there is no place for it.
fn as_objects(text: &str) -> Option<String> {
    const YAML: &str = "apiVersion: t/v1\nkind: T\nmetadata: {name: t}\n";
    const FLOW: &str = r#"{"apiVersion": "t/v1", "kind": "T", "metadata": {"name": "t"}, "#;
    let (mark, text) = text.strip_prefix('\u{feff}').map_or(("", text), |text| ("\u{feff}", text));
    if text.starts_with([' ', '%', '[']) || text == "null\n---\nv: 1" || text == "v" {
        return None;
    }
    if text.starts_with('{') {
        return Some(text.replace("}{", "}\n{").lines().map(|line| with_prefix(line, '{', FLOW)).collect());
    }
    let mut objects = format!("{mark}{}", if text.starts_with("---") { "" } else { YAML });
    for line in text.split_inclusive('\n') {
        objects.push_str(line);
        if line.starts_with("---") {
            objects.push_str(if line.ends_with('\n') { YAML } else { "" });
        }
    }
    Some(objects)
}

fn with_prefix(line: &str, first: char, prefix: &str) -> String {
    match line.strip_prefix(first) {
        Some(rest) => format!("{prefix}{rest}\n"),
        None if line.starts_with("---") => format!("{line}\napiVersion: t/v1\nkind: T\nmetadata: {{name: t}}\n"),
        None => format!("{line}\n"),
    }
}
