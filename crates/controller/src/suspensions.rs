//! Which pipelines are suspended: the newest that any watch or read has shown.
//!
//! A watch lags. A run whose pipeline was suspended before it was made must not start because of that: it reads its pipeline
//! live when it starts, and what is read there counts here too, until the watch has seen something newer.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
};

use kube::ResourceExt;
use kube_runtime::watcher::Event;
use sluice_api::{Pipeline, Suspend};
use tokio::sync::watch;

use crate::{guarded::Guarded, memories::version};

/// Namespace and name of a pipeline.
pub(crate) type PipelineName = (String, String);

/// What is known of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    /// The version that showed it.
    version: Option<u64>,
    /// Why it is suspended, while it is.
    suspended: Option<String>,
    /// Whether it was read live since the watch began its list, which may not know it.
    is_ahead: bool,
}

/// By what a version was seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// A live read.
    Live,
    /// A list with which the watch begins anew.
    Listed,
    /// The watch.
    Watched,
}

/// Which pipelines are suspended.
pub(crate) struct Suspensions {
    known: Mutex<HashMap<PipelineName, Known>>,
    /// What the watch has listed so far, while it lists.
    listed: Mutex<HashSet<PipelineName>>,
    is_ready: watch::Sender<bool>,
}

impl Default for Suspensions {
    fn default() -> Self {
        Self { known: Mutex::default(), listed: Mutex::default(), is_ready: watch::Sender::new(false) }
    }
}

impl Suspensions {
    /// Why the pipeline is suspended, while it is: empty without a reason. One that is not there is not.
    pub(crate) fn of(&self, namespace: &str, name: &str) -> Option<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(namespace.to_owned(), name.to_owned()))?.suspended.clone()
    }

    /// Waits until the watch has shown every pipeline once.
    pub(crate) async fn are_known(&self) {
        // The sender lives as long as we do.
        self.is_ready.subscribe().wait_for(|ready| *ready).await.ok();
    }

    /// The pipeline was read live.
    pub(crate) fn read(&self, pipeline: &Pipeline) {
        self.saw(name_of(pipeline), version(pipeline.resource_version().as_deref()), suspended(pipeline), Seen::Live);
    }

    /// The watch shows this. Returns the pipelines that are suspended since, or no longer, or for another reason.
    pub(crate) fn watched(&self, event: &Event<Guarded<Pipeline>>) -> Vec<PipelineName> {
        match event {
            Event::Init => {
                self.listed().clear();
                self.known().values_mut().for_each(|known| known.is_ahead = false);
                Vec::new()
            }
            Event::Apply(pipeline) | Event::InitApply(pipeline) => {
                let name = name_of(pipeline);
                let mut seen = Seen::Watched;
                if matches!(event, Event::InitApply(_)) {
                    self.listed().insert(name.clone());
                    seen = Seen::Listed;
                }
                let suspended = pipeline.0.as_ref().ok().and_then(suspended);
                self.saw(name, version(pipeline.resource_version().as_deref()), suspended, seen)
            }
            Event::Delete(pipeline) => {
                let version = version(pipeline.resource_version().as_deref());
                self.forget(|name, known| *name == name_of(pipeline) && known.version <= version)
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut *self.listed());
                let gone = self.forget(|name, known| !known.is_ahead && !listed.contains(name));
                self.is_ready.send_replace(true);
                gone
            }
        }
    }

    /// Takes what this version shows, unless a newer one is known. What was known before a list began, and is newer than the list, is of
    /// a cluster whose store was set back.
    fn saw(
        &self,
        name: PipelineName,
        version: Option<u64>,
        suspended: Option<String>,
        seen: Seen,
    ) -> Vec<PipelineName> {
        let mut known = self.known();
        let before = known.get(&name);
        let counts = |before: &Known| before.is_ahead || seen != Seen::Listed;
        if before.is_some_and(|before| before.version > version && counts(before)) {
            return Vec::new();
        }
        let is_ahead = seen == Seen::Live;
        let is_other = before.and_then(|before| before.suspended.as_ref()) != suspended.as_ref();
        known.insert(name.clone(), Known { version, suspended, is_ahead });
        if is_other { vec![name] } else { Vec::new() }
    }

    fn forget(&self, is_gone: impl Fn(&PipelineName, &Known) -> bool) -> Vec<PipelineName> {
        let mut gone = Vec::new();
        self.known().retain(|name, known| {
            let is_gone = is_gone(name, known);
            if is_gone && known.suspended.is_some() {
                gone.push(name.clone());
            }
            !is_gone
        });
        gone
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<PipelineName, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listed(&self) -> std::sync::MutexGuard<'_, HashSet<PipelineName>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name_of(pipeline: &impl ResourceExt) -> PipelineName {
    (pipeline.namespace().unwrap_or_default(), pipeline.name_any())
}

