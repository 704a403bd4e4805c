//! The process that holds a cluster together: every part dies with it.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use futures::future::select_all;
use sluice_tests::cluster::Supervisor;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Runs a cluster until a signal or the end of a part.
#[tokio::main]
pub(crate) async fn supervise(dir: &Path) -> Result<ExitCode> {
    let mut signals = Signals::new()?;
    let supervisor = tokio::select! {
        started = Supervisor::start(dir) => started?,
        _ = signals.next() => return Ok(ExitCode::FAILURE),
    };
    tokio::select! {
        error = supervisor.failure() => Err(error),
        _ = signals.next() => Ok(ExitCode::SUCCESS),
    }
}

/// The signals that ask a program to end.
pub(crate) struct Signals(Vec<(nix::sys::signal::Signal, Signal)>);

impl Signals {
    pub(crate) fn new() -> Result<Self> {
        use nix::sys::signal::Signal::{SIGHUP, SIGINT, SIGTERM};
        let listen = |name| Ok((name, signal(SignalKind::from_raw(name as i32))?));
        Ok(Self([SIGINT, SIGTERM, SIGHUP].into_iter().map(listen).collect::<Result<_>>()?))
    }

    /// The next of them.
    pub(crate) async fn next(&mut self) -> nix::sys::signal::Signal {
        let each = self.0.iter_mut().map(|(name, signal)| {
            Box::pin(async move {
                signal.recv().await;
                *name
            })
        });
        select_all(each).await.0
    }
}
