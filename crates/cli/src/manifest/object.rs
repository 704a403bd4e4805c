//! The objects of a file: its documents, and what a `List` holds.

use std::sync::Arc;

use sluice_scm::document::{self, Fault, Kind};

use super::{Document, Manifests, NodeId, Source, Tree, secrets};

/// Reads every object of a file.
pub(super) fn read(source: &Arc<Source>, into: &mut Manifests) {
    let document::Read { documents, faults } = document::read(source);
    let (before, first) = (into.faults.len(), into.documents.len());
    into.faults.extend(faults);
    for document::Document { tree, root, remarks } in documents {
        let first = into.documents.len();
        add(source, &Arc::new(tree), root, into);
        if let Some(document) = into.documents.get_mut(first) {
            document.remarks = remarks;
        }
    }
    let faults = &mut into.faults[before..];
    faults.sort_by_key(|fault| fault.span.start);
    let secret = secrets::find(&source.text, &into.documents[first..]);
    let is_secret =
        |fault: &Fault| secret.iter().any(|part| part.start <= fault.span.start && fault.span.start <= part.end);
    faults
        .iter_mut()
        .filter(|fault| is_secret(fault))
        .for_each(|fault| fault.message = secrets::without_quotes(&fault.message));
    into.secrets.push((Arc::clone(source), secret.into()));
}

/// Adds an object, or what the list holds that it is.
fn add(source: &Arc<Source>, tree: &Arc<Tree>, root: NodeId, into: &mut Manifests) {
    let node = tree.node(root);
    if !matches!(node.kind, Kind::Map(_)) {
        let what = if matches!(node.kind, Kind::List(_)) { "a list" } else { "a text or a number" };
        return into.faults.push(Fault {
            source: Arc::clone(source),
            span: source.clamp(node.span.clone()),
            message: format!("a manifest is an object, and this is {what}"),
            help: Some("write `apiVersion`, `kind`, `metadata` and `spec`".to_owned()),
        });
    }
    let kind = tree.member(root, "kind").map(|entry| tree.value(entry.value));
    let is_list = kind.is_some_and(|kind| kind.as_str().is_some_and(|kind| kind.ends_with("List")));
    let items = tree.member(root, "items").map(|entry| &tree.node(entry.value).kind);
    match items {
        Some(Kind::List(items)) if is_list => items.iter().for_each(|&item| add(source, tree, item, into)),
        _ => {
            let value = tree.value(root);
            let (source, tree) = (Arc::clone(source), Arc::clone(tree));
            into.documents.push(Document { source, tree, root, value, remarks: Vec::new() });
        }
    }
}
