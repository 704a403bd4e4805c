//! `cluster with -- COMMAND`.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ExitCode, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use sluice_tests::cluster::{self, Supervisor};
use sluice_tests::{Facts, paths, process};

use crate::supervise::Signals;

/// How long a command may take to end after a signal.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a command with the environment of a cluster and ends as it does.
#[tokio::main]
pub(crate) async fn with(command: &[OsString]) -> Result<ExitCode> {
    if let Some(facts) = Facts::of_live(&paths::cluster()) {
        let mut signals = Signals::new()?;
        return Ok(code(run(command, &facts, &mut signals, std::future::pending()).await?));
    }
    let dir = PrivateDir::new()?;
    cluster::build(&dir.0)?;
    let mut signals = Signals::new()?;
    let supervisor = tokio::select! {
        started = Supervisor::start(&dir.0) => started?,
        signal = signals.next() => return Ok(ExitCode::from(128 + signal as u8)),
    };
    Ok(code(run(command, supervisor.facts(), &mut signals, supervisor.failure()).await?))
}

/// Runs the command; a signal to us, or the failure of the cluster, ends it.
async fn run(
    command: &[OsString],
    facts: &Facts,
    signals: &mut Signals,
    failure: impl Future<Output = anyhow::Error>,
) -> Result<ExitStatus> {
    // At a terminal the command stays in its foreground group, or it could not read from it.
    let own_group = !std::io::stdin().is_terminal();
    let mut child = spawn(command, facts, own_group)?;
    let mut failure = std::pin::pin!(failure);
    let mut deadline = None;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if deadline.is_some_and(|deadline| tokio::time::Instant::now() > deadline) {
            send(&mut child, own_group, Signal::SIGKILL);
            return Ok(child.wait()?);
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
            signal = signals.next() => {
                send(&mut child, own_group, signal);
                deadline = Some(tokio::time::Instant::now() + PATIENCE);
            }
            error = &mut failure, if deadline.is_none() => {
                send(&mut child, own_group, Signal::SIGKILL);
                child.wait()?;
                return Err(error.context("the cluster failed while the command ran"));
            }
        }
    }
}

fn spawn(command: &[OsString], facts: &Facts, own_group: bool) -> Result<Child> {
    let (program, arguments) = command.split_first().context("no command")?;
    let mut command = process::bound_to_us(program);
    command.args(arguments).envs(facts.environment()).env("PATH", facts.path());
    if own_group {
        command.process_group(0);
    }
    process::spawn(command)
}

fn send(child: &mut Child, own_group: bool, signal: Signal) {
    // The command may have ended meanwhile, which is what we want.
    if own_group {
        i32::try_from(child.id()).map(|id| killpg(Pid::from_raw(id), signal)).ok();
    } else {
        process::signal(child.id(), signal).ok();
    }
}

/// As a shell reports it.
fn code(status: ExitStatus) -> ExitCode {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// A directory that goes when we do.
struct PrivateDir(std::path::PathBuf);

impl PrivateDir {
    fn new() -> Result<Self> {
        let dir = std::env::temp_dir().join(format!("sluice-cluster-{}", std::process::id()));
        std::fs::create_dir(&dir).with_context(|| format!("failed to create {}", dir.display()))?;
        Ok(Self(dir))
    }
}

impl Drop for PrivateDir {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}
