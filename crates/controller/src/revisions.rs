//! The versions of pipelines that runs keep to, as ControllerRevisions.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use jiff::SignedDuration;
use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, PostParams, Preconditions},
    core::{ApiResource, DynamicObject},
};
use sluice_api::{Pipeline, PipelineRun, PipelineSpec, Program, ProgramError, Revision, RevisionError, names};

use crate::{client::scoped, guarded::Guarded};

/// Namespace and name of a ControllerRevision.
pub(crate) type RevisionName = (String, String);

/// A pipeline's version made ready to run.
pub(crate) struct Pinned {
    pub(crate) spec: PipelineSpec,
    pub(crate) program: Program,
}

/// A revision that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("failed to {action} ControllerRevision {name:?}")]
    Api { action: &'static str, name: String, source: kube::Error },
    #[error("ControllerRevision {name:?} cannot be used")]
    Content { name: String, source: RevisionError },
    #[error("ControllerRevision {name:?} holds a pipeline that cannot run")]
    Program { name: String, source: ProgramError },
    #[error("ControllerRevision {name:?} holds another version than its name says: delete it")]
    Collision { name: String },
}

impl Error {
    /// Whether it is of no use to try again.
    pub(crate) fn is_final(&self) -> bool {
        !matches!(self, Self::Api { .. }) && !self.is_newer()
    }

    /// Whether a newer controller wrote it: its runs are left to that one.
    pub(crate) fn is_newer(&self) -> bool {
        matches!(self, Self::Content { source: RevisionError::Newer(_), .. })
    }
}

/// Runs that are read at a time.
const PAGE: u32 = 200;

/// The versions that runs use now, made ready once.
#[derive(Default)]
pub(crate) struct Revisions {
    known: Mutex<HashMap<RevisionName, Arc<Pinned>>>,
    /// The UIDs of those that nobody used when they were judged last.
    unused: Mutex<HashSet<String>>,
}

