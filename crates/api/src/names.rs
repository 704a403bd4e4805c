//! The names that Sluice puts on things, each in one place.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// The API group of every kind.
pub const GROUP: &str = "sluice.dev";

/// The version that is served and stored.
pub const VERSION: &str = "v1alpha1";

/// Where the next entry of `spec.actions` goes, in a JSON patch.
pub const NEXT_ACTION: &str = "/spec/actions/-";

/// Kept on a run while its abortion would have work to do, so that its deletion waits for that.
pub const FINALIZER: &str = "sluice.dev/abort";

/// The field manager of the controller's writes.
pub const FIELD_MANAGER: &str = "sluice-controller";

/// The field manager of the writes of `sluice server`.
pub const SERVER_FIELD_MANAGER: &str = "sluice-server";

/// Label with the pipeline's name, on revisions and on runs that steps started.
pub const PIPELINE_LABEL: &str = "sluice.dev/pipeline";

/// Label with the parent's name, on runs that steps started. Only to list them: a child is known by its spec.
pub const PARENT_LABEL: &str = "sluice.dev/parent";

/// Label with the run's name, on what its steps made in the cluster: by it they are found and watched.
pub const RUN_LABEL: &str = "sluice.dev/run";

/// Label with the step's name, beside [`RUN_LABEL`].
pub const STEP_LABEL: &str = "sluice.dev/step";

/// Label of what is made and kept by a program, as Kubernetes recommends, and what it says here.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "sluice");

/// Annotation with the idempotency key, on what a step made in the cluster.
pub const KEY_ANNOTATION: &str = "sluice.dev/key";

/// Label of the Leases that are locks of runs, and what it says.
pub const LOCK_LABEL: (&str, &str) = ("sluice.dev/lock", "true");

/// Annotation of such a Lease with the lock's group.
pub const LOCK_GROUP_ANNOTATION: &str = "sluice.dev/lock-group";

/// Annotation of such a Lease with the name of the run that holds it.
pub const LOCK_HOLDER_ANNOTATION: &str = "sluice.dev/lock-holder";

/// The branches that runs make in git repositories begin with this. What is pushed to them is no news to anybody who waits.
pub const BRANCH_PREFIX: &str = "sluice/";

/// The condition of a run that machines read: True, False, or Unknown until it has ended.
pub const SUCCEEDED: &str = "Succeeded";

/// The condition of a ComponentUpdate that says whether its Environment knows of it.
pub const RECORDED: &str = "Recorded";

/// The condition of a ComponentUpdate that says whether the run that it started has deployed it.
pub const DEPLOYED: &str = "Deployed";

/// The condition of a definition that can be used.
pub const READY: &str = "Ready";

/// What a name of a stage, step, hook, parameter or source looks like, so that expressions can name it.
pub const NAME_PATTERN: &str = "^[a-z][A-Za-z0-9]{0,62}$";

/// What a name looks like that becomes part of the names of objects.
pub const LABEL_PATTERN: &str = "^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$";

/// What to do about one that does not look as [`NAME_PATTERN`] has it.
pub const NAME_HELP: &str = "use letters and digits, a small letter first, 63 at most";

/// What to do about one that does not look as [`LABEL_PATTERN`] has it.
pub const LABEL_HELP: &str = "use small letters, digits and `-`, a letter first and no `-` last, 63 at most";

/// What to do about a name that no object may have.
pub const OBJECT_NAME_HELP: &str =
    "use small letters, digits, `-` and `.`, with a letter or digit at both ends, 253 at most";

/// Who asks for what the controller itself appends to `spec.actions`.
pub fn own_user() -> String {
    FIELD_MANAGER.to_owned()
}

/// The labels of a run that a step started.
pub fn labels_of_child(pipeline: &str, parent: &str) -> BTreeMap<String, String> {
    let labels = [(PIPELINE_LABEL, pipeline), (PARENT_LABEL, parent)];
    labels.into_iter().map(|(label, name)| (label.to_owned(), label_value(name))).collect()
}

/// The name of the Lease that is the lock of this group: any text may be one.
pub fn lease_of_group(group: &str) -> String {
    format!("sluice-lock-{}", hex::encode(&Sha256::digest(group)[..LEASE_HASH_BYTES]))
}

