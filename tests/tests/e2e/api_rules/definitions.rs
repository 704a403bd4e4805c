//! The definitions as a whole: accepted, explained, listed and selected.

use std::process::Command;

use sluice_tests::{Cluster, fixture, paths};

use super::namespace;
use crate::short::{kubectl, pipeline, run};

/// The definitions as one text, as they are committed.
fn committed() -> String {
    let mut files: Vec<_> = std::fs::read_dir(paths::workspace().join("crds")).expect("crds/").flatten().collect();
    files.sort_by_key(std::fs::DirEntry::file_name);
    let texts = files.iter().map(|file| std::fs::read_to_string(file.path()).expect("a definition"));
    texts.map(|text| format!("---\n{text}")).collect()
}

#[tokio::test]
async fn they_apply_without_a_warning_on_either_side() {
    let cluster = Cluster::connect().await;
    fixture::install(&cluster).await;
    let applied = |flags: &[&str], text: &str| {
        let said = kubectl(&cluster, &[&["apply", "--dry-run=server", "-f", "-"], flags].concat(), text);
        let said = said.expect("accepted");
        assert!(!said.contains("Warning"), "{said}");
        said.lines().count()
    };
    assert_eq!(applied(&["--server-side", "--force-conflicts"], &committed()), 6);
    // Under another group: nobody has applied that one in another way before.
    assert_eq!(applied(&[], &committed().replace("sluice.dev", "rules.sluice.dev")), 6);
}

#[tokio::test]
async fn the_example_applies_without_a_warning_on_either_side() {
    let test = namespace().await;
    let text = std::fs::read_to_string(paths::workspace().join("examples/deploy-v1.yaml")).expect("the example");
    let text = text.replace("namespace: shop", &format!("namespace: {}", test.name()));
    for flags in [&[][..], &["--server-side", "--force-conflicts"]] {
        let said = kubectl(test.cluster(), &[&["apply", "-f", "-"], flags].concat(), &text).expect("accepted");
        assert!(said.lines().count() == 3 && !said.contains("Warning"), "{said}");
    }
}

#[test]
fn the_command_prints_what_is_committed() {
    let output = Command::new(paths::sluice()).arg("crds").output().expect("sluice crds");
    let printed = String::from_utf8(output.stdout).expect("text");
    let documents = |text: &str| {
        let mut documents: Vec<_> = text.split("---\n").map(str::to_owned).collect();
        documents.sort();
        documents
    };
    assert!(documents(&printed) == documents(&committed()), "crds/ is stale: run `make generate`");
}

#[tokio::test]
async fn they_are_listed_by_short_name_and_category_and_selected_by_field() {
    let test = namespace().await;
    let step = "- {name: a, set: {values: {b: c}}}";
    test.apply(&format!("{}---\n{}\n---\n{}", pipeline("one", step), run("of-one", "one"), run("of-two", "two")));
    let get = |arguments: &[&str]| {
        let arguments = [&["get", "-n", test.name(), "-o", "name"], arguments].concat();
        let said = kubectl(test.cluster(), &arguments, "").expect("a list");
        said.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let (one, of_one, of_two) =
        ("pipeline.sluice.dev/one", "pipelinerun.sluice.dev/of-one", "pipelinerun.sluice.dev/of-two");
    assert_eq!(get(&["pl"]), [one]);
    assert_eq!(get(&["plr"]), [of_one, of_two]);
    let mut all = get(&["sluice"]);
    all.sort();
    assert_eq!(all, [one, of_one, of_two]);
    assert_eq!(get(&["plr", "--field-selector", "spec.pipelineRef.name=two"]), [of_two]);
    let report = |name: &str, component: &str| {
        let spec = format!("{{environment: staging, component: {component}, version: '1', sequence: 1, id: {name}}}");
        test.apply(&format!(
            "{{apiVersion: sluice.dev/v1alpha1, kind: ComponentUpdate, metadata: {{name: {name}}}, spec: {spec}}}"
        ));
    };
    report("web-1", "web");
    report("api-1", "api");
    test.apply("{apiVersion: sluice.dev/v1alpha1, kind: Receiver, metadata: {name: hooks}, spec: {gitea: {}, serviceAccountName: a, secretRef: {name: a}}}");
    assert_eq!(get(&["rcv"]), ["receiver.sluice.dev/hooks"]);
    assert_eq!(
        get(&["cu", "--field-selector", "spec.component=web,spec.environment=staging"]),
        ["componentupdate.sluice.dev/web-1"]
    );
    assert_eq!(get(&["sluice"]).len(), 6);
    assert_eq!(get(&["plr", "--field-selector", "status.phase=Succeeded"]), Vec::<String>::new());
}
