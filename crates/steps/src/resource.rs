//! `resource`: reads Kubernetes objects, as the run's account.
//!
//! The API server is asked for the one group and version, then for the object: no list of all kinds, no watch, no cache.

use async_trait::async_trait;
use kube::{
    Api,
    api::{ApiResource, DynamicObject, ListParams, TypeMeta},
    core::GroupVersion,
    discovery::{self, Scope as KindScope},
    error::DiscoveryError,
};
use serde_json::{Value, json};
use sluice_api::step::Resource;
use sluice_engine::{Failure, Outcome, Outputs};
use sluice_expr::Expression;

use crate::{Perform, StepContext, http_client, sources::NoValue, world::failed_read};

/// How many objects a label selector may pick.
const MAX_ITEMS: u32 = 100;

/// Holds a copy of the whole object, with what a Secret has in it.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

#[async_trait]
impl Perform for Resource {
    const EXAMPLE: &'static str = r#"
resource:
  apiVersion: apps/v1
  kind: Deployment
  name: ${{ params.application }}
  outputs:
    images: object.spec.template.spec.containers.map(c, c.image)
    ready: object.?status.readyReplicas.orValue(0)
"#;

    async fn look(&self, context: &StepContext<'_>) -> Outcome {
        match read(self, context).await {
            Ok(outputs) => Outcome::Succeeded(outputs),
            Err(error) => Outcome::Failed(error.into_failure()),
        }
    }
}

/// `object` or `items`, or the outputs that are asked for.
pub(crate) async fn read(resource: &Resource, context: &StepContext<'_>) -> Result<Outputs, NoValue> {
    let wanted = Wanted::of(resource, context)?;
    let value = match tokio::time::timeout(http_client::TIMEOUT, wanted.read(context)).await {
        Ok(value) => value?,
        Err(_) => {
            let message = format!("failed to read {}: no answer in {:?}", wanted.describe(), http_client::TIMEOUT);
            return Err(NoValue::Now(Failure::transient("KubernetesUnavailable", message)));
        }
    };
    let whole = resource.whole();
    if resource.outputs.is_empty() {
        return Ok(Outputs::from_iter([(whole.to_owned(), value)]));
    }
    let is_missing = value.is_null();
    let scope = context.scope.clone().with_owned(whole, value);
    let outputs = resource.outputs.iter().map(|(name, source)| {
        let failed = |why: String| {
            let missing = if is_missing { format!(": {} does not exist", wanted.describe()) } else { String::new() };
            NoValue::Now(Failure::definite("ExpressionFailed", format!("outputs.{name}: {why}{missing}")))
        };
        let expression = Expression::compile(source).map_err(|diagnostic| failed(diagnostic.to_string()))?;
        Ok((name.clone(), expression.evaluate(&scope).map_err(|error| failed(error.to_string()))?))
    });
    outputs.collect()
}

/// What is read, with names that are safe in a URL's path.
struct Wanted<'r> {
    group_version: GroupVersion,
    kind: &'r str,
    namespace: &'r str,
    pick: Pick<'r>,
}

