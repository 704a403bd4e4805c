//! Helm, as a person runs it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{Cluster, Facts, cluster, paths};

/// The program. Without a running cluster it is built, or taken from what was built for an earlier one.
pub fn program() -> Result<PathBuf> {
    if let Ok(facts) = Facts::find() {
        return Ok(facts.program("helm"));
    }
    let dir = paths::cluster();
    cluster::build(&dir)?;
    Ok(dir.join("bin/helm"))
}

/// The chart.
pub fn chart() -> PathBuf {
    paths::workspace().join("charts/sluice")
}

/// Runs Helm without a cluster, for `template` and `lint`, and returns its output, or fails with what it said.
pub fn run(arguments: &[&str]) -> Result<String> {
    finish(Command::new(program()?), arguments)
}

impl Cluster {
    /// Runs Helm as `admin` and returns its output, or fails with what it said.
    pub fn helm(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(self.facts().program("helm"));
        command.env("KUBECONFIG", self.facts().kubeconfig("admin"));
        finish(command, arguments)
    }
}

fn finish(mut command: Command, arguments: &[&str]) -> Result<String> {
    // What the person who runs the tests has configured is none of our business.
    for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        command.env(variable, std::env::temp_dir().join("sluice-helm"));
    }
    let output = command.args(arguments).output().context("failed to run helm")?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).trim().to_owned());
        bail!("helm {}: {}", arguments.join(" "), said.join("\n"));
    }
    Ok(String::from_utf8(output.stdout)?)
}
