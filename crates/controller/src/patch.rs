//! What the controller writes of an object, each time for exactly the version that was read.

use k8s_openapi::NamespaceResourceScope;
use kube::{Client, Resource, api::PatchParams};
use serde::Serialize;
use sluice_api::names;
pub(crate) use sluice_client::patch::Version;
use sluice_client::patch::{self, Place};

/// What of an object is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Member {
    Status,
    Finalizers,
    /// One more entry of `spec.actions`.
    NextAction,
}

impl Member {
    fn place(self) -> Place<'static> {
        let (subresource, pointer) = match self {
            Self::Status => ("/status", "/status"),
            Self::Finalizers => ("", "/metadata/finalizers"),
            Self::NextAction => ("", names::NEXT_ACTION),
        };
        Place { subresource, pointer }
    }
}

/// Sets a member of exactly the object that was read, and returns the version that this made; refused with a conflict when
/// the object changed since.
pub(crate) async fn set<K>(
    client: &Client,
    version: Version<'_>,
    member: Member,
    value: &impl Serialize,
) -> Result<String, kube::Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    patch::set::<K>(client, names::FIELD_MANAGER, version, member.place(), value).await
}

/// The name that our writes carry in `managedFields`.
pub(crate) fn params() -> PatchParams {
    PatchParams { field_manager: Some(names::FIELD_MANAGER.to_owned()), ..PatchParams::default() }
}
