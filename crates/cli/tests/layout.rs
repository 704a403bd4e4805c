//! The directions in which the crates depend on each other are those of ARCHITECTURE.md.

#![allow(clippy::unwrap_used, reason = "a test ends with its first surprise")]

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

/// What each crate may depend on, of ours.
const MAY_USE: &[(&str, &[&str])] = &[
    ("sluice-engine", &[]),
    ("sluice-expr", &[]),
    ("sluice-scm", &[]),
    ("sluice-api", &["sluice-engine", "sluice-expr"]),
    ("sluice-client", &[]),
    ("sluice-steps", &["sluice-api", "sluice-engine", "sluice-expr", "sluice-scm"]),
    ("sluice-server", &["sluice-api", "sluice-client"]),
    (
        "sluice-controller",
        &["sluice-api", "sluice-client", "sluice-engine", "sluice-expr", "sluice-scm", "sluice-server", "sluice-steps"],
    ),
    (
        "sluice",
        &[
            "sluice-api",
            "sluice-client",
            "sluice-controller",
            "sluice-engine",
            "sluice-expr",
            "sluice-scm",
            "sluice-server",
            "sluice-steps",
        ],
    ),
];

/// Crates by name, with the names of what they depend on at run time.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let package = |package: &Value| {
        let used = package["dependencies"].as_array().unwrap().iter().filter(|used| used["kind"].is_null());
        let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
        (name(package), used.map(name).collect())
    };
    metadata["packages"].as_array().unwrap().iter().map(package).collect()
}

#[test]
fn dependencies_between_the_crates_point_one_way() {
    let all = dependencies();
    for (name, used) in all.iter().filter(|(name, _)| name.starts_with("sluice") && *name != "sluice-tests") {
        let (_, may_use) =
            MAY_USE.iter().find(|(it, _)| it == name).unwrap_or_else(|| panic!("{name} is not in the list"));
        for used in used.iter().filter(|used| used.starts_with("sluice")) {
            assert!(may_use.contains(&used.as_str()), "{name} must not depend on {used}");
        }
    }
}

#[test]
fn the_engine_and_the_expressions_know_neither_kubernetes_nor_a_runtime() {
    let all = dependencies();
    for name in ["sluice-engine", "sluice-expr"] {
        for used in &all[name] {
            assert!(
                !["kube", "k8s-openapi", "tokio", "reqwest", "rand"].contains(&used.as_str()),
                "{name} depends on {used}"
            );
        }
    }
}
