//! The real server under test: `sluice server` as a child process.

use std::fs;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;

use crate::cluster::ports::Ports;
use crate::connect::kubeconfig_text;
use crate::controller::require;
use crate::namespace::unique;
use crate::process::{Process, Usage, bound_to_us};
use crate::{Cluster, eventually, paths};

/// How long it may take to end after SIGTERM, and to answer after its start.
const PATIENCE: Duration = Duration::from_secs(60);

/// How to start a server.
#[derive(Clone, Debug)]
pub struct Options {
    /// The namespace it is confined to (`--namespace`); `None` for all.
    pub namespace: Option<String>,
    /// The API server's URL, for a proxy in between (plain HTTP); `None` for the real one.
    pub api_url: Option<String>,
    /// The ServiceAccount it is (namespace, name). `deploy/` makes the one that the policies know, with its rights.
    pub account: (String, String),
    /// More arguments after `sluice server`.
    pub arguments: Vec<String>,
}

impl Options {
    /// A server of one namespace, as the ServiceAccount that the policies know.
    pub fn in_namespace(namespace: &str) -> Self {
        Self {
            namespace: Some(namespace.to_owned()),
            api_url: None,
            account: ("sluice-system".to_owned(), "sluice-server".to_owned()),
            arguments: Vec::new(),
        }
    }
}

/// A running server, killed on drop. It keeps its port when it starts again. When a test panics, the end of its log is part of
/// the output.
pub struct Server {
    options: Options,
    /// The directory of its kubeconfig and its log.
    dir: PathBuf,
    port: u16,
    process: Arc<Mutex<Arc<Process>>>,
}

impl Server {
    /// Starts `sluice server`, and returns when it is ready.
    pub async fn start(cluster: &Cluster, options: Options) -> Result<Self> {
        let name = unique(options.namespace.as_deref().unwrap_or("all"));
        let dir = cluster.facts().dir.join("servers").join(name);
        fs::create_dir_all(&dir)?;
        let token = cluster.token(&options.account.0, &options.account.1).await?;
        let facts = cluster.facts();
        let kubeconfig = match &options.api_url {
            Some(url) => kubeconfig_text(url, url.starts_with("https").then_some(&*facts.api_ca), &token),
            None => kubeconfig_text(&facts.api_url, Some(&facts.api_ca), &token),
        };
        fs::write(dir.join("kubeconfig"), kubeconfig)?;
        let port = Ports::new().free()?;
        let process = Arc::new(Mutex::new(Arc::new(spawn(&options, &dir, port)?)));
        let server = Self { options, dir, port, process };
        server.ready().await;
        Ok(server)
    }

    /// The address that senders know, without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The URL of a Receiver.
    pub fn url_of(&self, namespace: &str, receiver: &str) -> String {
        format!("{}/receivers/{namespace}/{receiver}", self.url())
    }

    /// Starts it again after its end, at the same port; the log goes on. It may not be ready yet.
    pub fn restart(&self) -> Result<()> {
        self.kill9();
        let process = Arc::new(spawn(&self.options, &self.dir, self.port)?);
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = process;
        Ok(())
    }

    /// Waits until it takes requests.
    ///
    /// # Panics
    /// When it does not.
    pub async fn ready(&self) {
        let url = format!("{}/readyz", self.url());
        eventually("the server is ready", PATIENCE, async || {
            let answer = reqwest::get(&url).await.map_err(|error| error.to_string())?;
            if answer.status().is_success() { Ok(()) } else { Err(answer.status().to_string()) }
        })
        .await;
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
        self.process().terminate(PATIENCE)
    }

    /// The memory and processor time it has used.
    pub fn usage(&self) -> Result<Usage> {
        self.process().usage()
    }

    /// What it has written since its first start.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    fn process(&self) -> Arc<Process> {
        current(&self.process)
    }
}

impl Drop for Server {
    #[expect(clippy::print_stderr, reason = "libtest shows it with the failure")]
    fn drop(&mut self) {
        self.kill9();
        if std::thread::panicking() {
            let log = self.log();
            let last: Vec<_> = log.lines().rev().take(40).collect();
            let tail: Vec<_> = last.into_iter().rev().collect();
            eprintln!("the end of {}:\n{}", self.dir.join("log").display(), tail.join("\n"));
        }
    }
}

fn current(process: &Mutex<Arc<Process>>) -> Arc<Process> {
    Arc::clone(&process.lock().unwrap_or_else(PoisonError::into_inner))
}

fn spawn(options: &Options, dir: &std::path::Path, port: u16) -> Result<Process> {
    let binary = paths::sluice();
    require(&binary)?;
    let mut command = bound_to_us(&binary);
    command.arg("server").env("KUBECONFIG", dir.join("kubeconfig"));
    command.args(["--listen", &format!("127.0.0.1:{port}")]);
    if let Some(namespace) = &options.namespace {
        command.args(["--namespace", namespace]);
    }
    command.args(&options.arguments);
    Process::start("sluice server", command, &dir.join("log"))
}
