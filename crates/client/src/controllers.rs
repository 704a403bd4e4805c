//! Controllers of one kind each: what they watch, and how they are driven until they are told to stop.
//!
//! # Guarantees
//! - An object that cannot be read stops nothing: whoever reconciles gets it as such.
//! - A panic in one reconcile ends it alone, as an error of that reconcile.
//! - A watch that breaks off is taken up again, and whatever changed meanwhile is reconciled as it is then.

use std::{fmt::Debug, hash::Hash, panic::AssertUnwindSafe, sync::Arc};

use futures::{FutureExt, Stream, StreamExt, stream};
use kube::{Api, Resource};
use kube_runtime::{
    WatchStreamExt,
    controller::{self, Action, Controller},
    reflector::{Store, store::Writer},
    watcher::{self, Event, watcher},
};
use serde::de::DeserializeOwned;

use crate::{causes::in_one_line, guarded::Guarded};

/// What a watch shows of a kind, and what that is kept up to date with.
pub type Kept<K> = (Store<Guarded<K>>, Writer<Guarded<K>>);

/// A reconcile that panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reconcile panicked; this is a fault of Sluice, please report it")]
pub struct Panicked;

/// The controller of these objects, which carries on so many of them at the same time. What else brings one back is left to be added.
///
/// `seen` is told of every event once the store shows it, but for `InitApply`: what is listed, the store shows at `InitDone`.
pub fn controller<K>(
    objects: Api<Guarded<K>>,
    (store, writer): Kept<K>,
    at_once: u16,
    mut seen: impl FnMut(&Event<Guarded<K>>) + Send + 'static,
) -> Controller<Guarded<K>>
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    K::DynamicType: Clone + Debug + Default + Eq + Hash + Unpin + Send + Sync,
{
    let shown = store.clone();
    let changes = watcher(objects, watcher::Config::default()).reflect(writer);
    let changes = changes.inspect(move |change| {
        if let Ok(change) = change {
            seen(change);
        }
    });
    Controller::for_stream(once_shown(changes, shown), store)
        .with_config(controller::Config::default().concurrency(at_once))
}

/// The objects that are there and changed, once the store shows them. A listing comes in pages, and it takes all of them over at the end:
/// who reconciled an object of the first page at once would find it as it was before, or not at all.
fn once_shown<K>(
    changes: impl Stream<Item = Result<Event<K>, watcher::Error>> + Send + 'static,
    store: Store<K>,
) -> impl Stream<Item = Result<K, watcher::Error>> + Send + 'static
where
    K: Resource + Clone + Send + Sync + 'static,
    K::DynamicType: Clone + Eq + Hash + Send + Sync,
{
    changes.flat_map(move |change| {
        let (one, listed) = match change {
            Ok(Event::Apply(object)) => (Some(Ok(object)), Vec::new()),
            Ok(Event::InitDone) => (None, store.state()),
            Ok(Event::Init | Event::InitApply(_) | Event::Delete(_)) => (None, Vec::new()),
            Err(error) => (Some(Err(error)), Vec::new()),
        };
        let listed = listed.into_iter().map(|object| Ok(K::clone(&object)));
        stream::iter(one.into_iter().chain(listed))
    })
}

