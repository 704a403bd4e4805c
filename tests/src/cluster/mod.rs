//! The cluster: real etcd, kube-apiserver, kube-controller-manager, Gitea, Argo CD and Prometheus as child processes, and
//! in this process the played kubelet and the small HTTP services.
//!
//! [`Supervisor::start`] is called by the `cluster` program only; tests use [`crate::Cluster`].

mod apiserver;
mod argocd;
mod controller_manager;
mod etcd;
mod gitea;
mod kubernetes;
mod own;
pub(crate) mod ports;
mod prometheus;
pub(crate) mod ready;
mod redis;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::task::JoinHandle;

pub use apiserver::{USERS, token_of};
pub use own::OwnKubernetes;

use crate::facts::{Facts, Lock};
use crate::process::Process;
use crate::{connect, kubelet, paths, services};

/// A cluster's directory while it starts.
struct Layout {
    dir: PathBuf,
}

impl Layout {
    fn program(&self, name: &str) -> PathBuf {
        self.dir.join("bin").join(name)
    }

    fn log(&self, name: &str) -> PathBuf {
        self.dir.join("logs").join(format!("{name}.log"))
    }

    /// A directory of its own for a part.
    fn fresh(&self, name: &str) -> Result<PathBuf> {
        let dir = self.dir.join("data").join(name);
        fs::create_dir_all(&dir)?;
        Ok(dir)
    }
}

/// Builds what is lacking of the cluster's programs and links everything into `dir`.
pub fn build(dir: &Path) -> Result<()> {
    let status = Command::new(paths::build_script()).arg(dir).status().context("failed to run tests/cluster/build")?;
    if !status.success() {
        bail!("tests/cluster/build failed: {status}");
    }
    Ok(())
}

/// A running cluster. Dropping it ends every part.
pub struct Supervisor {
    facts: Facts,
    processes: Vec<Process>,
    tasks: Vec<JoinHandle<()>>,
    #[expect(dead_code, reason = "held, not used")]
    lock: Lock,
}

impl Supervisor {
    /// Starts everything in `dir`, whose programs [`build`] has put there, and returns when all of it is ready.
    pub async fn start(dir: &Path) -> Result<Self> {
        let lock = Lock::take(dir)?;
        let layout = Layout { dir: fs::canonicalize(dir)? };
        for leftover in ["data", "logs", "kubeconfig", "controllers", "own"] {
            fs::remove_dir_all(dir.join(leftover)).or_else(|error| match error.kind() {
                std::io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })?;
        }
        fs::create_dir(dir.join("logs"))?;
        let mut ports = ports::Ports::new();
        let argocd_ports = argocd::Ports {
            redis: ports.free()?,
            repo_server: ports.free()?,
            repo_server_metrics: ports.free()?,
            controller_metrics: ports.free()?,
        };
        let (gitea_port, prometheus_port) = (ports.free()?, ports.free()?);

        let kubernetes = kubernetes::start(&layout, &mut ports);
        let redis = redis::start(&layout, argocd_ports.redis);
        let (kubernetes, gitea, redis) = tokio::try_join!(kubernetes, gitea::start(&layout, gitea_port), redis)?;

        let admin = connect::client(&crate::facts::kubeconfig(&layout.dir, "admin")).await?;
        let services = services::start(admin.clone()).await?;
        let kubelet = tokio::spawn(kubelet::run(admin.clone()));
        let (argocd, (prometheus, prometheus_url)) = tokio::try_join!(
            argocd::start(&layout, admin, &gitea, &argocd_ports),
            prometheus::start(&layout, prometheus_port, &services.url)
        )?;
        let facts = Facts {
            dir: layout.dir,
            supervisor: std::process::id(),
            api_url: kubernetes.api_url,
            api_ca: kubernetes.api_ca,
            gitea_url: gitea.url,
            gitea_token: gitea.token,
            services_url: services.url,
            prometheus_url,
        };
        let mut processes = argocd;
        processes.extend([prometheus, redis, gitea.process]);
        processes.extend(kubernetes.processes);
        facts.write()?;
        Ok(Self { facts, processes, tasks: vec![kubelet, services.task], lock })
    }

    /// How to reach it.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Returns when a part has ended by itself, with what and how.
    pub async fn failure(&self) -> anyhow::Error {
        loop {
            for process in &self.processes {
                if let Err(error) = process.check() {
                    return error.context(format!("see the logs in {}", self.facts.dir.join("logs").display()));
                }
            }
            if self.tasks.iter().any(JoinHandle::is_finished) {
                return anyhow::anyhow!("the played kubelet or a service ended");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        let Self { facts, processes, tasks, .. } = self;
        for name in ["cluster.json", "env"] {
            fs::remove_file(facts.dir.join(name)).ok();
        }
        tasks.iter().for_each(JoinHandle::abort);
        // Nothing of it is kept, so nothing needs to end in order; and the data goes with it, the logs stay.
        processes.clear();
        fs::remove_dir_all(facts.dir.join("data")).ok();
    }
}
