//! `cluster up`.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use sluice_tests::{Facts, cluster, paths};

/// Starts the shared cluster, unless it runs.
pub(crate) fn up() -> Result<ExitCode> {
    let dir = paths::cluster();
    if Facts::of_live(&dir).is_some() {
        eprintln!("cluster: it runs already, in {}", dir.display());
        return Ok(ExitCode::SUCCESS);
    }
    fs::create_dir_all(&dir)?;
    // A supervisor that was killed leaves its facts behind.
    fs::remove_file(dir.join("cluster.json")).ok();
    cluster::build(&dir)?;

    let started = Instant::now();
    let log = dir.join("supervisor.log");
    let out = File::create(&log)?;
    let mut supervisor = Command::new(std::env::current_exe()?);
    supervisor.arg("supervise").arg(&dir).stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
    // A group of its own: Ctrl-C in this terminal is not meant for it.
    let mut supervisor = supervisor.process_group(0).spawn().context("failed to start the supervisor")?;
    while Facts::of_live(&dir).is_none() {
        if let Some(status) = supervisor.try_wait()? {
            bail!(
                "the cluster did not start ({status}): {}; logs are in {}",
                fs::read_to_string(log)?.trim(),
                dir.join("logs").display()
            );
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    eprintln!(
        "cluster: ready after {:.1} s; `source {}` to use it",
        started.elapsed().as_secs_f32(),
        dir.join("env").display()
    );
    Ok(ExitCode::SUCCESS)
}
