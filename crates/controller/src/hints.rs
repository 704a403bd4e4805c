//! What git hosts spoke of, as `status.recent` of Receivers has it: the runs that wait for a pull request look at it at once.
//!
//! A hint proves nothing and reaches no further than its namespace: a run that is woken asks the host itself. Without the kind, or
//! without the right to watch it, runs look at their interval.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::{Stream, StreamExt, stream};
use kube::{Client, ResourceExt};
use kube_runtime::{
    WatchStreamExt,
    watcher::{self, Event, watcher},
};
use sluice_api::{Hint, Receiver};
use tokio::time::sleep;

use crate::{causes::in_one_line, client::scoped, context::Context, guarded::Guarded, waits::RunRef};

/// After a hint, who still waits looks once more when so much time is over.
const AGAIN: Duration = Duration::from_secs(5);

/// The runs that wait for what a git host speaks of. A stream of its own: where Receivers cannot be watched, nothing else waits.
pub(crate) fn woken_by_receivers(
    client: &Client,
    namespace: Option<&str>,
    context: Arc<Context>,
) -> impl Stream<Item = RunRef> + Send + use<> {
    let receivers = watcher(scoped::<Guarded<Receiver>>(client, namespace), watcher::Config::default());
    let mut seen = Seen::default();
    // Unordered: what looks again later holds up no other.
    receivers.default_backoff().flat_map_unordered(None, move |change| {
        let news = change.map(|change| seen.news(&change)).unwrap_or_else(|error| {
            tracing::debug!(error = %in_one_line(&error), "Receivers cannot be watched; what waits for a pull request looks at its interval");
            Vec::new()
        });
        let context = context.clone();
        Box::pin(twice(move || {
            news.iter().flat_map(|(namespace, key)| context.waits.wake_pull_requests(namespace, key)).collect()
        }))
    })
}

/// Who waits looks at once, and who still waits then, once more: a host may speak of what it does not show yet.
fn twice(wake: impl Fn() -> Vec<RunRef> + Send) -> impl Stream<Item = RunRef> + Send {
    let now = wake();
    let is_for_nobody = now.is_empty();
    let again = stream::once(async move {
        if is_for_nobody {
            return Vec::new();
        }
        sleep(AGAIN).await;
        wake()
    });
    stream::iter(now).chain(again.flat_map(stream::iter))
}

/// What each Receiver, by namespace and name, had before.
#[derive(Default)]
struct Seen(HashMap<(String, String), Vec<Hint>>);

impl Seen {
    /// What is new: namespace and address. After a watch has broken off that is all that came meanwhile.
    fn news(&mut self, change: &Event<Guarded<Receiver>>) -> Vec<(String, String)> {
        let (receiver, is_gone) = match change {
            Event::Apply(receiver) | Event::InitApply(receiver) => (receiver, false),
            Event::Delete(receiver) => (receiver, true),
            Event::Init | Event::InitDone => return Vec::new(),
        };
        let id = (receiver.namespace().unwrap_or_default(), receiver.name_any());
        if is_gone {
            self.0.remove(&id);
            return Vec::new();
        }
        // One that cannot be read has no news.
        let Some(status) = receiver.0.as_ref().ok().and_then(|receiver| receiver.status.as_ref()) else {
            return Vec::new();
        };
        let namespace = id.0.clone();
        let before = self.0.entry(id).or_default();
        let new = status.recent.iter().filter(|hint| !before.contains(hint));
        let news = new.map(|hint| (namespace.clone(), hint.key.clone())).collect();
        before.clone_from(&status.recent);
        news
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use jiff::Timestamp;
    use sluice_api::{ReceiverSpec, ReceiverStatus};

    use super::*;

    fn receiver(hints: &[(&str, i64)]) -> Guarded<Receiver> {
        let mut receiver = Receiver::new("host", ReceiverSpec::default());
        receiver.metadata.namespace = Some("shop".to_owned());
        let hint = |&(key, at): &(&str, i64)| Hint { key: key.to_owned(), at: Timestamp::from_second(at).unwrap() };
        let recent = hints.iter().map(hint).collect();
        receiver.status = Some(ReceiverStatus { recent, ..ReceiverStatus::default() });
        Guarded(Ok(receiver))
    }

    #[test]
    fn a_hint_is_news_once_and_again_when_the_host_speaks_of_it_again() {
        let mut seen = Seen::default();
        let mut news = |hints| -> Vec<String> {
            let news = seen.news(&Event::Apply(receiver(hints)));
            news.into_iter().map(|(namespace, key)| format!("{namespace} {key}")).collect()
        };
        assert_eq!(news(&[("a", 1)]), ["shop a"]);
        assert_eq!(news(&[("a", 1)]), [""; 0]);
        assert_eq!(news(&[("b", 2), ("a", 1)]), ["shop b"]);
        assert_eq!(news(&[("a", 3), ("b", 2)]), ["shop a"]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_still_waits_looks_once_more() {
        let waiting = AtomicUsize::new(2);
        let woken = twice(|| {
            let waiting = waiting.fetch_sub(1, Ordering::Relaxed);
            (0..waiting).map(|number| RunRef::new(&number.to_string()).within("shop")).collect()
        });
        let names: Vec<String> = woken.map(|run| run.name).collect().await;
        assert_eq!(names, ["0", "1", "0"]);
        assert_eq!(twice(Vec::new).count().await, 0);
    }

    #[test]
    fn what_came_while_nobody_watched_is_news_and_a_receiver_made_anew_begins_anew() {
        let mut seen = Seen::default();
        assert_eq!(seen.news(&Event::InitApply(receiver(&[("a", 1)]))).len(), 1);
        assert_eq!(seen.news(&Event::InitApply(receiver(&[("b", 2), ("a", 1)]))).len(), 1);
        seen.news(&Event::Delete(receiver(&[])));
        assert_eq!(seen.news(&Event::Apply(receiver(&[("a", 1)]))).len(), 1);
    }
}