enum Pick<'r> {
    Name(&'r str),
    Labels(&'r str),
}

impl<'r> Wanted<'r> {
    fn of(resource: &'r Resource, context: &StepContext<'r>) -> Result<Self, NoValue> {
        let Resource { api_version, kind, namespace, name, label_selector, outputs: _ } = resource;
        let invalid =
            |why: String| NoValue::Ever(Failure::definite("InvalidConfiguration", format!("resource: {why}")));
        let group_version: GroupVersion = api_version
            .parse()
            .ok()
            .filter(|parsed: &GroupVersion| {
                is_path_part(&parsed.version) && !parsed.group.contains(['/', '?', '#', '%'])
            })
            .ok_or_else(|| invalid(format!("apiVersion {api_version:?} is no group and version, such as apps/v1")))?;
        let namespace = namespace.as_deref().unwrap_or(&context.run.namespace);
        if !is_path_part(namespace) {
            return Err(invalid(format!("namespace {namespace:?} is no name of a namespace")));
        }
        let pick = match (name.as_deref(), label_selector.as_deref()) {
            (Some(name), None) if is_path_part(name) => Pick::Name(name),
            (Some(name), None) => return Err(invalid(format!("name {name:?} is no name of an object"))),
            // An empty selector picks everything, which nobody means.
            (None, Some(labels)) if !labels.trim().is_empty() => Pick::Labels(labels),
            (None, Some(_)) => return Err(invalid("labelSelector is empty and would pick every object".to_owned())),
            _ => return Err(invalid("set either name or labelSelector".to_owned())),
        };
        Ok(Self { group_version, kind, namespace, pick })
    }

    async fn read(&self, context: &StepContext<'_>) -> Result<Value, NoValue> {
        let client = context.world.kubernetes().await.map_err(NoValue::Now)?;
        let kind = self.group_version.clone().with_kind(self.kind);
        let (resource, capabilities) =
            discovery::pinned_kind(&client, &kind).await.map_err(|error| self.undiscovered(&error))?;
        // A kind without namespaces has no use for one.
        let api: Api<DynamicObject> = match capabilities.scope {
            KindScope::Namespaced => Api::namespaced_with(client, self.namespace, &resource),
            KindScope::Cluster => Api::all_with(client, &resource),
        };
        match self.pick {
            Pick::Name(name) => {
                let object = api.get_opt(name).await.map_err(|error| self.unreadable("get", &error))?;
                Ok(object.map_or(Value::Null, |object| shown(object, &resource)))
            }
            Pick::Labels(labels) => self.list(&api, labels, &resource).await,
        }
    }

    async fn list(&self, api: &Api<DynamicObject>, labels: &str, resource: &ApiResource) -> Result<Value, NoValue> {
        let page = ListParams::default().labels(labels).limit(MAX_ITEMS);
        let found = api.list(&page).await.map_err(|error| self.unreadable("list", &error))?;
        // A gate must not judge by a part of what it was told to look at.
        if found.metadata.continue_.is_some_and(|next| !next.is_empty()) {
            let message = format!("there are more than {MAX_ITEMS} {}; narrow the labelSelector", self.describe());
            return Err(NoValue::Now(Failure::definite("TooManyObjects", message)));
        }
        Ok(found.items.into_iter().map(|object| shown(object, resource)).collect())
    }

    fn undiscovered(&self, error: &kube::Error) -> NoValue {
        let Self { kind, group_version, .. } = self;
        let version = group_version.api_version();
        let is_unknown = match error {
            kube::Error::Discovery(DiscoveryError::MissingKind(_)) => true,
            kube::Error::Api(status) => status.code == 404,
            _ => false,
        };
        if is_unknown {
            let message = format!("the cluster has no kind {kind:?} in {version:?}; see `kubectl api-resources`");
            return NoValue::Now(Failure::definite("KindNotFound", message));
        }
        NoValue::Now(failed_read("get", &format!("the kinds of {version:?}"), error))
    }

    fn unreadable(&self, verb: &str, error: &kube::Error) -> NoValue {
        NoValue::Now(failed_read(verb, &self.describe(), error))
    }

    fn describe(&self) -> String {
        let Self { kind, namespace, pick, .. } = self;
        match pick {
            Pick::Name(name) => format!("{kind} {name:?} in namespace {namespace:?}"),
            Pick::Labels(labels) => format!("{kind} objects with labels {labels:?} in namespace {namespace:?}"),
        }
    }
}

/// Whether it can stand in a URL's path without changing it, which every name of an object can. Looser than the rules of
/// single kinds: the API server knows those.
fn is_path_part(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '%' | '?' | '#' | '\\');
    !name.is_empty() && name.len() <= 253 && name != "." && name != ".." && name.chars().all(is_plain)
}

/// An object as expressions see it: without managed fields, and of a Secret the keys alone. What a Secret holds goes into
/// headers, bodies and git authentication, never into a status that many may read.
fn shown(mut object: DynamicObject, resource: &ApiResource) -> Value {
    object.metadata.managed_fields = None;
    // The items of a list come without.
    let ApiResource { api_version, kind, .. } = resource;
    object.types.get_or_insert_with(|| TypeMeta { api_version: api_version.clone(), kind: kind.clone() });
    if resource.group.is_empty() && kind == "Secret" {
        if let Some(annotations) = &mut object.metadata.annotations {
            annotations.remove(LAST_APPLIED);
        }
        for member in ["data", "stringData"] {
            let entries = object.data.get_mut(member).and_then(Value::as_object_mut);
            entries.into_iter().flatten().for_each(|(_, value)| *value = json!("***"));
        }
    }
    // Fails only for what is no JSON, and it came as JSON.
    serde_json::to_value(object).unwrap_or_default()
}

#[cfg(test)]
mod tests;
