//! How a manifest is written: YAML as kubectl reads it.

use super::mutation::{DEPLOY, HELLO, HELLO_RUN, Mutation, Verdict};

pub(super) fn mutations() -> Vec<Mutation> {
    [words(), forms(), broken(), whole()].into_iter().flatten().collect()
}

/// Words that are no texts in YAML 1.1.
fn words() -> Vec<Mutation> {
    let who = |word: &str| format!("{{who: {word}}}");
    let refused = ["on", "off", "yes", "No", "TRUE", "1.1", "1e-3", ".5", "-.inf", "+1.5", "y", "N"];
    let accepted = [
        "0777",
        "0o17",
        "0b11",
        "1_0",
        "'on'",
        "1e400",
        "2001-01-01T00:00:00",
        "\"yes\"",
        "~",
        "null",
        "2001-01-01",
        "1.2.3",
        "1.",
        "!!str 1.10",
        "! 1.10",
        "=",
        "<<a",
        "0x1F",
        "-0",
        "+1",
        "1:30",
        "09",
        "tRUE",
    ];
    // What the reader of YAML 1.1 makes of them, the API server has said.
    let refused = refused.map(|word| HELLO_RUN.refused(&format!("the parameter {word}"), "{who: Ada}", who(word)));
    let accepted = accepted.map(|word| HELLO_RUN.accepted(&format!("the parameter {word}"), "{who: Ada}", who(word)));
    let others = vec![
        HELLO.refused("a description that is `on`", "description: Whom to greet.", "description: on"),
        HELLO.refused("a description that is 0777", "description: Whom to greet.", "description: 0777"),
        HELLO.refused("a description that is a time", "description: Whom to greet.", "description: 1.5"),
        HELLO.accepted("a description that is `\"on\"`", "description: Whom to greet.", "description: \"on\""),
        HELLO.accepted("a boolean that is `no`", "default: world", "required: no"),
        HELLO.accepted("a boolean that is `n`", "default: world", "required: n"),
        HELLO.refused("a key that is `on`", "spec:\n", "spec:\n  on: {}\n"),
        HELLO_RUN.accepted("a parameter called yes", "{who: Ada}", "{yes: Ada}"),
        HELLO_RUN.accepted("a parameter called 1", "{who: Ada}", "{1: Ada}"),
        HELLO_RUN.accepted("a parameter called 1.5", "{who: Ada}", "{1.5: Ada}"),
        HELLO_RUN.refused("a parameter called null", "{who: Ada}", "{null: Ada}"),
    ];
    [refused.to_vec(), accepted.to_vec(), others].concat()
}

/// Anchors, merges and the like.
fn forms() -> Vec<Mutation> {
    let json = "json: {application: \"${{ params.application }}\", environment: \"${{ params.environment }}\"}";
    vec![
        HELLO.accepted(
            "an anchor and an alias",
            "default: world, description: Whom to greet.",
            "default: &word world, description: *word",
        ),
        HELLO.refused("an alias of nothing", "default: world", "default: *word"),
        HELLO.accepted(
            "a merge",
            "{name: who, type: String, default: world, description: Whom to greet.}",
            "{<<: {type: String, default: world}, name: who}",
        ),
        HELLO.accepted(
            "a merge of a list",
            "{name: who, type: String, default: world, description: Whom to greet.}",
            "{<<: [{type: String}, {default: world}], name: who}",
        ),
        HELLO.refused("a merge of a text", "{name: who, ", "{<<: who, name: who, "),
        HELLO.refused("a merge with an unknown field", "{name: who, ", "{<<: {nmae: who}, name: who, "),
        HELLO.accepted(
            "a key twice with the same value",
            "  serviceAccountName: hello\n",
            "  serviceAccountName: hello\n  serviceAccountName: hello\n",
        ),
        HELLO.refused(
            "a key twice, the second one wrong",
            "  serviceAccountName: hello\n",
            "  serviceAccountName: hello\n  serviceAccountName: 5\n",
        ),
        HELLO.accepted(
            "a key twice, the first one wrong",
            "  serviceAccountName: hello\n",
            "  serviceAccountName: 5\n  serviceAccountName: hello\n",
        ),
        DEPLOY.accepted(
            "a literal text",
            "title: \"Deploy ${{ params.application }} ${{ params.version }} to ${{ params.environment }}\"",
            "title: |\n          Deploy",
        ),
        DEPLOY.accepted(
            "a folded text",
            "title: \"Deploy ${{ params.application }} ${{ params.version }} to ${{ params.environment }}\"",
            "title: >-\n          Deploy\n          it",
        ),
        DEPLOY.accepted("a text of several lines", "method: POST", "method:\n          POST"),
        DEPLOY.accepted(
            "JSON within YAML",
            json,
            r#"json: {"application": ["a", 1, 1.5, true, null, {"b": "\u00e9"}]}"#,
        ),
        DEPLOY.accepted("an explicit key", json, "json:\n          ? application\n          : a"),
        HELLO.accepted("a carriage return before each line break", "spec:\n", "spec:\r\n"),
        HELLO.refused("an integer by its tag", "description: Whom to greet.", "description: !!int \"5\""),
        HELLO.accepted("a text by its tag", "description: Whom to greet.", "description: !!str 5"),
        HELLO.accepted(
            "letters of all sorts",
            "description: Whom to greet.",
            "description: \"Grüße, 世界 🚀 \\u00e9 \\x41\"",
        ),
        HELLO.accepted("a zero byte by its escape", "description: Whom to greet.", "description: \"a\\0b\""),
    ]
}

