//! The one shape of a write: a JSON patch that holds only for the version that was read.

use http::{
    Request,
    header::{ACCEPT, CONTENT_TYPE},
};
use k8s_openapi::NamespaceResourceScope;
use kube::{Client, Resource, api::PatchParams, core::request::Error as RequestError};
use serde::{Deserialize, Serialize};
use sluice_api::names;

/// Exactly the object that was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Version<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) resource_version: &'a str,
}

/// What of an object is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Member {
    Status,
    Finalizers,
    /// One more entry of `spec.actions`.
    NextAction,
}

impl Member {
    /// The subresource that it is written through, as the end of a path, and where in the object it is.
    fn place(self) -> (&'static str, &'static str) {
        match self {
            Self::Status => ("/status", "/status"),
            Self::Finalizers => ("", "/metadata/finalizers"),
            Self::NextAction => ("", names::NEXT_ACTION),
        }
    }
}

/// The answer is the object's metadata, not the whole of it.
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// One operation of a JSON patch (RFC 6902).
#[derive(Serialize)]
struct Operation<'a, T> {
    op: &'static str,
    path: &'static str,
    value: &'a T,
}

/// What is read of the answer.
#[derive(Deserialize)]
struct Written {
    metadata: WrittenMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenMetadata {
    resource_version: String,
}

/// Sets a member of exactly the object that was read, and returns the version that this made; refused with a conflict when
/// the object changed since.
///
/// A merge patch would drop nulls inside outputs, keep members that are gone, and hit an object made anew under the name.
pub(crate) async fn set<K>(
    client: &Client,
    version: Version<'_>,
    member: Member,
    value: &impl Serialize,
) -> Result<String, kube::Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    let Version { namespace, name, resource_version } = version;
    let (subresource, _) = member.place();
    let collection = K::url_path(&(), Some(namespace));
    let body = body(resource_version, member, value);
    let body = body.map_err(|error| kube::Error::BuildRequest(RequestError::SerializeBody(error)))?;
    let request = Request::patch(format!("{collection}/{name}{subresource}?fieldManager={}", names::FIELD_MANAGER))
        .header(ACCEPT, METADATA)
        .header(CONTENT_TYPE, "application/json-patch+json")
        .body(body)
        .map_err(kube::Error::HttpError)?;
    let written: Written = client.request(request).await?;
    Ok(written.metadata.resource_version)
}

fn body(resource_version: &str, member: Member, value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let (_, path) = member.place();
    let same = Operation { op: "replace", path: "/metadata/resourceVersion", value: &resource_version };
    // Of a tuple, JSON makes a list.
    serde_json::to_vec(&(same, Operation { op: "add", path, value }))
}

/// The name that our writes carry in `managedFields`.
pub(crate) fn params() -> PatchParams {
    PatchParams { field_manager: Some(names::FIELD_MANAGER.to_owned()), ..PatchParams::default() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_write_names_the_version_it_is_made_from() {
        let text = String::from_utf8(body("7", Member::Finalizers, &json!(["a"])).unwrap()).unwrap();
        let expected = r#"[{"op":"replace","path":"/metadata/resourceVersion","value":"7"},{"op":"add","path":"/metadata/finalizers","value":["a"]}]"#;
        assert_eq!(text, expected);
    }
}
