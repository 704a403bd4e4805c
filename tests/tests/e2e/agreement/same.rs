//! Other ways to write the same: all of them are accepted.

use super::mutation::{Base, DEPLOY, DEPLOY_RUN, HELLO, HELLO_RUN, Mutation, PROVIDER, VALIDATE, Verdict};

pub(super) fn mutations() -> Vec<Mutation> {
    let all = [HELLO, DEPLOY, VALIDATE, HELLO_RUN, DEPLOY_RUN, PROVIDER];
    let mut mutations: Vec<Mutation> = all.into_iter().flat_map(rewritten).collect();
    mutations.extend([
        HELLO.accepted("quotes around a text", "serviceAccountName: hello", "serviceAccountName: 'hello'"),
        HELLO.accepted("quotes around a key", "serviceAccountName: hello", "\"serviceAccountName\": hello"),
        HELLO.accepted("a comment within", "  stages:\n", "  # These are\n  stages: # the stages\n"),
        HELLO.accepted("empty lines", "  stages:\n", "\n\n  stages:\n\n"),
        HELLO.accepted("an account that nobody has", "serviceAccountName: hello", "serviceAccountName: nobody"),
    ]);
    mutations
}

/// The same object, written in three ways.
fn rewritten(base: Base) -> Vec<Mutation> {
    let text = base.text();
    let value: serde_json::Value = serde_saphyr::from_str(&text).expect("YAML");
    let reversed = |value: &serde_json::Value| {
        let members = value.as_object().expect("an object").iter().rev();
        let members: Vec<String> = members.map(|(name, value)| format!("{name:?}: {value}")).collect();
        format!("{{{}}}", members.join(", "))
    };
    let of = |way: &str, text: String| Mutation { name: format!("{base:?} {way}"), text, verdict: Verdict::Accepted };
    vec![
        of("as it is", text),
        of("as JSON on one line", value.to_string()),
        of("as JSON on many lines", format!("{value:#}\n")),
        of("with its members the other way round", reversed(&value)),
    ]
}
