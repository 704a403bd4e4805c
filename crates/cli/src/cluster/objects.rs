//! The objects of one kind in a namespace, whatever else a newer version of Sluice may keep in them.

use kube::{
    Api, ResourceExt,
    api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams, PostParams},
};

use super::{Cluster, RequestError, hint};

/// Objects among which one is looked for whose name is like the one that there is not.
const NEAR: u32 = 500;

/// The objects of one kind in a namespace.
pub(crate) struct Objects {
    api: Api<DynamicObject>,
    kind: &'static str,
    what: &'static str,
    namespace: String,
}

impl Objects {
    /// Those of a kind, `what` in messages.
    pub(crate) fn of<K: kube::Resource<DynamicType = ()>>(cluster: &Cluster, what: &'static str) -> Self {
        let resource = ApiResource::erase::<K>(&());
        let api = Api::namespaced_with(cluster.client.clone(), &cluster.namespace, &resource);
        let kind = match K::kind(&()) {
            std::borrow::Cow::Borrowed(kind) => kind,
            std::borrow::Cow::Owned(_) => what,
        };
        Self { api, kind, what, namespace: cluster.namespace.clone() }
    }

    /// The object of this name.
    ///
    /// # Errors
    /// There is none, or it may not be read.
    pub(crate) async fn get(&self, name: &str) -> Result<DynamicObject, RequestError> {
        match self.api.get(name).await {
            Ok(object) => Ok(object),
            Err(error) => Err(self.failed("read", name, error).await),
        }
    }

    /// The object of this name as a patch has left it; `None` when others changed it at the same time.
    ///
    /// # Errors
    /// The API server refuses the patch, or does not answer: then it may have been applied or not.
    pub(crate) async fn patch(&self, name: &str, patch: &Patch<()>) -> Result<Option<DynamicObject>, RequestError> {
        match self.api.patch(name, &PatchParams::default(), patch).await {
            Ok(object) => Ok(Some(object)),
            Err(kube::Error::Api(status)) if status.is_conflict() => Ok(None),
            Err(error) => Err(self.failed("change", name, error).await),
        }
    }

    /// Creates an object; `name` is what messages call it.
    ///
    /// # Errors
    /// The API server refuses it, or does not answer: then it may be there or not.
    pub(crate) async fn create(&self, name: &str, object: &DynamicObject) -> Result<DynamicObject, RequestError> {
        let created = self.api.create(&PostParams::default(), object).await;
        created.map_err(|source| match &source {
            kube::Error::Api(status) if status.code == 404 && status.details.is_none() => {
                RequestError::NoKind { kind: self.kind }
            }
            _ => self.error("create", name, source),
        })
    }

    /// Those that have these values in their fields.
    ///
    /// # Errors
    /// They may not be listed, or nobody answers.
    pub(crate) async fn list(&self, fields: &str) -> Result<Vec<DynamicObject>, RequestError> {
        let listed = self.api.list(&ListParams::default().fields(fields)).await;
        listed.map(|list| list.items).map_err(|source| RequestError::Ask { what: "which there are", source })
    }

    /// What went wrong with an object.
    pub(crate) fn error(&self, verb: &'static str, name: &str, source: kube::Error) -> RequestError {
        let (what, name, namespace) = (self.what, name.to_owned(), self.namespace.clone());
        RequestError::Object { verb, what, name, namespace, source }
    }

    /// That others have changed it all the time.
    pub(crate) fn contended(&self, name: &str) -> RequestError {
        RequestError::Contended { what: self.what, name: name.to_owned(), namespace: self.namespace.clone() }
    }

    async fn failed(&self, verb: &'static str, name: &str, source: kube::Error) -> RequestError {
        match &source {
            // The answer of a server that does not know the path is no Status.
            kube::Error::Api(status) if status.code == 404 && status.details.is_none() => {
                RequestError::NoKind { kind: self.kind }
            }
            kube::Error::Api(status) if status.code == 404 => {
                let (what, name, namespace) = (self.what, name.to_owned(), self.namespace.clone());
                let hint = hint(&name, &self.names().await);
                RequestError::NoObject { what, name, namespace, hint }
            }
            _ => self.error(verb, name, source),
        }
    }

    /// The names there, if they may be listed.
    async fn names(&self) -> Vec<String> {
        let listed = self.api.list_metadata(&ListParams::default().limit(NEAR)).await;
        listed.map(|list| list.items.iter().map(ResourceExt::name_any).collect()).unwrap_or_default()
    }
}
