//! The watches of what steps wait for, each of which wakes the runs that wait. They are only hints.

use std::{fmt::Debug, sync::Arc};

use futures::{Stream, StreamExt, stream};
use k8s_openapi::api::batch::v1 as batch;
use kube::{
    Api, Client, Resource, ResourceExt,
    core::{DynamicObject, PartialObjectMeta},
};
use kube_runtime::{
    WatchStreamExt,
    watcher::{self, watcher},
};
use serde::de::DeserializeOwned;
use sluice_api::{
    names,
    step::{Application, Job},
};
use sluice_engine::WaitKind;

use crate::{
    causes::in_one_line,
    client::scoped,
    context::Context,
    waits::{Awaited, RunRef},
};

/// The runs that wait for an Application which changed.
pub(super) fn applications(client: &Client, context: Arc<Context>) -> impl Stream<Item = RunRef> + Send + use<> {
    let applications = Api::<PartialObjectMeta<DynamicObject>>::all_with(client.clone(), &Application::resource());
    woken_by(applications, watcher::Config::default(), WaitKind::Application, Application::key, context)
}

/// The runs that wait for a Job which changed. Only those that steps made are watched.
pub(super) fn jobs(
    client: &Client,
    namespace: Option<&str>,
    context: Arc<Context>,
) -> impl Stream<Item = RunRef> + Send + use<> {
    let jobs: Api<PartialObjectMeta<batch::Job>> = scoped(client, namespace);
    woken_by(jobs, watcher::Config::default().labels(names::RUN_LABEL), WaitKind::Job, Job::key, context)
}

/// The runs that wait for one of these objects when it changes or goes.
///
/// A stream of its own, with pauses of its own: in the controller's common one a kind that is not there would hold up all
/// the others.
fn woken_by<K>(
    objects: Api<PartialObjectMeta<K>>,
    watched: watcher::Config,
    kind: WaitKind,
    key: fn(&str, &str) -> String,
    context: Arc<Context>,
) -> impl Stream<Item = RunRef> + Send
where
    K: Send + 'static,
    PartialObjectMeta<K>: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let changes = watcher(objects, watched).default_backoff().touched_objects();
    changes.flat_map(move |change| {
        let woken = match change {
            Ok(object) => {
                let key = key(&object.namespace().unwrap_or_default(), &object.name_any());
                context.waits.wake(&Awaited::Step(kind, key))
            }
            Err(error) => {
                tracing::debug!(?kind, error = %in_one_line(&error), "a kind cannot be watched; what waits for it looks at its interval");
                Vec::new()
            }
        };
        stream::iter(woken)
    })
}
