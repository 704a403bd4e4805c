//! `cluster down`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use nix::sys::signal::Signal;
use sluice_tests::{Facts, Lock, paths, process};

/// More than the supervisor needs: it kills its parts, and has nothing to save.
const PATIENCE: Duration = Duration::from_secs(20);

/// Ends the shared cluster and returns when all of it is gone.
pub(crate) fn down() -> Result<ExitCode> {
    let dir = paths::cluster();
    let Some(facts) = Facts::of_live(&dir) else {
        if Lock::is_held(&dir) {
            bail!("the cluster is still starting; wait for it, or end its supervisor");
        }
        eprintln!("cluster: none runs");
        return Ok(ExitCode::SUCCESS);
    };
    process::signal(facts.supervisor, Signal::SIGTERM)?;
    let deadline = Instant::now() + PATIENCE;
    while Lock::is_held(&dir) {
        if Instant::now() > deadline {
            // The kernel ends the parts with it.
            process::signal(facts.supervisor, Signal::SIGKILL)?;
            bail!("the supervisor ({}) did not end within {PATIENCE:?} and was killed", facts.supervisor);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(ExitCode::SUCCESS)
}
