//! Waiting until a part answers, no longer than it lives.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::process::Process;

/// Longer than any part needs on a slow and busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until a GET of `url` is answered with success.
pub(super) async fn http(process: &Process, client: &reqwest::Client, url: &str) -> Result<()> {
    poll(process, async || {
        let answer = client.get(url).timeout(Duration::from_secs(5)).send().await?;
        Ok(answer.error_for_status().map(|_| ())?)
    })
    .await
}

/// Waits until something listens on the port.
pub(crate) async fn tcp(process: &Process, port: u16) -> Result<()> {
    poll(process, async || Ok(TcpStream::connect(("127.0.0.1", port)).await.map(|_| ())?)).await
}

async fn poll(process: &Process, attempt: impl AsyncFn() -> Result<()>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        process.check()?;
        match attempt().await {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() > deadline => {
                return Err(error).with_context(|| format!("{} was not ready after {PATIENCE:?}", process.name()));
            }
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

/// The outcome of a command that ends by itself: its output, or an error with what it said.
pub(super) fn output(command: &mut std::process::Command) -> Result<String> {
    let output = command.output()?;
    if !output.status.success() {
        let program = command.get_program().to_string_lossy().into_owned();
        bail!("{program} failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
