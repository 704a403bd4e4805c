//! The one shape of a write: a JSON patch that holds only for the version that was read.

use http::{
    Request,
    header::{ACCEPT, CONTENT_TYPE},
};
use k8s_openapi::NamespaceResourceScope;
use kube::{Client, Resource, core::request::Error as RequestError};
use serde::{Deserialize, Serialize};

/// Exactly the object that was read.
#[derive(Clone, Copy, Debug)]
pub struct Version<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its `metadata.resourceVersion`.
    pub resource_version: &'a str,
}

/// Where something is written.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The subresource that it is written through, as the end of a path: `/status`, or nothing.
    pub subresource: &'a str,
    /// Where in the object it is, as a JSON pointer.
    pub pointer: &'a str,
}

/// The answer is the object's metadata, not the whole of it.
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// One operation of a JSON patch (RFC 6902).
#[derive(Serialize)]
struct Operation<'a, T> {
    op: &'static str,
    path: &'a str,
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

/// Sets a member of exactly the object that was read, in the name of the field manager, and returns the version that this made;
/// refused with a conflict when the object changed since.
///
/// A merge patch would drop nulls inside outputs, keep members that are gone, and hit an object made anew under the name.
///
/// # Errors
/// When the API server refuses it, or does not answer.
pub async fn set<K>(
    client: &Client,
    manager: &str,
    version: Version<'_>,
    place: Place<'_>,
    value: &impl Serialize,
) -> Result<String, kube::Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    let Version { namespace, name, resource_version } = version;
    let collection = K::url_path(&(), Some(namespace));
    let body = body(resource_version, place, value);
    let body = body.map_err(|error| kube::Error::BuildRequest(RequestError::SerializeBody(error)))?;
    let request = Request::patch(format!("{collection}/{name}{}?fieldManager={manager}", place.subresource))
        .header(ACCEPT, METADATA)
        .header(CONTENT_TYPE, "application/json-patch+json")
        .body(body)
        .map_err(kube::Error::HttpError)?;
    let written: Written = client.request(request).await?;
    Ok(written.metadata.resource_version)
}

fn body(resource_version: &str, place: Place<'_>, value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let same = Operation { op: "replace", path: "/metadata/resourceVersion", value: &resource_version };
    // Of a tuple, JSON makes a list.
    serde_json::to_vec(&(same, Operation { op: "add", path: place.pointer, value }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_write_names_the_version_it_is_made_from() {
        let place = Place { subresource: "", pointer: "/metadata/finalizers" };
        let text = String::from_utf8(body("7", place, &json!(["a"])).unwrap()).unwrap();
        let expected = r#"[{"op":"replace","path":"/metadata/resourceVersion","value":"7"},{"op":"add","path":"/metadata/finalizers","value":["a"]}]"#;
        assert_eq!(text, expected);
    }
}
