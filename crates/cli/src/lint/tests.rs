//! Whatever is in a file, there is an answer. What the answers are is tested by the binary, in `tests/lint.rs`.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::{Options, json, lint, render::text};
use crate::manifest::{Manifests, Source};

static DEPLOY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/deploy-v1.yaml");
    std::fs::read(path).unwrap()
});

/// What is put into the text of an example.
const SNIPPETS: [&str; 24] = [
    "", " ", "\n", "\t", "- ", ": ", "{", "}", "[", "]", "\"", "'", "|\n", "&a ", "*a", "<<: ", "${{ ", " }}", "on",
    "1.10", "~", "é", "---\n", "steps",
];

fn answer(bytes: &[u8]) {
    let mut manifests = Manifests::default();
    manifests.add(Source::decode("x.yaml", bytes));
    for whole in [false, true] {
        let findings = lint(&manifests, Options { whole, local: true });
        for finding in &findings {
            assert!(finding.source.text.get(finding.span.clone()).is_some(), "{finding:?}");
        }
        text(&findings, true, 80);
        text(&findings, false, 40);
        json(&findings);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_mangled_example_is_answered(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..24_usize, prop::sample::select(&SNIPPETS)), 1..4),
    ) {
        let mut mangled = DEPLOY.clone();
        for (at, len, snippet) in edits {
            let at = at.index(mangled.len());
            let end = (at + len).min(mangled.len());
            mangled.splice(at..end, snippet.bytes());
        }
        answer(&mangled);
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        answer(&bytes);
    }

    #[test]
    fn any_values_of_our_kinds_are_answered(
        kind in prop::sample::select(&["Pipeline", "PipelineRun", "Environment", "ScmProvider", "Receiver", "ComponentUpdate"]),
        metadata in "[a-z]{0,3}: ?[0-9a-z{}\\[\\], ]{0,12}",
        spec in "(stages|params|hooks|timeout|targets|allowedPipelines|components|component|environment|gitea|pipelineRef|secretRef|sequence|a b): ?[0-9a-zA-Z{}\\[\\]\"', $]{0,40}",
    ) {
        answer(format!("apiVersion: sluice.dev/v1alpha1\nkind: {kind}\nmetadata: {{{metadata}}}\nspec: {{{spec}}}\n").as_bytes());
    }
}
