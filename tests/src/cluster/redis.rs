//! Redis, for Argo CD.

use anyhow::Result;

use super::{Layout, ready};
use crate::process::{Process, bound_to_us};

/// Starts Redis; nothing is written to disk.
pub(super) async fn start(layout: &Layout, port: u16) -> Result<Process> {
    let mut command = bound_to_us(layout.program("redis-server"));
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    command.args(["--port", &port.to_string(), "--dir", &layout.fresh("redis")?.display().to_string()]);
    let process = Process::start("redis-server", command, &layout.log("redis"))?;
    ready::tcp(&process, port).await?;
    Ok(process)
}
