//! One run of a cluster as it moves on: every change that the API server tells of, over connections that are lost and made
//! again. Nothing is polled.
//!
//! [`Watching`] brings what there is to see; [`follow()`] shows it until the run has ended or is left. [`run_of_update`] waits for the
//! run of a ComponentUpdate before that.

mod connection;
mod first;
mod follow;
mod update;

use std::time::Duration;

use futures::{StreamExt, stream::BoxStream};
use jiff::Timestamp;
use kube::{
    Api, ResourceExt,
    api::{ApiResource, DynamicObject},
};
use kube_runtime::{
    WatchStreamExt,
    watcher::{self, Event, watcher},
};
use serde_json::Value;
use sluice_api::{PipelineRun, PipelineRunStatus};

use crate::{
    actions::Run,
    cluster::{Cluster, Error, RequestError},
};

pub(crate) use first::{FirstApproval, Turn};
pub(crate) use follow::{Followed, follow};
pub(crate) use update::{Awaited, run_of_update};

use connection::{Connection, Trouble};

/// For how many seconds the API server keeps a watch open before it is taken up again.
const TIMEOUT: u32 = 60;

/// After this time without anything, not even the end of a watch, its connection is lost.
const SILENCE: Duration = Duration::from_secs(75);

/// One run that is watched.
pub(crate) struct Watching {
    events: BoxStream<'static, watcher::Result<Event<DynamicObject>>>,
    name: String,
    namespace: String,
    /// Of the run that is meant, and not of another one under its name.
    uid: Option<String>,
    /// The run as a list has it, until the list is complete.
    listed: Option<DynamicObject>,
    connection: Connection,
    /// What was seen when the connection was there again.
    next: Option<Seen>,
}

/// What there is to see of a run.
pub(crate) enum Seen {
    /// The run as it is now.
    Run(Box<Run>),
    /// It was deleted.
    Gone,
    /// There is no connection for a while; it is tried again.
    Lost(RequestError),
    /// There is one again.
    Back,
    /// It cannot be watched.
    Refused(RequestError),
}

impl Watching {
    /// Watches this run from what it is now.
    ///
    /// # Errors
    /// What is wrong with the kubeconfig.
    pub(crate) fn of(cluster: &Cluster, run: &Run) -> Result<Self, Error> {
        let resource = ApiResource::erase::<PipelineRun>(&());
        let client = cluster.watch_client(SILENCE)?;
        let runs: Api<DynamicObject> = Api::namespaced_with(client, &cluster.namespace, &resource);
        let name = run.0.name_any();
        let only = watcher::Config::default().fields(&format!("metadata.name={name}")).timeout(TIMEOUT);
        Ok(Self {
            events: watcher(runs, only).default_backoff().boxed(),
            name,
            namespace: cluster.namespace.clone(),
            uid: run.0.metadata.uid.clone(),
            listed: None,
            connection: Connection::default(),
            next: None,
        })
    }

    /// What there is to see next. To be called again, also when the future was dropped before.
    pub(crate) async fn next(&mut self) -> Seen {
        if let Some(seen) = self.next.take() {
            return seen;
        }
        loop {
            let Some(event) = self.events.next().await else { return Seen::Gone };
            let is_back = event.is_ok() && self.connection.is_back();
            let seen = match event {
                Ok(Event::Init) => {
                    self.listed = None;
                    None
                }
                Ok(Event::InitApply(run)) => {
                    self.listed = Some(run);
                    None
                }
                Ok(Event::InitDone) => Some(self.seen(self.listed.clone())),
                Ok(Event::Apply(run)) => Some(self.seen(Some(run))),
                Ok(Event::Delete(_)) => Some(Seen::Gone),
                Err(error) => self.failed(error, Timestamp::now()),
            };
            if is_back {
                self.next = seen;
                return Seen::Back;
            }
            if let Some(seen) = seen {
                return seen;
            }
        }
    }

    fn seen(&self, run: Option<DynamicObject>) -> Seen {
        match run.filter(|run| run.metadata.uid == self.uid) {
            Some(run) => Seen::Run(Box::new(Run(run))),
            None => Seen::Gone,
        }
    }