impl Revisions {
    /// The version of this name; `None` when its object is gone and nobody here has used it yet.
    pub(crate) async fn get(&self, client: &Client, namespace: &str, name: &str) -> Result<Option<Arc<Pinned>>, Error> {
        let key = (namespace.to_owned(), name.to_owned());
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(Some(known.clone()));
        }
        let objects: Api<ControllerRevision> = Api::namespaced(client.clone(), namespace);
        let read = objects.get_opt(name).await;
        let Some(object) = read.map_err(|source| Error::Api { action: "read", name: name.to_owned(), source })? else {
            return Ok(None);
        };
        let revision =
            Revision::of_object(&object).map_err(|source| Error::Content { name: name.to_owned(), source })?;
        self.remember(key, revision.spec).map(Some)
    }

    /// Makes sure that this version exists, and returns its name and it.
    ///
    /// It is looked for live: one that is remembered may have been deleted, with its namespace or by hand.
    ///
    /// *Idempotency:* the name is the content's hash; one that exists with the same content is as good as a new one.
    pub(crate) async fn ensure(
        &self,
        client: &Client,
        namespace: &str,
        revision: Revision,
    ) -> Result<(String, Arc<Pinned>), Error> {
        let content = |source| Error::Content { name: revision.pipeline.clone(), source };
        let name = revision.name().map_err(content)?;
        let key = (namespace.to_owned(), name.clone());
        let objects: Api<ControllerRevision> = Api::namespaced(client.clone(), namespace);
        let object = revision.to_object(namespace).map_err(content)?;
        let api = |action, source| Error::Api { action, name: name.clone(), source };
        let mut found = objects.get_opt(&name).await.map_err(|source| api("read", source))?;
        if found.is_none() {
            found = match objects.create(&PostParams::default(), &object).await {
                Ok(created) => Some(created),
                Err(kube::Error::Api(status)) if status.code == 409 => {
                    objects.get_opt(&name).await.map_err(|source| api("read", source))?
                }
                Err(source) => return Err(api("create", source)),
            };
        }
        if found.and_then(|found| Revision::of_object(&found).ok()).as_ref() != Some(&revision) {
            return Err(Error::Collision { name });
        }
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok((name, known.clone()));
        }
        let pinned = self.remember(key, revision.spec)?;
        Ok((name, pinned))
    }

    fn remember(&self, key: RevisionName, spec: PipelineSpec) -> Result<Arc<Pinned>, Error> {
        let program = Program::of(&spec).map_err(|source| Error::Program { name: key.1.clone(), source })?;
        let pinned = Arc::new(Pinned { spec, program });
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, pinned.clone());
        Ok(pinned)
    }

    /// Deletes the revisions over an hour old that no run names and no pipeline has, now and when this was called last: a run
    /// that is just starting may have looked at one and not named it yet.
    ///
    /// `kept` are those that are known to be used, for example from a cache: so that it need not be asked anew.
    ///
    /// *Guarantees:* only the very object that was judged is deleted, by its UID and resourceVersion.
    pub(crate) async fn collect_garbage(
        &self,
        client: &Client,
        namespace: Option<&str>,
        kept: &HashSet<RevisionName>,
    ) -> Result<usize, kube::Error> {
        let revisions: Api<ControllerRevision> = scoped(client, namespace);
        let mut candidates = revisions.list(&ListParams::default().labels(names::PIPELINE_LABEL)).await?.items;
        candidates.retain(|revision| !is_young(revision) && !kept.contains(&name_of(revision)));
        if !candidates.is_empty() {
            let used = used(client, namespace).await?;
            candidates.retain(|revision| !used.contains(&name_of(revision)));
        }
        let unused = candidates.iter().filter_map(ResourceExt::uid).collect();
        let before = std::mem::replace(&mut *self.unused.lock().unwrap_or_else(PoisonError::into_inner), unused);
        candidates.retain(|revision| revision.uid().is_some_and(|uid| before.contains(&uid)));
        let mut deleted = 0;
        for revision in candidates {
            let (namespace, name) = name_of(&revision);
            let preconditions = Preconditions { uid: revision.uid(), resource_version: revision.resource_version() };
            let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
            let own: Api<ControllerRevision> = Api::namespaced(client.clone(), &namespace);
            match own.delete(&name, &params).await {
                Ok(_) => deleted += 1,
                Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => {}
                Err(error) => return Err(error),
            }
            self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&(namespace, name));
        }
        Ok(deleted)
    }
}

fn name_of(revision: &ControllerRevision) -> RevisionName {
    (revision.namespace().unwrap_or_default(), revision.name_any())
}

fn is_young(revision: &ControllerRevision) -> bool {
    let created = revision.creation_timestamp();
    created.is_none_or(|created| crate::context::now().duration_since(created.0) < SignedDuration::from_hours(1))
}

/// The revisions that runs name, or that pipelines have now.
async fn used(client: &Client, namespace: Option<&str>) -> Result<HashSet<RevisionName>, kube::Error> {
    let mut used = HashSet::new();
    // A run that is malformed elsewhere still keeps to its revision.
    let kind = ApiResource::erase::<PipelineRun>(&());
    let runs: Api<DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &kind),
        None => Api::all_with(client.clone(), &kind),
    };
    // Page by page: all runs at once would be the most memory that the controller ever takes.
    let mut page = ListParams::default().limit(PAGE);
    loop {
        let list = runs.list(&page).await?;
        for run in &list.items {
            let revision = run.data["status"]["pipelineRevision"].as_str().map(str::to_owned);
            used.extend(run.namespace().zip(revision));
        }
        match list.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => break,
        }
    }
    let pipelines: Api<Guarded<Pipeline>> = scoped(client, namespace);
    for pipeline in pipelines.list(&ListParams::default()).await?.into_iter().filter_map(|pipeline| pipeline.0.ok()) {
        let name = Revision::new(&pipeline.name_any(), pipeline.spec.clone()).name().ok();
        used.extend(pipeline.namespace().zip(name));
    }
    Ok(used)
}
