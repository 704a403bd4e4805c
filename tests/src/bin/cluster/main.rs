//! `cluster`: starts and stops the test cluster.
#![allow(clippy::print_stderr, reason = "a command line program")]

mod down;
mod supervise;
mod up;
mod with;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The real test cluster: etcd, kube-apiserver, kube-controller-manager, Gitea, Argo CD, Prometheus.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts the cluster in the background and returns when it is ready; `source target/cluster/env` to use it.
    Up,
    /// Ends the cluster that `up` started.
    Down,
    /// Runs a command with the environment of a cluster: the one that `up` started, or a private one that ends with it.
    With {
        /// The command and its arguments.
        #[arg(trailing_var_arg = true, required = true)]
        command: Vec<OsString>,
    },
    /// Holds the cluster in a directory together; what `up` starts.
    #[command(hide = true)]
    Supervise { dir: PathBuf },
}

fn main() -> ExitCode {
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    log.with_env_filter("warn,kube_client=off").init();
    let result = match Arguments::parse().command {
        Command::Up => up::up(),
        Command::Down => down::down(),
        Command::With { command } => with::with(&command),
        Command::Supervise { dir } => supervise::supervise(&dir),
    };
    result.unwrap_or_else(|error| {
        eprintln!("cluster: {error:#}");
        ExitCode::FAILURE
    })
}