    fn failed(&mut self, error: watcher::Error, now: Timestamp) -> Option<Seen> {
        let trouble = self.connection.failed(error, now)?;
        let error = |source| RequestError::Object {
            verb: "watch",
            what: "run",
            name: self.name.clone(),
            namespace: self.namespace.clone(),
            source,
        };
        Some(match trouble {
            Trouble::Lost(source) => Seen::Lost(error(source)),
            Trouble::Refused(source) => Seen::Refused(error(source)),
        })
    }
}

/// Where a run stands, as far as this version knows what there may be.
///
/// # Errors
/// A newer controller has written what this version does not know.
pub(crate) fn status_of(run: &Run) -> Result<PipelineRunStatus, String> {
    let status = match &run.0.data["status"] {
        Value::Null => return Ok(PipelineRunStatus::default()),
        status => status.clone(),
    };
    serde_json::from_value(status).map_err(|error| {
        format!(
            "failed to read the status of {}: {error}; use the version of sluice that the cluster has",
            run.reference()
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(uid: &str) -> DynamicObject {
        let metadata = json!({"name": "web-1", "uid": uid});
        serde_json::from_value(json!({"apiVersion": "v1", "kind": "PipelineRun", "metadata": metadata})).unwrap()
    }

    fn lost() -> watcher::Result<Event<DynamicObject>> {
        Err(watcher::Error::WatchFailed(kube::Error::LinesCodecMaxLineLengthExceeded))
    }

    fn refused() -> watcher::Result<Event<DynamicObject>> {
        let status = json!({"status": "Failure", "code": 403, "reason": "Forbidden", "message": "no"});
        let status = serde_json::from_value(status).unwrap();
        Err(watcher::Error::WatchStartFailed(kube::Error::Api(Box::new(status))))
    }

    /// What is seen of these events, in a word each.
    async fn seen(events: Vec<watcher::Result<Event<DynamicObject>>>) -> Vec<&'static str> {
        let count = events.len();
        let mut watching = Watching {
            events: futures::stream::iter(events).chain(futures::stream::pending()).boxed(),
            name: "web-1".to_owned(),
            namespace: "shop".to_owned(),
            uid: Some("1".to_owned()),
            listed: None,
            connection: Connection::default(),
            next: None,
        };
        let mut words = Vec::new();
        for _ in 0..=count {
            let Some(seen) = futures::FutureExt::now_or_never(watching.next()) else { break };
            words.push(match seen {
                Seen::Run(_) => "run",
                Seen::Gone => "gone",
                Seen::Lost(_) => "lost",
                Seen::Back => "back",
                Seen::Refused(_) => "refused",
            });
        }
        words
    }

    #[tokio::test]
    async fn a_run_is_seen_in_a_list_and_with_each_change() {
        let run = || object("1");
        let events = vec![Ok(Event::Init), Ok(Event::InitApply(run())), Ok(Event::InitDone), Ok(Event::Apply(run()))];
        assert_eq!(seen(events).await, ["run", "run"]);
    }

    #[tokio::test]
    async fn what_is_not_there_any_more_or_another_one_under_its_name_is_gone() {
        assert_eq!(seen(vec![Ok(Event::Delete(object("1")))]).await, ["gone"]);
        assert_eq!(seen(vec![Ok(Event::Init), Ok(Event::InitDone)]).await, ["gone"]);
        assert_eq!(seen(vec![Ok(Event::Apply(object("2")))]).await, ["gone"]);
    }

    #[tokio::test]
    async fn one_error_is_passed_over_and_several_are_told_once() {
        let run = || Ok(Event::Apply(object("1")));
        assert_eq!(seen(vec![lost(), run()]).await, ["run"]);
        assert_eq!(seen(vec![lost(), lost(), lost(), run(), run()]).await, ["lost", "back", "run", "run"]);
        let gone = vec![lost(), lost(), Ok(Event::Init), Ok(Event::InitDone)];
        assert_eq!(seen(gone).await, ["lost", "back", "gone"]);
    }

    #[tokio::test]
    async fn what_may_not_be_watched_is_not_tried_again() {
        assert_eq!(seen(vec![refused()]).await, ["refused"]);
    }
}
