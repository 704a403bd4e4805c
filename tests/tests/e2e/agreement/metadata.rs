//! Names, labels and the rest of what every object has.

use super::mutation::{HELLO, HELLO_RUN, Mutation};

const METADATA: &str = "metadata: {name: hello}";

pub(super) fn mutations() -> Vec<Mutation> {
    [names(), labels(), others()].into_iter().flatten().collect()
}

fn names() -> Vec<Mutation> {
    let named = |name: &str| format!("metadata: {{name: {name:?}}}");
    let refused = [
        "Hello",
        "hello_world",
        "-hello",
        "hello-",
        "hello..world",
        ".hello",
        "hello.",
        "hello world",
        "",
        "héllo",
        "a/b",
        "hello\n",
        "a%b",
    ];
    let accepted = ["hello.world", "h", "1", "hello--world", "1.10", "true"];
    let refused = refused.map(|name| HELLO.refused(&format!("the name {name:?}"), METADATA, named(name)));
    let accepted = accepted.map(|name| HELLO.accepted(&format!("the name {name:?}"), METADATA, named(name)));
    let others = vec![
        HELLO.accepted("a name of 253 letters", METADATA, named(&"a".repeat(253))),
        HELLO.refused("a name of 254 letters", METADATA, named(&"a".repeat(254))),
        HELLO.refused("a name that is a number", METADATA, "metadata: {name: 1}"),
        HELLO.refused("a name that is null", METADATA, "metadata: {name: null}"),
        HELLO.refused("no metadata", "metadata: {name: hello}\n", ""),
        HELLO.refused("metadata that are null", METADATA, "metadata:"),
        HELLO.refused("no name", METADATA, "metadata: {}"),
        HELLO_RUN.accepted("a name to be generated", METADATA, "metadata: {generateName: hello-}"),
        HELLO_RUN.accepted(
            "a name, and one to be generated",
            METADATA,
            "metadata: {name: hello, generateName: hello-}",
        ),
        HELLO_RUN.refused("a bad name to be generated", METADATA, "metadata: {generateName: Hello-}"),
        HELLO_RUN.refused("an empty name to be generated", METADATA, "metadata: {generateName: ''}"),
        HELLO_RUN.refused(
            "a name to be generated that is too long",
            METADATA,
            format!("metadata: {{generateName: {}}}", "a".repeat(260)),
        ),
        HELLO.refused("a bad namespace", METADATA, "metadata: {name: hello, namespace: Shop}"),
    ];
    [refused.to_vec(), accepted.to_vec(), others].concat()
}

fn labels() -> Vec<Mutation> {
    let labelled = |labels: &str| format!("metadata: {{name: hello, labels: {{{labels}}}}}");
    let annotated = |annotations: &str| format!("metadata: {{name: hello, annotations: {{{annotations}}}}}");
    let refused = |name: &str, labels: &str| HELLO.refused(name, METADATA, labelled(labels));
    let accepted = |name: &str, labels: &str| HELLO.accepted(name, METADATA, labelled(labels));
    vec![
        refused("a label with a space", "team: web shop"),
        refused("a label with a slash", "team: web/shop"),
        refused("a label too long", &format!("team: {}", "a".repeat(64))),
        accepted("the longest label", &format!("team: {}", "a".repeat(63))),
        refused("a label that is a number", "team: 1"),
        refused("a label that is a boolean", "team: yes"),
        accepted("a label that is null", "team: null"),
        accepted("a label that is empty", "team: ''"),
        refused("a key of a label with a space", "'web team': a"),
        refused("a key of a label with two slashes", "a/b/c: d"),
        refused("a key of a label that is empty", "'': a"),
        refused("a key of a label too long", &format!("{}: a", "a".repeat(64))),
        refused("a domain of a label in capitals", "Example.com/team: a"),
        refused("a domain of a label that is empty", "/team: a"),
        accepted("a key of a label with a domain", "example.com/team: Web_Shop.1"),
        HELLO.accepted("an annotation of any text", METADATA, annotated("note: 'Web & shop, 100% ü'")),
        HELLO.refused("an annotation that is a number", METADATA, annotated("note: 1")),
        HELLO.refused("a key of an annotation with a space", METADATA, annotated("'a b': c")),
        HELLO.accepted("a key of an annotation in capitals", METADATA, annotated("Example.com/Note: c")),
        HELLO.refused("annotations of 300 KiB", METADATA, annotated(&format!("note: {}", "x".repeat(300 << 10)))),
        HELLO.refused("a list of labels", METADATA, "metadata: {name: hello, labels: [team]}"),
    ]
}

fn others() -> Vec<Mutation> {
    let with = |more: &str| format!("metadata: {{name: hello, {more}}}");
    let refused = |name: &str, more: &str| HELLO.refused(name, METADATA, with(more));
    let accepted = |name: &str, more: &str| HELLO.accepted(name, METADATA, with(more));
    vec![
        refused("an unknown field of the metadata", "description: x"),
        refused("a misspelt field of the metadata", "label: {a: b}"),
        accepted("a finalizer with a domain", "finalizers: [example.com/a]"),
        refused("a finalizer without a domain", "finalizers: [a]"),
        refused("a finalizer that is a number", "finalizers: [1]"),
        refused("a text for finalizers", "finalizers: example.com/a"),
        accepted(
            "what the API server sets itself",
            "uid: 1-2-3, generation: 3, creationTimestamp: '2026-01-02T03:04:05Z'",
        ),
        accepted("a time of creation that is null", "creationTimestamp: null"),
        refused("a time of creation that is none", "creationTimestamp: yesterday"),
        refused("a generation that is a text", "generation: '3'"),
        accepted("a resource version on creation, which kubectl leaves out", "resourceVersion: '12'"),
        accepted("an owner", "ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: a, uid: b}]"),
        refused("an owner without a UID", "ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: a}]"),
        refused(
            "an unknown field of an owner",
            "ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: a, uid: b, x: y}]",
        ),
        refused("an owner that is a text", "ownerReferences: [a]"),
        accepted("a finalizer of Kubernetes", "finalizers: [orphan]"),
        accepted("no labels", "labels: {}"),
    ]
}
