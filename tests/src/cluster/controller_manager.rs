//! kube-controller-manager: garbage collection, Jobs, Deployments and namespaces as in life.

use anyhow::{Context, Result};

use super::{Layout, apiserver, ready};
use crate::process::{Process, bound_to_us};

/// Starts the controller manager as `admin`.
pub(super) async fn start(layout: &Layout, port: u16) -> Result<Process> {
    let mut command = bound_to_us(layout.program("kube-controller-manager"));
    let kubeconfig = crate::facts::kubeconfig(&layout.dir, "admin");
    command.arg(format!("--kubeconfig={}", kubeconfig.display()));
    command.arg(format!("--service-account-private-key-file={}", apiserver::signing_key(layout).display()));
    command.args(["--use-service-account-credentials=true", "--leader-elect=false", "--bind-address=127.0.0.1"]);
    command.args([
        format!("--secure-port={port}"),
        format!("--cert-dir={}", layout.fresh("controller-manager")?.display()),
    ]);
    // Tests come and go in seconds, and so should what they leave.
    command.args(["--concurrent-namespace-syncs=20", "--namespace-sync-period=1m"]);
    // Without nodes these have nothing to do.
    command.arg("--controllers=*,-node-lifecycle-controller,-node-ipam-controller,-persistentvolume-attach-detach-controller,-ttl-controller");
    let process = Process::start("kube-controller-manager", command, &layout.log("kube-controller-manager"))?;
    // Its certificate is its own, and nothing secret is asked.
    let client =
        reqwest::Client::builder().tls_danger_accept_invalid_certs(true).build().context("failed to make a client")?;
    ready::http(&process, &client, &format!("https://127.0.0.1:{port}/healthz")).await?;
    Ok(process)
}
