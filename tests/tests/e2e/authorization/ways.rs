//! The ways to ask something of a run. All of them are programs that people use.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use sluice_tests::{Cluster, paths};

/// What a way may go by.
pub(super) struct Asker<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) namespace: &'a str,
    pub(super) person: &'a str,
    /// The run as it is.
    pub(super) run: &'a Value,
}

/// Asks, and returns what it was refused with.
pub(super) type Way = fn(&Asker<'_>, &Value) -> Result<(), String>;

/// Each with its name.
pub(super) const WAYS: [(&str, Way); 4] =
    [("a patch", patch), ("an edit", edit), ("a replacement", replace), ("the plugin", plugin)];

impl Asker<'_> {
    fn name(&self) -> &str {
        self.run["metadata"]["name"].as_str().unwrap_or_default()
    }

    fn kubectl(&self, arguments: &[&str], input: &str) -> Result<(), String> {
        let mut command = self.cluster.kubectl_command(self.person);
        command.args(["-n", self.namespace]).args(arguments);
        finish(command, input)
    }
}

/// `kubectl patch --type=json`.
fn patch(asker: &Asker<'_>, entry: &Value) -> Result<(), String> {
    let patch = json!([{"op": "add", "path": "/spec/actions/-", "value": entry}]).to_string();
    asker.kubectl(&["patch", "plr", asker.name(), "--type=json", "-p", &patch], "")
}

/// What `kubectl edit` sends: the whole list, for the version that was read.
fn edit(asker: &Asker<'_>, entry: &Value) -> Result<(), String> {
    let version = &asker.run["metadata"]["resourceVersion"];
    let patch = json!({"metadata": {"resourceVersion": version}, "spec": {"actions": [entry]}}).to_string();
    asker.kubectl(&["patch", "plr", asker.name(), "--type=merge", "-p", &patch], "")
}

/// `kubectl replace`.
fn replace(asker: &Asker<'_>, entry: &Value) -> Result<(), String> {
    let mut run = asker.run.clone();
    run["spec"]["actions"] = json!([entry]);
    asker.kubectl(&["replace", "-f", "-"], &run.to_string())
}

/// `sluice approve`, `sluice abort` and so on.
fn plugin(asker: &Asker<'_>, entry: &Value) -> Result<(), String> {
    let verb = entry["type"].as_str().unwrap_or_default().to_lowercase();
    let mut command = Command::new(paths::sluice());
    command.env("KUBECONFIG", asker.cluster.facts().kubeconfig(asker.person));
    command.args([&verb, asker.name(), "-n", asker.namespace, "--wait=false"]).args(entry["stage"].as_str());
    finish(command, "")
}

/// Runs a command to its end with this input.
pub(super) fn finish(mut command: Command, input: &str) -> Result<(), String> {
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("a program");
    child.stdin.take().expect("its input").write_all(input.as_bytes()).ok();
    let output = child.wait_with_output().expect("its end");
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}
