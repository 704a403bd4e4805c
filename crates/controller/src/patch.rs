//! The one shape of a write: a JSON patch that holds only for the version that was read.

use json_patch::{AddOperation, PatchOperation, ReplaceOperation, jsonptr::PointerBuf};
use k8s_openapi::NamespaceResourceScope;
use kube::{
    Client, Resource,
    api::{Patch, PatchParams},
    core::Request,
};
use serde::Deserialize;
use serde_json::Value;
use sluice_api::names;

/// Sets the member at `path` of exactly the object that was read; refused with a conflict when it changed since.
///
/// A merge patch would drop nulls inside outputs, keep members that are gone, and hit an object made anew under the name.
pub(crate) fn set(resource_version: &str, path: &[&str], value: Value) -> Patch<()> {
    let pointer = |tokens: &[&str]| PointerBuf::from_tokens(tokens.iter().copied());
    let version = Value::from(resource_version);
    Patch::Json(json_patch::Patch(vec![
        PatchOperation::Replace(ReplaceOperation { path: pointer(&["metadata", "resourceVersion"]), value: version }),
        PatchOperation::Add(AddOperation { path: pointer(path), value }),
    ]))
}

/// The name that our writes carry in `managedFields`.
pub(crate) fn params() -> PatchParams {
    PatchParams { field_manager: Some(names::FIELD_MANAGER.to_owned()), ..PatchParams::default() }
}

/// What is read of the answer to a write, which is the whole object.
#[derive(Deserialize)]
struct Written {
    metadata: WrittenMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenMetadata {
    resource_version: String,
}

/// Patches the status of an object, and returns its new resourceVersion.
pub(crate) async fn status<K>(
    client: &Client,
    namespace: &str,
    name: &str,
    patch: &Patch<()>,
) -> Result<String, kube::Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    let request = Request::new(K::url_path(&(), Some(namespace)));
    let request = request.patch_subresource("status", name, &params(), patch).map_err(kube::Error::BuildRequest)?;
    let written: Written = client.request(request).await?;
    Ok(written.metadata.resource_version)
}
