//! Prism as a validating proxy.

use std::path::Path;

use anyhow::Result;

use crate::cluster::{ports::Ports, ready};
use crate::paths;
use crate::process::{Process, bound_to_us};

/// A running Prism; it ends with this process.
#[derive(Debug)]
pub(super) struct Prism {
    url: String,
    #[expect(dead_code, reason = "held, not used")]
    process: Process,
}

impl Prism {
    /// Starts it before an upstream and returns when it answers.
    pub(super) async fn start(program: &Path, description: &Path, upstream: &str) -> Result<Self> {
        let port = Ports::new().free()?;
        let mut command = bound_to_us("node");
        command.arg(program).arg("proxy").arg(description).arg(upstream);
        // Violations are answered as errors, not only told in a header.
        command.args(["--errors", "--port", &port.to_string(), "--host", "127.0.0.1", "--verboseLevel", "warn"]);
        let logs = paths::cluster().with_file_name("contract");
        let process = Process::start("prism", command, &logs.join("prism.log"))?;
        ready::tcp(&process, port).await?;
        Ok(Self { url: format!("http://127.0.0.1:{port}"), process })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }
}
