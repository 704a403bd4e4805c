//! Each verb is a request that plain kubectl could send, to the last byte.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use sluice_api::PipelineRun;
use sluice_tests::cluster::token_of;
use sluice_tests::faults::Faults;
use sluice_tests::fixture::Team;
use sluice_tests::{Cluster, kubeconfig_text};

use super::sluice;
use crate::short::run;

/// Each verb, and the entry that it appends for admin.
fn verbs() -> Vec<(Vec<&'static str>, Value)> {
    let entry = |kind: &str, more: Value| {
        let mut entry = json!({"type": kind, "by": "admin", "reason": "it's \"fine\" – ✓"});
        entry.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        entry
    };
    vec![
        (vec!["approve"], entry("Approve", json!({"stage": "live", "attempt": 2}))),
        (vec!["reject", "live", "--item", "eu"], entry("Reject", json!({"stage": "live", "item": "eu", "attempt": 2}))),
        (vec!["skip", "live"], entry("Skip", json!({"stage": "live"}))),
        (vec!["skip", "live", "check"], entry("Skip", json!({"stage": "live", "step": "check"}))),
        (vec!["retry", "build"], entry("Retry", json!({"stage": "build"}))),
        (vec!["retry", "build", "make"], entry("Retry", json!({"stage": "build", "step": "make"}))),
        (vec!["pause"], entry("Pause", json!({}))),
        (vec!["resume"], entry("Resume", json!({}))),
        (vec!["abort"], entry("Abort", json!({}))),
    ]
}

/// A run that awaits an approval, whatever a controller would say.
const STATUS: &str = r#"{"status": {"phase": "Running", "stages": [
    {"name": "build", "phase": "Succeeded", "attempt": 1, "steps": [{"name": "make", "phase": "Succeeded"}]},
    {"name": "live", "item": "eu", "phase": "AwaitingApproval", "attempt": 2,
     "approval": {"required": 1}, "steps": [{"name": "check", "phase": "Pending"}]}]}}"#;

/// A `kubectl proxy`: whoever asks it is admin.
struct Signer {
    process: Child,
    url: String,
}

impl Signer {
    fn start(cluster: &Cluster) -> Self {
        let mut command = cluster.kubectl_command("admin");
        let mut process = command.args(["proxy", "--port=0"]).stdout(Stdio::piped()).spawn().expect("kubectl");
        let mut line = String::new();
        let out = process.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("a line");
        let address = line.trim().rsplit(' ').next().expect("an address");
        Self { url: format!("http://{address}"), process }
    }
}

impl Drop for Signer {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// As the controller, who alone may.
async fn write_status(team: &Team, name: &str) {
    let controller = team.cluster().service_account("sluice-system", "sluice-controller").await.expect("a client");
    let runs: Api<DynamicObject> =
        Api::namespaced_with(controller, team.namespace(), &ApiResource::erase::<PipelineRun>(&()));
    let status: Value = serde_json::from_str(STATUS).expect("JSON");
    runs.patch_status(name, &PatchParams::default(), &Patch::Merge(status)).await.expect("a status");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verb_sends_what_kubectl_patch_sends() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let faults = Faults::new();
    let directory = tempfile::tempdir().expect("a directory");
    let kubeconfig = directory.path().join("through-the-proxy");
    // kubectl sends no token where there is no TLS: another one behind the proxy does.
    let signer = Signer::start(&cluster);
    let proxy = faults.before("api", &signer.url, None).await.expect("a proxy");
    std::fs::write(&kubeconfig, kubeconfig_text(&proxy, None, &token_of("admin"))).expect("written");
    team.home().apply(&format!("{}---\n{}", run("by-sluice", "web"), run("by-kubectl", "web")));
    for name in ["by-sluice", "by-kubectl"] {
        write_status(&team, name).await;
    }
    for (arguments, entry) in verbs() {
        faults.clear();
        let patch = json!([{"op": "add", "path": "/spec/actions/-", "value": entry}]).to_string();
        let mut command = cluster.kubectl_command("admin");
        command.env("KUBECONFIG", &kubeconfig);
        command.args(["patch", "plr", "by-kubectl", "--type=json", "-n", team.namespace(), "-p", &patch]);
        let kubectl = super::said(command).await;
        assert_eq!(kubectl.code, Some(0), "{kubectl:?}");
        let reason = entry["reason"].as_str().expect("a reason");
        let (verb, rest) = arguments.split_first().expect("a verb");
        let all = [&[*verb, "plr/by-sluice"], rest, &["--reason", reason, "--wait=false"]].concat();
        let said = sluice(&team, &kubeconfig, &all).await;
        assert_eq!((said.code, &*said.err), (Some(0), ""), "{said:?}");
        let writes = faults.writes();
        let [kubectl, sluice] = &*writes else { panic!("{verb} took other requests: {}", faults.log()) };
        assert_eq!(sluice.body, kubectl.body, "{verb}");
        assert_eq!(sluice.method, kubectl.method);
        assert_eq!(sluice.content_type, kubectl.content_type);
        let path = |path: &str| path.split('?').next().expect("a path").replace("by-kubectl", "by-sluice");
        assert_eq!(path(&sluice.path), path(&kubectl.path));
    }
    let entries = |run: &Value| run["spec"]["actions"].clone();
    let (one, other) = (team.run("by-sluice").await.expect("a run"), team.run("by-kubectl").await.expect("a run"));
    assert_eq!(entries(&one), entries(&other));
    assert_eq!(entries(&one), verbs().into_iter().map(|(_, entry)| entry).collect::<Value>());
}
