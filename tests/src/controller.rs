//! The real controller under test: the `sluice` binary as a child process.

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

/// How long a controller may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(30);

/// How to start a controller.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program; [`paths::sluice`] unless set otherwise.
    pub binary: PathBuf,
    /// The namespace it is confined to (`--namespace`); `None` for all.
    pub namespace: Option<String>,
    /// The API server's URL, for a proxy in between (plain HTTP); `None` for the real one.
    pub api_url: Option<String>,
    /// The ServiceAccount it is (namespace, name). It must exist; its rights are the caller's business.
    pub account: (String, String),
    /// More arguments after `sluice controller`.
    pub arguments: Vec<String>,
    /// Its environment besides ours.
    pub environment: Vec<(String, String)>,
}

impl Options {
    /// A controller of one namespace, as the ServiceAccount that the policies know.
    pub fn in_namespace(namespace: &str) -> Self {
        Self {
            binary: paths::sluice(),
            namespace: Some(namespace.to_owned()),
            api_url: None,
            account: ("sluice-system".to_owned(), "sluice-controller".to_owned()),
            arguments: Vec::new(),
            environment: Vec::new(),
        }
    }
}

/// A running controller, killed on drop. When a test panics, the end of its log is part of the output.
pub struct Controller {
    options: Options,
    /// The directory of its kubeconfig and its log.
    dir: PathBuf,
    process: Arc<Mutex<Arc<Process>>>,
}

impl Controller {
    /// Starts `sluice controller`.
    pub async fn start(cluster: &Cluster, options: Options) -> Result<Self> {
        let name = unique(options.namespace.as_deref().unwrap_or("all"));
        let dir = cluster.facts().dir.join("controllers").join(name);
        fs::create_dir_all(&dir)?;
        let token = cluster.token(&options.account.0, &options.account.1).await?;
        let facts = cluster.facts();
        let kubeconfig = match &options.api_url {
            Some(url) => kubeconfig_text(url, url.starts_with("https").then_some(&*facts.api_ca), &token),
            None => kubeconfig_text(&facts.api_url, Some(&facts.api_ca), &token),
        };
        fs::write(dir.join("kubeconfig"), kubeconfig)?;
        let process = Arc::new(Mutex::new(Arc::new(spawn(&options, &dir)?)));
        Ok(Self { options, dir, process })
    }

    /// Starts it again after its end, with the same options; the log goes on.
    pub fn restart(&self) -> Result<()> {
        self.kill9();
        let process = Arc::new(spawn(&self.options, &self.dir)?);
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = process;
        Ok(())
    }

    /// Kills it (SIGKILL) and returns when it is gone.
    pub fn kill9(&self) {
        self.process().kill9();
    }

    /// What [`crate::faults::Faults::kill_at`] takes: kills whichever process runs when it is called.
    pub fn killer(&self) -> impl Fn() + Send + Sync + 'static {
        let process = Arc::clone(&self.process);
        move || current(&process).kill9()
    }

    /// Asks it to end (SIGTERM) and returns how it did.
    pub fn terminate(&self) -> Result<ExitStatus> {
        self.process().terminate(GRACE)
    }

    /// How it ended, if it did.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.process().ended()
    }

    /// The memory and processor time it has used.
    pub fn usage(&self) -> Result<Usage> {
        self.process().usage()
    }

    /// What it has written since its first start.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Where it writes.
    pub fn log_file(&self) -> PathBuf {
        log_file(&self.dir)
    }

    fn process(&self) -> Arc<Process> {
        current(&self.process)
    }
}

impl Drop for Controller {
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

fn current(process: &Mutex<Arc<Process>>) -> Arc<Process> {
    Arc::clone(&process.lock().unwrap_or_else(PoisonError::into_inner))
}

fn log_file(dir: &Path) -> PathBuf {
    dir.join("log")
}

/// Says what to do when the program is not there.
pub(crate) fn require(binary: &Path) -> Result<()> {
    binary.is_file().then_some(()).with_context(|| {
        format!("{} is missing: cargo build -p sluice, or set {}", binary.display(), paths::SLUICE_BIN)
    })
}

fn spawn(options: &Options, dir: &Path) -> Result<Process> {
    let binary = &options.binary;
    require(binary)?;
    let mut command = bound_to_us(binary);
    command.arg("controller").env("KUBECONFIG", dir.join("kubeconfig"));
    if let Some(namespace) = &options.namespace {
        command.args(["--namespace", namespace]);
    }
    command.args(&options.arguments).envs(options.environment.iter().cloned());
    Process::start("sluice controller", command, &log_file(dir))
}
