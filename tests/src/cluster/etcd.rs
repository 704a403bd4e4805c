//! etcd.

use anyhow::Result;

use super::{Layout, ready};
use crate::process::{Process, bound_to_us};

/// Starts etcd; returns it and its client URL.
pub(super) async fn start(layout: &Layout, client: u16, peer: u16) -> Result<(Process, String)> {
    let (client, peer) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
    let mut command = bound_to_us(layout.program("etcd"));
    command.arg(format!("--data-dir={}", layout.fresh("etcd")?.display()));
    command.args([format!("--listen-client-urls={client}"), format!("--advertise-client-urls={client}")]);
    command.args([format!("--listen-peer-urls={peer}"), format!("--initial-advertise-peer-urls={peer}")]);
    command.arg(format!("--initial-cluster=default={peer}"));
    // The data is thrown away with the cluster: no reason to wait for the disk.
    command.args(["--unsafe-no-fsync", "--log-level=warn"]);
    let process = Process::start("etcd", command, &layout.log("etcd"))?;
    ready::http(&process, &reqwest::Client::new(), &format!("{client}/health")).await?;
    Ok((process, client))
}
