//! What a running cluster says of itself: one file for us, the same as shell lines for people.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::paths;

/// How to reach every part of a running cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Facts {
    /// The cluster's directory: logs, kubeconfigs, data.
    pub dir: PathBuf,
    /// The process that holds the cluster together.
    pub supervisor: u32,
    /// The URL of the API server.
    pub api_url: String,
    /// The certificate authority of the API server, PEM.
    pub api_ca: String,
    /// The URL of Gitea, without a trailing slash.
    pub gitea_url: String,
    /// A token of Gitea's administrator.
    pub gitea_token: String,
    /// The base URL of the collector, the alert sink and the echo endpoints.
    pub services_url: String,
    /// The base URL of Prometheus, which scrapes `/metrics` of the services every second.
    pub prometheus_url: String,
}

impl Facts {
    /// The namespace of Argo CD and its Applications.
    pub const ARGOCD_NAMESPACE: &'static str = "argocd";

    /// Where the programs are: kubectl, helm and the cluster's own.
    pub fn bin(&self) -> PathBuf {
        self.dir.join("bin")
    }

    /// A program of [`Facts::bin`].
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin().join(name)
    }

    /// The kubeconfig of one of [`crate::cluster::USERS`].
    pub fn kubeconfig(&self, user: &str) -> PathBuf {
        kubeconfig(&self.dir, user)
    }

    /// The log of the audited requests.
    pub fn audit_log(&self) -> PathBuf {
        self.dir.join("logs/audit.log")
    }

    /// The environment of a command that uses this cluster. Only what kubectl and PATH fix has a foreign name.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            (paths::CLUSTER, self.dir.display().to_string()),
            ("KUBECONFIG", self.kubeconfig("admin").display().to_string()),
            ("SLUICE_TEST_KUBECONFIGS", self.dir.join("kubeconfig").display().to_string()),
            ("SLUICE_TEST_BIN", self.bin().display().to_string()),
            ("SLUICE_TEST_API_URL", self.api_url.clone()),
            ("SLUICE_TEST_GITEA_URL", self.gitea_url.clone()),
            ("SLUICE_TEST_GITEA_TOKEN", self.gitea_token.clone()),
            ("SLUICE_TEST_ARGOCD_NAMESPACE", Self::ARGOCD_NAMESPACE.to_owned()),
            ("SLUICE_TEST_COLLECTOR_URL", self.services_url.clone()),
            ("SLUICE_TEST_ALERTS_URL", self.services_url.clone()),
            ("SLUICE_TEST_ECHO_URL", self.services_url.clone()),
            ("SLUICE_TEST_PROMETHEUS_URL", self.prometheus_url.clone()),
        ]
    }

    /// PATH with the cluster's programs first.
    pub fn path(&self) -> String {
        format!("{}:{}", self.bin().display(), std::env::var("PATH").unwrap_or_default())
    }

    /// Publishes the facts: whoever finds them finds a cluster that is ready.
    pub fn write(&self) -> Result<()> {
        let mut lines = String::new();
        for (name, value) in self.environment() {
            lines += &format!("export {name}='{value}'\n");
        }
        lines += &format!("export PATH='{}':\"$PATH\"\n", self.bin().display());
        std::fs::write(self.dir.join("env"), lines)?;
        let aside = self.dir.join("cluster.json.new");
        std::fs::write(&aside, serde_json::to_vec_pretty(self)?)?;
        Ok(std::fs::rename(aside, Self::file(&self.dir))?)
    }

    /// The facts of the live cluster in `dir`, if there is one.
    pub fn of_live(dir: &Path) -> Option<Self> {
        let text = std::fs::read(Self::file(dir)).ok()?;
        let facts = serde_json::from_slice(&text).ok()?;
        Lock::is_held(dir).then_some(facts)
    }

    /// The facts of the cluster that tests use.
    pub fn find() -> Result<Self> {
        let dir = paths::cluster();
        Self::of_live(&dir).with_context(|| {
            let hint = "start one with `make cluster`, or run the command under `cluster with -- COMMAND`";
            format!("no test cluster runs in {}: {hint}", dir.display())
        })
    }

    fn file(dir: &Path) -> PathBuf {
        dir.join("cluster.json")
    }
}

/// Where the kubeconfig of a user is in a cluster's directory.
pub(crate) fn kubeconfig(dir: &Path, user: &str) -> PathBuf {
    dir.join("kubeconfig").join(user)
}

/// A supervisor's hold on its directory. The kernel lets go of it whichever way the supervisor ends, so unlike a process id
/// it cannot lie.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held, not used")] File);

impl Lock {
    /// Takes the directory, or fails when another supervisor has it.
    pub fn take(dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(dir)?;
        let file = File::create(Self::file(dir))?;
        file.try_lock().with_context(|| format!("a cluster runs in {}", dir.display()))?;
        Ok(Self(file))
    }

    /// Does a live supervisor hold the directory?
    pub fn is_held(dir: &Path) -> bool {
        // Shared, for two that ask at the same time must not take each other for a supervisor.
        File::open(Self::file(dir))
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock)))
    }

    fn file(dir: &Path) -> PathBuf {
        dir.join("lock")
    }
}
