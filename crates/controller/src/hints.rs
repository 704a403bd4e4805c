//! What git hosts spoke of, as `status.recent` of Receivers has it: the runs that wait for a pull request look at it at once.
//!
//! A hint proves nothing and reaches no further than its namespace: a run that is woken asks the host itself. Without the kind, or
//! without the right to watch it, runs look at their interval.

mod pace;

use std::{collections::HashMap, sync::Arc};

use futures::{Stream, StreamExt, stream};
use kube::{Client, ResourceExt};
use kube_runtime::{
    WatchStreamExt,
    watcher::{self, Event, watcher},
};
use sluice_api::{Hint, Receiver};
use tokio::time::{Instant, sleep_until};

pub(crate) use self::pace::Reach;
use self::pace::{Key, Pace};
use crate::{causes::in_one_line, client::scoped, context::Context, guarded::Guarded, waits::RunRef};

/// The runs that wait for what a git host speaks of. A stream of its own: where Receivers cannot be watched, nothing else waits.
pub(crate) fn woken_by_receivers(
    client: &Client,
    namespace: Option<&str>,
    context: Arc<Context>,
) -> impl Stream<Item = RunRef> + Send + use<> {
    let receivers = watcher(scoped::<Guarded<Receiver>>(client, namespace), watcher::Config::default());
    let mut seen = Seen::default();
    let news = receivers.default_backoff().map(move |change| {
        change.map(|change| seen.news(&change)).unwrap_or_else(|error| {
            tracing::debug!(error = %in_one_line(&error), "Receivers cannot be watched; what waits for a pull request looks at its interval");
            Vec::new()
        })
    });
    paced(news, move |(namespace, address)| context.waits.wake_pull_requests(namespace, address))
}

/// Who is woken by hints: at once, as far as the pace of their address lets them.
fn paced<W>(news: impl Stream<Item = Vec<Key>> + Send, wake: W) -> impl Stream<Item = RunRef> + Send
where
    W: Fn(&Key) -> Option<(Reach, Vec<RunRef>)> + Send,
{
    let begin = (Box::pin(news), Pace::default(), wake);
    let woken = stream::unfold(begin, async |(mut news, mut pace, wake)| {
        let next = pace.next();
        let (heard, is_due): (Vec<(Key, bool)>, _) = tokio::select! {
            heard = news.next() => (heard?.into_iter().map(|key| (key, true)).collect(), false),
            () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => (pace.take_due(Instant::now()), true),
        };
        let mut woken = Vec::new();
        for (key, is_for_news) in heard {
            if !is_due && !pace.is_free(&key, Instant::now()) {
                continue;
            }
            let Some((reach, runs)) = wake(&key) else { continue };
            woken.extend(runs);
            if is_for_news {
                pace.woke(key, reach, Instant::now());
            }
        }
        pace.forget(Instant::now());
        Some((stream::iter(woken), (news, pace, wake)))
    });
    woken.flatten()
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
    async fn who_still_waits_looks_once_more_and_many_hints_are_few_looks() {
        let key = |address: &str| ("shop".to_owned(), address.to_owned());
        let hints = vec![key("nobody's"), key("pull"), key("pull"), key("repository"), key("repository")];
        let waiting = AtomicUsize::new(3);
        let wake = |(_, address): &Key| match address.as_str() {
            "pull" => {
                let waiting = waiting.fetch_sub(1, Ordering::Relaxed);
                let runs: Vec<_> = (1..waiting).map(|it| RunRef::new(&it.to_string()).within("shop")).collect();
                (!runs.is_empty()).then_some((Reach::Pull, runs))
            }
            "repository" => Some((Reach::Repository, vec![RunRef::new("other").within("shop")])),
            _ => None,
        };
        let began = Instant::now();
        let woken = paced(stream::iter([hints]).chain(stream::pending()), wake);
        let woken = woken.map(|run| format!("{} {}", began.elapsed().as_secs(), run.name)).take(5);
        assert_eq!(woken.collect::<Vec<_>>().await, ["0 1", "0 2", "0 other", "1 1", "30 other"]);
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
