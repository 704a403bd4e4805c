//! Receivers, the component updates that they make, and what an Environment does about them.

use super::mutation::{Mutation, Verdict};

const RECEIVER: &str = "\
apiVersion: sluice.dev/v1alpha1
kind: Receiver
metadata: {name: builds}
spec:
  component: {environments: [staging]}
  serviceAccountName: receiver
  secretRef: {name: builds}
";

const UPDATE: &str = "\
apiVersion: sluice.dev/v1alpha1
kind: ComponentUpdate
metadata: {name: web-17}
spec:
  environment: staging
  component: web
  version: 1.4.2
  sequence: 17
  id: build-17
";

const ENVIRONMENT: &str = "\
apiVersion: sluice.dev/v1alpha1
kind: Environment
metadata: {name: staging}
spec:
  components: [{name: web, onUpdate: {deploy: {pipelineRef: {name: deploy-component}}}}]
";

pub(super) fn mutations() -> Vec<Mutation> {
    [receivers(), updates(), environments()].into_iter().flatten().collect()
}

/// The text with the first place where the old one stands changed.
fn of(base: &str, verdict: Verdict, name: &str, old: &str, new: &str) -> Mutation {
    assert!(base.contains(old), "{name}: there is no {old:?}");
    Mutation { name: name.to_owned(), text: base.replacen(old, new, 1), verdict }
}

fn receivers() -> Vec<Mutation> {
    let accepted = |name: &str, old: &str, new: &str| of(RECEIVER, Verdict::Accepted, name, old, new);
    let refused = |name: &str, old: &str, new: &str| of(RECEIVER, Verdict::Refused, name, old, new);
    let component = "component: {environments: [staging]}";
    vec![
        accepted("a Receiver of components", component, component),
        accepted("a Receiver of a git host", component, "github: {}"),
        accepted("a Receiver of another git host", component, "gitea: {}"),
        refused("a Receiver of nothing", &format!("  {component}\n"), ""),
        refused("a Receiver of two things", component, &format!("{component}\n  gitea: {{}}")),
        refused("a Receiver of a host that is no object", component, "github: true"),
        refused("a Receiver of a host with a field", component, "gitea: {url: 'https://git.example'}"),
        refused("a Receiver of an unknown host", component, "bitbucket: {}"),
        refused("a Receiver of no environments", "[staging]", "[]"),
        refused("a Receiver of an environment twice", "[staging]", "[staging, staging]"),
        refused("a Receiver of an environment without a name", "[staging]", "['']"),
        refused("a Receiver without a Secret", "  secretRef: {name: builds}\n", ""),
        refused("a Receiver with a Secret without a name", "{name: builds}\n", "{key: token}\n"),
        refused("a Receiver without an account", "  serviceAccountName: receiver\n", ""),
        accepted("a Receiver with another key", "secretRef: {name: builds}", "secretRef: {name: builds, key: a.b}"),
        refused("a Receiver with an empty key", "secretRef: {name: builds}", "secretRef: {name: builds, key: ''}"),
        refused("a Receiver that takes no requests", "spec:\n", "spec:\n  maxRequestsPerMinute: 0\n"),
        accepted("a Receiver that takes few requests", "spec:\n", "spec:\n  maxRequestsPerMinute: 1\n"),
        refused("a Receiver that takes too many requests", "spec:\n", "spec:\n  maxRequestsPerMinute: 60001\n"),
    ]
}

fn updates() -> Vec<Mutation> {
    let accepted = |name: &str, old: &str, new: &str| of(UPDATE, Verdict::Accepted, name, old, new);
    let refused = |name: &str, old: &str, new: &str| of(UPDATE, Verdict::Refused, name, old, new);
    let version = "  version: 1.4.2\n";
    vec![
        accepted("a report", "id: build-17", "id: build-17"),
        accepted("a report of a commit", version, "  sha: 0a1b2c3d\n"),
        accepted("a report of both", version, "  version: 1.4.2\n  sha: 0a1b2c3d\n"),
        refused("a report of nothing", version, ""),
        refused("a report of a version that is a number", "1.4.2", "1.10"),
        refused("a report of an empty version", "1.4.2", "''"),
        refused("a report of a commit too long", version, &format!("  sha: {}\n", "a".repeat(65))),
        accepted("the first report of all", "sequence: 17", "sequence: 0"),
        refused("a report before the first", "sequence: 17", "sequence: -1"),
        accepted("the last report of all", "sequence: 17", "sequence: 9223372036854775807"),
        refused("a report behind the last", "sequence: 17", "sequence: 9223372036854775808"),
        refused("a report of a place in quotes", "sequence: 17", "sequence: '17'"),
        refused("a report without a place", "  sequence: 17\n", ""),
        refused("a report without an id", "  id: build-17\n", ""),
        refused("a report of no component", "  component: web\n", ""),
        refused("a report of no environment", "  environment: staging\n", ""),
        accepted("a report by somebody", "spec:\n", "spec:\n  by: Ada\n"),
        refused("a report by nobody", "spec:\n", "spec:\n  by: ''\n"),
        accepted("a report that a Receiver took", "spec:\n", "spec:\n  receiverRef: {name: builds}\n"),
        refused("a report with an unknown field", "spec:\n", "spec:\n  digest: a\n"),
    ]
}

fn environments() -> Vec<Mutation> {
    let accepted = |name: &str, old: &str, new: &str| of(ENVIRONMENT, Verdict::Accepted, name, old, new);
    let refused = |name: &str, old: &str, new: &str| of(ENVIRONMENT, Verdict::Refused, name, old, new);
    let on_update = ", onUpdate: {deploy: {pipelineRef: {name: deploy-component}}}";
    vec![
        accepted("a component that is recorded alone", on_update, ""),
        refused("half an opt-in", on_update, ", onUpdate: {}"),
        refused("another half of an opt-in", on_update, ", onUpdate: {deploy: {}}"),
        refused("an opt-in without the name", "{name: deploy-component}", "{}"),
        accepted("a history of one report", "spec:\n", "spec:\n  updateHistoryLimit: 1\n"),
        refused("a history below none", "spec:\n", "spec:\n  updateHistoryLimit: -1\n"),
    ]
}
