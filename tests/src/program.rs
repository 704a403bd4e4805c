//! A command of the `sluice` binary as a child process, which talks to the API server as a ServiceAccount.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::connect::kubeconfig_text;
use crate::namespace::unique;
use crate::process::{Process, Usage, bound_to_us};
use crate::{Cluster, paths};

/// What is run, and as whom.
pub(crate) struct Launch {
    pub(crate) binary: PathBuf,
    /// The command, such as `controller`.
    pub(crate) command: &'static str,
    /// The namespace it is confined to (`--namespace`); `None` for all.
    pub(crate) namespace: Option<String>,
    /// The API server's URL, for a proxy in between; `None` for the real one.
    pub(crate) api_url: Option<String>,
    /// The ServiceAccount it is (namespace, name).
    pub(crate) account: (String, String),
    pub(crate) arguments: Vec<String>,
    /// Its environment besides ours.
    pub(crate) environment: Vec<(String, String)>,
}

/// A running program, killed on drop. When a test panics, the end of its log is part of the output.
pub(crate) struct Program {
    launch: Launch,
    /// The directory of its kubeconfig and its log.
    dir: PathBuf,
    process: Arc<Mutex<Arc<Process>>>,
}

impl Program {
    /// Starts it.
    pub(crate) async fn start(cluster: &Cluster, launch: Launch) -> Result<Self> {
        let facts = cluster.facts();
        let name = unique(launch.namespace.as_deref().unwrap_or("all"));
        let dir = facts.dir.join(format!("{}s", launch.command)).join(name);
        fs::create_dir_all(&dir)?;
        let token = cluster.token(&launch.account.0, &launch.account.1).await?;
        let kubeconfig = match &launch.api_url {
            Some(url) => kubeconfig_text(url, url.starts_with("https").then_some(&*facts.api_ca), &token),
            None => kubeconfig_text(&facts.api_url, Some(&facts.api_ca), &token),
        };
        fs::write(dir.join("kubeconfig"), kubeconfig)?;
        let process = Arc::new(Mutex::new(Arc::new(launch.spawn(&dir)?)));
        Ok(Self { launch, dir, process })
    }

    /// Starts it again after its end, in the same way; the log goes on.
    pub(crate) fn restart(&self) -> Result<()> {
        self.kill9();
        let process = Arc::new(self.launch.spawn(&self.dir)?);
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = process;
        Ok(())
    }

    /// Kills it (SIGKILL) and returns when it is gone.
    pub(crate) fn kill9(&self) {
        self.process().kill9();
    }

    /// Kills whichever process runs when it is called.
    pub(crate) fn killer(&self) -> impl Fn() + Send + Sync + 'static {
        let process = Arc::clone(&self.process);
        move || current(&process).kill9()
    }

    /// Asks it to end (SIGTERM) and returns how it did.
    pub(crate) fn terminate(&self, patience: Duration) -> Result<ExitStatus> {
        self.process().terminate(patience)
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&self) -> Option<ExitStatus> {
        self.process().ended()
    }

    /// The memory and processor time it has used.
    pub(crate) fn usage(&self) -> Result<Usage> {
        self.process().usage()
    }

    /// What it has written since its first start.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Where it writes.
    pub(crate) fn log_file(&self) -> PathBuf {
        log_file(&self.dir)
    }

    fn process(&self) -> Arc<Process> {
        current(&self.process)
    }
}

impl Drop for Program {
    #[expect(clippy::print_stderr, reason = "libtest shows it with the failure")]
    fn drop(&mut self) {
        self.kill9();
        if std::thread::panicking() {
            let log = self.log();
            let last: Vec<_> = log.lines().rev().take(40).collect();
            let tail: Vec<_> = last.into_iter().rev().collect();
            eprintln!("the end of {}:\n{}", self.log_file().display(), tail.join("\n"));
        }
    }
}

impl Launch {
    fn spawn(&self, dir: &Path) -> Result<Process> {
        let Self { binary, command: name, namespace, arguments, environment, .. } = self;
        // Says what to do when the program is not there.
        binary.is_file().then_some(()).with_context(|| {
            format!("{} is missing: cargo build -p sluice, or set {}", binary.display(), paths::SLUICE_BIN)
        })?;
        let mut command = bound_to_us(binary);
        command.arg(name).env("KUBECONFIG", dir.join("kubeconfig"));
        if let Some(namespace) = namespace {
            command.args(["--namespace", namespace]);
        }
        command.args(arguments).envs(environment.iter().cloned());
        Process::start(&format!("sluice {name}"), command, &log_file(dir))
    }
}

fn current(process: &Mutex<Arc<Process>>) -> Arc<Process> {
    Arc::clone(&process.lock().unwrap_or_else(PoisonError::into_inner))
}

fn log_file(dir: &Path) -> PathBuf {
    dir.join("log")
}
