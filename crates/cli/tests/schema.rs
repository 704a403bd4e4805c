//! `sluice schema` prints what is committed under `schemas/`.

#![allow(clippy::unwrap_used, reason = "a test ends with its first surprise")]

use std::{fs, path::Path, process::Command};

/// What the command says: its output, or why it failed.
fn schema(arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
    let output = command.arg("schema").args(arguments).env_remove("RUST_BACKTRACE").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

fn committed(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas").join(file)).unwrap()
}

#[test]
fn without_a_kind_it_takes_any() {
    assert!(schema(&[]).unwrap() == committed("sluice.json"));
}

#[test]
fn a_kind_is_named_as_kubectl_names_it() {
    for name in ["PipelineRun", "pipelineruns", "plr"] {
        assert!(schema(&[name]).unwrap() == committed("sluice.dev/pipelinerun_v1alpha1.json"), "{name}");
    }
}

#[test]
fn an_unknown_kind_is_refused_with_those_there_are() {
    let said = schema(&["Deployment"]).unwrap_err();
    assert_eq!(
        said,
        "error: there is no kind \"Deployment\": name one of Pipeline, PipelineRun, Environment, Receiver, ComponentUpdate, ScmProvider\n"
    );
}
