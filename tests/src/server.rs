//! The real server under test: `sluice server` as a child process.

use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Result;

use crate::cluster::ports::Ports;
use crate::process::Usage;
use crate::program::{Launch, Program};
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
    program: Program,
    port: u16,
}

impl Server {
    /// Starts `sluice server`, and returns when it is ready.
    pub async fn start(cluster: &Cluster, options: Options) -> Result<Self> {
        let Options { namespace, api_url, account, arguments: more } = options;
        let (binary, command, environment) = (paths::sluice(), "server", Vec::new());
        let port = Ports::new().free()?;
        let arguments = [vec!["--listen".to_owned(), format!("127.0.0.1:{port}")], more].concat();
        let launch = Launch { binary, command, namespace, api_url, account, arguments, environment };
        let server = Self { program: Program::start(cluster, launch).await?, port };
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
        self.program.restart()
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
        self.program.kill9();
    }

    /// What [`crate::faults::Faults::kill_at`] takes: kills whichever process runs when it is called.
    pub fn killer(&self) -> impl Fn() + Send + Sync + 'static {
        self.program.killer()
    }

    /// Asks it to end (SIGTERM) and returns how it did.
    pub fn terminate(&self) -> Result<ExitStatus> {
        self.program.terminate(PATIENCE)
    }

    /// The memory and processor time it has used.
    pub fn usage(&self) -> Result<Usage> {
        self.program.usage()
    }

    /// What it has written since its first start.
    pub fn log(&self) -> String {
        self.program.log()
    }
}
