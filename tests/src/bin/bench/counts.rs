//! What the API server was asked for, as it counts it itself.
//!
//! A proxy in between would cost more than what it counts. Nobody else uses these kinds while the bench runs.

use std::ops::Sub;
use std::time::Duration;

use anyhow::Result;
use sluice_tests::Cluster;

/// Requests since the API server started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Patches of the status of runs, refused ones included.
    pub(crate) status_patches: u64,
    /// Every other write: finalizers, revisions, conditions of pipelines, Events.
    pub(crate) other_writes: u64,
    /// Of the other writes, new runs and what pipelines say of them.
    pub(crate) starts: u64,
    /// Reads of one object.
    pub(crate) gets: u64,
}

impl Counts {
    /// Reads them.
    pub(crate) async fn read(cluster: &Cluster) -> Result<Self> {
        let request = hyper::Request::get("/metrics").body(Vec::new())?;
        let text = cluster.admin().request_text(request).await?;
        let mut counts = Self::default();
        for line in text.lines().filter_map(|line| line.strip_prefix("apiserver_request_total{")) {
            counts.add(line);
        }
        Ok(counts)
    }

    /// Waits until nothing was written for so long, and returns what was counted then.
    pub(crate) async fn settled(cluster: &Cluster, quiet: Duration) -> Result<Self> {
        let mut before = Self::read(cluster).await?;
        loop {
            tokio::time::sleep(quiet).await;
            let now = Self::read(cluster).await?;
            if now.writes() == before.writes() {
                return Ok(now);
            }
            before = now;
        }
    }

    /// All writes.
    pub(crate) fn writes(self) -> u64 {
        self.status_patches + self.other_writes
    }

    /// Adds one sample: `code="200",...,verb="PATCH",version="v1alpha1"} 12`.
    fn add(&mut self, sample: &str) {
        let Some((labels, value)) = sample.rsplit_once("} ") else { return };
        let value = value.parse::<f64>().unwrap_or_default() as u64;
        let label = |name: &str| {
            let start = labels.find(&format!("{name}=\""))? + name.len() + 2;
            labels[start..].split('"').next()
        };
        let (group, resource) = (label("group").unwrap_or_default(), label("resource").unwrap_or_default());
        let is_ours = matches!(
            (group, resource),
            ("sluice.dev", _) | ("apps", "controllerrevisions") | ("events.k8s.io", "events") | ("", "serviceaccounts")
        );
        if !is_ours {
            return;
        }
        match (label("verb").unwrap_or_default(), resource, label("subresource").unwrap_or_default()) {
            ("PATCH", "pipelineruns", "status") => self.status_patches += value,
            // The accounts of new namespaces are made by Kubernetes; of ours they are only read.
            ("POST" | "PUT" | "PATCH" | "APPLY" | "DELETE", "serviceaccounts", _) => {}
            ("POST", "pipelineruns", "") | ("PATCH", "pipelines", "status") => {
                self.other_writes += value;
                self.starts += value;
            }
            ("POST" | "PUT" | "PATCH" | "APPLY" | "DELETE", ..) => self.other_writes += value,
            ("GET", ..) => self.gets += value,
            _ => {}
        }
    }
}

impl Sub for Counts {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        let Self { status_patches, other_writes, starts, gets } = self;
        Self {
            status_patches: status_patches - before.status_patches,
            other_writes: other_writes - before.other_writes,
            starts: starts - before.starts,
            gets: gets - before.gets,
        }
    }
}
