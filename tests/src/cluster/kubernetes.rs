//! etcd, kube-apiserver and kube-controller-manager: what a Kubernetes without nodes is.

use anyhow::Result;

use super::ports::Ports;
use super::{Layout, apiserver, controller_manager, etcd};
use crate::process::Process;

/// The three of them, started.
pub(super) struct Kubernetes {
    /// In the order in which they end best.
    pub(super) processes: Vec<Process>,
    pub(super) api_url: String,
    /// PEM.
    pub(super) api_ca: String,
}

/// Starts them one after the other, as each needs the one before.
pub(super) async fn start(layout: &Layout, ports: &mut Ports) -> Result<Kubernetes> {
    let (client, peer, api, manager) = (ports.free()?, ports.free()?, ports.free()?, ports.free()?);
    let (etcd, etcd_url) = etcd::start(layout, client, peer).await?;
    let api = apiserver::start(layout, &etcd_url, api).await?;
    let manager = controller_manager::start(layout, manager).await?;
    Ok(Kubernetes { processes: vec![manager, api.process, etcd], api_url: api.url, api_ca: api.ca })
}
