//! Watches runs until all have succeeded.

use std::collections::HashSet;

use anyhow::{Context, Result, bail};
use futures::{StreamExt, TryStreamExt};
use kube::api::{Api, WatchEvent, WatchParams};
use kube::core::Object;
use serde::{Deserialize, Serialize};

use crate::world::World;

/// Of a run only what is asked for here: parsing the rest would take processor time from what is measured.
type Run = Object<Ignored, Status>;

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Ignored {}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    phase: String,
    finished_at: Option<String>,
    message: Option<String>,
}

/// Runs that are watched.
pub(crate) struct Progress<'a> {
    world: &'a World,
    /// The version of the namespace's runs from which on they are watched.
    version: String,
}

impl<'a> Progress<'a> {
    /// Watches from now on.
    pub(crate) async fn from_now(world: &'a World) -> Result<Self> {
        let params = kube::api::ListParams::default().limit(1);
        let list = api(world).list(&params).await?;
        Ok(Self { world, version: list.metadata.resource_version.context("a list without a version")? })
    }

    /// Returns when so many runs have succeeded; fails with the first that ends otherwise.
    pub(crate) async fn all_succeeded(self, runs: usize) -> Result<()> {
        let mut succeeded = HashSet::new();
        let mut events = api(self.world).watch(&WatchParams::default(), &self.version).await?.boxed();
        while let Some(event) = events.try_next().await? {
            let run = match event {
                WatchEvent::Added(run) | WatchEvent::Modified(run) => run,
                WatchEvent::Error(error) => bail!("the watch broke off: {error:?}"),
                WatchEvent::Deleted(_) | WatchEvent::Bookmark(_) => continue,
            };
            let Some(Status { phase, finished_at: Some(_), message }) = run.status else { continue };
            if phase != "Succeeded" {
                bail!("run {:?} ended as {phase}: {}", run.metadata.name, message.unwrap_or_default());
            }
            succeeded.extend(run.metadata.name);
            if succeeded.len() == runs {
                return Ok(());
            }
        }
        bail!("the watch ended with {} of {runs} runs succeeded", succeeded.len())
    }
}

fn api(world: &World) -> Api<Run> {
    Api::namespaced_with(world.client(), world.namespace(), &World::runs())
}
