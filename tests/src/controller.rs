//! The real controller under test: the `sluice` binary as a child process.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Result;

use crate::process::Usage;
use crate::program::{Launch, Program};
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
pub struct Controller(Program);

impl Controller {
    /// Starts `sluice controller`.
    pub async fn start(cluster: &Cluster, options: Options) -> Result<Self> {
        let Options { binary, namespace, api_url, account, arguments, environment } = options;
        let command = "controller";
        let launch = Launch { binary, command, namespace, api_url, account, arguments, environment };
        Ok(Self(Program::start(cluster, launch).await?))
    }

    /// Starts it again after its end, with the same options; the log goes on.
    pub fn restart(&self) -> Result<()> {
        self.0.restart()
    }

    /// Kills it (SIGKILL) and returns when it is gone.
    pub fn kill9(&self) {
        self.0.kill9();
    }

    /// What [`crate::faults::Faults::kill_at`] takes: kills whichever process runs when it is called.
    pub fn killer(&self) -> impl Fn() + Send + Sync + 'static {
        self.0.killer()
    }

    /// Asks it to end (SIGTERM) and returns how it did.
    pub fn terminate(&self) -> Result<ExitStatus> {
        self.0.terminate(GRACE)
    }

    /// How it ended, if it did.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.0.ended()
    }

    /// The memory and processor time it has used.
    pub fn usage(&self) -> Result<Usage> {
        self.0.usage()
    }

    /// What it has written since its first start.
    pub fn log(&self) -> String {
        self.0.log()
    }

    /// Where it writes.
    pub fn log_file(&self) -> PathBuf {
        self.0.log_file()
    }
}