fn broken() -> Vec<Mutation> {
    vec![
        HELLO.refused("a tab for indentation", "  serviceAccountName", "\tserviceAccountName"),
        HELLO.refused("indentation that is off", "  serviceAccountName", "   serviceAccountName"),
        HELLO.refused("a bracket that is not closed", "metadata: {name: hello}", "metadata: {name: hello"),
        HELLO.refused("a quote that is not closed", "default: world", "default: \"world"),
        HELLO.refused("a colon within a text", "description: Whom to greet.}", "description: Whom: to greet.}"),
        HELLO.refused(
            "an interpolation without quotes",
            "{values: {text: \"Hello",
            "{values: {other: ${{ params.who }}, text: \"Hello",
        ),
        HELLO.refused("an at sign", "default: world", "default: @world"),
        HELLO.refused("a backtick", "default: world", "default: `world`"),
        HELLO.refused("a percent sign at the start of a value", "default: world", "default: %world"),
        HELLO.refused("an escape that there is not", "default: world", "default: \"wor\\ld\""),
        HELLO.refused("a control character", "default: world", "default: \"wor\u{1}ld\""),
        HELLO.refused("a list at the root", "apiVersion: sluice.dev/v1alpha1\n", "- apiVersion: sluice.dev/v1alpha1\n"),
        HELLO.refused("an unknown escape of a hyphen", "default: world", "default: \"wor\\-ld\""),
    ]
}

/// Whole texts: several documents, and depth.
fn whole() -> Vec<Mutation> {
    let (pipeline, run) = (HELLO.text(), HELLO_RUN.text());
    let of = |verdict, name: &str, text: String| Mutation { name: name.to_owned(), text, verdict };
    let accepted = |name: &str, text: String| of(Verdict::Accepted, name, text);
    let refused = |name: &str, text: String| of(Verdict::Refused, name, text);
    let nested = |depth: usize| {
        let value = format!("{}1{}", "{a: ".repeat(depth), "}".repeat(depth));
        pipeline.replace("{values: {", &format!("{{values: {{deep: {value}, "))
    };
    let bombs = {
        let lists = (1..9).map(|level| {
            format!("b{level}: &b{level} [*b{0},*b{0},*b{0},*b{0},*b{0},*b{0},*b{0},*b{0},*b{0}]", level - 1)
        });
        let lists = lists.collect::<Vec<_>>().join(", ");
        pipeline.replace("{values: {", &format!("{{values: {{b0: &b0 [x,x,x,x,x,x,x,x,x], {lists}, "))
    };
    let list = format!("apiVersion: v1\nkind: List\nitems:\n- {}", run.trim_end().replace('\n', "\n  "));
    vec![
        accepted("empty documents between", format!("---\n---\n{run}\n---\n# nothing\n---\n{pipeline}\n---\n")),
        accepted("a comment before and an end behind", format!("# a\n---\n{run}\n...\n")),
        refused("a directive, which kubectl reads as a document", format!("%YAML 1.1\n---\n{run}\n")),
        accepted("a mark of the byte order", format!("\u{feff}{run}")),
        accepted("carriage returns", run.replace('\n', "\r\n")),
        accepted("no line break at the end", run.trim_end().to_owned()),
        accepted("a list of objects", list.clone()),
        refused("a list of objects with a wrong one", list.replace("who: Ada", "who: 1.5")),
        refused("a good one and a bad one", format!("{pipeline}\n---\n{}", run.replace("who: Ada", "who: 1.5"))),
        accepted("values nested 20 deep", nested(20)),
        of(Verdict::NotReady, "values nested 100 deep", nested(100)),
        refused("values nested 2000 deep", nested(2000)),
        refused("aliases of aliases of aliases", bombs),
        refused("nothing but a word", "hello\n".to_owned()),
        refused("nothing but a number", "5\n".to_owned()),
    ]
}
