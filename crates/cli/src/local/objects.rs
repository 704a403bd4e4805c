//! What of the manifests the local mode uses.

use std::path::{self, Path};

use k8s_openapi::api::core::v1::Secret;
use kube::Resource;
use serde::de::DeserializeOwned;
use sluice_api::{Environment, Pipeline, PipelineRun, ScmProvider};

use super::{directory_of, world::stored};
use crate::manifest::{self, Document, Manifests};

/// The objects of the kinds that matter here, as their files have them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Objects {
    pub(crate) pipelines: Vec<Pipeline>,
    pub(crate) runs: Vec<PipelineRun>,
    environments: Vec<Environment>,
    providers: Vec<ScmProvider>,
    secrets: Vec<Secret>,
    /// The namespace of those that do not say one.
    default_namespace: String,
}

impl Objects {
    /// Those of the manifests.
    pub(crate) fn of(manifests: &Manifests, default_namespace: String) -> Result<Self, manifest::Error> {
        let secrets: Vec<Secret> = of_kind(manifests)?;
        Ok(Self {
            pipelines: of_kind(manifests)?,
            runs: of_kind(manifests)?,
            environments: of_kind(manifests)?,
            providers: manifests.objects()?.into_iter().map(|(document, it)| rooted(it, document)).collect(),
            secrets: secrets.into_iter().map(stored).collect(),
            default_namespace,
        })
    }

    /// The namespace that an object is in.
    pub(crate) fn namespace_of(&self, object: &impl Resource) -> String {
        object.meta().namespace.clone().unwrap_or_else(|| self.default_namespace.clone())
    }

    /// The Environment of this name.
    pub(crate) fn environment(&self, namespace: &str, name: &str) -> Option<&Environment> {
        let is_it =
            |it: &&Environment| it.metadata.name.as_deref() == Some(name) && self.namespace_of(*it) == namespace;
        self.environments.iter().rev().find(is_it)
    }

    /// The providers of a namespace.
    pub(crate) fn providers(&self, namespace: &str) -> impl Iterator<Item = &ScmProvider> {
        self.providers.iter().filter(move |provider| self.namespace_of(*provider) == namespace)
    }

    /// The Secret of this name; of several, the last, as if they were applied one after the other.
    pub(crate) fn secret(&self, namespace: &str, name: &str) -> Option<Secret> {
        let own =
            |secret: &&Secret| secret.metadata.name.as_deref() == Some(name) && self.namespace_of(*secret) == namespace;
        self.secrets.iter().rev().find(own).cloned()
    }
}

/// A provider whose local repositories are found from the directory of its own manifest, or from the working directory where
/// that came from standard input.
fn rooted(mut provider: ScmProvider, document: &Document) -> ScmProvider {
    if let Some(local) = &mut provider.spec.local {
        let path = directory_of(Some(Path::new(&document.source.name))).join(&local.path);
        if let Some(path) = path::absolute(path).ok().as_deref().and_then(Path::to_str) {
            local.path = path.to_owned();
        }
    }
    provider
}

fn of_kind<K: Resource<DynamicType = ()> + DeserializeOwned>(manifests: &Manifests) -> Result<Vec<K>, manifest::Error> {
    Ok(manifests.objects::<K>()?.into_iter().map(|(_, object)| object).collect())
}
