//! `sluice lint`, the API server with the controller, and the JSON Schema agree: on every example, and on mutations of them.
//!
//! What they have to agree on is one [`Verdict`] for each manifest:
//!
//! | | `kubectl create --validate=strict` | condition `Ready` | `sluice lint` | JSON Schema |
//! |---|---|---|---|---|
//! | `Accepted` | takes it | `True` | 0 | takes it |
//! | `NotReady` | takes it | `False` | 1, and no error has `refused` | takes it |
//! | `Refused` | refuses it | | 1, and an error has `refused` | may take it |
//!
//! Only Pipelines have the condition. The schema may be laxer than the API server, never stricter; what it cannot see is
//! listed in the test. It is given the values that kubectl reads, and not asked about what cannot be read. Warnings and advice
//! count on neither side.
//!
//! `sweep` holds the same, for the structure alone, for every field in a few thousand variants.

mod garbled;
mod judges;
mod meaning;
mod metadata;
mod mutation;
mod reports;
mod same;
mod structure;
mod sweep;
mod values;
mod yaml;

use std::collections::BTreeSet;

use expect_test::expect;
use sluice_tests::Cluster;
use sluice_tests::fixture::Team;

use judges::{Judged, judge};
use mutation::{Mutation, Verdict};

/// Every mutation there is, by topic.
fn all() -> Vec<Mutation> {
    let topics = [
        structure::mutations(),
        values::mutations(),
        metadata::mutations(),
        yaml::mutations(),
        meaning::mutations(),
        reports::mutations(),
        same::mutations(),
    ];
    topics.into_iter().flatten().collect()
}

/// What is said of these manifests instead of what has to be, and all that was said.
async fn disagreements(manifests: &[Mutation]) -> (Vec<String>, Vec<Judged>) {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let judged = judge(&team, manifests).await;
    let wrong = manifests.iter().zip(&judged).filter_map(|(manifest, judged)| {
        let wrong = judged.against(manifest.verdict);
        (!wrong.is_empty()).then(|| format!("{} ({:?}):\n  {}", manifest.name, manifest.verdict, wrong.join("\n  ")))
    });
    (wrong.collect(), judged)
}

#[tokio::test]
async fn on_every_example() {
    let examples: Vec<Mutation> = crate::examples::all().iter().map(|path| Mutation::none(path)).collect();
    let (wrong, judged) = disagreements(&examples).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(judged.iter().all(|judged| judged.schema == Some(true)), "the schema takes every example");
}

#[tokio::test]
async fn on_mutations_of_the_examples() {
    let mutations = all();
    assert!(mutations.len() >= 100, "{}", mutations.len());
    let names: BTreeSet<&str> = mutations.iter().map(|mutation| &*mutation.name).collect();
    assert_eq!(names.len(), mutations.len(), "each has a name of its own");
    for verdict in [Verdict::Accepted, Verdict::NotReady, Verdict::Refused] {
        let of_it = mutations.iter().filter(|mutation| mutation.verdict == verdict).count();
        assert!(of_it >= 10, "{verdict:?}: {of_it}");
    }
    let (wrong, judged) = disagreements(&mutations).await;
    assert!(wrong.is_empty(), "{} of {} disagree\n{}", wrong.len(), mutations.len(), wrong.join("\n"));

    let unseen = mutations
        .iter()
        .zip(&judged)
        .filter(|(mutation, judged)| mutation.verdict == Verdict::Refused && judged.schema == Some(true));
    let unseen: Vec<&str> = unseen.map(|(mutation, _)| &*mutation.name).collect();
    expect![[r#"
        no version behind the group
        a misspelt group
        two steps of one name
        two stages of one name
        two parameters of one name
        a run that begins with actions
        an integer too large for a default
        an integer too large for a parameter
        the host "http://git example"
        the host "http://[::1"
        the host "http://git.example:port"
        the host "http://a%zz"
        a bad name to be generated
        a label with a space
        a label with a slash
        a key of a label with a space
        a key of a label with two slashes
        a key of a label that is empty
        a key of a label too long
        a domain of a label in capitals
        a domain of a label that is empty
        a key of an annotation with a space
        annotations of 300 KiB
        a finalizer without a domain
        a time of creation that is none
        an owner without a UID
        an unknown field of an owner
        an owner that is a text
        a list of objects with a wrong one
        a report behind the last"#]]
    .assert_eq(&unseen.join("\n"));
}
