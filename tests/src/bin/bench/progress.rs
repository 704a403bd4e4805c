//! Watches the objects of a kind until so many are as they should be.

use std::collections::HashSet;
use std::fmt::Debug;

use anyhow::{Context, Result, bail};
use futures::{StreamExt, TryStreamExt};
use kube::api::{Api, ApiResource, ListParams, WatchEvent, WatchParams};
use kube::core::{Object, ObjectList};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::world::World;

/// What is asked of nobody: parsing it would take processor time from what is measured.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Ignored {}

/// What is asked of a run.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RunStatus {
    phase: String,
    finished_at: Option<String>,
    message: Option<String>,
}

/// Objects that are watched; of their status `S` only what is asked for.
pub(crate) struct Progress<S: Clone> {
    api: Api<Object<Ignored, S>>,
    /// The version of the namespace's objects from which on they are watched.
    version: String,
}

impl<S> Progress<S>
where
    S: Clone + Debug + Default + DeserializeOwned,
{
    /// Watches from now on.
    pub(crate) async fn from_now(world: &World, kind: &ApiResource) -> Result<Self> {
        let api = Api::namespaced_with(world.client(), world.namespace(), kind);
        let list: ObjectList<Object<Ignored, S>> = api.list(&ListParams::default().limit(1)).await?;
        Ok(Self { api, version: list.metadata.resource_version.context("a list without a version")? })
    }

    /// Returns when so many are as they should be; fails with the first that never will be.
    pub(crate) async fn all(mut self, count: usize, is_done: impl Fn(Option<S>) -> Result<bool>) -> Result<()> {
        let mut done = HashSet::new();
        // The API server may end a watch at any time: then it goes on from where it was.
        loop {
            let mut events = self.api.watch(&WatchParams::default(), &self.version).await?.boxed();
            while let Some(event) = events.try_next().await? {
                let object = match event {
                    WatchEvent::Added(object) | WatchEvent::Modified(object) => object,
                    WatchEvent::Error(error) => bail!("the watch broke off: {error:?}"),
                    WatchEvent::Deleted(_) | WatchEvent::Bookmark(_) => continue,
                };
                self.version = object.metadata.resource_version.context("an object without a version")?;
                let name = object.metadata.name.unwrap_or_default();
                if is_done(object.status).with_context(|| name.clone())? {
                    done.insert(name);
                }
                if done.len() == count {
                    return Ok(());
                }
            }
        }
    }
}

/// Whether a run has succeeded; an error if it ended otherwise.
pub(crate) fn succeeded(status: Option<RunStatus>) -> Result<bool> {
    match status {
        None | Some(RunStatus { finished_at: None, .. }) => Ok(false),
        Some(RunStatus { phase, .. }) if phase == "Succeeded" => Ok(true),
        Some(RunStatus { phase, message, .. }) => bail!("it ended as {phase}: {}", message.unwrap_or_default()),
    }
}