/// 80 bits of the hash, so that no two groups of a namespace share a Lease.
const LEASE_HASH_BYTES: usize = 10;

/// The name of the run that a time of a pipeline's trigger starts: the same for whoever starts it.
pub fn run_of_tick(pipeline: &str, trigger: &str, at: Timestamp) -> String {
    let minute = at.strftime("%Y%m%d%H%M").to_string();
    let all = [pipeline, trigger, &at.to_string()];
    format!("{}-{}-{minute}-{}", beginning(pipeline), beginning(trigger), hash_of(&all, RUN_HASH_BYTES))
}

/// The name of the run that a good run of a pipeline's source starts: the same for whoever starts it.
pub fn run_of_source(pipeline: &str, source: &str, uid: &str) -> String {
    let hash = hash_of(&[pipeline, source, uid], RUN_HASH_BYTES);
    format!("{}-{}-{hash}", beginning(pipeline), source.to_ascii_lowercase())
}

/// The name of the ComponentUpdate with this id that a Receiver has taken; the run that it starts has the same name.
pub fn update_of(receiver_uid: &str, id: &str) -> String {
    format!("update-{}", hash_of(&[receiver_uid, id], UPDATE_HASH_BYTES))
}

/// 40 bits: the words before it tell most runs apart, and whoever makes one looks whose it is.
const RUN_HASH_BYTES: usize = 5;

/// 128 bits: an update must not be taken for another one.
const UPDATE_HASH_BYTES: usize = 16;

/// As much of an object's name as leaves room for more words in a name of 253 characters, and makes sense to people.
fn beginning(name: &str) -> &str {
    let cut = name.get(..name.len().min(63)).unwrap_or_default();
    cut.trim_end_matches(['-', '.'])
}

/// The hash of texts, none of which can run into the next one.
fn hash_of(texts: &[&str], bytes: usize) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    }
    hex::encode(&hash.finalize()[..bytes])
}

/// A label's value takes 63 characters; a longer name is cut, since the label only helps to list.
pub fn label_value(name: &str) -> String {
    let cut: String = name.chars().take(63).collect();
    cut.trim_end_matches(['-', '.', '_']).to_owned()
}

/// Whether an object may be called this: a subdomain as RFC 1123 has it.
pub fn is_object_name(name: &str) -> bool {
    let is_part = |part: &str| {
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let (first, last) = (part.bytes().next(), part.bytes().last());
        first.is_some_and(is_letter)
            && last.is_some_and(is_letter)
            && part.bytes().all(|it| is_letter(it) || it == b'-')
    };
    name.len() <= 253 && name.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_objects_are_subdomains() {
        for name in ["a", "deploy-web", "a.b-c.1"] {
            assert!(is_object_name(name), "{name}");
        }
        for name in ["", "A", "a..b", "a.-b", "-a", "a-", "a/b", "../a", "a b", &"a".repeat(254)] {
            assert!(!is_object_name(name), "{name}");
        }
    }

    #[test]
    fn a_lease_has_one_name_for_each_group_in_every_version() {
        assert_eq!(lease_of_group("web-staging"), "sluice-lock-3b28db399983ad17da3c");
        assert!(is_object_name(&lease_of_group("Web, staging/${{}}")));
    }

    #[test]
    fn what_starts_a_run_gives_it_one_name_whoever_starts_it() {
        let at: Timestamp = "2026-11-23T09:15:00Z".parse().unwrap();
        assert_eq!(run_of_tick("qa", "every-morning", at), "qa-every-morning-202611230915-664d675c96");
        assert_eq!(run_of_source("qa", "theBuild", "uid-1"), "qa-thebuild-b9e408b22d");
        assert_eq!(update_of("uid-2", "ci/7"), "update-7f96d912d493eea7a2ca70d89af46d1f");
        let long = format!("{}.{}", "a".repeat(62), "b".repeat(190));
        for name in [run_of_tick(&long, &"t".repeat(63), at), run_of_source(&long, &"S".repeat(63), "uid")] {
            assert!(is_object_name(&name), "{name}");
        }
        assert_ne!(run_of_tick("a", "b-c", at), run_of_tick("a-b", "c", at));
        assert_ne!(run_of_source("a", "sB", "u"), run_of_source("a", "sb", "u"));
    }
}
