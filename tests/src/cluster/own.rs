//! A Kubernetes of one test's own, for what cannot be tried beside other tests: kinds that come, change and stay behind.
//!
//! Gitea, the small services and the programs are those of the shared cluster; Argo CD is not there.

use std::fs;

use anyhow::Result;
use tokio::task::JoinHandle;

use super::{Layout, kubernetes, ports::Ports};
use crate::facts::Facts;
use crate::process::Process;
use crate::{Cluster, connect, kubelet, namespace};

/// A running API server with its controllers and the played kubelet. It goes with the value.
pub struct OwnKubernetes {
    cluster: Cluster,
    processes: Vec<Process>,
    kubelet: JoinHandle<()>,
}

impl OwnKubernetes {
    /// Starts it beside a running cluster; it takes about four seconds.
    pub async fn start(shared: &Facts) -> Result<Self> {
        let dir = shared.dir.join("own").join(namespace::unique("kubernetes"));
        fs::create_dir_all(dir.join("logs"))?;
        std::os::unix::fs::symlink(shared.bin(), dir.join("bin"))?;
        let layout = Layout { dir };
        let kubernetes::Kubernetes { processes, api_url, api_ca } =
            kubernetes::start(&layout, &mut Ports::new()).await?;
        let admin = connect::client(&crate::facts::kubeconfig(&layout.dir, "admin")).await?;
        let kubelet = tokio::spawn(kubelet::run(admin));
        let facts = Facts { dir: layout.dir, supervisor: std::process::id(), api_url, api_ca, ..shared.clone() };
        Ok(Self { cluster: Cluster::of(facts).await?, processes, kubelet })
    }

    /// The connection to it.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }
}

impl Drop for OwnKubernetes {
    fn drop(&mut self) {
        self.kubelet.abort();
        self.processes.clear();
        if !std::thread::panicking() {
            fs::remove_dir_all(&self.cluster.facts().dir).ok();
        }
    }
}