/// Drives a controller until `stop` resolves and what is under way has ended. `policy` says what follows on an error, and logs it.
pub async fn drive<K, C, E, F>(
    controller: Controller<K>,
    stop: impl Future<Output = ()> + Send + Sync + 'static,
    reconcile: fn(Arc<K>, Arc<C>) -> F,
    policy: fn(Arc<K>, &E, Arc<C>) -> Action,
    context: Arc<C>,
) where
    K: Resource + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    K::DynamicType: Clone + Debug + Eq + Hash + Unpin,
    C: Send + Sync + 'static,
    E: std::error::Error + From<Panicked> + Send + 'static,
    F: Future<Output = Result<Action, E>> + Send + 'static,
{
    let carefully = move |object, context| {
        let reconcile = async move { reconcile(object, context).await };
        AssertUnwindSafe(reconcile).catch_unwind().map(|outcome| outcome.unwrap_or_else(|_| Err(Panicked.into())))
    };
    let outcomes = controller.graceful_shutdown_on(stop).run(carefully, policy, context);
    outcomes
        .for_each(|outcome| async {
            // What went wrong in a reconcile is the policy's.
            if let Err(controller::Error::QueueError(error)) = outcome {
                tracing::warn!(error = %in_one_line(&error), "a watch broke off; it is taken up again");
            }
        })
        .await;
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, future::pending, iter::once};

    use futures::{channel::mpsc, stream};
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::ResourceExt;
    use kube_runtime::reflector::{self, ObjectRef};

    use super::*;

    /// Is told of each reconcile, and whether it succeeded.
    type Told = mpsc::UnboundedSender<(String, bool)>;

    async fn panic_at_bad(object: Arc<ConfigMap>, told: Arc<Told>) -> Result<Action, Panicked> {
        assert_ne!(object.name_any(), "bad", "as this test wants it");
        told.unbounded_send((object.name_any(), true)).unwrap();
        Ok(Action::await_change())
    }

    fn policy(object: Arc<ConfigMap>, _: &Panicked, told: Arc<Told>) -> Action {
        told.unbounded_send((object.name_any(), false)).unwrap();
        Action::await_change()
    }

    fn object(name: &str, version: &str) -> ConfigMap {
        let mut object = ConfigMap::default();
        object.metadata.name = Some(name.to_owned());
        object.metadata.resource_version = Some(version.to_owned());
        object
    }

    #[tokio::test]
    async fn what_is_listed_anew_is_reconciled_once_the_store_shows_it() {
        let (store, writer) = reflector::store::<ConfigMap>();
        let (watch, events) = mpsc::unbounded();
        let tell = |event| watch.unbounded_send(Ok(event)).unwrap();
        let mut objects = Box::pin(once_shown(events.reflect(writer), store.clone()));
        let mut next = async || {
            let object = objects.next().now_or_never()??.unwrap();
            let shown = store.get(&ObjectRef::from_obj(&object)).map(|it| it.resource_version().unwrap());
            assert_eq!(shown, object.resource_version(), "the store shows what is reconciled");
            Some(format!("{}@{}", object.name_any(), object.resource_version().unwrap()))
        };
        let mut all = async |of: usize| {
            let mut all = Vec::new();
            while let Some(object) = next().await {
                all.push(object);
            }
            all.sort();
            assert_eq!(all.len(), of, "{all:?}");
            all
        };
        [Event::Init, Event::InitApply(object("a", "1")), Event::InitDone].into_iter().for_each(tell);
        assert_eq!(all(1).await, ["a@1"]);
        // The first page of a listing, after the watch was lost; the second one is on its way.
        [Event::Init, Event::InitApply(object("a", "2"))].into_iter().for_each(tell);
        all(0).await;
        [Event::InitApply(object("b", "3")), Event::InitDone].into_iter().for_each(tell);
        assert_eq!(all(2).await, ["a@2", "b@3"]);
        [Event::Apply(object("b", "4")), Event::Delete(object("a", "5"))].into_iter().for_each(tell);
        assert_eq!(all(1).await, ["b@4"]);
    }

    #[tokio::test]
    async fn a_panic_ends_its_reconcile_alone() {
        let (store, mut writer) = reflector::store();
        let objects = ["bad", "better", "good"].map(|name| object(name, "1"));
        let all = objects.iter().cloned().map(Event::InitApply);
        once(Event::Init).chain(all).chain([Event::InitDone]).for_each(|event| writer.apply_watcher_event(&event));
        let (told, ended) = mpsc::unbounded();
        let changes = stream::iter(objects.map(Ok)).chain(stream::pending());
        let one_at_a_time = controller::Config::default().concurrency(1);
        let controller = Controller::for_stream(changes, store).with_config(one_at_a_time);
        let outcomes = tokio::select! {
            () = drive(controller, pending(), panic_at_bad, policy, Arc::new(told)) => panic!("nobody told it to stop"),
            outcomes = ended.take(3).collect::<BTreeMap<_, _>>() => outcomes,
        };
        assert_eq!(
            outcomes.iter().map(|(name, succeeded)| (&**name, *succeeded)).collect::<Vec<_>>(),
            [("bad", false), ("better", true), ("good", true)]
        );
    }
}
