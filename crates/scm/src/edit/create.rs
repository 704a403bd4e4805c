//! Adds keys at the end of a mapping that is there, in its style. Nothing structural beyond that.

use granit_parser::ScalarStyle;
use serde_json::Value;

use super::error::Fault;
use super::locate::{is_block, line_start};
use super::scalar::{Place, render, render_string};
use super::splice::Splice;
use super::tree::{Kind, NodeId, Tree};

/// The bytes to insert so that the mapping ends with these keys.
pub(super) fn insert(tree: &Tree<'_>, text: &str, map: NodeId, added: &[(&str, &Value)]) -> Result<Vec<Splice>, Fault> {
    let Kind::Map { entries, flow } = &tree.node(map).kind else {
        return Err(Fault::at(tree.node(map).span.start, "here is no mapping to add a key to"));
    };
    match (flow, entries.last()) {
        (false, Some(_)) => into_block(tree, text, map, entries, added),
        (true, Some(_)) => into_flow(tree, text, entries, added),
        (_, None) => Ok(vec![into_empty(tree, text, map, added)]),
    }
}

/// `key: value`, with the key quoted as its neighbour is.
fn entry(key: &str, value: &Value, style: ScalarStyle, colon: &str, place: Place) -> String {
    let value = render(value, ScalarStyle::Plain, place).unwrap_or_default();
    format!("{}{colon}{value}", render_string(key, style, place))
}

fn style_of(tree: &Tree<'_>, id: NodeId) -> ScalarStyle {
    match &tree.node(id).kind {
        Kind::Scalar { style, .. } => *style,
        _ => ScalarStyle::Plain,
    }
}

/// A line a key, below the last line of the mapping and as far in as its first key.
fn into_block(
    tree: &Tree<'_>,
    text: &str,
    map: NodeId,
    entries: &[(NodeId, NodeId)],
    added: &[(&str, &Value)],
) -> Result<Vec<Splice>, Fault> {
    let [(first_key, _), ..] = entries else { return Ok(vec![]) };
    let key_start = tree.node(*first_key).span.start;
    let before = text.get(line_start(text, key_start)..key_start).unwrap_or_default().trim_start_matches('\u{feff}');
    if before.contains(['\t', '?']) {
        return Err(Fault::at(key_start, "a key cannot be added below an explicit key (?) or a tab; add it by hand"));
    }
    let indent = before.chars().count();
    let at = end_of_last_line(tree, text, map)?;
    let eol = line_break(text, at);
    let lines: String = added
        .iter()
        .map(|(key, value)| {
            let entry = entry(key, value, style_of(tree, *first_key), ": ", Place::default());
            format!("{eol}{:indent$}{entry}", "")
        })
        .collect();
    Ok(vec![Splice::insert(at, lines).below(indent)])
}

/// Before the line break that ends the mapping's last value.
fn end_of_last_line(tree: &Tree<'_>, text: &str, map: NodeId) -> Result<usize, Fault> {
    let leaf = tree.node(tree.last_leaf(map));
    let mut end = leaf.span.end;
    if matches!(leaf.kind, Kind::Scalar { style, .. } if is_block(style)) {
        let header_end = line_start(text, leaf.span.start).saturating_sub(1);
        let header = text.get(line_start(text, header_end)..header_end).unwrap_or_default();
        if header.contains('+') {
            return Err(Fault::at(
                leaf.span.start,
                "a key cannot be added after a block scalar that keeps its blank lines (+); add it by hand",
            ));
        }
        end = text.get(..end).map_or(end, |before| before.trim_end_matches([' ', '\t', '\r', '\n']).len());
    }
    let rest = text.get(end..).unwrap_or_default();
    Ok(end + rest.find(['\r', '\n']).unwrap_or(rest.len()))
}

/// The line break at `at`, or else the one before.
fn line_break(text: &str, at: usize) -> &'static str {
    let (before, after) = (text.get(..at).unwrap_or_default(), text.get(at..).unwrap_or_default());
    if after.starts_with("\r\n") || (after.is_empty() && before.contains("\r\n")) {
        "\r\n"
    } else if after.starts_with('\r') {
        "\r"
    } else {
        "\n"
    }
}

/// `{}` and `{ }`.
fn into_empty(tree: &Tree<'_>, text: &str, map: NodeId, added: &[(&str, &Value)]) -> Splice {
    let span = &tree.node(map).span;
    let place = Place { flow: true, colons: false, json: tree.json };
    let all: Vec<String> =
        added.iter().map(|(key, value)| entry(key, value, ScalarStyle::Plain, ": ", place)).collect();
    let all = all.join(", ");
    let inner = text.get(span.start + 1..span.end.saturating_sub(1)).unwrap_or_default();
    let all = if inner.starts_with(' ') { format!(" {all}") } else { all };
    Splice::insert(span.start + 1, all)
}

/// After the last value: on its line, or on a line of its own where the last key has one.
fn into_flow(
    tree: &Tree<'_>,
    text: &str,
    entries: &[(NodeId, NodeId)],
    added: &[(&str, &Value)],
) -> Result<Vec<Splice>, Fault> {
    let [.., (last_key, last_value)] = entries else { return Ok(vec![]) };
    let (key, value) = (tree.node(*last_key), tree.node(*last_value));
    if tree.is_absent(*last_value) {
        return Err(Fault::at(key.span.start, "a key cannot be added after a key without a value; add it by hand"));
    }
    let place = Place { flow: true, colons: false, json: tree.json };
    let between = |a: usize, b: usize| text.get(a..b).unwrap_or_default();
    let colon = match between(key.span.end, value.span.start) {
        colon if colon.trim_matches(' ') == ":" && !colon.starts_with(' ') => colon,
        _ => ": ",
    };
    let new: Vec<String> =
        added.iter().map(|(name, value)| entry(name, value, style_of(tree, *last_key), colon, place)).collect();

    let end = value.span.end;
    let rest = text.get(end..).unwrap_or_default();
    let comma = rest.trim_start_matches([' ', '\t']).starts_with(',');
    let after = if comma { end + rest.find(',').unwrap_or_default() + 1 } else { end };
    let line = text.get(after..).unwrap_or_default();
    let line = &line[..line.find(['\r', '\n']).unwrap_or(line.len())];
    let indentation = between(line_start(text, key.span.start), key.span.start);
    let own_line = indentation.trim_matches([' ', '\t']).is_empty()
        && line_start(text, key.span.start) > 0
        && (line.trim().is_empty() || line.trim_start().starts_with('#'));
    if own_line {
        let at = after + line.len();
        let eol = line_break(text, at);
        let mut lines: String = new.iter().map(|entry| format!("{eol}{indentation}{entry},")).collect();
        if comma {
            return Ok(vec![Splice::insert(at, lines)]);
        }
        lines.pop();
        return Ok(vec![Splice::insert(end, ",".into()), Splice::insert(at, lines)]);
    }
    let separator = if colon.ends_with(' ') { ", " } else { "," };
    let all: String = new.iter().map(|entry| format!("{separator}{entry}")).collect();
    Ok(vec![Splice::insert(end, all)])
}
