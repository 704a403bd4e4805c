//! What recording and deploying asks of the cluster, so that a test can stand in for it.
//!
//! A trait, and not a client that the test answers for: `model` plays tens of thousands of reconciles, most of them with stale watches or a
//! death at a write, and needs neither an API server in JSON nor a client's own task for that.

use async_trait::async_trait;
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, Preconditions},
    core::PartialObjectMeta,
};
use sluice_api::{ComponentUpdate, ComponentUpdateStatus, PipelineRun, Verdict};

use super::{Updates, deploy};
use crate::{
    guarded::Guarded,
    patch::{self, Member, Version},
    starts::{self, Made},
};

/// The cluster, as far as one Environment's updates are concerned. Reads are live unless it says otherwise.
#[async_trait]
pub(super) trait Desk: Send + Sync {
    async fn update(&self, name: &str) -> Result<Option<ComponentUpdate>, kube::Error>;

    /// `Some(Err(why))` is a run that cannot be read.
    async fn run(&self, name: &str) -> Result<Option<Result<PipelineRun, String>>, kube::Error>;

    /// Makes the run, unless it is there.
    async fn start(&self, run: &PipelineRun) -> Result<Made, kube::Error>;

    /// Writes the status of exactly this version; whoever changed it meanwhile brings it back.
    async fn write(&self, update: &ComponentUpdate, status: &ComponentUpdateStatus) -> Result<(), kube::Error>;

    /// Deletes exactly this version.
    async fn delete(&self, update: &ComponentUpdate) -> Result<(), kube::Error>;

    /// What the run makes of the update that the watch shows; `None` where it shows none.
    fn known(&self, update: &ComponentUpdate) -> Option<Verdict>;

    /// The names of the runs under way for the update's component, as the watch shows them; `None` while it does not yet.
    fn under_way(&self, update: &ComponentUpdate) -> Option<Vec<String>>;

    /// Whether the update is from before a write of our own.
    fn is_stale(&self, update: &ComponentUpdate) -> bool;
}

/// The cluster itself.
pub(super) struct Cluster<'a> {
    pub(super) client: &'a Client,
    pub(super) updates: &'a Updates,
    pub(super) namespace: &'a str,
}

impl Cluster<'_> {
    fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), self.namespace)
    }
}

#[async_trait]
impl Desk for Cluster<'_> {
    async fn update(&self, name: &str) -> Result<Option<ComponentUpdate>, kube::Error> {
        let update = self.api::<Guarded<ComponentUpdate>>().get_opt(name).await?;
        Ok(update.and_then(|update| update.0.ok()))
    }

    async fn run(&self, name: &str) -> Result<Option<Result<PipelineRun, String>>, kube::Error> {
        let run = self.api::<Guarded<PipelineRun>>().get_opt(name).await?;
        Ok(run.map(|run| run.0.map_err(|invalid| invalid.error)))
    }

    async fn start(&self, run: &PipelineRun) -> Result<Made, kube::Error> {
        starts::create(self.client, self.namespace, run).await
    }

    async fn write(&self, update: &ComponentUpdate, status: &ComponentUpdateStatus) -> Result<(), kube::Error> {
        let (name, version) = (update.name_any(), update.resource_version().unwrap_or_default());
        let version = Version { namespace: self.namespace, name: &name, resource_version: &version };
        match patch::set::<ComponentUpdate>(self.client, version, Member::Status, status).await {
            Ok(version) => {
                self.updates.written.note(update, &version);
                Ok(())
            }
            Err(kube::Error::Api(status)) if status.code == 409 || status.code == 404 => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn delete(&self, update: &ComponentUpdate) -> Result<(), kube::Error> {
        let preconditions = Preconditions { uid: update.uid(), resource_version: update.resource_version() };
        let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::background() };
        match self.api::<PartialObjectMeta<ComponentUpdate>>().delete(&update.name_any(), &params).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 409 || status.code == 404 => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn known(&self, update: &ComponentUpdate) -> Option<Verdict> {
        let run = self.updates.run(self.namespace, &update.name_any())?;
        run.0.as_ref().ok().filter(|run| deploy::is_of(run, update)).map(deploy::verdict)
    }

    fn under_way(&self, update: &ComponentUpdate) -> Option<Vec<String>> {
        self.updates.under_way(self.namespace, &update.spec.environment, &update.spec.component)
    }

    fn is_stale(&self, update: &ComponentUpdate) -> bool {
        self.updates.written.is_newer_than(update)
    }
}
