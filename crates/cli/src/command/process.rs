//! What the commands share that run until they are told to stop.

use anyhow::Context;
use futures::future::BoxFuture;
use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
};

use crate::logs::{self, LogFormat};

/// Most of the time is spent waiting for answers: more threads would make nothing faster, and cost processor time by waking
/// each other (a quarter more with four than with one, by `make bench`).
const MAX_THREADS: usize = 2;

/// Resolves when the process is to stop.
pub(super) type Stop = BoxFuture<'static, ()>;

/// Runs a process to its end.
pub(super) fn run(log_format: LogFormat, work: impl AsyncFnOnce(Stop) -> anyhow::Result<()>) -> anyhow::Result<()> {
    logs::start(log_format);
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        anyhow::bail!("another TLS provider was installed before");
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    let runtime = Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    let runtime = runtime.context("failed to start the runtime")?;
    runtime.block_on(async { work(stop_signal().context("failed to listen for signals")?).await })
}

/// Resolves with the first SIGTERM or SIGINT.
fn stop_signal() -> std::io::Result<Stop> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(Box::pin(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
            _ = interrupt.recv() => tracing::info!("SIGINT: stopping"),
        }
    }))
}