fn suspended(pipeline: &Pipeline) -> Option<String> {
    pipeline.spec.suspend.as_ref().map(|Suspend { reason }| reason.clone().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pipeline(version: u64, reason: Option<&str>) -> Pipeline {
        let mut pipeline = json!({
            "metadata": {"name": "web", "namespace": "shop", "resourceVersion": version.to_string()},
            "spec": {"serviceAccountName": "a", "stages": []},
        });
        if let Some(reason) = reason {
            pipeline["spec"]["suspend"] = json!({"reason": reason});
        }
        serde_json::from_value(pipeline).unwrap()
    }

    fn applied(version: u64, reason: Option<&str>) -> Event<Guarded<Pipeline>> {
        Event::Apply(Guarded(Ok(pipeline(version, reason))))
    }

    fn deleted(version: u64) -> Event<Guarded<Pipeline>> {
        Event::Delete(Guarded(Ok(pipeline(version, None))))
    }

    fn reason(suspensions: &Suspensions) -> Option<String> {
        suspensions.of("shop", "web")
    }

    #[test]
    fn a_change_of_the_suspension_is_told_and_nothing_else_is() {
        let suspensions = Suspensions::default();
        let web = || ("shop".to_owned(), "web".to_owned());
        for (event, told) in [
            (applied(1, None), vec![]),
            (applied(2, Some("")), vec![web()]),
            (applied(3, Some("")), vec![]),
            (applied(4, Some("quarter end")), vec![web()]),
            (deleted(5), vec![web()]),
            (deleted(5), vec![]),
        ] {
            assert_eq!(suspensions.watched(&event), told, "{event:?}");
        }
        assert_eq!(reason(&suspensions), None);
    }

    #[test]
    fn what_was_read_counts_until_the_watch_shows_something_newer() {
        let suspensions = Suspensions::default();
        suspensions.read(&pipeline(7, Some("freeze")));
        for stale in [applied(6, None), deleted(6), Event::Init, Event::InitDone] {
            suspensions.read(&pipeline(7, Some("freeze")));
            suspensions.watched(&stale);
        }
        suspensions.read(&pipeline(7, Some("freeze")));
        assert_eq!(reason(&suspensions), Some("freeze".to_owned()));
        suspensions.watched(&applied(8, None));
        suspensions.read(&pipeline(7, Some("freeze")));
        assert_eq!(reason(&suspensions), None);
    }

    #[test]
    fn a_list_counts_where_the_store_was_set_back_unless_it_is_older_than_a_live_read() {
        let listed = |version, reason| Event::InitApply(Guarded(Ok(pipeline(version, reason))));
        let suspensions = Suspensions::default();
        suspensions.watched(&applied(9, Some("freeze")));
        suspensions.watched(&Event::Init);
        suspensions.watched(&listed(5, None));
        assert_eq!(reason(&suspensions), None, "it was resumed after it had been restored");
        suspensions.watched(&Event::Init);
        suspensions.read(&pipeline(7, Some("freeze")));
        suspensions.watched(&listed(6, None));
        assert_eq!(reason(&suspensions), Some("freeze".to_owned()));
    }

    #[tokio::test]
    async fn what_a_new_list_does_not_show_is_gone() {
        let suspensions = Suspensions::default();
        suspensions.watched(&applied(2, Some("")));
        suspensions.watched(&Event::Init);
        assert_eq!(suspensions.watched(&Event::InitDone), [("shop".to_owned(), "web".to_owned())]);
        assert_eq!(reason(&suspensions), None);
        suspensions.are_known().await;
    }
}
