//! Which pipelines look at their status because something went well.

use std::{collections::HashSet, time::Duration};

use futures::{Stream, StreamExt, channel::mpsc, stream};
use kube_runtime::reflector::{ObjectRef, Store};
use sluice_api::Pipeline;

use crate::{guarded::Guarded, suspensions::PipelineName};

/// What goes well at about the same time is written down at once.
const CALM: Duration = Duration::from_secs(1);

/// The pipelines of which there are good runs, and those that start a run at each of them: every one once in a while at most,
/// however many there are.
pub(crate) fn concerned(
    news: mpsc::UnboundedReceiver<PipelineName>,
    pipelines: Store<Guarded<Pipeline>>,
) -> impl Stream<Item = ObjectRef<Guarded<Pipeline>>> + Send {
    let collected = stream::unfold(news, |mut news| async {
        let mut all = HashSet::from([news.next().await?]);
        tokio::time::sleep(CALM).await;
        while let Ok(more) = news.try_recv() {
            all.insert(more);
        }
        Some((all, news))
    });
    collected.flat_map(move |news| {
        let starts = started_by(&news, &pipelines);
        let own = news.into_iter().map(|(namespace, name)| ObjectRef::new(&name).within(&namespace));
        stream::iter(own.chain(starts).collect::<HashSet<_>>())
    })
}

/// The pipelines that start a run at a good run of one of these.
fn started_by(news: &HashSet<PipelineName>, pipelines: &Store<Guarded<Pipeline>>) -> Vec<ObjectRef<Guarded<Pipeline>>> {
    let pipelines = pipelines.state();
    let started = pipelines.iter().filter(|pipeline| pipeline.0.as_ref().is_ok_and(|it| is_started_by(it, news)));
    started.map(|pipeline| ObjectRef::from_obj(pipeline.as_ref())).collect()
}

/// Whether a good run of one of these starts a run of this one.
fn is_started_by(pipeline: &Pipeline, news: &HashSet<PipelineName>) -> bool {
    let Some(namespace) = &pipeline.metadata.namespace else { return false };
    let mut sources = pipeline.spec.sources.iter().filter(|source| source.start);
    sources.any(|source| news.contains(&(namespace.clone(), source.pipeline_ref.name.clone())))
}
