//! An object as the API server has it, readable as what it claims to be or not.
//!
//! One object that cannot be read must stop neither a watch nor a list. The library's `DeserializeGuard` does the same
//! through a tree of values that it copies for every event; this reads the text itself, and again only when it has to.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Resource, core::PartialObjectMeta};
use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error as _};
use serde_json::value::RawValue;

/// An object, or what can be said of it when it cannot be read.
#[derive(Clone, Debug)]
pub struct Guarded<K>(pub Result<K, Invalid>);

/// An object that cannot be read.
#[derive(Clone, Debug)]
pub struct Invalid {
    /// Why, and in which field.
    pub error: String,
    /// What can be read of it.
    pub metadata: ObjectMeta,
}

impl<'de, K: DeserializeOwned + Resource> Deserialize<'de> for Guarded<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str(text.get()).map(Ok).or_else(|_| {
            let object: PartialObjectMeta<K> = serde_json::from_str(text.get()).map_err(D::Error::custom)?;
            Ok(Err(Invalid { error: mistake::<K>(text.get()), metadata: object.metadata }))
        })?))
    }
}

/// Why the text is no `K`, and in which field. It is read once more for that: to keep the path costs time, and hardly any
/// object is malformed.
fn mistake<K: DeserializeOwned>(text: &str) -> String {
    let read = serde_path_to_error::deserialize::<_, K>(&mut serde_json::Deserializer::from_str(text));
    let Some(error) = read.err() else { return "it cannot be read".to_owned() };
    let (path, error) = (error.path().to_string(), error.into_inner());
    // Without the place in the text, which moves whenever something before it is written.
    let (text, place) = (error.to_string(), format!(" at line {} column {}", error.line(), error.column()));
    let why = text.strip_suffix(&place).unwrap_or(&text);
    if path == "." { why.to_owned() } else { format!("{path}: {why}") }
}

impl<K: Resource> Resource for Guarded<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(dynamic: &K::DynamicType) -> Cow<'_, str> {
        K::kind(dynamic)
    }

    fn group(dynamic: &K::DynamicType) -> Cow<'_, str> {
        K::group(dynamic)
    }

    fn version(dynamic: &K::DynamicType) -> Cow<'_, str> {
        K::version(dynamic)
    }

    fn plural(dynamic: &K::DynamicType) -> Cow<'_, str> {
        K::plural(dynamic)
    }

    fn meta(&self) -> &ObjectMeta {
        self.0.as_ref().map_or_else(|invalid| &invalid.metadata, Resource::meta)
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match &mut self.0 {
            Ok(object) => object.meta_mut(),
            Err(invalid) => &mut invalid.metadata,
        }
    }
}

#[cfg(test)]
mod tests {
    use kube::core::{ObjectList, WatchEvent};
    use sluice_api::PipelineRun;

    use super::*;

    const GOOD: &str = r#"{"apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun",
        "metadata": {"name": "good"}, "spec": {"pipelineRef": {"name": "p"}}}"#;
    const BAD: &str = r#"{"apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun",
        "metadata": {"name": "bad"}, "spec": {"pipelineRef": 7}}"#;

    #[test]
    fn an_object_that_cannot_be_read_leaves_the_rest_of_a_list_readable() {
        let text = format!(
            r#"{{"kind": "PipelineRunList", "apiVersion": "sluice.dev/v1alpha1", "metadata": {{}}, "items": [{GOOD}, {BAD}]}}"#
        );
        let list: ObjectList<Guarded<PipelineRun>> = serde_json::from_str(&text).unwrap();
        let names: Vec<_> = list.iter().map(|run| (run.meta().name.as_deref().unwrap(), run.0.is_ok())).collect();
        assert_eq!(names, [("good", true), ("bad", false)]);
    }

    #[test]
    fn an_event_says_why_its_object_cannot_be_read() {
        let text = format!(r#"{{"type": "MODIFIED", "object": {BAD}}}"#);
        let WatchEvent::Modified(run) = serde_json::from_str::<WatchEvent<Guarded<PipelineRun>>>(&text).unwrap() else {
            panic!("another event");
        };
        assert_eq!(
            run.0.unwrap_err().error,
            "spec.pipelineRef: invalid type: integer `7`, expected struct LocalReference"
        );
    }

    #[test]
    fn a_mistake_in_a_status_names_at_least_the_status() {
        let text = |status: &str| {
            format!(
                r#"{{"metadata": {{"name": "a"}}, "spec": {{"pipelineRef": {{"name": "p"}}}}, "status": {status}}}"#
            )
        };
        let mistake = |status| mistake::<PipelineRun>(&text(status));
        assert_eq!(mistake(r#"{"message": 7}"#), "status.message: invalid type: integer `7`, expected a string");
        // Past a flattened member the path is lost.
        let flattened = mistake(r#"{"stages": [{"name": 3}]}"#);
        assert_eq!(flattened, "status: invalid type: integer `3`, expected a string");
    }
}
